/**
 * Whom we give to (BEP 3): every ten seconds the best few by what they give us, or, once we have
 * everything, by whose turn it is; one more at random, so that new peers get a chance. Free slots
 * are used at once.
 */
import type { Random } from "../platform/types.ts";

const ROUND_MS = 10_000;
const OPTIMISTIC_MS = 30_000;

/** What the choker needs of a peer. */
export interface ChokerPeer {
  readonly choking: boolean;
  readonly peerInterested: boolean;
  readonly snubbed: boolean;
  /** What it gives us, bytes a second. */
  readonly down: { readonly rate: number };
  /** When it was choked or unchoked last. */
  readonly unchokedAt: number;
  setChoking(choking: boolean, now: number): void;
}

export class Choker<Peer extends ChokerPeer> {
  readonly #random: Random;
  readonly #slots: number;
  #nextRoundAt = 0;
  #nextOptimisticAt = 0;
  #optimistic: Peer | null = null;

  constructor(random: Random, slots = 8) {
    this.#random = random;
    this.#slots = slots;
  }

  /** A peer left. */
  forget(peer: Peer): void {
    if (this.#optimistic === peer) this.#optimistic = null;
  }

  /** A peer became interested or left: gives a free slot away at once. */
  useFreeSlots(peers: Iterable<Peer>, now: number): void {
    let used = 0;
    const waiting: Peer[] = [];
    for (const peer of peers) {
      if (!peer.choking) {
        if (peer.peerInterested) used++;
      } else if (peer.peerInterested) waiting.push(peer);
    }
    for (const peer of waiting) if (used++ < this.#slots) peer.setChoking(false, now);
  }

  /** Call it a few times a second. */
  tick(peers: Iterable<Peer>, seeding: boolean, now: number): void {
    if (now < this.#nextRoundAt) return;
    this.#nextRoundAt = now + ROUND_MS;
    const all = [...peers];
    const interested = all.filter((peer) => peer.peerInterested);
    if (this.#optimistic?.peerInterested === false) this.#nextOptimisticAt = now;
    if (now >= this.#nextOptimisticAt) {
      this.#nextOptimisticAt = now + OPTIMISTIC_MS;
      this.#optimistic = this.#pickOptimistic(interested);
    }
    interested.sort(seeding ? longestServedLast(now) : bestGiverFirst);
    const chosen = new Set(interested.slice(0, this.#slots - 1));
    if (this.#optimistic !== null) chosen.add(this.#optimistic);
    for (const peer of interested) if (chosen.size < this.#slots) chosen.add(peer);
    for (const peer of all) peer.setChoking(!chosen.has(peer), now);
  }

  #pickOptimistic(interested: Peer[]): Peer | null {
    const waiting = interested.filter((peer) => peer.choking);
    if (waiting.length === 0) return this.#optimistic?.peerInterested ? this.#optimistic : null;
    return waiting[this.#random.uint32() % waiting.length]!;
  }
}

function bestGiverFirst(a: ChokerPeer, b: ChokerPeer): number {
  return Number(a.snubbed) - Number(b.snubbed) || b.down.rate - a.down.rate ||
    a.unchokedAt - b.unchokedAt;
}

/** Those who wait come first, longest first; of those served, who has had the shortest time. */
function longestServedLast(now: number): (a: ChokerPeer, b: ChokerPeer) => number {
  const fresh = (peer: ChokerPeer) => !peer.choking && now - peer.unchokedAt < OPTIMISTIC_MS;
  return (a, b) =>
    Number(fresh(b)) - Number(fresh(a)) || Number(b.choking) - Number(a.choking) ||
    a.unchokedAt - b.unchokedAt;
}
