/** The errors a caller may have to tell apart. Each carries a stable `code` and its cause. */

export abstract class ShoalError extends Error {
  abstract readonly code: string;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

export type FileErrorCode =
  | "disk-full"
  | "permission"
  | "not-found"
  | "too-many-open"
  | "is-directory"
  | "not-directory"
  | "symlink"
  | "read-only"
  | "exists"
  | "too-large"
  | "foreign"
  | "in-use"
  | "changed"
  | "other-disk"
  | "bad-name"
  | "io";

/** Something about one file failed. The message names the path and what a person can do. */
export class FileError extends ShoalError {
  constructor(
    readonly code: FileErrorCode,
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** All files of a torrent that were in the folder `path` are gone, and another disk is there. */
export class GoneError extends FileError {
  constructor(torrent: string, path: string) {
    super(
      "not-found",
      path,
      `The disk that holds "${torrent}" does not seem to be mounted: its files are not in ${path}. ` +
        "Mount it, or download them again with --anew",
    );
  }
}

/** What stands in a file's place is not this torrent's, and is not touched. */
export class ForeignFileError extends FileError {
  constructor(
    path: string,
    /** Of the file, counted from 1 without padding; null where the path is that of no file. */
    readonly number: number | null,
    /** How one knows. */
    readonly reason: string,
  ) {
    super(
      "foreign",
      path,
      `${path} is left alone: ${reason}. Choose another folder or another name for it, or allow it ` +
        "to be overwritten",
    );
  }
}

/** Files that were complete were changed since. They are left as they are. */
export class EditedError extends ShoalError {
  readonly code = "edited";
  constructor(readonly change: string) {
    super(`${change}. Your changes are kept; add it with "repair" to download the original again`);
  }
}

export type NetErrorCode =
  | "refused"
  | "unreachable"
  | "timeout"
  | "reset"
  | "closed"
  | "aborted"
  | "address-in-use"
  | "permission"
  | "name-not-found"
  | "tls"
  | "too-large"
  | "bad-response"
  | "other";

/** A connection or request failed below the protocol. */
export class NetError extends ShoalError {
  constructor(readonly code: NetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Bytes from outside broke a format. `code` is a short stable word ("bad-length", ...). */
export class ProtocolError extends ShoalError {
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A .torrent cannot be used; the message says why, for a person. */
export class TorrentFileError extends ShoalError {
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A magnet link cannot be used; the message says why, for a person. */
export class MagnetError extends ShoalError {
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A resume file cannot be used; what is on the disk has to be checked instead. */
export class ResumeError extends ShoalError {
  constructor(
    readonly code: "too-large" | "damaged" | "version" | "bad-field" | "other-torrent",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Files are missing or wrong where everything of a torrent should be there. */
export class IncompleteError extends ShoalError {
  readonly code = "incomplete";
}

/** A tracker answered with a failure or with nothing that can be used. */
export class TrackerError extends ShoalError {
  /** `retryInMs`: what the tracker asked for (BEP 31); Infinity means never. */
  constructor(
    readonly code: "failure" | "bad-response" | "refused-url" | "timeout" | "net",
    message: string,
    options?: ErrorOptions & { retryInMs?: number },
  ) {
    super(message, options);
    if (options?.retryInMs !== undefined) this.retryInMs = options.retryInMs;
  }
  readonly retryInMs?: number;
}

/** Any error as plain data; `code` "internal" for what should not happen. */
export function describeError(
  error: Error,
): { code: string; message: string; path: string | null } {
  return {
    code: error instanceof ShoalError ? error.code : "internal",
    message: error.message,
    path: error instanceof FileError ? error.path : null,
  };
}
