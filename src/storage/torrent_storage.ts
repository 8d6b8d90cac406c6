/**
 * The data of one torrent on the disk: pieces in, blocks out, each at its place in its file.
 *
 * Files are sparse, and created when the first piece reaches them. Unwanted files are never created;
 * their bytes of shared pieces are in the part file. A piece is written with one positional write per
 * file, synchronously on a fast disk: nothing can interleave, and nothing is buffered here. On a slow
 * disk, writes and all other changes of files take turns.
 */
import type { Disk, FileHandle, Files, FileSpan, FileStat } from "../platform/types.ts";
import type { FileSlice, Layout } from "../metainfo/layout.ts";
import type { FileIdentity, Stamp } from "./stamps.ts";
import { assert } from "../util/assert.ts";
import { Rests } from "../util/rests.ts";
import { toHex } from "../util/bytes.ts";
import { FileAccess } from "./file_access.ts";
import type { HandlePool } from "./handle_pool.ts";
import { identityOf, isZero } from "./ownership.ts";
import { exportParts, filesInParts, partOf, sharedSlices } from "./part_export.ts";
import { type FileWrite, PartFile } from "./part_file.ts";
import { demandSpace, reserveSpace } from "./preallocate.ts";
import { growable, makeEmpty, makeInTurn, unallocated } from "./many_files.ts";
import { type RelocateOptions, Relocation } from "./relocate.ts";
import type { FollowedLinks } from "./safe_paths.ts";
import { grew, StoredFile, tooShort } from "./stored_file.ts";

export interface StorageEntry {
  /** Elements that lead nowhere else, below the download folder. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Stands in no file: its bytes are zeros. */
  readonly pad: boolean;
}

/** More are made or written with rests between them. */
const FILES_AT_ONCE = 500;

export interface StorageOptions {
  /** Makes `reserve` take the space of all wanted files before the download. Default false. */
  preallocate?: boolean;
  /** 20 bytes: names the part file. Needed where files may be unwanted. */
  infoHash?: Uint8Array;
  /** Symbolic links that are followed: only where nothing is written. Default "none". */
  follow?: FollowedLinks;
  /** One for each file; default: all. */
  wanted?: readonly boolean[];
  /** Resolves when others had their turn, for loops over all files. */
  rest?: () => Promise<void>;
}

export class TorrentStorage {
  readonly layout: Layout;
  /** For loops over its files. */
  readonly rests: Rests;
  readonly #options: StorageOptions;
  #closed = false;
  #access: FileAccess;
  readonly #parts: PartFile | null;
  /** By the index in the torrent's file list; null for pads. */
  readonly #files: (StoredFile | null)[];
  #wanted: readonly boolean[];
  /** Files that are not there because nobody wants them: their bytes are in the part file. */
  readonly #apart = new Set<number>();

