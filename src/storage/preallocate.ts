/**
 * Reserves the space of files before their data arrives. No JavaScript runtime offers fallocate, and
 * setting a file's length reserves nothing on today's file systems, so zeros are written. (File
 * systems that compress or copy on write keep no promise even then.)
 */
import type { Files } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";

export interface GrowingFile {
  readonly path: string;
  /** The final length in bytes. */
  readonly length: number;
  /** The present length in bytes. */
  size(): number;
  /** Rejects with a FileError. */
  write(bytes: Uint8Array, offset: number): Promise<void>;
}

const STEP_BYTES = 1024 * 1024;
/** After this many bytes the free space is checked again, and other work has its turn. */
const TURN_BYTES = 16 * STEP_BYTES;

/**
 * Grows all files to their length, never touching what they hold (nor the holes of a file that an
 * earlier run left sparse). Rejects with a FileError
 * ("disk-full" when the disk that holds `dir` has less than is missing); ends early when aborted.
 */
export async function reserveSpace(
  disk: Files,
  dir: string,
  files: Iterable<GrowingFile>,
  signal?: AbortSignal,
): Promise<void> {
  const growing = [...files];
  let left = growing.reduce((sum, file) => sum + Math.max(0, file.length - file.size()), 0);
  if (left === 0) return;
  const zeros = new Uint8Array(STEP_BYTES);
  let turn = TURN_BYTES;
  for (const file of growing) {
    for (let at = file.size(); at < file.length; at += zeros.length) {
      if (turn >= TURN_BYTES) {
        checkSpace(await disk.freeSpace(dir), left, dir, "reserve space in");
        turn = 0;
      }
      if (signal?.aborted) return;
      const length = Math.min(zeros.length, file.length - at);
      await file.write(zeros.subarray(0, length), at);
      left -= length;
      turn += length;
    }
  }
}

/**
 * Rejects with a FileError ("disk-full") if the disk of `dir` has less than `needed` bytes free. A
 * disk that does not report its free space is assumed to have enough.
 */
export async function demandSpace(disk: Files, dir: string, needed: number): Promise<void> {
  const free = await disk.freeSpace(dir).catch(() => Infinity);
  checkSpace(free, needed, dir, "download to");
}

function checkSpace(free: number, needed: number, dir: string, doing: string): void {
  if (free >= needed) return;
  throw new FileError(
    "disk-full",
    dir,
    `Cannot ${doing} ${dir}: ${amount(needed)} are missing and the disk has only ${
      amount(free)
    } free. ` +
      "Free some space or choose another folder",
  );
}

function amount(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB (${bytes} bytes)`;
}
