/** What a user of the client sees: options, events and snapshots. Plain data, safe to serialise. */

import type { Metainfo } from "../protocol/metainfo.ts";
import type { TrackerStatus } from "../tracker/tracker_manager.ts";
import type { Rates } from "../torrent/rate_limits.ts";
import type { DhtSettings } from "./discovery.ts";
import type { QuotaOptions, QuotaSpent } from "./quota.ts";
import type {
  FinalCheck,
  HeldBackBy,
  SeedGoal,
  TorrentHappening,
  TorrentState,
} from "../torrent/types.ts";

export type { DhtSettings, QuotaOptions, QuotaSpent };
export type { FinalCheck, HeldBackBy, Rates, SeedGoal, TorrentState };

/** Well-known nodes to begin with. */
export const DHT_BOOTSTRAP: readonly string[] = [
  "router.bittorrent.com:6881",
  "dht.transmissionbt.com:6881",
  "dht.libtorrent.org:25401",
];

export interface ClientOptions {
  /** Port for incoming connections, TCP. 0 (the default) takes a free one; -1 does not listen. */
  port?: number;
  /** Listens on this address only; default: all, IPv4 and IPv6. */
  address?: string;
  /** Files kept open at most, over all torrents. Default 128. */
  maxOpenFiles?: number;
  /** Bytes of memory for pieces that are being downloaded, of one torrent. Default 20 MiB. */
  pieceBudgetBytes?: number;
  /** Bytes of memory for data read ahead for uploads, over all torrents. Default 32 MiB. */
  readCacheBytes?: number;
  /** Rate limits of all torrents together; default none. `Client.update` changes them. */
  limits?: Partial<Rates>;
  /**
   * Where what is to survive a restart is kept: a resume record and the metainfo of each torrent.
   * It is created when missing. Default: nothing is kept.
   */
  stateDir?: string;
  /** Milliseconds of work that a crash may cost at most, with `stateDir`. Default 5000. */
  saveEveryMs?: number;
  /** Joins the DHT (BEP 5), with these settings. Default: no DHT. */
  dht?: DhtSettings;
  /** Looks for peers on the local network (BEP 14). Default false. */
  lsd?: boolean;
  /** Connections of all torrents together, attempts included. Default 500. */
  maxConnections?: number;
  /**
   * Bytes of all torrents in a day or a month; default none. Clients that share a `stateDir` share
   * it, too, and know of each other's bytes within 20 s. It is exceeded by a block at most when
   * giving, and by what each peer has sent at once when fetching.
   */
  quota?: QuotaOptions;
}

/** Files are named by their index in `Metainfo.files`. */
export interface FileSelection {
  /** 0 for not wanted, 1 (least) to 7; a file that is not wanted is never made. */
  priorities?: ReadonlyMap<number, number>;
  /** Priority of the files that `priorities` does not name. Default 4. */
  others?: number;
  /** Files whose pieces are fetched in order. */
  sequential?: ReadonlySet<number>;
  /** The first and last piece of media files come first, for players. Default false. */
  endsFirst?: boolean;
}

