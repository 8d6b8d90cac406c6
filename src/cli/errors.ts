/** What only the command line can get wrong, and how any error reads to a person. */
import type { Process } from "../platform/types.ts";
import {
  EditedError,
  FileError,
  ForeignFileError,
  IncompleteError,
  NetError,
  ShoalError,
} from "../util/errors.ts";

/** The command line cannot be understood. */
export class UsageError extends ShoalError {
  readonly code = "usage";
}

/** A .torrent could not be read from its path or URL. */
export class CannotLoadError extends ShoalError {
  readonly code = "cannot-load";
}

/** Nobody answered, or nobody has what was asked for. */
export class NobodyError extends ShoalError {
  readonly code = "nobody";
}

/** A torrent broke after it was complete; `code` and message are those of its snapshot. */
export class BrokenTorrentError extends ShoalError {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** Whether `error` tells a person what went wrong; anything else is a bug of ours. */
export function isExpected(error: unknown): error is ShoalError {
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
  // Deno's sandbox, at a place where no code of ours expects it; its text names the flag.
  if (error instanceof Error && error.name === "NotCapable") return error.message;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `Unexpected error: ${text} (this is a bug; SHOAL_DEBUG=1 shows where)`;
}

/** Where a bug is, for those who asked by SHOAL_DEBUG=1; null for everybody else's mistakes. */
export function debugTrace(process: Pick<Process, "env">, error: unknown): string | null {
  if (error === null || isExpected(error) || process.env("SHOAL_DEBUG") !== "1") return null;
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}
