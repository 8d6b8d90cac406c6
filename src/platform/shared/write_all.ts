/**
 * Writes until everything is written. The system may accept only a part: a disk that fills up
 * accepts a part first and fails on the rest. A disk that repeatedly accepts nothing is broken.
 */
import { FileError } from "../../util/errors.ts";

/** Consecutive writes without any byte before the disk is given up. */
const MAX_EMPTY = 3;

/** `write` gets the part from `done` on and returns the number of bytes written. */
export function writeAll(path: string, length: number, write: (done: number) => number): void {
  const progress = new Progress(path, length);
  while (progress.isOpen) progress.took(write(progress.done));
}

export async function writeAllAsync(
  path: string,
  length: number,
  write: (done: number) => Promise<number>,
): Promise<void> {
  const progress = new Progress(path, length);
  while (progress.isOpen) progress.took(await write(progress.done));
}

class Progress {
  done = 0;
  #empty = 0;

  constructor(readonly path: string, readonly length: number) {}

  get isOpen(): boolean {
    return this.done < this.length;
  }

  took(bytes: number): void {
    this.done += bytes;
    this.#empty = bytes > 0 ? 0 : this.#empty + 1;
    if (this.#empty === MAX_EMPTY) throw takesNothing(this.path);
  }
}

function takesNothing(path: string): FileError {
  return new FileError(
    "io",
    path,
    `Cannot write ${path}: the disk stores no data and reports no error. ` +
      "Check the disk, or choose another one",
  );
}
