/**
 * Reads and writes of the files of one torrent, each under its name in a folder that is safe.
 * Around each write the file's name is looked at: somebody else's change is noticed, a file that
 * vanished or was replaced is a FileError. It also knows which names a power cut could still take.
 */
import type { FileHandle, Files, FileStat } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import type { HandlePool } from "./handle_pool.ts";
import { type FollowedLinks, SafePaths } from "./safe_paths.ts";
import { replaced, type StoredFile } from "./stored_file.ts";

/**
 * After so many bytes a file that stays open is compared again before the next write. What somebody
 * else writes between two of our writes within this distance is seen only by a full final check.
 */
const COMPARE_EVERY_BYTES = 256 * 1024;

export class FileAccess {
  readonly disk: Files;
  readonly paths: SafePaths;
  readonly #pool: HandlePool;
  /** Folders in which we made a file since the last sync. */
  readonly #withNewNames = new Set<string>();
  /** While files are copied elsewhere: where what is written goes as well. */
  #mirror: { to: FileAccess; files: ReadonlyMap<StoredFile, StoredFile> } | null = null;
  #closed = false;

  constructor(disk: Files, pool: HandlePool, dir: string, follow: FollowedLinks = "none") {
    this.disk = disk;
    this.#pool = pool;
    this.paths = new SafePaths(disk, dir, follow);
  }

