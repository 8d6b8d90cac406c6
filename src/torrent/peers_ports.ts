/** The parts of a torrent's peers, and their view of the rest of the torrent. */
import type { Clock, Hasher, Random } from "../platform/types.ts";
import type { ConnectionSlots } from "../peers/connection_slots.ts";
import type { PeerPoolConfig } from "../peers/pool_types.ts";
import type { ExtensionEvents, ExtensionOptions } from "../swarm/extensions.ts";
import type { SendBuffers } from "../swarm/peer/link.ts";
import type { Rates, ThrottlePair } from "../swarm/rate_limits.ts";
import type { SwarmContent, SwarmOptions } from "../swarm/swarm_types.ts";
import type { TrackerManager } from "../tracker/tracker_manager.ts";
import type { Dial } from "../transport/dial.ts";
import type { TrackerChanges, TrackerTiers } from "./options.ts";
import type { TorrentPeers } from "./peers.ts";
import type { TorrentHappening } from "./types.ts";

export interface PeersPorts {
  clock: Clock;
  random: Random;
  hasher: Hasher;
  dial: Dial;
  buffers: SendBuffers;
  /** The limits of the whole client, which the client serves. */
  throttles: ThrottlePair;
  /** Connections of the whole client. */
  slots: ConnectionSlots;
  /** Makes the tracker manager, which reports to these peers. */
  trackers(peers: TorrentPeers): TrackerManager;
  /** The extensions that this torrent offers its peers, and the receivers of their messages. */
  extensions: ExtensionOptions;
  outside: Pick<ExtensionEvents, "dhtNode" | "ownAddress">;
  tell(happening: TorrentHappening): void;
}

export interface PeersOptions {
  /** From the link or .torrent. */
  tiers: TrackerTiers;
  trackers: TrackerTiers | TrackerChanges | undefined;
  pool: Partial<PeerPoolConfig>;
  swarm: SwarmOptions;
  /** Of the torrent as a whole, and of each peer. */
  limits: Rates;
  peerLimits: Rates;
}

/** Options that can change at any time; omitted ones stay as they are. */
export interface PeersPatch {
  trackers?: TrackerTiers | TrackerChanges;
  limits?: Partial<Rates>;
  peerLimits?: Partial<Rates>;
  uploadSlots?: number;
  maxPeers?: number;
  pex?: boolean;
  superSeed?: boolean;
  /** -1, 0 or 1. */
  priority?: number;
}

/** The work on the torrent's files. */
export interface PeersContent extends SwarmContent {
  /** An internal error (a FileError, a bug), possibly in the middle of a chunk. */
  broke(error: unknown): void;
  /** The end of a turn in which something happened. */
  settled(): void;
}

/** The metadata, as far as it matters here. */
export interface Known {
  readonly infoBytes: Uint8Array;
  readonly private: boolean;
  /** Tracker URLs in tiers. */
  readonly announce: readonly (readonly string[])[];
}
