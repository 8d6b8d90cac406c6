/** States, seed goals, events and snapshots of a torrent. Plain data, safe to serialise. */

import type { Unreached } from "../peers/unreached.ts";
import type { AnnounceOutcome, TrackerStatus } from "../tracker/tracker_manager.ts";

/**
 * "finding": looking for the metadata of a magnet link; "moving": finished files move to their
 * folder; "waiting": the disk failed or is nearly full, and the torrent retries; "queued": it waits
 * for its turn (`ClientOptions.queue`); "paused": paused by the user; "done": its goal was reached.
 */
export type TorrentState =
  | "finding"
  | ContentPhase
  | "waiting"
  | "queued"
  | "paused"
  | "done"
  | "stopped"
  | "failed";

/** The states in which the torrent works on its files. */
export type ContentPhase = "checking" | "downloading" | "verifying" | "moving" | "seeding";

/**
 * When a complete torrent stops seeding. "none": at once; "ratio": when uploaded / size reaches it;
 * "time": after this time; "idle": when nothing was uploaded for this time; "any": when the first of
 * these goals is reached.
 */
export type SeedGoal =
  | { kind: "none" }
  | { kind: "forever" }
  | { kind: "ratio"; ratio: number }
  | { kind: "time"; seconds: number }
  | { kind: "idle"; seconds: number }
  | { kind: "any"; goals: readonly SeedGoal[] };

/** What happens to a torrent that has reached its seed goal: see AddOptions.atGoal. */
export type AtGoal = "stop" | "remove" | "remove-data" | "super-seed";

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
  /** The seed goal was reached; `then` happens next. */
  | { type: "goal"; then: AtGoal }
  | { type: "failed"; code: string; message: string; path: string | null }
  | { type: "stopped" };

/** One tracker of a torrent; see TrackerStatus for the fields. */
export type TrackerSnapshot = TrackerStatus;

/** A connected peer. */
export interface PeerSnapshot {
  /** IP address. */
  address: string;
  /** Port. */
  port: number;
  /** Client name and version, as the peer claims; text from a stranger. */
  client: string;
  /** Whether the peer connected to us. */
  incoming: boolean;
  /** 0 to 1. */
  progress: number;
  /** Bytes a second, averaged over a few seconds. */
  downRate: number;
  /** Upload to the peer, in bytes a second. */
  upRate: number;
  /** Seconds since it connected, and bytes a second over all that time. */
  seconds: number;
  /** Download over the whole connection, in bytes a second. */
  averageDownRate: number;
  /** Upload over the whole connection, in bytes a second. */
  averageUpRate: number;
  /** Payload bytes since it connected. */
  downloaded: number;
  /** Uploaded payload bytes since it connected. */
  uploaded: number;
  /**
   * `choking`: the peer chokes us. `interested`: we are interested in the peer. `choked`: we choke the
   * peer. `peerInterested`: the peer is interested in us.
   */
  choking: boolean;
  /** We are interested in the peer. */
  interested: boolean;
  /** We choke the peer. */
  choked: boolean;
  /** The peer is interested in us. */
  peerInterested: boolean;
  /** It has not sent a requested block for far longer than usual. */
  snubbed: boolean;
  /** Blocks requested and not received yet, and the most that may be. */
  outstanding: number;
  /** Most blocks that may be requested at a time. */
  window: number;
  /** Where its address is from: tracker, dht, pex, lsd, manual, incoming. */
  sources: string[];
}

/** The efficiency of the download in this run of the client, over pauses and waits for the disk. */
export interface DownloadMetrics {
  /** Pieces that were started, verified, failed their hash, and started again. */
  pieces: { started: number; completed: number; failed: number; retried: number };
  /** Wasted bytes: in failed pieces, in duplicate or late blocks, in blocks that were not requested. */
  wasted: { failed: number; duplicate: number; unasked: number };
  /**
   * Histogram of the time from request to block: `counts` blocks took up to `upToMs` milliseconds.
   * `counts` has one more entry, for blocks above the last bound.
   */
  blockLatency: { upToMs: number[]; counts: number[] };
}

/** A part of a file that is streamed. */
export interface StreamRange {
  /** The first byte. Default: 0. */
  start?: number;
  /** Behind the last byte. Default: the size of the file. */
  end?: number;
  /** Ends the stream with its reason. */
  signal?: AbortSignal;
}

/** A file of a torrent; pad files are left out. */
export interface FileSnapshot {
  /** The index in `Metainfo.files`, which file choices and `rename` use. */
  index: number;
  /** The torrent's own path: "folder/name". */
  name: string;
  /** The absolute path on the disk, whether the file exists yet or not. */
  path: string;
  /** Bytes. */
  size: number;
  /** Bytes of the file in verified pieces. */
  bytesDone: number;
  /** 0: do not download; 1 (lowest) to 7 (highest). */
  priority: number;
}

