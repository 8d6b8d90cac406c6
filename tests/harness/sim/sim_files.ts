/** The Files of a simulated node, over its disk. Asynchronous calls take virtual time. */
import { posix } from "node:path";
import { FileError } from "../../../src/util/errors.ts";
import { fileError, systemError } from "../../../src/platform/shared/errno.ts";
import type { Disk, FileHandle, FileLock, Files, FileStat } from "../../../src/platform/types.ts";
import type { DiskOperation, SimDisk } from "./disk.ts";
import type { SimHost } from "./host.ts";
import { SimFileHandle, slowRead } from "./sim_file_handle.ts";
import { temporaryName } from "../../../src/util/temporary_name.ts";
import { below, nameOf, parentOf } from "./volume.ts";

/** Where relative paths start. The folder exists on every disk. */
export const HOME = "/home";

export class SimFiles implements Files {
  readonly #disk: SimDisk;
  readonly #host: SimHost;
  readonly #wallTime: () => number;
  /** The whole-file write that the next one to its path waits for. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(disk: SimDisk, host: SimHost, wallTime: () => number) {
    this.#disk = disk;
    this.#host = host;
    this.#wallTime = wallTime;
    disk.makeFolders(HOME);
  }

  open(path: string, mode: "read" | "write" | "create"): FileHandle {
    return this.#on("open", "open", path, (at) => {
      const disk = this.#disk;
      let entry = disk.entry(at);
      if (entry !== undefined && mode === "create") throw systemError("EEXIST");
      if (entry?.kind === "link") throw systemError("ELOOP");
      if (entry?.kind === "directory") throw systemError("EISDIR");
      if (entry === undefined && mode === "read") throw systemError("ENOENT");
      if (disk.openHandles >= disk.maxOpen) throw systemError("EMFILE");
      if (mode !== "read" && disk.readOnly) disk.refuseChange();
      entry ??= disk.create(at, "file", this.#wallTime());
      const access = mode === "read" ? "read" : "write";
      const clocks = { host: this.#host, wallTime: this.#wallTime };
      const handle = new SimFileHandle(disk, clocks, path, at, entry, access);
      disk.opened(handle, this.#host);
      return handle;
    });
  }

  async openAsync(path: string, mode: "read" | "write" | "create"): Promise<FileHandle> {
    await this.#host.sleep(0);
    return this.open(path, mode);
  }

  async statAsync(path: string): Promise<FileStat | null> {
    await this.#host.sleep(0);
    return this.stat(path);
  }

  makeDir(path: string): void {
    this.#on("make-dir", "make the folder", path, (at) => {
      const there = this.#disk.entry(at);
      if (there === undefined) this.#disk.create(at, "directory", this.#wallTime());
      else if (there.kind !== "directory") {
        throw systemError(there.kind === "link" ? "ELOOP" : "ENOTDIR");
      }
    });
  }

  stat(path: string): FileStat | null {
    try {
      return this.#on("stat", "look at", path, (at) => {
        const entry = this.#disk.entry(at);
        return entry === undefined ? null : this.#disk.statOf(entry);
      });
    } catch (error) {
      if (
        error instanceof FileError &&
        ["not-found", "not-directory", "bad-name"].includes(error.code)
      ) {
        return null;
      }
      throw error;
    }
  }

  list(path: string): string[] {
    return this.#names(path);
  }

  async listAsync(path: string): Promise<string[]> {
    await this.#host.sleep(this.#delay());
    return this.#names(path);
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array> {
    await this.#host.sleep(this.#delay());
    return this.#on("read", "read", path, (at) => {
      const entry = this.#disk.entry(at);
      if (entry === undefined) throw systemError("ENOENT");
      if (entry.kind === "directory") throw systemError("EISDIR");
      if (entry.data.size > maxBytes) {
        const message = `Cannot read ${path}: the file is larger than ${maxBytes} bytes`;
        throw new FileError("too-large", path, message);
      }
      return this.#disk.bytes(at)!;
    }, true);
  }

  /**
   * In the steps of the real one, each at its own virtual moment, so that crashes can come between.
   */
  async writeWhole(path: string, bytes: Uint8Array): Promise<void> {
    const before = this.#writing.get(path) ?? Promise.resolve();
    const own = before.catch(() => {}).then(() => this.#replace(path, bytes));
    this.#writing.set(path, own);
    try {
      await own;
    } finally {
      if (this.#writing.get(path) === own) this.#writing.delete(path);
    }
  }

  async #replace(path: string, bytes: Uint8Array): Promise<void> {
    const disk = this.#disk, copy = bytes.slice(), name = temporaryName("51", disk.temporaries++);
    await this.#host.sleep(0);
    const entry = this.#on("write", "write", path, (at) => {
      if (disk.entry(at)?.kind === "directory") throw systemError("EISDIR");
      const temporary = below(parentOf(at), name);
      const made = disk.create(temporary, "file", this.#wallTime());
      if (disk.writeTo(made, copy, 0) === copy.length) return made;
      disk.removeEntry(temporary);
      throw systemError("ENOSPC");
    });
    const begun = entry.data.beginSync();
    await this.#sleepForSync();
    this.#on("sync", "write", path, (at) => {
      disk.sync(entry, begun);
      disk.move(below(parentOf(at), name), at);
    });
    await this.#sleepForSync();
    this.#on("stat", "write", path, (at) => disk.syncFolder(parentOf(at)));
  }

  async syncFolder(path: string): Promise<void> {
    this.#on("sync", "sync", path, (at) => {
      const kind = this.#disk.entry(at)?.kind;
      if (kind !== "directory") throw systemError(kind === undefined ? "ENOENT" : "ENOTDIR");
    }, true);
    await this.#sleepForSync();
    this.#on("sync", "sync", path, (at) => this.#disk.syncFolder(at), true);
  }

  async copy(from: string, to: string): Promise<void> {
    await this.#host.sleep(slowRead(this.#disk));
    const bytes = this.#on("read", "copy", from, (at) => {
      const entry = this.#disk.entry(at);
      if (entry?.kind !== "file") throw systemError(COPY_REFUSED[entry?.kind ?? "none"]);
      return this.#disk.bytes(at)!;
    });
    this.#on("write", "copy", to, (at) => {
      const made = this.#disk.create(at, "file", this.#wallTime());
      if (this.#disk.writeTo(made, bytes, 0) < bytes.length) throw systemError("ENOSPC");
    });
  }

  rename(from: string, to: string): void {
    this.#on("rename", "rename", from, (at) => {
      let target = this.#disk.resolve(this.absolute(to), false);
      this.#disk.check("rename", target);
      if (target === at) target = below(parentOf(at), nameOf(this.absolute(to))); // another spelling
      this.#disk.move(at, target);
    });
  }

  remove(path: string): void {
    this.#on("remove", "remove", path, (at) => this.#disk.removeEntry(at));
  }

  diskReads(): number {
    return this.#disk.slowReads;
  }

  openLimit(): number | null {
    return null;
  }

  async freeSpace(path: string): Promise<number> {
    await this.#host.sleep(0);
    let at = this.absolute(path);
    while (this.stat(at) === null) at = parentOf(at);
    return this.#on("stat", "ask for the free space of", at, (found) => {
      return this.#disk.volumeOf(found).free;
    }, true);
  }

  realPath(path: string): string | null {
    try {
      return this.#on("stat", "follow the links of", path, (at) => {
        return this.#disk.entry(at) === undefined ? null : at;
      }, true);
    } catch (error) {
      if (error instanceof FileError && MISSING.has(error.code)) return null;
      throw error;
    }
  }

  diskOf(path: string): Disk {
    for (let at = this.absolute(path);; at = parentOf(at)) {
      try {
        return this.#on("stat", "look at the disk of", at, (real) => {
          if (this.#disk.entry(real) === undefined) throw systemError("ENOENT");
          const { device, system } = this.#disk.volumeOf(real);
          return { id: `sim-${device}`, keepsInodes: system.inodes === "kept" };
        }, true);
      } catch (error) {
        const isMissing = error instanceof FileError && MISSING.has(error.code);
        if (!isMissing || at === "/") throw error;
      }
    }
  }

  absolute(path: string): string {
    return posix.resolve(HOME, path);
  }

  lock(path: string): FileLock | null {
    return this.#on("open", "lock", path, (at) => {
      const { locks } = this.#disk;
      if (locks.get(at)?.alive) return null;
      if (this.#disk.entry(at) === undefined) this.#disk.create(at, "file", this.#wallTime());
      locks.set(at, this.#host);
      return {
        release: () => {
          if (locks.get(at) === this.#host) locks.delete(at);
        },
      };
    });
  }

  /** Resolves the path, triggers requested faults, and gives errors their final form. */
  #on<T>(
    operation: DiskOperation,
    action: string,
    path: string,
    what: (at: string) => T,
    follow = false,
  ): T {
    try {
      const at = this.#disk.resolve(this.absolute(path), follow);
      this.#disk.check(operation, at);
      return what(at);
    } catch (error) {
      throw fileError(action, path, error);
    }
  }

  #names(path: string): string[] {
    return this.#on("list", "list", path, (at) => {
      const entry = this.#disk.entry(at);
      if (entry === undefined) throw systemError("ENOENT");
      if (entry.kind !== "directory") throw systemError("ENOTDIR");
      return this.#disk.names(at);
    }, true);
  }

  #delay(): number {
    return slowRead(this.#disk);
  }

  async #sleepForSync(): Promise<void> {
    await this.#host.sleep(this.#disk.syncDelayMs);
  }
}

const MISSING: ReadonlySet<string> = new Set(["not-found", "not-directory"]);
const COPY_REFUSED = { none: "ENOENT", link: "ELOOP", directory: "EISDIR" } as const;
