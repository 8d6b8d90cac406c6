/**
 * Reads and writes of the files of one torrent, each under its name in a safe folder. Around each
 * write, the file's name is checked: changes by other programs are noticed, and a file that was
 * removed or replaced is a FileError.
 *
 * Writes to a fast disk are synchronous. Writes to a slow one are promises, and only one part of the
 * torrent writes at a time.
 */
import type { FileHandle, Files, FileStat } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import { Turns } from "../util/turns.ts";
import type { DiskPace } from "./disk_pace.ts";
import type { HandlePool } from "./handle_pool.ts";
import { type FollowedLinks, SafePaths } from "./safe_paths.ts";
import { replaced, type StoredFile } from "./stored_file.ts";

export class FileAccess {
  readonly disk: Files;
  readonly paths: SafePaths;
  /** The queue of writers and movers while the disk is slow. */
  readonly turns: Turns;
  readonly #pool: HandlePool;
  #pace: DiskPace | null = null;
  #paceOf = "";
  /** While files are copied to another place: each write to one of them also goes to its copy. */
  mirror: { to: FileAccess; files: ReadonlyMap<StoredFile, StoredFile> } | null = null;
  #closed = false;

  constructor(
    disk: Files,
    pool: HandlePool,
    dir: string,
    follow: FollowedLinks = "none",
    turns: Turns = new Turns(),
  ) {
    this.disk = disk;
    this.#pool = pool;
    this.turns = turns;
    this.paths = new SafePaths(disk, dir, follow);
  }

  /** The same files in another folder. */
  in(dir: string): FileAccess {
    return new FileAccess(this.disk, this.#pool, dir, "none", this.turns);
  }

  /** The file as it is now; null if we have none. Anything but a file is an error. */
  look(file: StoredFile): FileStat | null {
    if (file.foreign) return null;
    if (!this.paths.hasFolders(file.elements)) return null;
    return this.#demandFile(file, this.#stat(file));
  }

  /**
   * Whether another program changed or removed a file since our last access. A promise on a slow
   * disk, where this is checked off this thread.
   */
  isTouched(file: StoredFile): boolean | Promise<boolean> {
    if (file.isWriting) return false;
    const { writes } = file, { pace } = this, begun = pace.now();
    // Our own writes in the meantime are no change.
    const judge = (now: FileStat | null) => file.writes === writes && file.isTouched(now);
    if (pace.isSlow) return this.#lookAway(file).then(judge).catch(isFileError);
    try {
      return judge(this.look(file));
    } catch (error) {
      return isFileError(error);
    } finally {
      pace.held(begun);
    }
  }

  async #lookAway(file: StoredFile): Promise<FileStat | null> {
    return this.#demandFile(file, this.#withoutInode(await this.disk.statAsync(file.path)));
  }

