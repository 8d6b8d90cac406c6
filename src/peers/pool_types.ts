/** What the peer pool is given: its limits, and the ports through which it acts and reports. */
import type { Crc32c } from "../util/crc32c.ts";
import type { PoolPeer } from "./pool_peer.ts";

export interface PeerPoolConfig {
  /** Peers remembered at most; bans fill no more than half of it. Default 1000. */
  maxPeerlistSize: number;
  /** Connections at most. Default 25. */
  maxActiveConnections: number;
  /** Attempts to connect that are under way at most. Default 100. */
  maxHalfOpen: number;
  /** The same of those that the next ones wait for (Attempts). Default 25. */
  maxPending: number;
  /** An address that failed so often is dead: dialled only while nobody is connected. Default 3. */
  maxFailcount: number;
  /**
   * Back-off before a peer is dialled again, times failures + 1; while nobody is connected it is
   * shorter. Default 60,000 ms.
   */
  minReconnectTimeMs: number;
  /** At this trust or below a peer is banned; a failed piece costs it 2. Default -7. */
  banTrust: number;
  /** With it and our own address the rank's last term is the canonical priority (BEP 40). */
  crc32c: Crc32c | null;
  /** Our own peer id, 20 bytes: settles which of two connections to one peer is kept. */
  peerId: Uint8Array | null;
}

export const POOL_DEFAULTS: Readonly<PeerPoolConfig> = {
  maxPeerlistSize: 1000,
  maxActiveConnections: 25,
  maxHalfOpen: 100,
  maxPending: 25,
  maxFailcount: 3,
  minReconnectTimeMs: 60_000,
  banTrust: -7,
  crc32c: null,
  peerId: null,
};

/** Who makes and breaks connections for the pool. It may answer within the call. */
export interface PoolDialer {
  /** Ends in `connected` or `connectionClosed` of the pool, exactly once, unless hung up on. */
  dial(peer: PoolPeer): void;
  /** Ends a connection or an attempt; nothing more about it is reported to the pool. */
  hangUp(peer: PoolPeer): void;
}

/**
 * Called last in each step, when the pool's own state is up to date, so calling back into it is
 * fine. What peers send does not come through here: a block goes from its session straight to the
 * pieces.
 */
export interface PoolCallbacks {
  onConnected?(peer: PoolPeer): void;
  /** Not called for an attempt that never became a connection. */
  onDisconnected?(peer: PoolPeer, wasError: boolean): void;
  onBanned?(peer: PoolPeer, reason: string): void;
}

export interface PoolStats {
  /** All that are remembered. */
  total: number;
  /** Ready to be dialled. */
  candidates: number;
  connecting: number;
  connected: number;
  /** Addresses that failed too often. */
  dead: number;
  banned: number;
}
