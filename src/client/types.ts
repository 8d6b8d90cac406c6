/**
 * What a user of the client sees: its options, and, from src/torrent, those of a torrent with its
 * events and snapshots. Plain data, safe to serialise.
 */

import type { Rates } from "../swarm/rate_limits.ts";
import type { DhtSettings } from "../discovery/discovery.ts";
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
  DownloadMetrics,
  FileSnapshot,
  FinalCheck,
  HeldBackBy,
  PeerSnapshot,
  PiecesSnapshot,
  QuotaSpent,
  SeedGoal,
  TorrentEvent,
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
}

/** What `Client.update` can change. Rates that are left out stay as they are. */
export type ClientPatch = Pick<
  ClientOptions,
  "port" | "limits" | "dht" | "lsd" | "maxConnections" | "quota"
>;
