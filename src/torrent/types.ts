/** States, seed goals and events of a torrent. Plain data. */

import type { AnnounceOutcome } from "../tracker/tracker_manager.ts";

/**
 * "finding": looking for the metadata of a magnet link; "moving": finished files move to their
 * folder; "waiting": the disk failed, and the torrent retries; "paused": paused by the user.
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
 * When a complete torrent stops seeding. "none": at once; "ratio": when uploaded / size reaches it;
 * "time": after this time; "idle": when nothing was uploaded for this time.
 */
export type SeedGoal =
  | { kind: "none" }
  | { kind: "forever" }
  | { kind: "ratio"; ratio: number }
  | { kind: "time"; seconds: number }
  | { kind: "idle"; seconds: number };

/** Why the download is not faster right now. The command line has a phrase for each. */
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

/** How thorough the final check is: see AddOptions.finalCheck. */
export type FinalCheck = "changed" | "full";

/** An event of a torrent; `type` says which one. */
export type TorrentHappening =
  /** Of `size` bytes in `files` files, `wanted` bytes in `wantedFiles` files are chosen. */
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
  /** The disk failed; the torrent retries after `retryInSeconds`. */
  | { type: "waiting"; code: string; message: string; path: string; retryInSeconds: number }
  | { type: "done"; name: string; dir: string; size: number; wanted: number; seconds: number }
  | { type: "failed"; code: string; message: string; path: string | null }
  | { type: "stopped" };
