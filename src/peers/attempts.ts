/**
 * The connection attempts of one torrent. An address that does not answer must not keep others
 * waiting: attempts race, and when there are too many, the slow ones end. The answered ones show
 * what is slow.
 */
import type { PoolPeer } from "./pool_peer.ts";

/** While no peer is connected, an unanswered attempt delays others no longer than this. */
const HEAD_START_MS = 250;
/** The time for an address to answer while others wait, in round trips, and its bounds. */
const ROUND_TRIPS = 4, MIN_PATIENCE_MS = 1500, MAX_PATIENCE_MS = 10_000;
/** Weight of the latest round trip in their average. */
const LATEST = 1 / 4;

export class Attempts {
  /** When each began, longest waiting first: those that had no time to answer yet, */
  readonly #fresh = new Map<PoolPeer, number>();
  /** those that had, */
  readonly #late = new Map<PoolPeer, number>();
  /** and those that answered and whose handshake is not complete. */
  readonly #answered = new Map<PoolPeer, number>();
  #roundTripMs = 0;
  #latest: PoolPeer | null = null;

  get size(): number {
    return this.#fresh.size + this.#late.size + this.#answered.size;
  }

  /** The late ones first. */
  get peers(): PoolPeer[] {
    return [...this.#late.keys(), ...this.#fresh.keys(), ...this.#answered.keys()];
  }

  /** The one that began last, finished or not. */
  get latest(): PoolPeer | null {
    return this.#latest;
  }

  start(peer: PoolPeer, now: number): void {
    this.#latest = peer;
    this.#fresh.set(peer, now);
  }

  /** The address answered. */
  answered(peer: PoolPeer, now: number): void {
    const since = this.#fresh.get(peer) ?? this.#late.get(peer);
    if (since === undefined) return;
    this.end(peer);
    this.#answered.set(peer, since);
    const took = now - since, before = this.#roundTripMs || took;
    this.#roundTripMs = before + (took - before) * LATEST;
  }

  /** Returns false if there was none. */
  end(peer: PoolPeer): boolean {
    return this.#fresh.delete(peer) || this.#late.delete(peer) || this.#answered.delete(peer);
  }

  /** How long an address has to answer while others wait. */
  get patienceMs(): number {
    const measured = ROUND_TRIPS * this.#roundTripMs;
    return Math.min(MAX_PATIENCE_MS, Math.max(MIN_PATIENCE_MS, measured));
  }

  /** The number of attempts that delay others. `alone`: no peer is connected. */
  pending(now: number, alone: boolean): number {
    const time = alone ? HEAD_START_MS : this.patienceMs;
    for (const [peer, since] of this.#fresh) {
      if (now - since < time) break;
      this.#fresh.delete(peer);
      this.#late.set(peer, since);
    }
    return this.#fresh.size + this.#answered.size;
  }

  /** The attempt to end for an untried address; null if all deserve more time. */
  overdue(now: number): PoolPeer | null {
    const { patienceMs } = this;
    for (const [peer, since] of this.#late) {
      if (!peer.dials.slow && now - since >= patienceMs) return peer;
    }
    return null;
  }
}
