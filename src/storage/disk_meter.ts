/** Counts the reads and writes of the torrents' files: bytes, time and errors. */
import type { FileHandle, FileStat } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import { Histogram } from "../util/histogram.ts";

/** Milliseconds. */
const BOUNDS_MS = [0.1, 0.5, 1, 5, 10, 50, 100, 500, 1000, 5000];

export class DiskMeter {
  readBytes = 0;
  writtenBytes = 0;
  readonly reads = new Histogram(BOUNDS_MS);
  readonly writes = new Histogram(BOUNDS_MS);
  readonly syncs = new Histogram(BOUNDS_MS);
  /** Failed calls, by the code of the FileError. */
  readonly errors = new Map<string, number>();

  failed(error: unknown): void {
    const code = error instanceof FileError ? error.code : "internal";
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }
}

/** A handle whose calls are counted. */
export class MeteredHandle implements FileHandle {
  readonly #handle: FileHandle;
  readonly #meter: DiskMeter;
  readonly #now: () => number;

  constructor(handle: FileHandle, meter: DiskMeter, now: () => number) {
    this.#handle = handle;
    this.#meter = meter;
    this.#now = now;
  }

  // hot
  readAt(into: Uint8Array, position: number): number {
    const begun = this.#now();
    try {
      const bytes = this.#handle.readAt(into, position);
      this.#didRead(bytes, begun);
      return bytes;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async readAsync(into: Uint8Array, position: number): Promise<number> {
    const begun = this.#now();
    try {
      const bytes = await this.#handle.readAsync(into, position);
      this.#didRead(bytes, begun);
      return bytes;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  // hot
  writeAt(bytes: Uint8Array, position: number): void {
    const begun = this.#now();
    try {
      this.#handle.writeAt(bytes, position);
      this.#didWrite(bytes.length, begun);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async writeAsync(bytes: Uint8Array, position: number): Promise<void> {
    const begun = this.#now();
    try {
      await this.#handle.writeAsync(bytes, position);
      this.#didWrite(bytes.length, begun);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  truncate(size: number): void {
    try {
      this.#handle.truncate(size);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  stat(): FileStat {
    return this.#handle.stat();
  }

  statAsync(): Promise<FileStat> {
    return this.#handle.statAsync();
  }

  async sync(): Promise<void> {
    const begun = this.#now();
    try {
      await this.#handle.sync();
      this.#meter.syncs.add(this.#now() - begun);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  close(): void {
    this.#handle.close();
  }

  #didRead(bytes: number, begun: number): void {
    this.#meter.readBytes += bytes;
    this.#meter.reads.add(this.#now() - begun);
  }

  #didWrite(bytes: number, begun: number): void {
    this.#meter.writtenBytes += bytes;
    this.#meter.writes.add(this.#now() - begun);
  }

  #failed(error: unknown): unknown {
    this.#meter.failed(error);
    return error;
  }
}