  constructor(
    files: Files,
    pool: HandlePool,
    dir: string,
    entries: readonly StorageEntry[],
    layout: Layout,
    options: StorageOptions = {},
  ) {
    assert(entries.length === layout.files.length, "layout and file list belong together");
    this.layout = layout;
    this.rests = new Rests(options.rest);
    this.#options = options;
    this.#access = new FileAccess(files, pool, dir, options.follow);
    this.#files = entries.map(({ path, length, pad }) =>
      pad ? null : new StoredFile(this.#access.paths.place(path), path, length)
    );
    const { infoHash, wanted } = options, { pieceLength, pieceCount } = layout;
    this.#parts = infoHash
      ? new PartFile(this.#access, { infoHash, pieceLength, pieceCount })
      : null;
    this.#wanted = this.#flags(wanted);
  }

  /**
   * Finds out which files exist, and makes nothing: for before it is known whose they are. Where an
   * earlier run left bytes of wanted files in the part file they stay there until `setWanted`.
   * Throws a FileError.
   */
  look(): void {
    this.#letGo();
    this.#access.paths.forget();
    this.#loadParts();
    this.#apart.clear();
    const inParts = filesInParts(this.#parts, this.layout);
    this.#files.forEach((file, index) => {
      if (file && (!this.#wanted[index] || inParts.has(index))) this.#setApart(index, file);
    });
  }

  /**
   * Looks, and makes the folders and the empty files of what is wanted. Call it before the first
   * write, and again before what a check found missing is fetched: files that vanished are then made
   * again. Throws a FileError.
   */
  prepare(): void {
    this.look();
    this.makeFolders();
    for (const file of this.#wantedFiles()) if (file.length === 0) this.#access.makeEmpty(file);
  }

  /** The folders of what is wanted; `setWanted` makes the empty files. Throws a FileError. */
  makeFolders(): void {
    this.#access.paths.makeRoot();
    this.#files.forEach((file, index) => {
      if (file && this.#wanted[index]) this.#access.paths.makeFolders(file.elements);
    });
    this.#dropUnneededParts();
  }

  /** Opens a file that exists for a read; use the handle before the next call. */
  reader(file: number): FileHandle {
    return this.#access.reader(this.#files[file]!);
  }

  /**
   * The file is ours from here on, whatever it holds. What is behind its end is cut off; where it has
   * other names it gets a copy of its own, unless nothing will be written to it. Rejects with a
   * FileError.
   */
  async takeOver(index: number, { writes }: { writes: boolean }): Promise<void> {
    const file = this.#files[index]!;
    if (writes) await this.#access.ownCopy(file, `.${this.#ownName}.${index}.copy`);
    const now = this.#access.look(file);
    if (now === null) return;
    file.identity = identityOf(now);
    if (now.size > file.length) this.#access.cut(file);
  }

  /** What has the name of a file that is not wanted is somebody else's, and not looked at again. */
  disown(index: number): void {
    const file = this.#files[index]!;
    file.foreign = true;
    this.#setApart(index, file);
  }

  /** A file is complete and as it was left: it is never opened for writing again. */
  finishFile(index: number): void {
    const file = this.#files[index]!;
    file.finished = true;
    file.identity = identityOf(this.#access.look(file));
  }

  isFinished(index: number): boolean {
    return this.#files[index]?.finished ?? false;
  }

  /** It has to be fetched again after all. */
  reopenFile(index: number): void {
    const file = this.#files[index];
    if (file) file.finished = false;
  }

  /** The files that we made or took over, for the resume record. */
  owned(): Map<number, FileIdentity> {
    const owned = new Map<number, FileIdentity>();
    this.#files.forEach((file, index) => file?.identity && owned.set(index, file.identity));
    return owned;
  }

  /** Files that bytes of a piece would be the first of. */
  newFilesOf(piece: number): number[] {
    const files: number[] = [];
    for (const { file } of this.layout.slices(piece)) {
      if (this.#files[file]?.isNew && !this.#apart.has(file)) files.push(file);
    }
    return files;
  }

  /** All wanted files that are not there yet. */
  newFiles(): number[] {
    return this.#files.flatMap((file, index) => {
      const isNew = file?.isNew && file.length > 0 && !this.#apart.has(index);
      return isNew && this.#wanted[index] ? [index] : [];
    });
  }

  /**
   * Makes files, empty: at once, or by the time the promise resolves where the disk is slow, or where
   * they are many. Throws or rejects with a FileError: "exists" where something has the name of one.
   */
  makeFiles(files: Iterable<number>): void | Promise<void> {
    const access = this.#access, missing = [...files].map((index) => this.#files[index]!);
    if (access.isQuick && missing.length <= FILES_AT_ONCE) {
      for (const file of missing) if (file.isNew) access.make(file);
      return;
    }
    return access.turns.take(() => makeInTurn(access, missing, this.rests));
  }

  /**
   * For a check that writes nothing: takes the bytes of files that are not there from the part file,
   * where it has them. Throws a FileError.
   */
  useParts(): void {
    this.#loadParts();
    for (const index of filesInParts(this.#parts, this.layout)) {
      const file = this.#files[index];
      if (file) this.#setApart(index, file, true);
    }
  }

  /**
   * Changes which files are wanted. What the part file has of those that become wanted moves into
   * them, and is on the disk there before the part file forgets it. One call at a time. Rejects with
   * a FileError; the files that were not done yet then stay apart, and the call can be repeated.
   */
  async setWanted(wanted: readonly boolean[]): Promise<void> {
    await this.#access.turns.take(async () => {
      this.#wanted = this.#flags(wanted);
      for (const [index, file] of this.#files.entries()) {
        if (!file) continue;
        const rest = this.rests.step();
        if (rest) await rest;
        if (!this.#wanted[index]) this.#setApart(index, file);
        else if (this.#apart.has(index)) await this.#bringBack(index, file);
      }
      await makeEmpty(this.#access, this.#wantedFiles(), this.rests, () => this.#closed);
      await this.#access.syncNames();
      this.#dropUnneededParts();
    });
  }

  isWanted(file: number): boolean {
    return this.#wanted[file]!;
  }

  /**
   * With `preallocate`: takes the space of all files by writing zeros behind what is there, since no
   * runtime can ask the system for it. For after the check of what exists. Rejects with a FileError
   * ("disk-full" before anything is written if there is not enough); ends early when aborted.
   */
  async reserve(signal?: AbortSignal): Promise<void> {
    if (!this.#options.preallocate) return;
    const { disk, paths } = this.#access;
    await reserveSpace(disk, paths.root, growable(this.#access, this.#wantedFiles(false)), signal);
  }

  /**
   * Rejects with a FileError ("disk-full") when the disk has less room than the `left` bytes that are
   * to come will take. Space that a file has already, as reserved by others, is not needed again.
   */
  async demandSpace(left: number): Promise<void> {
    const { disk, paths } = this.#access;
    await demandSpace(
      disk,
      paths.root,
      Math.min(left, await unallocated(this.#access, this.#wantedFiles(), this.rests)),
    );
  }

  /**
   * Makes of verified pieces exactly the torrent's files: makes empty ones that vanished, and cuts
   * off zeros behind the end of others; none is open for writing afterwards. For when every piece is
   * here. Resolves to whether it cut one. Rejects with a FileError where somebody else wrote behind
   * the end.
   */
  async finish(signal: AbortSignal): Promise<boolean> {
    await makeEmpty(this.#access, this.#wantedFiles(), this.rests, () => this.#closed);
    let hasCut = false;
    for (const file of this.#real()) {
      const rest = this.rests.step();
      if (rest) await rest;
      signal.throwIfAborted();
      const now = this.#access.look(file);
      if (file.finished || now === null || now.size <= file.length) continue;
      const read = () => this.#access.reader(file);
      if (!await isZero(read, file.length, now.size, signal)) throw grew(file.path);
      if (file.isDisturbed(now)) file.distrust();
      this.#access.cut(file);
      hasCut = true;
    }
    // Some disks bring onto themselves what is written when it is closed, and the loop would wait.
    if (this.#access.pace.isSlow) await this.sync();
    this.#letGo();
    return hasCut;
  }

  /**
   * Writes a whole verified piece: at once, or by the time the promise resolves where the disk is
   * slow, or where the piece lies in many files. `bytes` stay as they are until then. Throws or rejects with a FileError that says which
   * file and why.
   */
  writePiece(piece: number, bytes: Uint8Array): void | Promise<void> {
    assert(bytes.length === this.layout.lengthOf(piece), "a piece is written as a whole");
    const isSpread = this.#files.length > FILES_AT_ONCE &&
      this.layout.slices(piece).length > FILES_AT_ONCE;
    return isSpread ? this.#writeInTurn(piece, 0, bytes) : this.writeAt(piece, 0, bytes);
  }

  /** Writes bytes of a piece at `begin`, verified or not, as `writePiece` does. */
  writeAt(piece: number, begin: number, bytes: Uint8Array): void | Promise<void> {
    if (!this.writesAtOnce) return this.#writeInTurn(piece, begin, bytes);
    for (const { file, bytes: part, offset } of this.#writes(piece, begin, bytes)) {
      this.#access.write(file, part, offset);
    }
  }

  /** Whether the disk is quick, so that `writeAt` returns when all is written. */
  get writesAtOnce(): boolean {
    return this.#access.isQuick;
  }

  /** Resolves when no write is under way any more. */
  async written(): Promise<void> {
    await this.#access.turns.over;
  }

  #writeInTurn(piece: number, begin: number, bytes: Uint8Array): Promise<void> {
    return this.#access.turns.take(async () => {
      for (const { file, bytes: part, offset } of this.#writes(piece, begin, bytes)) {
        const rest = this.rests.step();
        if (rest) await rest;
        // As the pace allows, or the queue of a disk that is quick again would never end.
        await this.#access.put(file, part, offset);
      }
    });
  }

  /** Where bytes of a piece go, as it is when each is asked for. */
  *#writes(piece: number, begin: number, bytes: Uint8Array): Generator<FileWrite> {
    for (const slice of this.layout.slices(piece, begin, bytes.length)) {
      const file = this.#files[slice.file];
      if (!file || file.finished) continue;
      const part = partOf(bytes, slice, begin);
      if (this.#apart.has(slice.file)) yield* this.#parts!.writes(piece, slice.begin, part);
      else yield { file, bytes: part, offset: slice.offset };
    }
  }

  /**
   * Fills `into` from `begin` of a piece; pads are zeros. Throws a FileError: "not-found" or
   * "changed" when the data is not there (any more).
   */
  readInto(piece: number, begin: number, into: Uint8Array): void {
    for (const slice of this.layout.slices(piece, begin, into.length)) {
      const part = partOf(into, slice, begin), place = this.#placeOf(piece, slice);
      if (place === null) part.fill(0);
      else if (this.#access.reader(place.file).readAt(part, place.offset) < part.length) {
        throw tooShort(place.file.path);
      }
    }
  }

  /** The same off this thread, for long reads that may have to wait for the disk. */
  async readAsync(piece: number, begin: number, into: Uint8Array): Promise<void> {
    for (const slice of this.layout.slices(piece, begin, into.length)) {
      const part = partOf(into, slice, begin), place = this.#placeOf(piece, slice);
      if (place === null) part.fill(0);
      else if (
        await this.#access.read(place.file, part, place.offset) < part.length
      ) {
        throw tooShort(place.file.path);
      }
    }
  }

  /** The file parts of a piece, for `Hasher.hashFiles`. */
  spans(piece: number): FileSpan[] {
    return this.layout.slices(piece).map(({ file, offset, begin, length }) => {
      const apart = this.#apart.has(file) ? this.#parts!.span(piece, begin, length) : null;
      return apart ?? { path: this.#files[file]?.path ?? null, offset, length };
    });
  }

  /**
   * What is there under a file's name; null if nothing, and for pads. Throws a FileError for a link
   * or a folder, in its place or above it.
   */
  statFile(file: number): FileStat | null {
    const stored = this.#files[file];
    return stored ? this.#access.look(stored) : null;
  }

  /** Whether nothing at all is in its folder, or there is none. */
  folderIsEmpty(): boolean {
    const { disk, paths } = this.#access;
    return disk.stat(paths.root) === null || disk.list(paths.root).length === 0;
  }

  /** The part file; null when there is none. */
  statParts(): FileStat | null {
    return this.#parts && this.#access.look(this.#parts.file);
  }

  /** Whether the part file has a place for bytes of that piece. */
  hasPart(piece: number): boolean {
    return this.#parts?.has(piece) ?? false;
  }

  /** Where a file is or would be; null for pads. */
  pathOf(file: number): string | null {
    return this.#files[file]?.path ?? null;
  }

  /** Where a file would be if the torrent were in `dir`, under the same name; null for pads. */
  pathIn(dir: string, file: number): string | null {
    const stored = this.#files[file];
    if (!stored || dir === this.dir) return stored?.path ?? null;
    return this.#access.in(dir).paths.join(stored.elements);
  }

  /** Of all files in each of these folders, those twice in the list counted once. */
  paths(dirs: readonly string[]): { dirs: string[]; paths: string[] } {
    const places = [...new Set(dirs)];
    const paths = places.flatMap((dir) => {
      const at = this.#access.in(dir).paths;
      return this.#files.flatMap((file) => {
        return !file ? [] : dir === this.dir ? [file.path] : [at.join(file.elements)];
      });
    });
    return { dirs: places, paths };
  }

  /** Where all files would be in `dir` under `names`, one for each in the list. */
  placement(
    dir: string,
    names: readonly (readonly string[])[],
  ): { dirs: string[]; paths: string[] } {
    const at = this.#access.in(dir).paths;
    const paths = this.#files.flatMap((file, index) => file ? [at.join(names[index]!)] : []);
    return { dirs: [at.root], paths };
  }

  /** Whether anything at all has that path. */
  isTaken(path: string): boolean {
    return this.#access.disk.stat(path) !== null;
  }

  /** How often we wrote to a file. */
  writesTo(file: number): number {
    return this.#files[file]?.writes ?? 0;
  }

  /** The file's bytes of a piece are in the part file. */
  isApart(file: number, piece: number): boolean {
    return this.#apart.has(file) && this.hasPart(piece);
  }

  /** All of a file was checked; `before` is its `statFile` of before the check. */
  noteChecked(file: number, before: FileStat | null): void {
    const stored = this.#files[file];
    if (!stored) return;
    this.#note(stored, before);
    if (before !== null) this.#mayBeUnsynced(stored);
  }

  /** As `FileAccess.isTouched`. */
  isTouched(file: number): boolean | Promise<boolean> {
    const stored = this.#apart.has(file) ? null : this.#files[file];
    return stored ? this.#access.isTouched(stored) : false;
  }

  /** Whether its disk may have lost some of it since it was read last. */
  isDistrusted(file: number): boolean {
    return this.#files[file]?.isDistrusted ?? false;
  }

  /** The change of a file that shows in `now` was dealt with: only another one is a change. */
  acceptChange(file: number, now: FileStat | null): void {
    const stored = this.#files[file];
    if (!stored) return;
    this.#access.letGo(stored); // an open handle may hold a file that was replaced
    stored.accept(now);
  }

  /** After a start with a resume record, once what its Trust suspects was hashed. */
  adopt(
    { seen, changed }: { seen: readonly (FileStat | null)[]; changed: readonly number[] },
  ): void {
    seen.forEach((before, file) => {
      const stored = this.#files[file];
      if (stored) this.#note(stored, before);
    });
    for (const file of changed) if (seen[file]) this.#mayBeUnsynced(this.#files[file]!);
  }

  /** How our last write or check left each file, for the resume record. */
  stamps(): Stamp[] {
    return this.#files.map((file) => file?.stamp);
  }

  partsStamp(): Stamp {
    return this.#parts === null ? null : this.#parts.file.stamp;
  }

  /**
   * Indices of the files that are no longer as our last write or check left them, or that are wanted
   * and have not their full length: what the final check has to read again.
   */
  changedFiles(): number[] {
    const changed: number[] = [];
    this.#files.forEach((stored, file) => {
      if (!stored || stored.length === 0) return;
      const now = this.#access.look(stored);
      const isChanged = this.#wanted[file] ? stored.isChanged(now) : stored.isDisturbed(now);
      if (isChanged || (this.#apart.has(file) && this.#arePartsDisturbed())) changed.push(file);
    });
    return changed;
  }

  /** All that was written before is on the disk when it resolves. Rejects with a FileError. */
  async sync(): Promise<void> {
    await this.#access.sync(this.#all());
  }

  /** What was written since the last sync may be lost: those files are to be read again. */
  distrustUnsynced(): void {
    for (const file of this.#all()) if (file.unsynced || file.syncing) file.distrust();
  }

  /**
   * Makes a file that is not there out of somebody's copy of it, which may be wrong: its pieces are
   * to be checked. Rejects with a FileError ("exists" when it is there).
   */
  async takeCopy(index: number, from: string): Promise<void> {
    const file = this.#files[index]!;
    this.#access.letGo(file);
    this.#access.paths.makeFolders(file.elements);
    await this.#access.disk.copy(from, file.path);
    file.own(this.#access.look(file));
    this.#apart.delete(index);
    this.#mayBeUnsynced(file);
  }

  /** Remembers the disk that its folder is on. */
  noteDisk(): void {
    this.#access.paths.noteDisk();
  }

  /** The disk that its folder was on when it was noted last; the id is empty if unknown. */
  get disk(): Disk {
    return this.#access.paths.disk;
  }

  /** The disk that its folder is on now. */
  diskNow(): Disk {
    return this.#access.paths.diskNow();
  }

  /** Where it is: absolute. */
  get dir(): string {
    return this.#access.paths.root;
  }

  /**
   * Moves the files to `dir`, where `paths` (one for each file) are their names: to move and to
   * rename. Reading and writing may go on meanwhile; `setWanted` and a second move may not. Resolves
   * when the files are in their new places, with a function that removes what is left in the old
   * ones: call it when the resume record names the new. Rejects as `Relocation.run` does.
   */
  async move(
    dir: string,
    paths: readonly (readonly string[])[],
    options: RelocateOptions = {},
  ): Promise<() => void> {
    const to = this.#access.in(dir);
    let clean = () => {};
    await this.#relocation(to, paths).run(options, (relocated) => {
      this.#access = to;
      this.#files.forEach((file, i) => file && (this.#files[i] = relocated.files.get(file)!));
      if (this.#parts) this.#parts.moved(to, relocated.files.get(this.#parts.file)!);
      clean = relocated.clean;
    });
    return clean;
  }

  /** For before a move is announced: rejects with the FileError "exists" that it would end with. */
  async checkMove(dir: string, paths: readonly (readonly string[])[]): Promise<void> {
    await this.#relocation(this.#access.in(dir), paths).check();
  }

  /** Whether a move that was cut short brought something to its new place only. */
  hasBegunMove(dir: string, paths: readonly (readonly string[])[]): boolean {
    return this.#relocation(this.#access.in(dir), paths).hasBegun;
  }

  #relocation(to: FileAccess, paths: readonly (readonly string[])[]): Relocation {
    const places = new Map<StoredFile, readonly string[]>();
    this.#files.forEach((file, index) => file && places.set(file, paths[index]!));
    if (this.#parts) places.set(this.#parts.file, this.#parts.file.elements);
    return new Relocation(this.#access, to, places, this.#ownName);
  }

  /** Closes this torrent's files. Later calls to read or write throw. */
  close(): void {
    this.#closed = true;
    this.#letGo();
    this.#access.close();
  }

  #loadParts(): void {
    if (this.#parts === null) return;
    this.#parts.load();
    if (this.statParts() !== null) this.#mayBeUnsynced(this.#parts.file);
  }

  #note(stored: StoredFile, before: FileStat | null): void {
    // What was checked goes by the name; an open handle may still hold a file that was replaced.
    this.#access.letGo(stored);
    stored.checked(before);
  }

  /**
   * Whoever wrote it, perhaps we before we were killed, may not have synced it: what was read came
   * out of memory then, and a record that names it has to wait for the disk.
   */
  #mayBeUnsynced(stored: StoredFile): void {
    stored.unsynced = true;
    this.#access.noteNewName(stored);
  }

  /** For names that nobody else uses. */
  get #ownName(): string {
    const { infoHash } = this.#options;
    return infoHash ? toHex(infoHash) : "torrent";
  }

  #flags(wanted: readonly boolean[] | undefined): readonly boolean[] {
    const flags = this.#files.map((_, file) => wanted?.[file] ?? true);
    const { length } = flags.filter((flag) => !flag);
    assert(length === 0 || this.#parts !== null, "unwanted files take an info-hash");
    return flags;
  }

  /** A file that is there already is used, wanted or not. */
  #setApart(index: number, file: StoredFile, onlyReads = !this.#wanted[index]): void {
    const now = onlyReads ? this.#access.lookPast(file) : this.#access.look(file);
    if (now !== null || file.length === 0 || this.#apart.has(index)) return;
    this.#access.letGo(file);
    file.checked(null);
    this.#apart.add(index);
  }

  async #bringBack(index: number, file: StoredFile): Promise<void> {
    file.foreign = false;
    await exportParts(
      this.#access,
      this.#parts!,
      file,
      sharedSlices(this.#parts!, this.layout, index),
    );
    this.#apart.delete(index);
    await this.#access.syncNames();
  }

  #dropUnneededParts(): void {
    if (this.#parts === null) return;
    for (const index of filesInParts(this.#parts, this.layout)) if (this.#apart.has(index)) return;
    this.#parts.remove();
  }

  #arePartsDisturbed(): boolean {
    const { file } = this.#parts!;
    return file.isDisturbed(this.#access.look(file));
  }

  /** Null where the bytes are zeros. */
  #placeOf(piece: number, slice: FileSlice): { file: StoredFile; offset: number } | null {
    const stored = this.#files[slice.file];
    if (!stored) return null;
    const { offset, begin, length } = slice;
    const apart = this.#apart.has(slice.file) ? this.#parts!.span(piece, begin, length) : null;
    return apart ? { file: this.#parts!.file, offset: apart.offset } : { file: stored, offset };
  }

  *#real(): Generator<StoredFile> {
    for (const file of this.#files) if (file) yield file;
  }

  *#all(): Generator<StoredFile> {
    yield* this.#real();
    if (this.#parts) yield this.#parts.file;
  }

  #letGo(): void {
    for (const file of this.#all()) this.#access.letGo(file);
  }

  /** Wanted files; `apart`: also those whose bytes are still in the part file. */
  *#wantedFiles(apart = true): Generator<StoredFile> {
    for (const [index, file] of this.#files.entries()) {
      if (file && this.#wanted[index] && (apart || !this.#apart.has(index))) yield file;
    }
  }
}
