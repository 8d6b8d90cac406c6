/**
 * The bytes of one torrent on the disk: pieces in, blocks out, each at its place in its file.
 *
 * Files are sparse and made when the first piece reaches them. Writing is synchronous: a piece
 * leaves as one positional write per file, so nothing can interleave and nothing is buffered here.
 * Around each write the file's name is looked at: somebody else's change is noticed for the final
 * check, a file that vanished or was replaced stops the torrent with a FileError.
 */
import type { FileHandle, Files, FileSpan, FileStat } from "../platform/types.ts";
import type { Layout } from "../protocol/layout.ts";
import { assert } from "../util/assert.ts";
import { FileError } from "../util/errors.ts";
import type { HandlePool } from "./handle_pool.ts";
import { reserveSpace } from "./preallocate.ts";
import { linkRefused, SafePaths } from "./safe_paths.ts";
import { StoredFile } from "./stored_file.ts";

export interface StorageEntry {
  /** Sanitised, below the download folder. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Stands in no file: its bytes are zeros. */
  readonly pad: boolean;
}

export interface StorageOptions {
  /** Makes `reserve` take the space of all files before the download. Default false. */
  preallocate?: boolean;
}

/**
 * After so many bytes a file that stays open is compared again before the next write. What somebody
 * else writes between two of our writes within this distance is seen only by a full final check.
 */
const COMPARE_EVERY_BYTES = 256 * 1024;

export class TorrentStorage {
  readonly layout: Layout;
  readonly #disk: Files;
  readonly #pool: HandlePool;
  readonly #paths: SafePaths;
  readonly #options: StorageOptions;
  /** By the index in the torrent's file list; null for pads. */
  readonly #files: (StoredFile | null)[];
  #closed = false;

  constructor(
    files: Files,
    pool: HandlePool,
    dir: string,
    entries: readonly StorageEntry[],
    layout: Layout,
    options: StorageOptions = {},
  ) {
    assert(entries.length === layout.files.length, "layout and file list belong together");
    this.#disk = files;
    this.#pool = pool;
    this.#paths = new SafePaths(files, dir);
    this.layout = layout;
    this.#options = options;
    this.#files = entries.map(({ path, length, pad }) =>
      pad ? null : new StoredFile(this.#paths.join(path), path, length)
    );
  }

