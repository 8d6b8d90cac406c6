/** The facts by which a file is recognised and a change is noticed. */
import type { FileStat } from "../platform/types.ts";

/** A file as our last write or check left it. */
export interface FileStamp {
  /** Bytes. */
  readonly size: number;
  readonly mtimeMs: number;
  /** 0: not known. */
  readonly inode: number;
}

/** What tells a file from all others that ever have its name: its inode, and when it was made. */
export interface FileIdentity {
  readonly inode: number;
  readonly bornMs: number;
}

/** The state of a file after our last write: null if it did not exist, undefined if unknown. */
export type Stamp = FileStamp | null | undefined;

/** Whether the file is the one of the stamp, unchanged. Whole milliseconds count: Deno gives no fractions. */
export function isAsLeft(stamp: FileStamp, now: FileStat): boolean {
  return now.kind === "file" && now.size === stamp.size &&
    Math.floor(now.mtimeMs) === Math.floor(stamp.mtimeMs) &&
    (stamp.inode === 0 || now.inode === 0 || stamp.inode === now.inode);
}