  #demandFile(file: StoredFile, now: FileStat | null): FileStat | null {
    if (now === null || now.kind === "file") return now;
    throw now.kind === "link" ? this.paths.linkRefused(file.path) : notFile(file.path, now.kind);
  }

  // hot
  /** Whether `write` delays nothing and does not overtake a running write. */
  get isQuick(): boolean {
    return this.turns.isFree && this.pace.isQuick && (this.mirror?.to.pace.isQuick ?? true);
  }

  /** The speed of its disk. */
  get pace(): DiskPace {
    const { id } = this.paths.disk;
    if (this.#pace === null || id !== this.#paceOf) {
      this.#pace = this.#pool.paceOf(id);
      this.#paceOf = id;
    }
    return this.#pace;
  }

  // hot
  write(file: StoredFile, bytes: Uint8Array, offset: number): void {
    const { pace } = this, begun = pace.now();
    try {
      this.#write(file, bytes, offset);
    } finally {
      pace.held(begun);
    }
    const copy = this.#mirrorOf(file);
    if (copy) this.mirror!.to.write(copy, bytes, offset);
  }

  /** As `write`, off this thread. `bytes` stay as they are until then. */
  async #putAway(file: StoredFile, bytes: Uint8Array, offset: number): Promise<void> {
    await this.pace.away(() => this.#writeAway(file, bytes, offset));
    const copy = this.#mirrorOf(file);
    if (copy) await this.mirror!.to.#putAway(copy, bytes, offset);
  }

  /** As the disk's pace allows. Only for the holder of the turn. */
  put(file: StoredFile, bytes: Uint8Array, offset: number): void | Promise<void> {
    const isQuick = this.pace.isQuick && (this.mirror?.to.pace.isQuick ?? true);
    return isQuick ? this.write(file, bytes, offset) : this.#putAway(file, bytes, offset);
  }

  // hot
  #write(file: StoredFile, bytes: Uint8Array, offset: number): void {
    const handle = this.#openForWriting(file);
    file.unsynced = true;
    file.writes++;
    handle.writeAt(bytes, offset);
    file.writes++;
    this.#leave(file, handle);
  }

  async #writeAway(file: StoredFile, bytes: Uint8Array, offset: number): Promise<void> {
    await this.#openAway(file);
    file.unsynced = true;
    file.writes++;
    await (await this.#handleAway(file, "write")).writeAsync(bytes, offset);
    // A sync or a check that began meanwhile may have missed it.
    file.unsynced = true;
    file.writes++;
    await this.#leaveAway(file);
  }

  #mirrorOf(file: StoredFile): StoredFile | null {
    const copy = this.mirror?.files.get(file);
    return copy && copy.path !== file.path ? copy : null;
  }

  resize(file: StoredFile, size: number): void {
    const handle = this.#openForWriting(file);
    handle.truncate(size);
    file.unsynced = true;
    this.#leave(file, handle);
  }

  /** A handle for reading; use it before the next call. */
  reader(file: StoredFile): FileHandle {
    if (!this.#pool.isOpen(file, "read")) {
      this.#checkUsable(file);
      this.paths.hasFolders(file.elements); // throws for a link on the way
    }
    return this.#pool.open(file, "read");
  }

  /** As `FileHandle.readAsync`. */
  async read(file: StoredFile, into: Uint8Array, offset: number): Promise<number> {
    const isKnown = !this.pace.isSlow || this.#pool.isOpen(file, "read");
    const handle = isKnown ? this.reader(file) : await this.#handleAway(file, "read");
    return await handle.readAsync(into, offset);
  }

  /** For data beyond the end of a file that is known to be empty or unwanted. */
  cut(file: StoredFile): void {
    const handle = this.#pool.open(file, "write");
    handle.truncate(file.length);
    file.unsynced = true;
    this.#leave(file, handle);
  }

  /** As `make`, off this thread. Only for the holder of the turn. */
  async makeAway(file: StoredFile): Promise<void> {
    await this.pace.away(async () => {
      await this.#foldersAway(file);
      file.checked(null);
      await this.#handleAway(file, "create");
      this.paths.noteNewName(file.elements);
      await this.#leaveAway(file);
    });
  }

  /** Creates a missing file. Throws a FileError: "exists" if its name is taken. */
  make(file: StoredFile): void {
    this.#folders(file);
    file.checked(null);
    this.#leave(file, this.#create(file));
  }

  #create(file: StoredFile): FileHandle {
    try {
      const handle = this.#pool.open(file, "create");
      this.paths.noteNewName(file.elements);
      return handle;
    } catch (error) {
      if (!(error instanceof FileError) || error.code !== "exists") throw error;
      throw appeared(file.path, error);
    }
  }

  /** Closes a file, if it is open. */
  letGo(file: StoredFile): void {
    this.#pool.release(file);
  }

  /**
   * Resolves when everything written to `files` is on the disk. Rejects with the first FileError
   * after trying all of them: if a disk was pulled out, each file is distrusted.
   */
  async sync(files: Iterable<StoredFile>): Promise<void> {
    let failure: unknown = null;
    for (const file of files) {
      if (!file.unsynced && file.syncing === null) continue;
      try {
        // One that another caller began covers the writes before it, once it has ended.
        while (file.syncing !== null) await file.syncing;
        if (file.unsynced) await this.#syncOne(file);
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
    await this.paths.syncNames();
  }

  async #syncOne(file: StoredFile): Promise<void> {
    file.unsynced = false;
    const own = file.syncing = this.pace.sync(() => this.#sync(file));
    try {
      await own;
    } catch (error) {
      file.unsynced = true;
      // The system may have dropped unwritten data, and a second sync may not report it.
      file.distrust();
      throw error;
    } finally {
      file.syncing = null;
    }
  }

  /** Later calls to read or write throw. */
  close(): void {
    this.#closed = true;
  }

  /** Without the inode if it is meaningless: on some disks it changes by itself. */
  #stat(file: StoredFile): FileStat | null {
    return this.#withoutInode(this.disk.stat(file.path));
  }

  #withoutInode(now: FileStat | null): FileStat | null {
    return now === null || this.paths.disk.keepsInodes ? now : { ...now, inode: 0 };
  }

  /** Remembers the file as our write left it. Throws a FileError if it no longer exists. */
  #leave(file: StoredFile, handle: FileHandle): void {
    const now = this.disk.stat(file.path);
    if (now === null || this.paths.disk.keepsInodes) file.leave(now);
    else this.#leaveAs(file, handle.stat(), now);
  }

  /** The open file and the named one are compared at the same moment, if inodes are meaningless. */
  #leaveAs(file: StoredFile, open: FileStat, now: FileStat | null): void {
    if (now === null || this.paths.disk.keepsInodes) return file.leave(now);
    const isSame = open.inode === now.inode ||
      (open.size === now.size && open.mtimeMs === now.mtimeMs);
    if (!isSame) throw replaced(file.path);
    file.leave({ ...now, inode: 0 });
  }

  #folders(file: StoredFile): void {
    this.paths.makeFolders(file.elements);
    this.paths.refuseNewLinks(file.path);
  }

  async #foldersAway(file: StoredFile): Promise<void> {
    this.paths.makeFolders(file.elements);
    await this.paths.refuseNewLinksAway(file.path);
  }

  // hot
  #openForWriting(file: StoredFile): FileHandle {
    if (this.#pool.isOpen(file, "write")) {
      if (!file.isNew) file.compare(this.#stat(file));
      return this.#pool.open(file, "write");
    }
    this.#checkUsable(file);
    this.#folders(file);
    if (file.isNew) return this.#create(file);
    const now = this.#stat(file);
    if (now === null) this.paths.noteNewName(file.elements);
    file.compare(now);
    if (now !== null && now.links > 1) throw linked(file.path);
    return this.#pool.open(file, "write");
  }

  /** As `#openForWriting`, but the file may be closed again when it resolves. */
  async #openAway(file: StoredFile): Promise<void> {
    const isOpen = this.#pool.isOpen(file, "write");
    if (!isOpen) {
      this.#checkUsable(file);
      await this.#foldersAway(file);
    }
    if (file.isNew) {
      if (isOpen) return;
      await this.#handleAway(file, "create");
      return this.paths.noteNewName(file.elements);
    }
    const now = this.#withoutInode(await this.disk.statAsync(file.path));
    file.compare(now);
    if (isOpen) return;
    if (now === null) this.paths.noteNewName(file.elements);
    if (now !== null && now.links > 1) throw linked(file.path);
    await this.#handleAway(file, "write");
  }

  /** Use it at once: the pool may close it. */
  async #handleAway(file: StoredFile, mode: "read" | "write" | "create"): Promise<FileHandle> {
    if (mode === "create" || !this.#pool.isOpen(file, mode)) {
      this.#checkUsable(file);
      this.paths.hasFolders(file.elements); // throws for a link on the way
    }
    const handle = await this.#pool.openAsync(file, mode);
    if (!this.#closed) return handle;
    this.letGo(file);
    throw this.#stopped(file);
  }

  async #leaveAway(file: StoredFile): Promise<void> {
    const handle = await this.#handleAway(file, "write");
    const [open, now] = await Promise.all([handle.statAsync(), this.disk.statAsync(file.path)]);
    this.#leaveAs(file, open, now);
  }

  /** A check may have read files that we may not write to. Windows cannot sync those. */
  async #sync(file: StoredFile): Promise<void> {
    const isKnown = !this.pace.isSlow || this.#pool.isOpen(file, "read");
    let handle: FileHandle;
    try {
      handle = isKnown ? this.reader(file) : await this.#handleAway(file, "read");
    } catch (error) {
      if (!(error instanceof FileError) || error.code !== "permission") throw error;
      handle = this.#openForWriting(file);
    }
    await handle.sync();
  }

  #checkUsable(file: StoredFile): void {
    if (this.#closed) throw this.#stopped(file);
  }

  #stopped({ path }: StoredFile): FileError {
    return new FileError("io", path, `Cannot use ${path}: its torrent was stopped`);
  }
}

/** It did not exist when the torrent was opened. */
function appeared(path: string, cause: FileError): FileError {
  const message =
    `${path} appeared after the download had begun, and is left alone. Start again to ` +
    "use it if it belongs to this torrent, or move it away";
  return new FileError("exists", path, message, { cause });
}

function linked(path: string): FileError {
  const message =
    `Cannot write to ${path}: the file has other names (hard links), and writing would ` +
    "change them as well. Start again to make a copy first";
  return new FileError("changed", path, message);
}

/** True; any other error is thrown. */
function isFileError(error: unknown): true {
  if (error instanceof FileError) return true;
  throw error;
}

function notFile(path: string, kind: FileStat["kind"]): FileError {
  const what = kind === "directory" ? "a folder" : "something other than a file";
  return new FileError(
    kind === "directory" ? "is-directory" : "io",
    path,
    `Cannot use ${path}: ${what} has that name. Move it away`,
  );
}
