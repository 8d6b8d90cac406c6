/** What is remembered of a file, to know it again and to see whether it was changed. */

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

/** How a file was left: null says that it was not there, undefined that nobody knows. */
export type Stamp = FileStamp | null | undefined;
