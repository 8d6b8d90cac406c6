/**
 * The open files of all torrents: a bounded number, the least recently used closed first; and the
 * pace of their disks.
 * Invariant: every file with a handle is in the pool exactly once, in the order of last use.
 */
import type { FileHandle, Files } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import { assert } from "../util/assert.ts";
import { DiskMeter, MeteredHandle } from "./disk_meter.ts";
import { DiskPace, type PaceClock } from "./disk_pace.ts";

/** A file that the pool opens and closes. Its fields are the pool's alone to change. */
export class PooledFile {
  handle: FileHandle | null = null;
  writable = false;

  constructor(readonly path: string) {}
}

export class HandlePool {
  readonly meter = new DiskMeter();
  readonly #files: Files;
  readonly #limit: number;
  /** Least recently used first. */
  readonly #open = new Set<PooledFile>();
  #latest: PooledFile | null = null;
  readonly #clock: PaceClock | null;
  readonly #paces = new Map<string, DiskPace>();

  /** Without a clock all disks count as quick, and nothing is metered. */
  constructor(files: Files, limit = 128, clock: PaceClock | null = null) {
    assert(limit > 0, "the pool may open a file");
    this.#files = files;
    this.#limit = limit;
    this.#clock = clock;
  }

  /** The pace of the disk with this id (`Files.diskOf`). */
  paceOf(disk: string): DiskPace {
    const known = this.#paces.get(disk);
    if (known !== undefined) return known;
    const pace = new DiskPace(this.#clock);
    this.#paces.set(disk, pace);
    return pace;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether `open` would return an existing handle, without touching the disk. */
  isOpen(file: PooledFile, mode: "read" | "write"): boolean {
    return file.handle !== null && (file.writable || mode === "read");
  }

  /**
   * The handle of a file, opened if need be; a handle for reading gives way to one for both.
   * "create" is for a file that must not exist yet. Use the handle before the next call to the pool:
   * that may close it. Throws a FileError.
   */
  open(file: PooledFile, mode: "read" | "write" | "create"): FileHandle {
    if (mode !== "create" && this.isOpen(file, mode)) this.#touch(file);
    else this.#reopen(file, mode);
    return file.handle!;
  }

  /** As `open`, off this thread where it is not open yet. Rejects with a FileError. */
  async openAsync(file: PooledFile, mode: "read" | "write" | "create"): Promise<FileHandle> {
    const isNew = mode === "create";
    if (!isNew && this.isOpen(file, mode)) return this.open(file, mode);
    const handle = await this.#openAwayOrMakeRoom(file.path, mode);
    if (!isNew && this.isOpen(file, mode)) { // another caller was quicker
      handle.close();
      return this.open(file, mode);
    }
    this.release(file);
    this.#keep(file, handle, mode);
    return handle;
  }

  #touch(file: PooledFile): void {
    if (this.#latest === file) return;
    this.#open.delete(file);
    this.#open.add(file);
    this.#latest = file;
  }

  #reopen(file: PooledFile, mode: "read" | "write" | "create"): void {
    this.release(file);
    this.#closeOldest(this.#open.size + 1 - this.#limit);
    this.#keep(file, this.#openOrMakeRoom(file.path, mode), mode);
  }

  #keep(file: PooledFile, handle: FileHandle, mode: "read" | "write" | "create"): void {
    this.#closeOldest(this.#open.size + 1 - this.#limit);
    const clock = this.#clock;
    file.handle = clock === null
      ? handle
      : new MeteredHandle(handle, this.meter, () => clock.now());
    file.writable = mode !== "read";
    this.#open.add(file);
    this.#latest = file;
  }

  #openOrMakeRoom(path: string, mode: "read" | "write" | "create"): FileHandle {
    for (;;) {
      try {
        return this.#files.open(path, mode);
      } catch (error) {
        this.#makeRoom(error);
      }
    }
  }

  async #openAwayOrMakeRoom(path: string, mode: "read" | "write" | "create"): Promise<FileHandle> {
    for (;;) {
      try {
        return await this.#files.openAsync(path, mode);
      } catch (error) {
        this.#makeRoom(error);
      }
    }
  }

  /** Other parts of the process use up descriptors too, so the system's limit may come first. */
  #makeRoom(error: unknown): void {
    const noRoom = error instanceof FileError && error.code === "too-many-open";
    if (!noRoom || this.#open.size === 0) throw error;
    this.#closeOldest(Math.ceil(this.#open.size / 2));
  }

  #closeOldest(count: number): void {
    for (const file of this.#open) {
      if (count-- <= 0) return;
      this.release(file);
    }
  }

  /** Closes one file, if it is open. */
  release(file: PooledFile): void {
    if (file.handle === null) return;
    const { handle } = file;
    this.#open.delete(file);
    if (this.#latest === file) this.#latest = null;
    file.handle = null;
    file.writable = false;
    handle.close();
  }

  /** Closes all files; the pool can be used again. */
  close(): void {
    for (const file of this.#open) this.release(file);
  }
}
