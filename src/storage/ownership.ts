/**
 * Decides who owns an existing file with a name of the torrent's. It is ours if the record knows its
 * identity, or if it holds data of the torrent; a file of zeros counts as empty. Every other file
 * belongs to another program or person and is never written to.
 */
import type { FileHandle, FileStat } from "../platform/types.ts";
import type { FileIdentity } from "./stamps.ts";

/** The results of the start-up check for an existing file. */
export interface FoundFile {
  readonly stat: FileStat;
  /** The length of the torrent's file. */
  readonly length: number;
  /** A piece with bytes of it matches the torrent. */
  readonly matches: boolean;
  /** The record names this very file. */
  readonly recorded: boolean;
}

/**
 * "ours": it may be written to. "foreign": none of its bytes is known to belong to the torrent.
 * "longer": beyond the end of the torrent's file it has bytes that are not zeros.
 */
export type Verdict = "ours" | "foreign" | "longer";

const STEP_BYTES = 256 * 1024;

/**
 * `read` opens the file for one read at a time. Rejects with a FileError, or with the signal's
 * reason.
 */
export async function judgeFile(
  { stat, length, matches, recorded }: FoundFile,
  read: () => FileHandle,
  signal: AbortSignal,
): Promise<Verdict> {
  const end = Math.min(stat.size, length);
  if (!matches && !recorded && !await isZero(read, 0, end, signal)) return "foreign";
  return await isZero(read, length, stat.size, signal) ? "ours" : "longer";
}

/** Whether all bytes from `from` to `to` are zeros, as in holes. */
export async function isZero(
  read: () => FileHandle,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (from >= to) return true;
  const buffer = new Uint8Array(Math.min(STEP_BYTES, to - from));
  for (let at = from; at < to;) {
    signal.throwIfAborted();
    const part = buffer.subarray(0, Math.min(buffer.length, to - at));
    const got = await read().readAsync(part, at);
    for (let i = 0; i < got; i++) if (part[i] !== 0) return false;
    if (got === 0) return true; // it was truncated in the meantime
    at += got;
  }
  return true;
}

/** Null if the file system stores nothing that distinguishes the file from others. */
export function identityOf(stat: FileStat | null): FileIdentity | null {
  if (stat === null || stat.inode === 0 || stat.bornMs === 0) return null;
  if (!Number.isSafeInteger(stat.inode)) return null;
  return { inode: stat.inode, bornMs: stat.bornMs };
}

/** Both are known and the same. */
export function isIdentity(a: FileIdentity | null | undefined, b: FileIdentity | null): boolean {
  return !!a && b !== null && a.inode === b.inode && a.bornMs === b.bornMs;
}
