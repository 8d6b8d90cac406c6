/** What a user of the client sees: options, events and snapshots. Plain data, safe to serialise. */

import type { Metainfo } from "../metainfo/metainfo.ts";
import type { TrackerStatus } from "../tracker/tracker_manager.ts";
import type { Rates } from "../swarm/rate_limits.ts";
import type { DhtSettings } from "../discovery/discovery.ts";
import type { QuotaOptions, QuotaSpent } from "./quota.ts";
import type {
  FinalCheck,
  HeldBackBy,
  SeedGoal,
  TorrentHappening,
  TorrentState,
} from "../torrent/types.ts";

export type { DhtSettings, QuotaOptions, QuotaSpent };
export type { FinalCheck, HeldBackBy, Rates, SeedGoal, TorrentHappening, TorrentState };

/** Well-known DHT nodes to start from. */
export const DHT_BOOTSTRAP: readonly string[] = [
  "router.bittorrent.com:6881",
  "dht.transmissionbt.com:6881",
  "dht.libtorrent.org:25401",
];

export interface ClientOptions {
  /** Port for incoming connections, TCP. 0 (the default) takes a free one; -1 does not listen. */
  port?: number;
  /** The only address to listen on. Default: all, IPv4 and IPv6. */
  address?: string;
  /** Most files kept open, over all torrents. Default 128. */
  maxOpenFiles?: number;
  /** Bytes of memory for unfinished pieces, for each torrent. Default 20 MiB. */
  pieceBudgetBytes?: number;
  /** Bytes of memory for uploads read ahead, over all torrents. Default 32 MiB. */
  readCacheBytes?: number;
  /** Rate limits of all torrents together; default none. `Client.update` changes them. */
  limits?: Partial<Rates>;
  /**
   * Folder for everything that survives a restart: settings, resume record and metainfo of each
   * torrent. It is created when missing. Default: nothing is saved.
   */
  stateDir?: string;
  /** Most milliseconds of work that a crash may lose, with `stateDir`. Default 5000. */
  saveEveryMs?: number;
  /** Joins the DHT (BEP 5), with these settings. Default: no DHT. */
  dht?: DhtSettings;
  /** Looks for peers on the local network (BEP 14). Default false. */
  lsd?: boolean;
  /** Most connections of all torrents together, attempts included. Default 500. */
  maxConnections?: number;
  /**
   * Most bytes of all torrents per day or month. Default: no quota. Clients that share a `stateDir`
   * share the quota and learn of each other's bytes within 20 s. An upload exceeds it by one block at
   * most, a download by the blocks that peers have in flight.
   */
  quota?: QuotaOptions;
}

/** Files are named by their index in `Metainfo.files`. */
export interface FileSelection {
  /** 0: do not download; 1 (lowest) to 7 (highest). Files with priority 0 are never created. */
  priorities?: ReadonlyMap<number, number>;
  /** Priority of the files that `priorities` does not name. Default 4. */
  others?: number;
  /** Files whose pieces are downloaded in order. */
  sequential?: ReadonlySet<number>;
  /** Downloads the first and last piece of media files first, for players. Default false. */
  endsFirst?: boolean;
}

export interface AddOptions {
  /** The folder for the torrent's file or top folder. It is created when missing. */
  dir: string;
  /** Peer exchange (BEP 11); never used for private torrents. Default true. */
  pex?: boolean;
  /** For a magnet link: ends when the metadata is known (`Torrent.torrentFile`). Default false. */
  metadataOnly?: boolean;
  /**
   * Folders to search for files of the torrent, by size and hash, before the download. Matching files
   * are copied; where the disk supports it, the copy shares its blocks with the original.
   */
  reuse?: readonly string[];
  /** Folder for unfinished files. Finished files move to `dir`. Default: `dir`. */
  incompleteDir?: string;
  /** Addresses of more peers to try: "host:port" or "[v6]:port". */
  peers?: readonly string[];
  /** Most connections. Default 25. */
  maxPeers?: number;
  /** Upload slots, besides the optimistic one. Default 4. */
  uploadSlots?: number;
  /**
   * Super-seeding (BEP 16): a seed offers each peer one rare piece at a time until the swarm has a
   * full copy. For a first seed with little bandwidth. Default false.
   */
  superSeed?: boolean;
  /**
   * Which files to download, and which first. A function is called when the files are known.
   * Default: all.
   */
  files?: FileSelection | ((meta: Metainfo) => FileSelection);
  /**
   * Other names for files, by index in `Metainfo.files`: paths below `dir`, "folder/name". A function
   * is called when the files are known. Default: the torrent's own names, where the disk can store
   * them.
   */
  rename?: ReadonlyMap<number, string> | ((meta: Metainfo) => ReadonlyMap<number, string>);
  /** Most pieces to request from one peer at a time. Default: as many as keep the peer busy. */
  piecesPerPeer?: number;
  /** Downloads pieces in order instead of rarest first. Default false. */
  sequential?: boolean;
  /** Reserves disk space for all files at the start; without it they are sparse. Default false. */
  preallocate?: boolean;
  /** How long to seed after completion. Default { kind: "none" }. */
  seedGoal?: SeedGoal;
  /**
   * The final check. "changed" (default) covers every piece, but reads again only those in files that
   * changed since our last write or check; "full" reads and hashes everything.
   */
  finalCheck?: FinalCheck;
  /** Trusts existing data without hashing it; sizes are compared. Default false. */
  trustFiles?: boolean;
  /**
   * Uploads existing data and downloads nothing. Fails with an IncompleteError if data is missing. No
   * file is written to or created. Default false.
   */
  seedOnly?: boolean;
  /**
   * With `seedOnly`: reads through symbolic links in place of files and folders. Without this option,
   * only the torrent's top folder may be a link. Default false.
   */
  followLinks?: boolean;
  /**
   * Ignores the saved progress of earlier runs: existing data is checked, and missing files are
   * downloaded again even if their disk seems not to be mounted. Default false.
   */
  anew?: boolean;
  /**
   * Overwrites existing files with the torrent's names that are not its own. Default false: the
   * torrent fails with a FileError ("foreign"). Files of other running torrents are never overwritten.
   */
  overwrite?: boolean;
  /**
   * Downloads the original of files that changed after they were complete. Default false: the files
   * are left alone, and the torrent fails with an EditedError.
   */
  repair?: boolean;
  /**
   * When the disk is full, not mounted, read-only or reports errors: waits and retries (state
   * "waiting") instead of failing. Default true.
   */
  waitForDisk?: boolean;
  /** Rate limits of this torrent, and of each of its peers. Default: no limits. */
  limits?: Partial<Rates>;
  peerLimits?: Partial<Rates>;
}

