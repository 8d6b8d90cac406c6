/** What can go wrong between a command and the daemon. */
import { ShoalError } from "../../util/errors.ts";

/** No daemon answers. */
export class NoDaemonError extends ShoalError {
  readonly code = "no-daemon";
}

/** What the daemon refused; `code` is that of its API. */
export class RemoteError extends ShoalError {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** The daemon has no such torrent, or several that fit. */
export class WhichTorrentError extends ShoalError {
  readonly code = "which-torrent";
}

/** With the ways on. */
export function noDaemon(what: string, cause?: unknown): NoDaemonError {
  return new NoDaemonError(`${what}. Start one with shoal daemon, or name another with --url`, {
    cause,
  });
}
