/**
 * The peers that may be dialled: those ready now, best first, and those still in their back-off, by
 * when it ends. Invariant: a peer is in at most one of the two. Every step is O(log n).
 */
import { IndexedHeap } from "../util/heap.ts";
import { dialsBefore } from "./peer_rank.ts";
import type { PoolPeer } from "./pool_peer.ts";

/** Tries one soon after the other that a peer may be given, and the wait after the first; it doubles. */
export const QUICK_TRIES = 4;
const QUICK_TRY_MS = 1000;

export class CandidateCache {
  readonly #minReconnectTimeMs: number;
  readonly #ready = new IndexedHeap<PoolPeer>(dialsBefore);
  readonly #waiting: IndexedHeap<PoolPeer>;

  constructor(minReconnectTimeMs: number) {
    this.#minReconnectTimeMs = minReconnectTimeMs;
    this.#waiting = new IndexedHeap((a, b) => {
      const aReady = this.readyAt(a), bReady = this.readyAt(b);
      return aReady !== bReady ? aReady < bReady : a.order < b.order;
    });
  }

  /** Peers ready to be dialled. */
  get size(): number {
    return this.#ready.size;
  }

  has(peer: PoolPeer): boolean {
    return this.#ready.has(peer) || this.#waiting.has(peer);
  }

  /** When the peer's back-off is over: it grows with each failure, but for a few quick tries. */
  readyAt(peer: PoolPeer): number {
    if (peer.quickTries > 0) {
      return peer.lastConnected + QUICK_TRY_MS * 2 ** (QUICK_TRIES - 1 - peer.quickTries);
    }
    return peer.lastConnected + (peer.failCount + 1) * this.#minReconnectTimeMs;
  }

  /** Adds a peer to those that wait; `promote` brings it forward, at once if nothing holds it. */
  add(peer: PoolPeer): void {
    this.#ready.remove(peer);
    this.#waiting.push(peer);
  }

  remove(peer: PoolPeer): void {
    if (!this.#ready.remove(peer)) this.#waiting.remove(peer);
  }

  /** Call it whenever rank, failures or last connection of a peer in here changed. */
  update(peer: PoolPeer): void {
    this.#ready.update(peer);
    this.#waiting.update(peer);
  }

  /** Makes the next peer whose back-off is over ready and returns it. */
  promote(now: number): PoolPeer | undefined {
    const peer = this.#waiting.peek();
    if (peer === undefined || this.readyAt(peer) > now) return undefined;
    this.#waiting.remove(peer);
    this.#ready.push(peer);
    return peer;
  }

  best(): PoolPeer | undefined {
    return this.#ready.peek();
  }

  /** When the next back-off ends; Infinity if nobody waits. */
  nextReadyAt(): number {
    const peer = this.#waiting.peek();
    return peer === undefined ? Infinity : this.readyAt(peer);
  }

  /** The ready peers, best first: for display and tests. */
  sorted(): PoolPeer[] {
    return this.#ready.sorted();
  }
}
