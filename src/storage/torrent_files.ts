/**
 * Which files of a torrent exist: made when the first piece reaches them, taken over, wanted or not,
 * finished. Files are sparse. Unwanted files are never created; their bytes of shared pieces are in
 * the part file.
 */
import type { FileStat } from "../platform/types.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { FileAccess } from "./file_access.ts";
import { FILES_AT_ONCE, type FileSet } from "./file_set.ts";
import { growable, makeEmpty, makeInTurn, makeMissing, unallocated } from "./many_files.ts";
import { identityOf, isZero } from "./ownership.ts";
import { exportParts, filesInParts, sharedSlices } from "./part_export.ts";
import type { PieceData } from "./piece_data.ts";
import { demandSpace, reserveSpace } from "./preallocate.ts";
import type { FileIdentity } from "./stamps.ts";
import { grew, replaced, type StoredFile } from "./stored_file.ts";

export class TorrentFiles {
  readonly layout: Layout;
  readonly #set: FileSet;
  readonly #data: PieceData;

  constructor(set: FileSet, data: PieceData) {
    this.layout = set.layout;
    this.#set = set;
    this.#data = data;
  }

  /**
   * Finds out which files exist and creates nothing: for the time before their owner is known.
   * Bytes of wanted files that an earlier run left in the part file stay there until `setWanted`.
   * Throws a FileError.
   */
  look(): void {
    this.#set.letGo();
    this.#set.access.paths.forget();
    this.#set.loadParts();
    this.#set.apart.clear();
    const inParts = filesInParts(this.#set.parts, this.layout);
    this.#set.files.forEach((file, index) => {
      if (file && (!this.#set.wanted[index] || inParts.has(index))) this.#set.setApart(index, file);
    });
  }

  /**
   * Looks, and creates the folders and the wanted empty files. Call it before the first write, and
   * again before pieces that a check missed are downloaded: files that vanished are then created
   * again. Throws a FileError.
   */
  prepare(): void {
    this.look();
    this.makeFolders();
    for (const file of this.#set.wantedFiles()) {
      if (file.length === 0) makeMissing(this.#set.access, file);
    }
  }

  /** The folders of wanted files; `setWanted` makes the empty files. Throws a FileError. */
  makeFolders(): void {
    this.#set.access.paths.makeRoot();
    this.#set.files.forEach((file, index) => {
      if (file && this.#set.wanted[index]) this.#set.access.paths.makeFolders(file.elements);
    });
    this.#dropUnneededParts();
  }

  /**
   * The file is ours from now on, whatever it holds. It is cut at its proper end; if it has other
   * names (hard links), it gets a copy of its own, unless nothing will be written to it. Rejects
   * with a FileError.
   */
  async takeOver(index: number, { writes }: { writes: boolean }): Promise<void> {
    const file = this.#set.files[index]!, found = this.#set.access.look(file);
    if (found !== null) demandChecked(file, found);
    if (writes) await ownCopy(this.#set.access, file, `.${this.#set.name}.${index}.copy`);
    const now = this.#set.access.look(file);
    if (now === null) return;
    file.identity = identityOf(now);
    if (now.size > file.length) this.#set.access.cut(file);
  }

  /** A file with the name of an unwanted one is foreign, and not checked again. */
  disown(index: number): void {
    const file = this.#set.files[index]!;
    file.foreign = true;
    this.#set.setApart(index, file);
  }

  /**
   * The file is complete and unchanged: it is never opened for writing again. Throws a FileError if it
   * is not the file that was checked.
   */
  finishFile(index: number): void {
    const file = this.#set.files[index]!;
    const now = this.#set.access.look(file);
    if (now !== null) demandChecked(file, now);
    file.finished = true;
    file.identity = identityOf(now);
  }

  isFinished(index: number): boolean {
    return this.#set.files[index]?.finished ?? false;
  }

  /** The files that we created or took over, for the resume record. */
  owned(): Map<number, FileIdentity> {
    const owned = new Map<number, FileIdentity>();
    this.#set.files.forEach((file, index) => file?.identity && owned.set(index, file.identity));
    return owned;
  }

  /** Files whose first bytes would be those of this piece. */
  newFilesOf(piece: number): number[] {
    const files: number[] = [];
    for (const { file } of this.layout.slices(piece)) {
      if (this.#set.files[file]?.isNew && !this.#set.apart.has(file)) files.push(file);
    }
    return files;
  }

  /** All wanted files that do not exist yet. */
  newFiles(): number[] {
    return this.#set.files.flatMap((file, index) => {
      const isNew = file?.isNew && file.length > 0 && !this.#set.apart.has(index);
      return isNew && this.#set.wanted[index] ? [index] : [];
    });
  }

  /**
   * Creates empty files: at once, or by the time the promise resolves if the disk is slow or there
   * are many. Throws or rejects with a FileError: "exists" if a name is taken.
   */
  makeFiles(files: Iterable<number>): void | Promise<void> {
    const access = this.#set.access, missing = [...files].map((index) => this.#set.files[index]!);
    if (access.isQuick && missing.length <= FILES_AT_ONCE) {
      for (const file of missing) if (file.isNew) access.make(file);
      return;
    }
    return access.turns.take(() => makeInTurn(access, missing, this.#set.rests));
  }

  /**
   * For a check that writes nothing: reads the bytes of missing files from the part file, if it has
   * them. Throws a FileError.
   */
  useParts(): void {
    this.#set.loadParts();
    for (const index of filesInParts(this.#set.parts, this.layout)) {
      const file = this.#set.files[index];
      if (file) this.#set.setApart(index, file, true);
    }
  }

  /**
   * Changes which files are wanted. Bytes in the part file move into the files that become wanted,
   * and are on the disk there before the part file drops them. One call at a time. Rejects with a
   * FileError; the files that were not done then stay apart, and the call can be repeated.
   */
  async setWanted(wanted: readonly boolean[]): Promise<void> {
    await this.#set.access.turns.take(async () => {
      this.#set.wanted = this.#set.flags(wanted);
      for (const [index, file] of this.#set.files.entries()) {
        if (!file) continue;
        const rest = this.#set.rests.step();
        if (rest) await rest;
        if (!this.#set.wanted[index]) this.#set.setApart(index, file);
        else if (this.#set.apart.has(index)) await this.#bringBack(index, file);
      }
      await makeEmpty(
        this.#set.access,
        this.#set.wantedFiles(),
        this.#set.rests,
        () => this.#set.closed,
      );
      await this.#set.access.paths.syncNames();
      this.#dropUnneededParts();
    });
  }

  /**
   * With `preallocate`: reserves the space of all files by writing zeros after their present data,
   * since no runtime can ask the system for it. To be called after the check of existing data.
   * Rejects with a FileError ("disk-full" before anything is written if there is not enough); ends
   * early when aborted.
   */
  async reserve(signal?: AbortSignal): Promise<void> {
    if (!this.#set.options.preallocate) return;
    const { disk, paths } = this.#set.access;
    await reserveSpace(
      disk,
      paths.root,
      growable(this.#set.access, this.#set.wantedFiles(false)),
      signal,
    );
  }

  /**
   * Rejects with a FileError ("disk-full") if the disk has less room than the `left` missing bytes
   * need. Space that a file already has, for instance reserved by another program, does not count.
   */
  async demandSpace(left: number): Promise<void> {
    const { disk, paths } = this.#set.access;
    await demandSpace(
      disk,
      paths.root,
      Math.min(left, await unallocated(this.#set.access, this.#set.wantedFiles(), this.#set.rests)),
    );
  }

  /**
   * Turns the verified pieces into exactly the torrent's files: creates empty ones that vanished,
   * and cuts off zeros beyond the end of others; afterwards none is open for writing. To be called
   * when every piece is verified. Resolves to whether it cut one. Rejects with a FileError if
   * another program wrote beyond the end.
   */
  async finish(signal: AbortSignal): Promise<boolean> {
    await makeEmpty(
      this.#set.access,
      this.#set.wantedFiles(),
      this.#set.rests,
      () => this.#set.closed,
    );
    let hasCut = false;
    for (const file of this.#set.real()) {
      const rest = this.#set.rests.step();
      if (rest) await rest;
      signal.throwIfAborted();
      const now = this.#set.access.look(file);
      if (file.finished || now === null || now.size <= file.length) continue;
      const read = () => this.#set.access.reader(file);
      if (!await isZero(read, file.length, now.size, signal)) throw grew(file.path);
      if (file.isDisturbed(now)) file.distrust();
      this.#set.access.cut(file);
      hasCut = true;
    }
    // Some disks sync on closing, which would block the loop.
    if (this.#set.access.pace.isSlow) await this.#data.sync();
    this.#set.letGo();
    return hasCut;
  }

  /**
   * Creates a missing file from another copy of it, which may be wrong: its pieces must be checked.
   * Rejects with a FileError ("exists" if it is there).
   */
  async takeCopy(index: number, from: string): Promise<void> {
    const file = this.#set.files[index]!;
    this.#set.access.letGo(file);
    this.#set.access.paths.makeFolders(file.elements);
    await this.#set.access.paths.refuseNewLinksAway(file.path);
    await this.#set.access.disk.copy(from, file.path);
    file.own(this.#set.access.look(file));
    this.#set.apart.delete(index);
    this.#set.mayBeUnsynced(file);
  }

  async #bringBack(index: number, file: StoredFile): Promise<void> {
    file.foreign = false;
    await exportParts(
      this.#set.access,
      this.#set.parts!,
      file,
      sharedSlices(this.#set.parts!, this.layout, index),
    );
    this.#set.apart.delete(index);
    await this.#set.access.paths.syncNames();
  }

  #dropUnneededParts(): void {
    if (this.#set.parts === null) return;
    for (const index of filesInParts(this.#set.parts, this.layout)) {
      if (this.#set.apart.has(index)) return;
    }
    this.#set.parts.remove();
  }
}

/**
 * Throws a FileError if `now` is not the file that was checked: what matched says nothing of it. An
 * empty file is not checked.
 */
function demandChecked(file: StoredFile, now: FileStat): void {
  if (file.length === 0) return;
  const isUnknown = identityOf(now) === null && file.isDisturbed(now);
  if (file.isNew || isUnknown) throw replaced(file.path);
  file.compare(now);
}

/**
 * Gives the file a copy of its own if it has other names (hard links), as writing to one would
 * change all. Rejects with a FileError.
 */
async function ownCopy(access: FileAccess, file: StoredFile, name: string): Promise<void> {
  const { disk, paths } = access, now = access.look(file);
  if (now === null || now.links < 2) return;
  const isDisturbed = file.isDisturbed(now);
  const copy = paths.join([...file.elements.slice(0, -1), name]);
  access.letGo(file);
  if (disk.stat(copy) !== null) disk.remove(copy); // a crash left it
  await disk.copy(file.path, copy);
  const handle = disk.open(copy, "write");
  try {
    await handle.sync();
  } finally {
    handle.close();
  }
  disk.rename(copy, file.path);
  paths.noteNewName(file.elements);
  file.own(access.look(file));
  if (isDisturbed) file.distrust();
}