/** What `Torrent.update` can change. Rates that are left out stay as they are. */
export type TorrentPatch = Partial<
  Pick<
    AddOptions,
    | "files"
    | "superSeed"
    | "seedGoal"
    | "maxPeers"
    | "uploadSlots"
    | "limits"
    | "peerLimits"
    | "pex"
    | "waitForDisk"
  >
>;

/** What `Client.update` can change. Rates that are left out stay as they are. */
export type ClientPatch = Pick<ClientOptions, "limits" | "maxConnections" | "quota">;

/** One tracker of a torrent; see TrackerStatus for the fields. */
export type TrackerSnapshot = TrackerStatus;

export interface PeerSnapshot {
  address: string;
  port: number;
  /** Client name and version, as the peer claims; text from a stranger. */
  client: string;
  incoming: boolean;
  /** 0 to 1. */
  progress: number;
  /** Bytes a second, averaged over a few seconds. */
  downRate: number;
  upRate: number;
  /** Seconds since it connected, and bytes a second over all that time. */
  seconds: number;
  averageDownRate: number;
  averageUpRate: number;
  /** Payload bytes since it connected. */
  downloaded: number;
  uploaded: number;
  /**
   * `choking`: the peer chokes us. `interested`: we are interested in the peer. `choked`: we choke the
   * peer. `peerInterested`: the peer is interested in us.
   */
  choking: boolean;
  interested: boolean;
  choked: boolean;
  peerInterested: boolean;
  snubbed: boolean;
  /** Blocks requested and not received yet, and the most that may be. */
  outstanding: number;
  window: number;
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

/** A file of a torrent; pad files are left out. */
export interface FileSnapshot {
  /** The index in `Metainfo.files`, which file choices and `rename` use. */
  index: number;
  /** The torrent's own path: "folder/name". */
  name: string;
  /** The absolute path on the disk, whether the file exists yet or not. */
  path: string;
  size: number;
  /** Bytes of the file in verified pieces. */
  bytesDone: number;
  /** 0: do not download; 1 (lowest) to 7 (highest). */
  priority: number;
}

export interface PiecesSnapshot {
  count: number;
  /** Bytes of each piece; the last one may be shorter. */
  length: number;
  /** A bit for each verified piece; piece 0 is the highest bit of the first byte. */
  have: Uint8Array;
}

/** The present state of a torrent, in figures that are cheap to get. */
export interface TorrentStatus {
  /** 40 hexadecimal digits. */
  infoHash: string;
  name: string;
  /** The name of its file or top folder in `dir`, if that differs from the torrent's own name. */
  savedAs?: string;
  dir: string;
  state: TorrentState;
  /** Bytes, without pad files; 0 until the metadata of a magnet link is known. */
  size: number;
  /** Bytes of the chosen files. */
  wanted: number;
  /** Verified bytes. */
  have: number;
  /** Bytes of the chosen files that are not verified yet; 0 when these files are complete. */
  left: number;
  pieces: number;
  piecesHave: number;
  /** Progress of a running check (0 to 1), else null. */
  checked: number | null;
  /** Seconds since 1970; `completedAt` is null until all chosen files are complete. */
  addedAt: number;
  completedAt: number | null;
  /** Seconds over all runs, with `stateDir`. */
  activeSeconds: number;
  seedingSeconds: number;
  /** Payload bytes in this run. */
  downloaded: number;
  uploaded: number;
  /** The same over all runs, with `stateDir`; uploaded / wanted is the ratio. */
  totals: { downloaded: number; uploaded: number };
  /** Wasted bytes: failed pieces, duplicate blocks. */
  wasted: number;
  hashFailures: number;
  metrics: DownloadMetrics;
  downRate: number;
  upRate: number;
  /** Seconds until complete at the present rate; null when unknown. */
  etaSeconds: number | null;
  peers: { connected: number; connecting: number; known: number; banned: number };
  /** Connected peers that have all pieces. */
  seeds: number;
  heldBackBy: HeldBackBy;
  /** Set while a quota of the client (`ClientOptions.quota`) is used up. */
  quotaSpent?: QuotaSpent;
  /** The error that stopped it (state "failed") or that it waits for ("waiting"). */
  error: { code: string; message: string } | null;
}

/** The status, the trackers and the connected peers in one object. */
export interface TorrentSnapshot extends TorrentStatus {
  trackers: TrackerSnapshot[];
  peerList: PeerSnapshot[];
}

/** An event of the torrent with this info-hash (40 hexadecimal digits). */
export type TorrentEvent = { infoHash: string } & TorrentHappening;