/** A file that can be read while it is downloaded. */
export interface TorrentFile extends FileSnapshot {
  /**
   * The bytes of the file in order. Waits for what is missing, also while the torrent is paused or its
   * disk is away; what is read next is downloaded before anything else. Only verified data comes. Errors
   * with a NotYetError when the torrent ends, or is not running.
   *
   * Throws a RangeError for a range outside the file, and a NotYetError if the file is not chosen for
   * downloading.
   *
   * @example
   * ```ts
   * for await (const bytes of torrent.files()![0]!.stream({ start: 1_000_000 })) play(bytes);
   * ```
   */
  stream(range?: StreamRange): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** The verified pieces. */
export interface PiecesSnapshot {
  /** Number of pieces. */
  count: number;
  /** Bytes of each piece; the last one may be shorter. */
  length: number;
  /** A bit for each verified piece; piece 0 is the highest bit of the first byte. */
  have: Uint8Array;
}

export type { Unreached };

/** The present state of a torrent, in figures that are cheap to get. */
export interface TorrentStatus {
  /** 40 hexadecimal digits. */
  infoHash: string;
  /** The torrent's name; the info-hash while it is unknown. */
  name: string;
  /** The name of its file or top folder in `dir`, if that differs from the torrent's own name. */
  savedAs?: string;
  /** The folder for the torrent's file or top folder, absolute. */
  dir: string;
  /** What it does. */
  state: TorrentState;
  /** As the user gave them. */
  labels: readonly string[];
  /** Its place among the client's torrents, from 0; null after its removal. */
  queue: { position: number } | null;
  /** The seed goal was reached; a torrent that was started again after that seeds on. */
  goalReached: boolean;
  /** Bytes, without pad files; 0 until the metadata of a magnet link is known. */
  size: number;
  /** Bytes of the chosen files. */
  wanted: number;
  /** Verified bytes. */
  have: number;
  /** Bytes of the chosen files that are not verified yet; 0 when these files are complete. */
  left: number;
  /** Number of pieces. */
  pieces: number;
  /** Number of verified pieces. */
  piecesHave: number;
  /** Progress of a running check (0 to 1), else null. */
  checked: number | null;
  /** Seconds since 1970; `completedAt` is null until all chosen files are complete. */
  addedAt: number;
  /** The same for completion; null before. */
  completedAt: number | null;
  /** Seconds over all runs, with `stateDir`. */
  activeSeconds: number;
  /** Seconds of seeding, over all runs. */
  seedingSeconds: number;
  /** Payload bytes in this run. */
  downloaded: number;
  /** Uploaded payload bytes of this run. */
  uploaded: number;
  /** The same over all runs, with `stateDir`; uploaded / wanted is the ratio. */
  totals: { downloaded: number; uploaded: number };
  /** Wasted bytes: failed pieces, duplicate blocks. */
  wasted: number;
  /** Pieces that did not match their hash, in this run. */
  hashFailures: number;
  /** Efficiency of the download. */
  metrics: DownloadMetrics;
  /** Download, in bytes a second. */
  downRate: number;
  /** Upload, in bytes a second. */
  upRate: number;
  /** Seconds until complete at the present rate; null when unknown. */
  etaSeconds: number | null;
  /** Numbers of peers. */
  peers: { connected: number; connecting: number; known: number; banned: number };
  /** Addresses that could not be connected in this run, by what happened the last time. */
  unreached: Unreached;
  /** Good nodes of the client's DHT; null without a DHT, and for private torrents. */
  dht: { nodes: number } | null;
  /** Connected peers that have all pieces. */
  seeds: number;
  /** Why the download is not faster. */
  heldBackBy: HeldBackBy;
  /** Set while a quota of the client (`ClientOptions.quota`) is used up. */
  quotaSpent?: QuotaSpent;
  /** The error that stopped it (state "failed") or that it waits for ("waiting"). */
  error: { code: string; message: string } | null;
}

/** The status, the trackers and the connected peers in one object. */
export interface TorrentSnapshot extends TorrentStatus {
  /** The trackers. */
  trackers: TrackerSnapshot[];
  /** The connected peers. */
  peerList: PeerSnapshot[];
}

/** An event of the torrent with this info-hash (40 hexadecimal digits). */
export type TorrentEvent = { infoHash: string } & TorrentHappening;

/** Which directions have used up their quota, and until when: milliseconds since 1970. */
export interface QuotaSpent {
  /** The download quota is used up. */
  down: boolean;
  /** The upload quota is used up. */
  up: boolean;
  /** When the next period begins, in milliseconds since 1970. */
  until: number;
}
