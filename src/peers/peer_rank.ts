/** The value of a peer: the numbers that decide which is dialled and which is forgotten first. */
import { assert } from "../util/assert.ts";
import type { Crc32c } from "../util/crc32c.ts";
import { peerPriority, type PriorityEndpoint } from "./peer_priority.ts";
import { PEER_SOURCE, type PoolPeer } from "./pool_peer.ts";

/** The spread term is from 0 to one below this. */
const SPREAD = 20;

/** Higher is better. A seed is worth more only while we are not complete. */
export function peerRank(peer: PoolPeer, finished: boolean): number {
  let rank = peer.spread;
  if (peer.conduct.downloaded > 0) rank += 100;
  if (peer.seed && !finished) rank += 50;
  if (peer.dials.slow) rank -= SPREAD; // untried peers come first
  return rank - 20 * peer.dials.failCount - 30 * peer.conduct.hashFails;
}

/** Spreads peers by their address alone, while our own address is unknown. */
export function addressSpread(bytes: Uint8Array): number {
  return (bytes[bytes.length - 1]! * 7) % SPREAD;
}

/** The canonical peer priority (BEP 40) scaled to the same range; null for two address families. */
export function prioritySpread(
  crc32c: Crc32c,
  own: PriorityEndpoint,
  peer: PriorityEndpoint,
): number | null {
  const priority = peerPriority(crc32c, own, peer);
  return priority === null ? null : Math.floor(priority / 2 ** 32 * SPREAD);
}

/** Rank, then fewer failures, then least recently connected, then the longest known. */
export function dialsBefore(a: PoolPeer, b: PoolPeer): boolean {
  if (a.rank !== b.rank) return a.rank > b.rank;
  if (a.dials.failCount !== b.dials.failCount) return a.dials.failCount < b.dials.failCount;
  if (a.lastConnected !== b.lastConnected) return a.lastConnected < b.lastConnected;
  return a.order < b.order;
}

/** The least valuable of several; there must be one. */
export function lowestRanked(peers: Iterable<PoolPeer>): PoolPeer {
  let lowest: PoolPeer | undefined;
  for (const peer of peers) if (lowest === undefined || peer.rank <= lowest.rank) lowest = peer;
  assert(lowest !== undefined, "there is a connection to end");
  return lowest;
}

/**
 * Which peer makes room in a full list: first those known only from an old resume file, then the
 * lowest rank. Among equals, the newest goes, so that a flood of addresses cannot replace the list.
 */
export function forgottenBefore(a: PoolPeer, b: PoolPeer): boolean {
  const aStale = onlyFromResume(a), bStale = onlyFromResume(b);
  if (aStale !== bStale) return aStale;
  if (a.rank !== b.rank) return a.rank < b.rank;
  if (a.dials.failCount !== b.dials.failCount) return a.dials.failCount > b.dials.failCount;
  return a.order > b.order;
}

function onlyFromResume(peer: PoolPeer): boolean {
  return peer.sources === PEER_SOURCE.RESUME && !peer.everConnected;
}
