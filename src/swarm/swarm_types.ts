/** What a swarm shares with its parts and with its torrent. */
import type { Clock, Hasher, Random, SocketInfo } from "../platform/types.ts";
import type { Dial } from "../transport/dial.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { PeerPool } from "../peers/peer_pool.ts";
import type { PoolPeer } from "../peers/pool_peer.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";
import type { TorrentExtensions } from "./extensions.ts";
import type { BlockReader, LinkShared, PeerLink } from "./peer/link.ts";
import type { PeerSession } from "./peer/session.ts";
import type { LinkLimits, RateLimits } from "./rate_limits.ts";

export interface SwarmPorts extends Pick<LinkShared, "buffers"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly dial: Dial;
  readonly pool: PeerPool;
  readonly limits: RateLimits;
  readonly extensions: TorrentExtensions;
}

/** The purpose of the connections. */
export interface SwarmContent {
  readonly layout: Layout;
  readonly pieces: PieceManager;
  readonly reader: BlockReader;
}

export interface SwarmEvents {
  connected(member: Member): void;
  disconnected(member: Member, error: Error | null): void;
  /** A connection could not be made. */
  unreached(peer: PoolPeer, error: Error): void;
  /** An internal error (a FileError, a bug): the torrent must stop. */
  broke(error: unknown): void;
  /** The end of a turn with changes. */
  settled(): void;
}

export interface Identity {
  infoHash: Uint8Array;
  peerId: Uint8Array;
  /** Lets a tracker recognize us when our address changes (BEP 7): 32 bits. */
  trackerKey: number;
  /** 0 if we do not listen. */
  listenPort(): number;
  clientName: string;
}

export interface SwarmOptions {
  /** Peers unchoked at once, besides the random one. */
  uploadSlots: number;
  /** Announces its pieces one by one once it is complete (BEP 16). */
  superSeed: boolean;
}

/** One connected peer: its entry in the pool, its protocol state and its socket. */
export interface Member {
  readonly peer: PoolPeer;
  readonly session: PeerSession;
  readonly link: PeerLink;
  readonly info: SocketInfo;
  readonly incoming: boolean;
  /** One bit of PEER_SOURCE: how it was found, as known when it connected. */
  readonly source: number;
  readonly limits: LinkLimits;
  /** Totals of this connection as reported to the pool. */
  reported: { down: number; up: number };
  /** When it last downloaded something, or had no reason to. */
  tookAt: number;
  /** When it last sent or received data; at first, when it connected. */
  movedAt: number;
}
