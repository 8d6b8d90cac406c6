/**
 * The public types of the client: its options, and, from src/torrent, those of a torrent with its
 * events and snapshots. Plain data, safe to serialise.
 */

import type { Rates } from "../swarm/rate_limits.ts";
import type { DhtSettings } from "../discovery/discovery.ts";
import type { AddOptions } from "../torrent/options.ts";
import type { QuotaOptions } from "./quota.ts";

export type { DhtSettings, QuotaOptions, Rates };
export type { ClientFigures, HistogramFigures } from "./figures.ts";
export type {
  AddOptions,
  FileSelection,
  TorrentPatch,
  TrackerChanges,
  TrackerTiers,
} from "../torrent/options.ts";
export type {
  AtGoal,
  DownloadMetrics,
  FileSnapshot,
  FinalCheck,
  HeldBackBy,
  PeerSnapshot,
  PiecesSnapshot,
  QuotaSpent,
  SeedGoal,
  StreamRange,
  TorrentEvent,
  TorrentFile,
  TorrentHappening,
  TorrentSnapshot,
  TorrentState,
  TorrentStatus,
  TrackerSnapshot,
  Unreached,
} from "../torrent/types.ts";

export { DHT_BOOTSTRAP } from "../discovery/discovery.ts";

/** What `createClient` takes. docs/options.md lists the same with defaults. */
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
  /** Joins the DHT (BEP 5), with these settings. Default true; false turns it off. */
  dht?: DhtSettings | boolean;
  /** Looks for peers on the local network (BEP 14). Default true. */
  lsd?: boolean;
  /**
   * Asks trackers whose URL could lead to another service: on this machine under any path, not only
   * one that starts with /announce, and on any host with announce arguments such as `key` in it. For
   * trackers that you trust, such as a proxy of your own. Default false.
   */
  anyTrackerUrl?: boolean;
  /** Most connections of all torrents together, attempts included. Default 500. */
  maxConnections?: number;
  /**
   * Most bytes of all torrents per day or month. Default: no quota. Clients that share a `stateDir`
   * share the quota and learn of each other's bytes within 20 s. An upload exceeds it by one block at
   * most, a download by the blocks that peers have in flight.
   */
  quota?: QuotaOptions;
  /** How many torrents work at a time; the others wait for their turn. Default: all work. */
  queue?: Partial<QueueLimits>;
  /** Other rate limits, for some hours of the week or until they are turned off. Default: none. */
  alternative?: Partial<AlternativeLimits>;
  /**
   * Bytes. Torrents that would write to a disk with less free space than this wait until there is
   * a tenth more. Default 0: never.
   */
  minFreeSpace?: number;
  /** URLs of trackers that every new public torrent gets beside its own. Default: none. */
  extraTrackers?: readonly string[];
  /** By label: what its torrents have in common. A change applies to all of them. Default: none. */
  labels?: Readonly<Record<string, LabelSettings>>;
}

/** How many torrents work at a time; Infinity for no limit. */
export interface QueueLimits {
  /** Torrents that download. Those that only check their files do not count. */
  downloads: number;
  /** Torrents that seed. */
  seeds: number;
  /** A torrent without progress for this time does not count. Infinity: all count. Default 300. */
  stalledSeconds: number;
}

/** Rate limits that replace `ClientOptions.limits` while they are on. */
export interface AlternativeLimits {
  /** In bytes a second. */
  limits: Partial<Rates>;
  /** On now, until the next begin or end of a window. */
  on: boolean;
  /** When they are on. Empty: as `on` says. */
  schedule: readonly WeeklyWindow[];
}

/** Hours of some days of the week, in local time. */
export interface WeeklyWindow {
  /** 0: Sunday, to 6: Saturday. The days on which the window begins. */
  days: readonly number[];
  /** "HH:MM". */
  from: string;
  /** "HH:MM", up to "24:00"; on the next day where it is not after `from`. */
  to: string;
}

/** What the torrents of a label have in common, unless a torrent has its own option. */
export interface LabelSettings {
  /** Folder for new torrents that name none. */
  dir?: string;
  /** Rate limits of all its torrents together, in bytes a second. */
  limits?: Partial<Rates>;
  /** As of a torrent. */
  seedGoal?: AddOptions["seedGoal"];
  /** As of a torrent. */
  atGoal?: AddOptions["atGoal"];
  /** As of a torrent; these and the torrent's own count. */
  skipFiles?: readonly string[];
}

/** What `Client.add` takes: `dir` may be left out if one of the labels has a folder. */
export type NewTorrent = Omit<AddOptions, "dir"> & { dir?: string };

/** Where torrents move to in the queue; a number is a position from 0. */
export type QueueTarget = "top" | "up" | "down" | "bottom" | number;

/** The order of a client's torrents. */
export interface ClientQueue {
  /**
   * Moves torrents to the top or bottom of the queue, a place up or down, or to a position (from 0).
   * They keep their order among themselves; unknown ones are skipped. A restart knows the order.
   */
  move(infoHashes: readonly string[], to: QueueTarget): void;
}

/** What `Client.remove` did with the files of a torrent. */
export interface RemovedData {
  /** Absolute paths of deleted files and folders. */
  removed: string[];
  /** Files of the torrent that were left alone, and why. */
  kept: { path: string; reason: string }[];
  /** Bytes of the deleted files. */
  bytes: number;
}

/** What `Client.update` can change. Rates that are left out stay as they are. */
export type ClientPatch = Pick<
  ClientOptions,
  | "port"
  | "limits"
  | "dht"
  | "lsd"
  | "maxConnections"
  | "quota"
  | "queue"
  | "alternative"
  | "minFreeSpace"
  | "extraTrackers"
  | "labels"
>;