  /**
   * Makes all folders and the empty files. Call it before the first write, and again before what a
   * check found missing is fetched: files that vanished are then made anew. Throws a FileError.
   */
  prepare(): void {
    this.#letGo();
    this.#paths.forget();
    this.#paths.makeRoot();
    for (const file of this.#real()) this.#paths.makeFolders(file.elements);
    this.#makeEmptyFiles();
  }

  /**
   * With `preallocate`: takes the space of all files by writing zeros behind what is there, since no
   * runtime can ask the system for it. For after the check of what exists. Rejects with a FileError
   * ("disk-full" before anything is written if there is not enough); ends early when aborted.
   */
  async reserve(signal?: AbortSignal): Promise<void> {
    if (!this.#options.preallocate) return;
    await reserveSpace(this.#disk, this.#paths.root, this.#growable(), signal);
  }

  /**
   * Makes of verified pieces exactly the torrent's files: cuts those that are longer than they
   * should be, makes empty ones that vanished. For when every piece is here. Throws a FileError.
   */
  finish(): void {
    this.#makeEmptyFiles();
    for (const file of this.#real()) {
      const now = this.#look(file);
      if (now !== null && now.size > file.length) this.#cut(file);
    }
  }

  /** Writes a whole verified piece. Throws a FileError that says which file and why. */
  writePiece(piece: number, bytes: Uint8Array): void {
    assert(bytes.length === this.layout.lengthOf(piece), "a piece is written as a whole");
    for (const { file, offset, begin, length } of this.layout.slices(piece)) {
      const stored = this.#files[file];
      if (!stored) continue;
      const part = length === bytes.length ? bytes : bytes.subarray(begin, begin + length);
      this.#write(stored, part, offset);
    }
  }

  /**
   * Fills `into` from `begin` of a piece; pads are zeros. Throws a FileError: "not-found" or
   * "changed" when the data is not there (any more).
   */
  readInto(piece: number, begin: number, into: Uint8Array): void {
    for (const slice of this.layout.slices(piece, begin, into.length)) {
      const at = slice.begin - begin;
      const part = slice.length === into.length ? into : into.subarray(at, at + slice.length);
      const stored = this.#files[slice.file];
      if (!stored) {
        part.fill(0);
      } else if (this.#openForReading(stored).readAt(part, slice.offset) < part.length) {
        throw tooShort(stored.path);
      }
    }
  }

  /** The same off this thread, for long reads that may have to wait for the disk. */
  async readAsync(piece: number, begin: number, into: Uint8Array): Promise<void> {
    for (const slice of this.layout.slices(piece, begin, into.length)) {
      const part = into.subarray(slice.begin - begin, slice.begin - begin + slice.length);
      const stored = this.#files[slice.file];
      if (!stored) {
        part.fill(0);
      } else if (
        await this.#openForReading(stored).readAsync(part, slice.offset) < part.length
      ) {
        throw tooShort(stored.path);
      }
    }
  }

  /** The file parts of a piece, for `Hasher.hashFiles`. */
  spans(piece: number): FileSpan[] {
    return this.layout.slices(piece).map(({ file, offset, length }) => {
      const path = this.#files[file]?.path ?? null;
      return { path, offset, length };
    });
  }

  /**
   * What is there under a file's name; null if nothing, and for pads. Throws a FileError for a link
   * or a folder, in its place or above it.
   */
  statFile(file: number): FileStat | null {
    const stored = this.#files[file];
    return stored ? this.#look(stored) : null;
  }

  /** All of a file was checked; `before` is its `statFile` of before the check. */
  noteChecked(file: number, before: FileStat | null): void {
    const stored = this.#files[file];
    if (!stored) return;
    // What was checked goes by the name; an open handle may still hold a file that was replaced.
    this.#pool.release(stored);
    stored.checked(before);
  }

  /**
   * Indices of the files that are no longer as our last write or check left them, or that have not
   * their full length: what the final check has to read again.
   */
  changedFiles(): number[] {
    const changed: number[] = [];
    this.#files.forEach((stored, file) => {
      if (stored && stored.length > 0 && stored.isChanged(this.#look(stored))) changed.push(file);
    });
    return changed;
  }

  /** All that was written is on the disk when it resolves. Rejects with a FileError. */
  async sync(): Promise<void> {
    for (const file of this.#real()) {
      if (!file.unsynced) continue;
      file.unsynced = false;
      try {
        await this.#openForWriting(file).sync();
      } catch (error) {
        file.unsynced = true;
        throw error;
      }
    }
  }

  /** Closes this torrent's files. Later calls to read or write throw. */
  close(): void {
    this.#letGo();
    this.#closed = true;
  }

  *#real(): Generator<StoredFile> {
    for (const file of this.#files) if (file) yield file;
  }

  #letGo(): void {
    for (const file of this.#real()) this.#pool.release(file);
  }

  #makeEmptyFiles(): void {
    for (const file of this.#real()) {
      if (file.length > 0 || this.#look(file) !== null) continue;
      this.#paths.makeFolders(file.elements);
      this.#disk.open(file.path, "write").close();
    }
  }

  /** Files as `reserveSpace` grows them. */
  *#growable() {
    for (const file of this.#real()) {
      yield {
        path: file.path,
        length: file.length,
        size: () => this.#look(file)?.size ?? 0,
        write: (bytes: Uint8Array, offset: number) => this.#write(file, bytes, offset),
      };
    }
  }

  /** What is there; anything but a file is refused. */
  #look(file: StoredFile): FileStat | null {
    if (!this.#paths.hasFolders(file.elements)) return null;
    const now = this.#disk.stat(file.path);
    if (now === null || now.kind === "file") return now;
    throw now.kind === "link" ? linkRefused(file.path) : notFile(file.path, now.kind);
  }

  #write(file: StoredFile, bytes: Uint8Array, offset: number): void {
    const handle = this.#openForWriting(file);
    if (file.written >= COMPARE_EVERY_BYTES) file.compare(this.#disk.stat(file.path));
    file.unsynced = true;
    handle.writeAt(bytes, offset);
    file.written += bytes.length;
    file.leave(this.#disk.stat(file.path));
  }

  #openForWriting(file: StoredFile): FileHandle {
    if (this.#pool.isOpen(file, "write")) return this.#pool.open(file, "write");
    this.#checkUsable(file);
    this.#paths.makeFolders(file.elements);
    if (file.isNew) return this.#pool.open(file, "write");
    const now = this.#disk.stat(file.path);
    file.compare(now);
    const handle = this.#pool.open(file, "write");
    if (now !== null && now.size > file.length) this.#cut(file);
    return handle;
  }

  #openForReading(file: StoredFile): FileHandle {
    if (!this.#pool.isOpen(file, "read")) {
      this.#checkUsable(file);
      this.#paths.hasFolders(file.elements); // throws for a link on the way
    }
    return this.#pool.open(file, "read");
  }

  /** What is behind the end of a file belongs to somebody else's file of the same name. */
  #cut(file: StoredFile): void {
    this.#pool.open(file, "write").truncate(file.length);
    file.leave(this.#disk.stat(file.path));
  }

  #checkUsable(file: StoredFile): void {
    if (!this.#closed) return;
    throw new FileError("io", file.path, `Cannot use ${file.path}: its torrent was stopped`);
  }
}

function notFile(path: string, kind: FileStat["kind"]): FileError {
  const what = kind === "directory" ? "a folder" : "something that is no file";
  return new FileError(
    kind === "directory" ? "is-directory" : "io",
    path,
    `Cannot use ${path}: ${what} has that name. Move it away`,
  );
}

function tooShort(path: string): FileError {
  return new FileError(
    "changed",
    path,
    `Cannot read ${path}: it is shorter than it was. Start again to check it and fetch the rest`,
  );
}
