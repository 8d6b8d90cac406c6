/**
 * One open file. Invariant: the descriptor is closed only when no call uses it, because the system
 * reuses its number for the next file at once.
 */
import * as fs from "node:fs";
import { FileError } from "../../util/errors.ts";
import type { FileHandle, FileStat } from "../types.ts";
import { fileError, systemError } from "./errno.ts";
import { writeAll, writeAllAsync } from "./write_all.ts";

/** Writes to one open file, one write at a time. */
export interface FileWriter {
  /** Both return the number of bytes written, which may be fewer; the second is off this thread. */
  writeNow(bytes: Uint8Array, position: number): number;
  write(bytes: Uint8Array, position: number): Promise<number>;
  close(): void;
}

/** For an `fd` that is open for writing. Throws a FileError if it cannot be written to. */
export interface WriterMaker {
  open(path: string, fd: number): FileWriter;
  openAsync(path: string, fd: number): Promise<FileWriter>;
}

const NO_WRITERS: WriterMaker = {
  open() {
    throw systemError("EBADF");
  },
  openAsync: () => Promise.reject(systemError("EBADF")),
};

export class NodeFileHandle implements FileHandle {
  readonly #path: string;
  readonly #fd: number;
  readonly #writers: WriterMaker;
  #writer: FileWriter | null = null;
  #underWay = 0;
  #closed = false;

  /** Without `writers` it is open for reading only. */
  constructor(path: string, fd: number, writers: WriterMaker = NO_WRITERS) {
    this.#path = path;
    this.#fd = fd;
    this.#writers = writers;
  }

  readAt(into: Uint8Array, position: number): number {
    return this.#attempt("read", () => {
      let done = 0;
      while (done < into.length) {
        const got = fs.readSync(this.#fd, into, done, into.length - done, position + done);
        if (got === 0) break;
        done += got;
      }
      return done;
    });
  }

  readAsync(into: Uint8Array, position: number): Promise<number> {
    return this.#hold("read", async () => {
      let done = 0;
      while (done < into.length) {
        const got = await readOnce(this.#fd, into, done, position + done);
        if (got === 0) break;
        done += got;
      }
      return done;
    });
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.#attempt("write", () => {
      const writer = this.#writer ??= this.#writers.open(this.#path, this.#fd);
      writeAll(this.#path, bytes.length, (done) => {
        return writer.writeNow(done === 0 ? bytes : bytes.subarray(done), position + done);
      });
    });
  }

  writeAsync(bytes: Uint8Array, position: number): Promise<void> {
    return this.#hold("write", async () => {
      const writer = this.#writer ??= await this.#writers.openAsync(this.#path, this.#fd);
      await writeAllAsync(this.#path, bytes.length, (done) => {
        return writer.write(bytes.subarray(done), position + done);
      });
    });
  }

  truncate(size: number): void {
    this.#attempt("set the length of", () => fs.ftruncateSync(this.#fd, size));
  }

  stat(): FileStat {
    return this.#attempt("look at", () => toFileStat(fs.fstatSync(this.#fd)));
  }

  statAsync(): Promise<FileStat> {
    return this.#hold("look at", async () => {
      return toFileStat(await called<fs.Stats>((done) => fs.fstat(this.#fd, done)));
    });
  }

  sync(): Promise<void> {
    return this.#hold("sync", () => called<void>((done) => fs.fdatasync(this.#fd, (e) => done(e))));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#underWay === 0) this.#closeNow();
  }

  #closeNow(): void {
    this.#writer?.close();
    fs.closeSync(this.#fd);
  }

  #attempt<T>(action: string, what: () => T): T {
    this.#checkOpen(action);
    try {
      return what();
    } catch (error) {
      throw fileError(action, this.#path, error);
    }
  }

  async #hold<T>(action: string, what: () => Promise<T>): Promise<T> {
    this.#checkOpen(action);
    this.#underWay++;
    try {
      return await what();
    } catch (error) {
      throw fileError(action, this.#path, error);
    } finally {
      this.#underWay--;
      if (this.#closed && this.#underWay === 0) this.#closeNow();
    }
  }

  #checkOpen(action: string): void {
    if (!this.#closed) return;
    throw new FileError("io", this.#path, `Cannot ${action} ${this.#path}: the file was closed`);
  }
}

/** Over node:fs, whose asynchronous writes have threads on Bun. */
export const nodeWriters: WriterMaker = {
  open: (_path, fd) => nodeWriter(fd),
  openAsync: (_path, fd) => Promise.resolve(nodeWriter(fd)),
};

function nodeWriter(fd: number): FileWriter {
  return {
    writeNow: (bytes, position) => fs.writeSync(fd, bytes, 0, bytes.length, position),
    write: (bytes, position) => {
      return called((done) => fs.write(fd, bytes, 0, bytes.length, position, done));
    },
    close() {},
  };
}

function readOnce(fd: number, into: Uint8Array, at: number, position: number): Promise<number> {
  return called((done) => fs.read(fd, into, at, into.length - at, position, done));
}

/** The callback arguments of a node:fs function. */
export function called<T>(
  call: (done: (error: Error | null, result: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => error ? reject(error) : resolve(result));
  });
}

export function toFileStat(found: fs.Stats): FileStat {
  return {
    kind: found.isFile()
      ? "file"
      : found.isDirectory()
      ? "directory"
      : found.isSymbolicLink()
      ? "link"
      : "other",
    size: found.size,
    mtimeMs: found.mtimeMs,
    inode: found.ino ?? 0,
    // Counted in units of 512 bytes, whatever the disk's own block size.
    allocated: typeof found.blocks === "number" ? found.blocks * 512 : found.size,
    // Deno gives no fractions of milliseconds, Bun does: both must return the same.
    bornMs: Math.floor(found.birthtimeMs ?? 0),
    device: found.dev ?? 0,
    links: found.nlink ?? 1,
  };
}
