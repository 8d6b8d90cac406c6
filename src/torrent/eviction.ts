/** Which connection is missed least: for a newcomer when there is no room, or for nobody. */
import type { PoolPeer } from "./pool_peer.ts";

/** Who is not interested, nor of interest, after so long may lose its place to a newcomer. */
const USELESS_AFTER_MS = 2000;
/** Who neither gives nor takes after so long may lose it to a newcomer of higher priority. */
const UNPRODUCTIVE_AFTER_MS = 60_000;

/** What is looked at of a connected peer. */
export interface Evictable {
  readonly peer: Pick<PoolPeer, "spread">;
  readonly session: {
    readonly interested: boolean;
    readonly peerInterested: boolean;
    readonly connectedAt: number;
    readonly down: { readonly rate: number };
    readonly up: { readonly rate: number };
  };
}

/**
 * The connection that may end for a newcomer: one without interest on either side; else, of those
 * that carry nothing either way for a minute, the one of lowest priority, if the newcomer's is
 * higher (BEP 40; `spread` as in PoolPeer). Null: all are worth more than somebody unknown.
 */
export function expendable<Member extends Evictable>(
  members: Iterable<Member>,
  newcomer: number,
  now: number,
): Member | null {
  let worst: Member | null = null;
  for (const member of members) {
    const { session, peer } = member;
    const age = now - session.connectedAt;
    if (age > USELESS_AFTER_MS && !session.interested && !session.peerInterested) return member;
    const carries = session.down.rate >= 1 || session.up.rate >= 1;
    if (age < UNPRODUCTIVE_AFTER_MS || carries || peer.spread >= newcomer) continue;
    if (worst === null || peer.spread < worst.peer.spread) worst = member;
  }
  return worst;
}
