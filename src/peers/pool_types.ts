/** The limits of the peer pool, and its figures. */
import type { Crc32c } from "../util/crc32c.ts";

export interface PeerPoolConfig {
  /** The most peers that are remembered; bans take at most half. Default 1000. */
  maxPeerlistSize: number;
  /** The most connections. Default 25. */
  maxActiveConnections: number;
  /** The most attempts at a time. Default 100. */
  maxHalfOpen: number;
  /** The most attempts that delay others (Attempts). Default 25. */
  maxPending: number;
  /**
   * After this many failures, an address is dead: it is dialled only while no peer is connected.
   * Default 3.
   */
  maxFailcount: number;
  /**
   * Back-off before a peer is dialled again, times failures + 1; while nobody is connected it is
   * shorter. Default 60,000 ms.
   */
  minReconnectTimeMs: number;
  /** A peer with this trust or less is banned; a failed piece costs 2. Default -7. */
  banTrust: number;
  /** With our own address, it makes the rank's last term the canonical priority (BEP 40). */
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

export interface PoolStats {
  /** All remembered peers. */
  total: number;
  /** Ready to be dialled. */
  candidates: number;
  connecting: number;
  connected: number;
  /** Addresses that failed too often. */
  dead: number;
  banned: number;
}