export interface AddOptions {
  /** The folder that the torrent's file or top folder is put into. It is created when missing. */
  dir: string;
  /** Peers and we tell each other of more peers (BEP 11); never in a private torrent. Default true. */
  pex?: boolean;
  /** Of a magnet: ends when the metadata is there (`Torrent.torrentFile`). Default false. */
  metadataOnly?: boolean;
  /**
   * Folders to look through for files of the torrent, by size and hash, before anything is fetched:
   * what is found is copied, sharing its blocks where the disk can.
   */
  reuse?: readonly string[];
  /** Where it is until it is whole; then it moves to `dir`. Default: `dir`. */
  incompleteDir?: string;
  /** Peers to try beside those that trackers give: "host:port" or "[v6]:port". */
  peers?: readonly string[];
  /** Connections at most. Default 25. */
  maxPeers?: number;
  /** Peers that are served at once by merit or turn, beside one at random. Default 4. */
  uploadSlots?: number;
  /**
   * As a seed shows each peer one rare piece at a time (BEP 16), until the others have a whole copy
   * between them: for a first seed with little bandwidth. Default false.
   */
  superSeed?: boolean;
  /** Which files and which first; a function is asked when the files are known. Default: all. */
  files?: FileSelection | ((meta: Metainfo) => FileSelection);
  /**
   * Other names for files, by index in `Metainfo.files`: paths below `dir`, "folder/name". A function
   * is asked when the files are known. Default: the torrent's own names, wherever the disk takes them.
   */
  rename?: ReadonlyMap<number, string> | ((meta: Metainfo) => ReadonlyMap<number, string>);
  /** Pieces that one peer works on at a time at most. Default: as many as its window needs. */
  piecesPerPeer?: number;
  /** Takes pieces in order instead of rarest first. */
  sequential?: boolean;
  /** Reserves the files' space at once instead of leaving them sparse. */
  preallocate?: boolean;
  /** Default { kind: "none" }. */
  seedGoal?: SeedGoal;
  /**
   * The check at the end. "changed" (default) covers every piece, and reads again those in files
   * that are no longer as our last write or check left them; "full" reads and hashes everything.
   */
  finalCheck?: FinalCheck;
  /** Takes what is on the disk as right without hashing it (a seed that trusts its files). */
  trustFiles?: boolean;
  /**
   * Gives what is there and downloads nothing: fails with an IncompleteError unless everything is
   * there. No file is written to or made. Default false.
   */
  seedOnly?: boolean;
  /**
   * With `seedOnly`: reads through symbolic links in place of files and folders. Without it only the
   * torrent's top folder may be one. Default false.
   */
  followLinks?: boolean;
  /**
   * Nothing that an earlier run left is believed: all is checked, and files that are gone are fetched
   * again, where otherwise their disk is waited for. Default false.
   */
  anew?: boolean;
  /**
   * Files that stand where the torrent's are to be, and are not its own, are written over. Default
   * false: the torrent fails with a FileError ("foreign"). Those of other torrents that run stay.
   */
  overwrite?: boolean;
  /**
   * Files that were changed after they were complete are downloaded again. Default false: they are
   * left as they are, and the torrent fails with an EditedError.
   */
  repair?: boolean;
  /**
   * When the disk is full, gone, read-only or gives errors: waits and tries again by itself (state
   * "waiting") instead of failing. Default true.
   */
  waitForDisk?: boolean;
  /** Rate limits of this torrent, and of each of its peers; default none. */
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
  /** Client name and version from the extension handshake or the peer id; hostile text. */
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
  /** It chokes us; we are interested in it; we choke it; it is interested in us. */
  choking: boolean;
  interested: boolean;
  choked: boolean;
  peerInterested: boolean;
  snubbed: boolean;
  /** Blocks asked for and not here yet, and how many may be. */
  outstanding: number;
  window: number;
  sources: string[];
}

/** What downloading cost so far, in this run of the client: pauses and waiting for a disk do not end it. */
export interface DownloadMetrics {
  /** Pieces begun, and of those: verified, failed their hash, begun once more. */
  pieces: { started: number; completed: number; failed: number; retried: number };
  /** Bytes of no use: in failed pieces, that came twice or too late, that nobody asked for. */
  wasted: { failed: number; duplicate: number; unasked: number };
  /**
   * Time from request to answer: how many blocks took up to each of `upToMs` milliseconds; the last
   * of `counts`, which has one more, is all beyond.
   */
  blockLatency: { upToMs: number[]; counts: number[] };
}

export interface TorrentSnapshot {
  /** 40 hexadecimal digits. */
  infoHash: string;
  name: string;
  /** The name in `dir` of its file or top folder, only where that is not the torrent's own. */
  savedAs?: string;
  dir: string;
  state: TorrentState;
  /** Bytes, pad files not counted; 0 while only a magnet is known. */
  size: number;
  /** Bytes of the files that are wanted. */
  wanted: number;
  /** Verified bytes. */
  have: number;
  /** Bytes of the wanted files that are not verified yet; 0 when all that is wanted is there. */
  left: number;
  pieces: number;
  piecesHave: number;
  /** Fraction of the check under way (at the start, at the end, or asked for), else null. */
  checked: number | null;
  /** Payload bytes in this run. */
  downloaded: number;
  uploaded: number;
  /** The same over all runs, with `stateDir`; uploaded / wanted is the ratio. */
  totals: { downloaded: number; uploaded: number };
  /** Bytes that came and were of no use: failed pieces, duplicates. */
  wasted: number;
  hashFailures: number;
  metrics: DownloadMetrics;
  downRate: number;
  upRate: number;
  /** Seconds to the end at the present rate; null when unknown. */
  etaSeconds: number | null;
  peers: { connected: number; connecting: number; known: number; banned: number };
  /** Connected peers that have everything. */
  seeds: number;
  heldBackBy: HeldBackBy;
  /** Only there while a quota of the client (`ClientOptions.quota`) lets nothing pass that way. */
  quotaSpent?: QuotaSpent;
  trackers: TrackerSnapshot[];
  peerList: PeerSnapshot[];
  /** What stopped it (state "failed"), or what it waits for ("waiting"). */
  error: { code: string; message: string } | null;
}

/** One thing that happened to one torrent. `infoHash` (hexadecimal) says to which. */
export type TorrentEvent = { infoHash: string } & TorrentHappening;
