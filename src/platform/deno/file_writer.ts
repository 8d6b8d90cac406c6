/**
 * Writes through Deno's own files. Its node:fs makes every write on the loop's thread, including
 * asynchronous ones, and never returns from a write to a disk that accepts no bytes. Deno's files
 * have a position instead of taking one as argument, and cost the same.
 */
import * as fs from "node:fs";
import { FileError } from "../../util/errors.ts";
import { called, type FileWriter, type WriterMaker } from "../shared/file_handle.ts";
import { Deno, type FileInfo, type FsFile } from "./deno_global.ts";

/** Deno.SeekMode.Start. */
const FROM_START = 0;

/**
 * Deno opens by name, and follows links. On Linux an open file has its own path; on other systems,
 * and if Deno may not use that, the opened file must be the same as `fd`.
 */
export const denoWriters: WriterMaker = {
  open(path, fd) {
    const own = openOwn(fd);
    if (own !== null) return new DenoWriter(own);
    const named = Deno.openSync(path, { write: true });
    return checked(path, named, named.statSync(), fs.fstatSync(fd));
  },
  async openAsync(path, fd) {
    const own = await Deno.open(ownName(fd), { write: true }).catch(() => null);
    if (own !== null) return new DenoWriter(own);
    const named = await Deno.open(path, { write: true });
    const ours = called<fs.Stats>((done) => fs.fstat(fd, done));
    return checked(path, named, ...await Promise.all([named.stat(), ours]));
  },
};

function openOwn(fd: number): FsFile | null {
  try {
    return Deno.openSync(ownName(fd), { write: true });
  } catch {
    return null;
  }
}

function ownName(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

function checked(path: string, file: FsFile, named: FileInfo, ours: fs.Stats) {
  if (named.ino === ours.ino && named.dev === ours.dev) return new DenoWriter(file);
  file.close();
  throw new FileError(
    "changed",
    path,
    `${path} was replaced by another file during the download. ` +
      "Start again to check it and download the missing data",
  );
}

class DenoWriter implements FileWriter {
  readonly #file: FsFile;
  /** Its position belongs to an asynchronous write. */
  #isBusy = false;

  constructor(file: FsFile) {
    this.#file = file;
  }

  // hot
  writeNow(bytes: Uint8Array, position: number): number {
    this.#demandFree();
    this.#file.seekSync(position, FROM_START);
    return this.#file.writeSync(bytes);
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    this.#demandFree();
    this.#isBusy = true;
    try {
      await this.#file.seek(position, FROM_START);
      return await this.#file.write(bytes);
    } finally {
      this.#isBusy = false;
    }
  }

  close(): void {
    this.#file.close();
  }

  #demandFree(): void {
    if (this.#isBusy) throw new Error("another write to the file is in progress");
  }
}
