/**
 * One open file. Invariant: the descriptor is closed only when no call uses it, because the system
 * gives its number to the next file at once.
 */
import * as fs from "node:fs";
import { FileError } from "../../util/errors.ts";
import type { FileHandle, FileStat } from "../types.ts";
import { fileError } from "./errno.ts";

export class NodeFileHandle implements FileHandle {
  readonly #path: string;
  readonly #fd: number;
  #underWay = 0;
  #closed = false;

  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
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
      // A disk that fills up takes a part first and fails on the rest.
      for (let done = 0; done < bytes.length;) {
        done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
      }
    });
  }

  truncate(size: number): void {
    this.#attempt("set the length of", () => fs.ftruncateSync(this.#fd, size));
  }

  stat(): FileStat {
    return this.#attempt("look at", () => toFileStat(fs.fstatSync(this.#fd)));
  }

  sync(): Promise<void> {
    return this.#hold("sync", () =>
      new Promise((resolve, reject) => {
        fs.fdatasync(this.#fd, (error) => error ? reject(error) : resolve());
      }));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#underWay === 0) fs.closeSync(this.#fd);
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
      if (this.#closed && this.#underWay === 0) fs.closeSync(this.#fd);
    }
  }

  #checkOpen(action: string): void {
    if (!this.#closed) return;
    throw new FileError("io", this.#path, `Cannot ${action} ${this.#path}: it was closed`);
  }
}

function readOnce(fd: number, into: Uint8Array, at: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, at, into.length - at, position, (error, got) => {
      if (error) reject(error);
      else resolve(got);
    });
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
    // Counted in units of 512 bytes whatever the disk's own block is.
    allocated: typeof found.blocks === "number" ? found.blocks * 512 : found.size,
    // Deno gives no fractions of milliseconds, Bun does: both must tell the same.
    bornMs: Math.floor(found.birthtimeMs ?? 0),
    device: found.dev ?? 0,
    links: found.nlink ?? 1,
  };
}
