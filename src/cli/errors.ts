/** The errors of the command line, their messages and the exit codes. */
import type { Process } from "../platform/types.ts";
import {
  EditedError,
  FileError,
  type FileErrorCode,
  ForeignFileError,
  IncompleteError,
  MagnetError,
  NetError,
  ShoalError,
  TorrentFileError,
} from "../util/errors.ts";

/** The command line cannot be understood. */
export class UsageError extends ShoalError {
  readonly code = "usage";
}

/** A .torrent could not be read from its path or URL. */
export class CannotLoadError extends ShoalError {
  readonly code = "cannot-load";
}

/** No answer, or no result. */
export class NobodyError extends ShoalError {
  readonly code = "nobody";
}

/** A torrent broke after it was complete; `code` and message are those of its snapshot. */
export class BrokenTorrentError extends ShoalError {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** Whether `error` is an expected failure; all others are bugs of ours. */
function isExpected(error: unknown): error is ShoalError {
  return error instanceof ShoalError;
}

/** One line for a person, without a trace. */
export function describeError(error: unknown): string {
  if (error instanceof NetError && error.code === "address-in-use") {
    return `${error.message}. Choose another one with --port, or leave --port out`;
  }
  if (error instanceof ForeignFileError) {
    const rename = error.number === null ? "" : `, another name (--rename ${error.number}=NAME)`;
    return `${error.path} was not changed: ${error.reason}. Choose another folder (-o)${rename}, or ` +
      "replace the file (--overwrite)";
  }
  if (error instanceof EditedError) {
    return `${error.change}. Your changes are kept; shoal download --repair gets the original again`;
  }
  if (error instanceof FileError && error.code === "bad-name") {
    return `${error.message} (--rename INDEX=NAME)`;
  }
  if (error instanceof IncompleteError) {
    return `${error.message} (shoal verify lists all, --fetch-missing downloads them)`;
  }
  if (isExpected(error)) return error.message;
  // An unexpected refusal of Deno's sandbox; its text names the flag.
  if (error instanceof Error && error.name === "NotCapable") return error.message;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `Unexpected error: ${text} (this is a bug; SHOAL_DEBUG=1 shows where)`;
}

/** The stack trace of a bug with SHOAL_DEBUG=1; null otherwise, and for a user's mistake. */
export function debugTrace(process: Pick<Process, "env">, error: unknown): string | null {
  if (error === null || isExpected(error) || process.env("SHOAL_DEBUG") !== "1") return null;
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
const EXIT_BAD_TORRENT = 3;
export const EXIT_NO_PEERS = 4;
export const EXIT_DISK = 5;
export const EXIT_UNKNOWN = 6;
const EXIT_DAEMON_RUNS = 7;
const EXIT_NO_DAEMON = 8;
export const EXIT_INTERRUPTED = 130;

/** Every code and its meaning, mildest first: with several torrents the last one wins. */
export const EXIT_CODES: readonly { code: number; meaning: string }[] = [
  { code: EXIT_DONE, meaning: "done: everything is complete and verified" },
  { code: EXIT_UNKNOWN, meaning: "some data could not be checked; the rest is right" },
  {
    code: EXIT_NO_PEERS,
    meaning: "no peer was reached within --give-up-after, or nothing could bring one",
  },
  { code: EXIT_BAD_TORRENT, meaning: "the .torrent cannot be read, downloaded, used or created" },
  { code: EXIT_FAILED, meaning: "failed for another reason; the message says which" },
  {
    code: EXIT_DISK,
    meaning:
      "disk: full, no permission, a file in the way or changed by another program, output lost",
  },
  { code: EXIT_DAEMON_RUNS, meaning: "another daemon has the state folder" },
  { code: EXIT_NO_DAEMON, meaning: "no daemon answers" },
  { code: EXIT_USAGE, meaning: "the command line or the configuration is wrong" },
  { code: EXIT_INTERRUPTED, meaning: "interrupted by Ctrl-C or a signal; the data is kept" },
];

export function worstOf(codes: readonly number[]): number {
  const rank = (code: number) => EXIT_CODES.findIndex((entry) => entry.code === code);
  return codes.reduce((worst, code) => rank(code) > rank(worst) ? code : worst, EXIT_DONE);
}

export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError || codeOf(error) === "bad-config") return EXIT_USAGE;
  if (codeOf(error) === "daemon-running") return EXIT_DAEMON_RUNS;
  if (codeOf(error) === "no-daemon") return EXIT_NO_DAEMON;
  if (error instanceof NobodyError) return EXIT_NO_PEERS;
  const isBad = error instanceof CannotLoadError || error instanceof TorrentFileError ||
    error instanceof MagnetError;
  if (isBad) {
    return EXIT_BAD_TORRENT;
  }
  return isAboutFiles(error) ? EXIT_DISK : EXIT_FAILED;
}

/** By its code, so that what starts quickly need not load the daemon. */
function codeOf(error: unknown): string | null {
  return error instanceof ShoalError ? error.code : null;
}

function isAboutFiles(error: unknown): boolean {
  return error instanceof FileError ||
    (error instanceof BrokenTorrentError && Object.hasOwn(FILE_CODES, error.code));
}

/** A record, so that the compiler finds a missing code. */
const FILE_CODES: Record<FileErrorCode, true> = {
  "disk-full": true,
  "disk-low": true,
  "permission": true,
  "not-found": true,
  "too-many-open": true,
  "is-directory": true,
  "not-directory": true,
  "symlink": true,
  "read-only": true,
  "exists": true,
  "too-large": true,
  "foreign": true,
  "in-use": true,
  "changed": true,
  "other-disk": true,
  "bad-name": true,
  "io": true,
};
