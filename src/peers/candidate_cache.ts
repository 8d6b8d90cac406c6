/**
 * The peers that may be dialled: those that are ready, best first, and those in their back-off.
 * There are two back-offs: after the long one, an address is tried again in any case; the short one
 * applies while no peer is connected. Invariant: a peer is either ready or waits. Every step is
 * O(log n).
 */
import { IndexedHeap } from "../util/heap.ts";
import { dialsBefore } from "./peer_rank.ts";
import type { PoolPeer } from "./pool_peer.ts";

/** The number of quick tries of a peer, and the wait after the first, which doubles. */
export const QUICK_TRIES = 4;
const QUICK_TRY_MS = 1000;

/**
 * While no peer is connected: the waits after the first try, the second, ... since the peer was
 * last useful; the first wait also follows a connection that the peer made.
 */
const SHORT_BACK_OFF_MS = [5000, 10_000, 20_000, 29_000];
/** The most saved tries after short back-offs, and the time that earns another one. */
const SHORT_TRIES = 8, SHORT_TRY_MS = 125;

export class CandidateCache {
  readonly #minReconnectTimeMs: number;
  readonly #maxFailcount: number;
  /** IPv4 and IPv6. */
  readonly #ready = [new IndexedHeap(dialsBefore), new IndexedHeap(dialsBefore)] as const;
  /** By the end of the long back-off; dead addresses have none. */
  readonly #waiting = heapBy((peer) => this.readyAt(peer));
  /** By the end of the short one; peers that we hung up on or that left in order have none. */
  readonly #impatient = heapBy((peer) => this.#shortlyReadyAt(peer));
  /** When the next peer may leave the short back-off. */
  #nextShortAt = -Infinity;

  constructor(config: { minReconnectTimeMs: number; maxFailcount: number }) {
    this.#minReconnectTimeMs = config.minReconnectTimeMs;
    this.#maxFailcount = config.maxFailcount;
  }

  /** Peers ready to be dialled. */
  get size(): number {
    return this.#ready[0].size + this.#ready[1].size;
  }

  has(peer: PoolPeer): boolean {
    return this.#readyLike(peer).has(peer) || this.#waiting.has(peer) || this.#impatient.has(peer);
  }

  #readyLike({ bytes }: PoolPeer): IndexedHeap<PoolPeer> {
    return this.#ready[bytes.length === 4 ? 0 : 1];
  }

  /** The end of the long back-off, which grows with each failure, except for a few quick tries. */
  readyAt(peer: PoolPeer): number {
    return Math.max(peer.notBefore, this.#backOffEnd(peer));
  }

  #backOffEnd(peer: PoolPeer): number {
    if (peer.dials.quickTries > 0) {
      return peer.lastConnected + QUICK_TRY_MS * 2 ** (QUICK_TRIES - 1 - peer.dials.quickTries);
    }
    return peer.lastConnected + (peer.dials.failCount + 1) * this.#minReconnectTimeMs;
  }

  #shortlyReadyAt(peer: PoolPeer): number {
    const tries = Math.min(Math.max(1, peer.dials.tries), SHORT_BACK_OFF_MS.length);
    const wait = SHORT_BACK_OFF_MS[tries - 1]!;
    const end = Math.min(this.#backOffEnd(peer), peer.lastConnected + wait);
    return Math.max(peer.notBefore, end);
  }

  /**
   * Adds a peer to the waiting ones; `promote` makes it ready, at once if nothing prevents that.
   */
  add(peer: PoolPeer): void {
    this.remove(peer);
    const dead = peer.dials.failCount >= this.#maxFailcount;
    if (!dead) this.#waiting.push(peer);
    if (dead || !peer.dials.leftInOrder) this.#impatient.push(peer);
  }

  remove(peer: PoolPeer): void {
    this.#readyLike(peer).remove(peer);
    this.#waiting.remove(peer);
    this.#impatient.remove(peer);
  }

  /** Call it whenever the rank, failures or last connection of a peer here changed. */
  update(peer: PoolPeer): void {
    const ready = this.#readyLike(peer);
    if (ready.has(peer)) ready.update(peer);
    else this.add(peer);
  }

  /** Makes the next peer whose back-off has ended ready, and returns it. */
  promote(now: number): PoolPeer | undefined {
    const peer = this.#waiting.peek();
    return peer !== undefined && this.readyAt(peer) <= now ? this.#makeReady(peer) : undefined;
  }

  /**
   * The same for the short back-off, at a few peers a second: there may be very many dead
   * addresses.
   */
  promoteShortly(now: number): PoolPeer | undefined {
    const peer = this.#impatient.peek();
    if (peer === undefined || this.#shortlyReadyAt(peer) > now || this.#nextShortAt > now) {
      return undefined;
    }
    const earliest = now - (SHORT_TRIES - 1) * SHORT_TRY_MS;
    this.#nextShortAt = Math.max(this.#nextShortAt, earliest) + SHORT_TRY_MS;
    return this.#makeReady(peer);
  }

  #makeReady(peer: PoolPeer): PoolPeer {
    this.remove(peer);
    this.#readyLike(peer).push(peer);
    return peer;
  }

  best(): PoolPeer | undefined {
    const v4 = this.#ready[0].peek(), v6 = this.#ready[1].peek();
    if (v4 === undefined || v6 === undefined) return v4 ?? v6;
    return dialsBefore(v6, v4) ? v6 : v4;
  }

  /** The best peer of the other address family; without one, the best peer. */
  bestUnlike(peer: PoolPeer): PoolPeer | undefined {
    return this.#ready[peer.bytes.length === 4 ? 1 : 0].peek() ?? this.best();
  }

  /** When the next back-off ends, with or without the short ones; Infinity if no peer waits. */
  nextReadyAt(shortly: boolean): number {
    const peer = this.#waiting.peek(), impatient = this.#impatient.peek();
    const long = peer === undefined ? Infinity : this.readyAt(peer);
    if (!shortly || impatient === undefined) return long;
    return Math.min(long, Math.max(this.#shortlyReadyAt(impatient), this.#nextShortAt));
  }

  /** The ready peers, best first: for display and tests. */
  sorted(): PoolPeer[] {
    return this.#ready.flatMap((heap) => heap.sorted()).sort((a, b) => dialsBefore(a, b) ? -1 : 1);
  }
}

/** The earliest first; among equals, the one known longest. */
function heapBy(timeOf: (peer: PoolPeer) => number): IndexedHeap<PoolPeer> {
  return new IndexedHeap((a, b) => {
    const aTime = timeOf(a), bTime = timeOf(b);
    return aTime !== bTime ? aTime < bTime : a.order < b.order;
  });
}
