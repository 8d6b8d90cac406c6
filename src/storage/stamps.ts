/** The facts by which a file is recognised and a change is noticed. */

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
