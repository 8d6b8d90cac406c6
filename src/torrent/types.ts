/** What a torrent says about itself: states, goals and events. Plain data. */

import type { AnnounceOutcome } from "../tracker/tracker_manager.ts";

/**
 * "finding": a magnet's metadata is being looked for; "moving": what is whole goes to its folder; "waiting": the disk is in trouble that may
 * pass, it is tried again by itself; "paused": somebody wanted it so.
 */
export type TorrentState =
  | "finding"
  | "waiting"
  | "paused"
  | "checking"
  | "downloading"
  | "verifying"
  | "moving"
  | "seeding"
  | "done"
  | "stopped"
  | "failed";

/**
 * When a finished torrent stops giving. "none": at once; "ratio": uploaded / size; "time": after so
 * many seconds; "idle": when nobody took anything for so many seconds.
 */
export type SeedGoal =
  | { kind: "none" }
  | { kind: "forever" }
  | { kind: "ratio"; ratio: number }
  | { kind: "time"; seconds: number }
  | { kind: "idle"; seconds: number };

/** Why it is not faster right now. The text for a person is the command line's. */
export type HeldBackBy =
  | "nothing"
  | "no-peers"
  | "connecting"
  | "choked"
  | "no-needed-pieces"
  | "tracker-failing"
  | "disk"
  | "hashing"
  | "limit";

/** How thorough the check at the end is: see AddOptions.finalCheck. */
export type FinalCheck = "changed" | "full";

/** One thing that happened to a torrent; `type` tells them apart. */
export type TorrentHappening =
  /** `wanted` bytes in `wantedFiles` files are chosen, of `size` bytes in `files`. */
  | {
    type: "added";
    name: string;
    size: number;
    wanted: number;
    pieces: number;
    files: number;
    wantedFiles: number;
  }
  /** Existing data was checked (or trusted); `left` bytes of the chosen files are still missing. */
  | { type: "checked"; have: number; size: number; wanted: number; left: number }
  | { type: "state"; state: TorrentState }
  | { type: "peer-connected"; address: string; port: number; client: string; incoming: boolean }
  | { type: "peer-disconnected"; address: string; port: number; reason: string }
  | { type: "peer-banned"; address: string; port: number; reason: string }
  | { type: "piece"; piece: number; have: number; size: number }
  | { type: "piece-failed"; piece: number; peers: string[] }
  | { type: "tracker" } & AnnounceOutcome
  /** The final check found pieces that do not match; they are downloaded again. */
  | { type: "final-check"; bad: number; pieces: number }
  | { type: "warning"; message: string }
  /** The disk is in trouble; after so many seconds it is tried again. */
  | { type: "waiting"; code: string; message: string; path: string; retryInSeconds: number }
  | { type: "done"; name: string; dir: string; size: number; wanted: number; seconds: number }
  | { type: "failed"; code: string; message: string; path: string | null }
  | { type: "stopped" };
