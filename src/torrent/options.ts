/** What a user wants of a torrent. Plain data, except that `files` and `rename` may be functions. */

import type { Metainfo } from "../metainfo/metainfo.ts";
import type { Rates } from "../swarm/rate_limits.ts";
import type { AtGoal, FinalCheck, SeedGoal } from "./types.ts";

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

/** URLs of trackers in tiers (BEP 12). */
export type TrackerTiers = readonly (readonly string[])[];

/** Changes to the present trackers: each added one gets a tier of its own. */
export interface TrackerChanges {
  /** URLs to announce to as well. */
  add?: readonly string[];
  /** URLs to announce to no longer. */
  remove?: readonly string[];
}

/** What `Client.add` takes. docs/options.md lists the same with defaults. */
export interface AddOptions {
  /** The folder for the torrent's file or top folder. It is created when missing. */
  dir: string;
  /**
   * Trackers, in place of those of the torrent or magnet link, or changes to those. Removed ones are told
   * "stopped". Default: those of the torrent or magnet link.
   */
  trackers?: TrackerTiers | TrackerChanges;
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
  /** Rate limits of each of its peers. Default: no limits. */
  peerLimits?: Partial<Rates>;
  /**
   * Its labels, at most 100 characters each. Options that the torrent does not have itself are those
   * of its labels (`ClientOptions.labels`), of the first label that has them. Default: none.
   */
  labels?: readonly string[];
  /**
   * What happens at the seed goal. "stop": it is done, also after a restart of the client; "remove":
   * the client forgets it; "remove-data": its files are deleted, too; "super-seed": it seeds on as a
   * super-seed. Default "stop".
   */
  atGoal?: AtGoal;
  /**
   * Patterns of files that are not downloaded, unless `files` names them: `*` and `?` match inside a
   * name, `**` across folders; one with "/" is matched with the path, others with the name. The case
   * does not matter. Default: none.
   */
  skipFiles?: readonly string[];
  /** Pauses the torrent as soon as its metadata is known, so that files can be chosen. Default false. */
  stopAfterMetadata?: boolean;
  /** Runs outside the queue, and does not count in it. Default false. */
  forceStart?: boolean;
  /**
   * -1, 0 or 1: its share of a rate limit that torrents have in common. Default 0.
   */
  priority?: number;
  /** Adds it paused: existing data is checked, and nothing else happens until `start`. Default false. */
  paused?: boolean;
}

/**
 * What `Torrent.update` can change. Rates that are left out stay as they are. Another `dir` moves the
 * files, as `Torrent.move` does. Trackers that are named alone take the place of all present ones.
 */
export type TorrentPatch = Partial<
  Pick<
    AddOptions,
    | "dir"
    | "trackers"
    | "files"
    | "superSeed"
    | "seedGoal"
    | "maxPeers"
    | "uploadSlots"
    | "limits"
    | "peerLimits"
    | "pex"
    | "waitForDisk"
    | "labels"
    | "atGoal"
    | "skipFiles"
    | "stopAfterMetadata"
    | "forceStart"
    | "priority"
  >
>;

/** The options with the answers of their functions. Throws what these throw. */
export function settled(options: AddOptions, meta: Metainfo): AddOptions {
  const { files, rename } = options;
  return {
    ...options,
    ...(typeof files === "function" ? { files: files(meta) } : {}),
    ...(typeof rename === "function" ? { rename: rename(meta) } : {}),
  };
}
