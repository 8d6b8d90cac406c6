/** An open file of a simulated node. */
import { FileError } from "../../../src/util/errors.ts";
import { fileError, systemError } from "../../../src/platform/shared/errno.ts";
import type { Prng } from "../prng.ts";
import type { FileHandle, FileStat } from "../../../src/platform/types.ts";
import type { DiskOperation, OpenHandle, SimDisk } from "./disk.ts";
import type { SimHost } from "./host.ts";
import type { DiskEntry } from "./volume.ts";

interface Clocks {
  readonly host: SimHost;
  readonly wallTime: () => number;
}

/** Virtual milliseconds of one asynchronous read. */
export function slowRead(disk: SimDisk): number {
  if (disk.readDelayMs > 0) {
    disk.slowReads++;
    disk.log.fault("disk-slow");
  }
  return disk.readDelayMs;
}

/** Virtual milliseconds of one write. */
function slowWrite(disk: SimDisk): number {
  if (disk.writeDelayMs > 0) {
    disk.slowWrites++;
    disk.log.fault("disk-slow");
  }
  return disk.writeDelayMs;
}

export class SimFileHandle implements FileHandle, OpenHandle {
  readonly #disk: SimDisk;
  readonly #clocks: Clocks;
  /** As the caller named it, for messages, and as the disk names it, for faults. */
  readonly #path: string;
  readonly #at: string;
  readonly #entry: DiskEntry;
  readonly #mode: "read" | "write";
  /** Of its file system, when it was opened. */
  readonly #mounting: number;
  #closed = false;
  /** Writes that block the process. */
  readonly #underWay = new Set<() => void>();

  constructor(
    disk: SimDisk,
    clocks: Clocks,
    path: string,
    at: string,
    entry: DiskEntry,
    mode: "read" | "write",
  ) {
    this.#disk = disk;
    this.#clocks = clocks;
    this.#path = path;
    this.#at = at;
    this.#entry = entry;
    this.#mode = mode;
    this.#mounting = entry.volume.mounting;
    entry.volume.opened(entry);
  }

  readAt(into: Uint8Array, position: number): number {
    return this.#on("read", "read", () => this.#entry.data.read(into, position));
  }

  async readAsync(into: Uint8Array, position: number): Promise<number> {
    this.#on("stat", "read", () => {}); // closed or not is known at once
    await this.#clocks.host.sleep(slowRead(this.#disk));
    return this.#attempt("read", "read", () => this.#entry.data.read(into, position));
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.#disk.heldUpMs += slowWrite(this.#disk);
    this.#on("write", "write", () => this.#write(bytes, position));
  }

  async writeAsync(bytes: Uint8Array, position: number): Promise<void> {
    this.#on("stat", "write", () => {}); // closed or not is known at once
    const write = () => this.#attempt("write", "write", () => this.#write(bytes, position));
    this.#underWay.add(write);
    this.#entry.writing++;
    await this.#clocks.host.sleep(slowWrite(this.#disk));
    this.#entry.writing--;
    this.#underWay.delete(write);
    write();
  }

  abandon(dice: Prng): void {
    for (const write of this.#underWay) {
      if (!dice.chance(0.5)) continue;
      try {
        write();
      } catch {
        // No caller is left to be told.
      }
    }
    this.#entry.writing -= this.#underWay.size;
    this.#underWay.clear();
    this.close();
  }

  #write(bytes: Uint8Array, position: number): void {
    if (this.#mode === "read") throw systemError("EBADF");
    this.#entry.mtimeMs = this.#clocks.wallTime();
    const { keeps } = this.#disk;
    if (keeps !== "all") this.#disk.log.fault(`disk-kept-${keeps}`);
    if (keeps === "nothing") return;
    const kept = keeps === "garbage" ? bytes.map((byte) => byte ^ 0xff) : bytes;
    const done = this.#disk.writeTo(this.#entry, kept, position);
    if (done < bytes.length) throw systemError("ENOSPC");
  }

  truncate(size: number): void {
    this.#on("truncate", "set the length of", () => {
      if (this.#mode === "read") throw systemError("EINVAL");
      this.#entry.mtimeMs = this.#clocks.wallTime();
      this.#disk.truncate(this.#entry, size);
    });
  }

  stat(): FileStat {
    return this.#on("stat", "look at", () => this.#disk.statOf(this.#entry));
  }

  async statAsync(): Promise<FileStat> {
    this.#on("stat", "look at", () => {});
    await this.#clocks.host.sleep(0);
    return this.#attempt("stat", "look at", () => this.#disk.statOf(this.#entry));
  }

  async sync(): Promise<void> {
    this.#on("sync", "sync", () => {});
    const begun = this.#entry.data.beginSync();
    await this.#clocks.host.sleep(this.#disk.syncDelayMs);
    this.#attempt("stat", "sync", () => this.#disk.sync(this.#entry, begun));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#disk.closed(this);
    this.#entry.volume.closed(this.#entry, this.#mounting);
  }

  #on<T>(operation: DiskOperation, action: string, what: () => T): T {
    if (this.#closed) {
      throw new FileError("io", this.#path, `Cannot ${action} ${this.#path}: the file was closed`);
    }
    return this.#attempt(operation, action, what);
  }

  #attempt<T>(operation: DiskOperation, action: string, what: () => T): T {
    try {
      this.#disk.check(operation, this.#at);
      if (this.#entry.volume.mounting !== this.#mounting) throw systemError("EIO");
      return what();
    } catch (error) {
      throw fileError(action, this.#path, error);
    }
  }
}