  /** The same files in another folder. */
  in(dir: string): FileAccess {
    return new FileAccess(this.disk, this.#pool, dir);
  }

  /** The file as it is now, null where there is none of ours; anything but a file is refused. */
  look(file: StoredFile): FileStat | null {
    if (file.foreign) return null;
    if (!this.paths.hasFolders(file.elements)) return null;
    const now = this.#stat(file);
    if (now === null || now.kind === "file") return now;
    throw now.kind === "link" ? this.paths.linkRefused(file.path) : notFile(file.path, now.kind);
  }

  write(file: StoredFile, bytes: Uint8Array, offset: number): void {
    const handle = this.#openForWriting(file);
    if (file.written >= COMPARE_EVERY_BYTES) file.compare(this.#stat(file));
    file.unsynced = true;
    handle.writeAt(bytes, offset);
    file.written += bytes.length;
    file.writes++;
    this.#leave(file, handle);
    const copy = this.#mirror?.files.get(file);
    if (copy && copy.path !== file.path) this.#mirror!.to.write(copy, bytes, offset);
  }

  /** From here on whatever is written to `files` is written to their copies too. */
  mirror(to: FileAccess, files: ReadonlyMap<StoredFile, StoredFile>): void {
    this.#mirror = { to, files };
  }

  stopMirroring(): void {
    this.#mirror = null;
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

  /** For what is behind the end of a file, once that is known to be nothing or not wanted. */
  cut(file: StoredFile): void {
    const handle = this.#pool.open(file, "write");
    handle.truncate(file.length);
    file.unsynced = true;
    this.#leave(file, handle);
  }

  makeEmpty(file: StoredFile): void {
    if (this.look(file) !== null) return;
    this.make(file);
    this.letGo(file);
  }

  /** Makes a file that is not there. Throws a FileError: "exists" where something has its name. */
  make(file: StoredFile): void {
    this.paths.makeFolders(file.elements);
    file.checked(null);
    this.#leave(file, this.#create(file));
  }

  #create(file: StoredFile): FileHandle {
    const handle = this.#pool.open(file, "create");
    this.noteNewName(file);
    return handle;
  }

  /**
   * Gives the file a copy of its own where it has other names (hard links): what is written to one
   * of them is in all. Rejects with a FileError.
   */
  async ownCopy(file: StoredFile, name: string): Promise<void> {
    const now = this.look(file);
    if (now === null || now.links < 2) return;
    const isDisturbed = file.isDisturbed(now);
    const copy = this.paths.join([...file.elements.slice(0, -1), name]);
    this.letGo(file);
    if (this.disk.stat(copy) !== null) this.disk.remove(copy); // a crash left it
    await this.disk.copy(file.path, copy);
    const handle = this.disk.open(copy, "write");
    try {
      await handle.sync();
    } finally {
      handle.close();
    }
    this.disk.rename(copy, file.path);
    this.noteNewName(file);
    file.own(this.look(file));
    if (isDisturbed) file.distrust();
  }

  /** Closes a file, if it is open. */
  letGo(file: StoredFile): void {
    this.#pool.release(file);
  }

  /**
   * All that was written to `files` is on the disk when it resolves. Rejects with the first FileError
   * after it tried all of them: of a disk that was pulled out each is to be distrusted.
   */
  async sync(files: Iterable<StoredFile>): Promise<void> {
    let failure: unknown = null;
    for (const file of files) {
      if (!file.unsynced) continue;
      file.unsynced = false;
      try {
        await this.#forSyncing(file).sync();
      } catch (error) {
        file.unsynced = true;
        // The system may have dropped what it could not write, and a second sync may not say so.
        file.distrust();
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
    await this.syncNames();
  }

  /** Names that were made are there to stay when it resolves. */
  async syncNames(): Promise<void> {
    for (const folder of [...this.paths.takeNewNames(), ...this.#withNewNames]) {
      this.#withNewNames.delete(folder);
      if (this.disk.stat(folder) !== null) await this.disk.syncFolder(folder);
    }
  }

  noteNewName(file: StoredFile): void {
    this.#withNewNames.add(this.paths.folderOf(file.elements));
  }

  /** Later calls to read or write throw. */
  close(): void {
    this.#closed = true;
  }

  /** Without the inode where that says nothing: on some disks it changes while nobody looks. */
  #stat(file: StoredFile): FileStat | null {
    const now = this.disk.stat(file.path);
    return now === null || this.paths.disk.keepsInodes ? now : { ...now, inode: 0 };
  }

  /** Remembers the file as our own write left it. Throws a FileError when it is not there any more. */
  #leave(file: StoredFile, handle: FileHandle): void {
    const now = this.disk.stat(file.path);
    if (now === null || this.paths.disk.keepsInodes) return file.leave(now);
    // What is open and what has the name are compared in one moment instead.
    const open = handle.stat();
    const isSame = open.inode === now.inode ||
      (open.size === now.size && open.mtimeMs === now.mtimeMs);
    if (!isSame) throw replaced(file.path);
    file.leave({ ...now, inode: 0 });
  }

  #openForWriting(file: StoredFile): FileHandle {
    if (this.#pool.isOpen(file, "write")) return this.#pool.open(file, "write");
    this.#checkUsable(file);
    this.paths.makeFolders(file.elements);
    if (file.isNew) return this.#create(file);
    const now = this.#stat(file);
    if (now === null) this.noteNewName(file);
    file.compare(now);
    if (now !== null && now.links > 1) throw linked(file.path);
    return this.#pool.open(file, "write");
  }

  /** What a check found may be of files that we may not write to. Windows syncs no others. */
  #forSyncing(file: StoredFile): FileHandle {
    try {
      return this.reader(file);
    } catch (error) {
      if (!(error instanceof FileError) || error.code !== "permission") throw error;
      return this.#openForWriting(file);
    }
  }

  #checkUsable(file: StoredFile): void {
    if (!this.#closed) return;
    throw new FileError("io", file.path, `Cannot use ${file.path}: its torrent was stopped`);
  }
}

function linked(path: string): FileError {
  const message = `Cannot write to ${path}: it has other names (hard links), whose file it would ` +
    "change as well. Start again to give it a copy of its own";
  return new FileError("changed", path, message);
}

function notFile(path: string, kind: FileStat["kind"]): FileError {
  const what = kind === "directory" ? "a folder" : "something that is no file";
  return new FileError(
    kind === "directory" ? "is-directory" : "io",
    path,
    `Cannot use ${path}: ${what} has that name. Move it away`,
  );
}
