/** The events of a run for its display: a terminal, lines, JSON, or errors alone. */
import type { TorrentEvent, TorrentSnapshot } from "../../client/types.ts";
import type { Outcome } from "../outcome.ts";

export interface Reporter {
  event(event: TorrentEvent): void;
  /** Called every TICK_MS with the state of every torrent; `now` in milliseconds. */
  tick(torrents: readonly TorrentSnapshot[], now: number): void;
  /** A sentence of the command line itself; not an error. */
  say(text: string): void;
  /** A download is complete and continues as a seed. */
  complete(outcome: Outcome): void;
  /** The run has ended: removes the live display. Calling it twice is harmless. */
  close(): void;
  /** How one torrent, or one source that never became one, ended; called at once. */
  outcome(outcome: Outcome): void;
}

/** Milliseconds between two ticks of a reporter. */
export const TICK_MS = 200;
