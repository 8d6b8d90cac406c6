/** When two connections, or two entries of the pool, are the same peer. */
import { equalBytes } from "../util/bytes.ts";
import type { PoolPeer } from "./pool_peer.ts";

/**
 * The connected peer that dialled us earlier from `address` (canonical) with this peer id. A peer
 * does not dial again unless its first connection is dead, which we may not know yet. A connection
 * that we dialled is no such duplicate: there, both sides must agree which one stays.
 */
export function olderConnection(
  connected: Iterable<PoolPeer>,
  address: string,
  peerId: Uint8Array | null,
): PoolPeer | undefined {
  if (peerId === null) return undefined;
  for (const peer of connected) {
    if (!peer.incoming || peer.address !== address || peer.peerId === null) continue;
    if (equalBytes(peer.peerId, peerId)) return peer;
  }
  return undefined;
}

/** Takes over the history of another entry for the same peer. */
export function absorb(peer: PoolPeer, other: PoolPeer): void {
  peer.sources |= other.sources;
  peer.conduct.downloaded += other.conduct.downloaded;
  peer.conduct.uploaded += other.conduct.uploaded;
  peer.conduct.hashFails += other.conduct.hashFails;
  peer.dials.failCount = Math.max(peer.dials.failCount, other.dials.failCount);
  peer.conduct.breaches += other.conduct.breaches;
  peer.conduct.trust = Math.min(peer.conduct.trust, other.conduct.trust);
  peer.seed ||= other.seed;
}
