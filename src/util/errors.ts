/** The errors that callers can tell apart. Each has a stable `code`, and the cause if there is one. */

export abstract class ShoalError extends Error {
  /** A stable name of the error, for programs. */
  abstract readonly code: string;
  /** `message` is a sentence for people. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A call is not possible because the client is closed. */
export class ClosedError extends ShoalError {
  /** A stable name of the error. */
  readonly code = "closed";
}

/** A call is not possible in the torrent's present state. */
export class NotYetError extends ShoalError {
  /** A stable name of the error. */
  readonly code = "not-yet";
}

/** What went wrong with a file. */
export type FileErrorCode =
  | "disk-full"
  | "disk-low"
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

/** An operation on a file failed. The message names the path and what a person can do. */
export class FileError extends ShoalError {
  /** `path`: the file or folder that it is about. */
  constructor(
    readonly code: FileErrorCode,
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** All files of a torrent in the folder `path` are missing, and the folder is on another disk. */
export class GoneError extends FileError {
  /** `torrent`: its name; `path`: the folder that should have its files. */
  constructor(torrent: string, path: string) {
    super(
      "not-found",
      path,
      `The disk that holds "${torrent}" does not seem to be mounted: its files are not in ${path}. ` +
        "Mount it, or download them again with --anew",
    );
  }
}

/** An existing file has a name of the torrent's but belongs to something else. It is not changed. */
export class ForeignFileError extends FileError {
  constructor(
    path: string,
    /** The number of the torrent's file, from 1 without padding; null if `path` is not one of them. */
    readonly number: number | null,
    /** Why the file is not the torrent's, as part of a sentence. */
    readonly reason: string,
  ) {
    super(
      "foreign",
      path,
      `${path} was not changed: ${reason}. Choose another folder or another name, or allow shoal ` +
        "to overwrite it",
    );
  }
}

/** Complete files were changed after the download. They are left alone. */
export class EditedError extends ShoalError {
  readonly code = "edited";
  constructor(readonly change: string) {
    super(
      `${change}. Your changes are kept; use the option "repair" to download the original again`,
    );
  }
}

/** What went wrong with a connection. */
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

/** A connection or request failed in the network. */
export class NetError extends ShoalError {
  /** `code`: what went wrong. */
  constructor(readonly code: NetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Received bytes violate a format or protocol. `code` is a short stable word ("bad-length", ...). */
export class ProtocolError extends ShoalError {
  /** `code`: what went wrong. */
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A .torrent cannot be used; the message says why, for a person. */
export class TorrentFileError extends ShoalError {
  /** `code`: what went wrong. */
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A magnet link cannot be used; the message says why, for a person. */
export class MagnetError extends ShoalError {
  /** `code`: what went wrong. */
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A resume file cannot be used; existing data has to be checked instead. */
export class ResumeError extends ShoalError {
  constructor(
    readonly code: "too-large" | "damaged" | "version" | "bad-field" | "other-torrent",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Files of a torrent that should be complete are missing or damaged. */
export class IncompleteError extends ShoalError {
  /** A stable name of the error. */
  readonly code = "incomplete";
}

/** A tracker failed, refused, or sent an unusable answer. */
export class TrackerError extends ShoalError {
  /** `retryInMs`: the wait that the tracker asked for (BEP 31); Infinity: never retry. */
  constructor(
    readonly code: "failure" | "bad-response" | "refused-url" | "timeout" | "net",
    message: string,
    options?: ErrorOptions & { retryInMs?: number },
  ) {
    super(message, options);
    if (options?.retryInMs !== undefined) this.retryInMs = options.retryInMs;
  }
  /** Milliseconds that the tracker asked to wait; Infinity: for ever. */
  readonly retryInMs?: number;
}

/** Any error as plain data; `code` is "internal" for errors that are bugs. */
export function describeError(
  error: Error,
): { code: string; message: string; path: string | null } {
  return {
    code: error instanceof ShoalError ? error.code : "internal",
    message: error.message,
    path: error instanceof FileError ? error.path : null,
  };
}
