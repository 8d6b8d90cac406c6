/** What a torrent is given: its options, and the ports to all that is outside. */
import type { Clock, Hasher, Random } from "../platform/types.ts";
import type { ResumeData } from "../protocol/resume_data.ts";
import type { SendBuffers } from "../peer/link.ts";
import type { ReadCache } from "../storage/read_cache.ts";
import type { Sought } from "../storage/reuse.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import type { TrackerManager } from "../tracker/tracker_manager.ts";
import type { ConnectionSlots } from "./connection_slots.ts";
import type { ExtensionEvents, ExtensionOptions } from "./extensions.ts";
import type { FileChoiceOptions } from "./file_choice.ts";
import type { KeeperMaker } from "./persistence.ts";
import type { PieceOptions } from "./piece_manager.ts";
import type { PeerPoolConfig } from "./pool_types.ts";
import type { Rates, ThrottlePair } from "./rate_limits.ts";
import type { SwarmDialer, SwarmOptions } from "./swarm.ts";
import type { PathClaims } from "./take_over.ts";
import type { Torrent } from "./torrent.ts";
import type { FinalCheck, SeedGoal, TorrentHappening } from "./types.ts";

export interface TorrentOptions {
  /** Where it is to be when it is whole: as the user wrote it, and from the root. */
  dir: string;
  absoluteDir: string;
  pieces: PieceOptions;
  pool: Partial<PeerPoolConfig>;
  swarm: SwarmOptions;
  /** Which files, and which first. */
  files: FileChoiceOptions;
  seedGoal: SeedGoal;
  finalCheck: FinalCheck;
  trustFiles: boolean;
  seedOnly: boolean;
  /** What stands in the way of wanted files is written over. */
  overwrite: boolean;
  /** Files that were changed after they were complete are fetched again. */
  repair: boolean;
  preallocate: boolean;
  /** Of the torrent as a whole, and of each peer. */
  limits: Rates;
  peerLimits: Rates;
}

/** What can be changed while it runs; what is left out stays as it is. */
export interface LiveOptions {
  limits?: Partial<Rates>;
  peerLimits?: Partial<Rates>;
  uploadSlots?: number;
  maxPeers?: number;
  pex?: boolean;
  superSeed?: boolean;
  seedGoal?: SeedGoal;
}

export interface TorrentPorts {
  clock: Clock;
  random: Random;
  hasher: Hasher;
  storage: TorrentStorage;
  dialer: SwarmDialer;
  buffers: SendBuffers;
  /** Memory for uploads of all torrents. */
  readCache: ReadCache;
  /** The limits of the whole client, which the client serves. */
  throttles: ThrottlePair;
  /** Connections of the whole client. */
  slots: ConnectionSlots;
  /**
   * What an earlier run left; null for a new torrent, or when there is no such record. The torrent
   * lets go of it when it is open: a thousand of them are much memory.
   */
  record: ResumeData | null;
  /** What the record names must not have vanished: its disk may only be away. */
  mustExist: boolean;
  /** Files with other names than the torrent's, by index: as `storage` was made. */
  renamed: ReadonlyMap<number, readonly string[]>;
  /** Warnings beside those of the metainfo. Default: none. */
  notes?: readonly string[];
  /** Whose paths are whose, in the client and beyond. */
  claims: PathClaims;
  /** Finds files of the torrent in other folders, by index; null when nothing is to be reused. */
  reuse: ((sought: Sought[], signal: AbortSignal) => Promise<Map<number, string>>) | null;
  /** Makes the keeper of the resume record; null when none is kept. */
  keeper: KeeperMaker;
  /** Makes the tracker manager, which reports to the torrent that it is for. */
  trackers(torrent: Torrent): TrackerManager;
  /** What this torrent offers its peers beside pieces, and who hears what they tell of us. */
  extensions: ExtensionOptions;
  outside: Pick<ExtensionEvents, "dhtNode" | "ownAddress">;
  tell(happening: TorrentHappening): void;
}
