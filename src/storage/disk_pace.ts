/**
 * Whether a disk is quick enough to be written to on the loop's thread, which is cheapest, or holds
 * up everybody who waits for that thread. Then its writes leave the thread, one after the other, so
 * that a disk never keeps more than one of the runtime's threads busy with them (Bun has as many as
 * there are processors), until they have been quick for a while. One for each disk, whosever the
 * torrents are (src/DECISIONS.md 24).
 */
import { Turns } from "../util/turns.ts";

/** Nobody should have to wait longer for the loop's thread. */
const SLOW_MS = 50;
/** In the long run writes may take this part of its time. */
const SHARE = 0.5;
/** A write off the thread that took no longer is quick, the way there and back included. */
const QUICK_MS = 25;
/** So long all of them have to be quick; longer each time that it was too early. */
const QUIET_MS = 10_000;
const MAX_QUIET_MS = 10 * 60_000;

export class DiskPace {
  readonly now: () => number;
  readonly #turns = new Turns();
  #isSlow = false;
  /** Milliseconds that writes took on the loop's thread beyond their part of its time, at `#owedAt`. */
  #owed = 0;
  #owedAt = 0;
  #quickSince = 0;
  #quietMs = QUIET_MS;
  /** Syncs under way. */
  #syncs = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** Whether to write on the loop's thread. During a sync many disks let a write wait for its end. */
  get isQuick(): boolean {
    return !this.#isSlow && this.#syncs === 0;
  }

  // hot
  /** The loop's thread waited for the disk since `begun`. */
  held(begun: number): void {
    const now = this.now();
    this.#owed = Math.max(0, this.#owed - (now - this.#owedAt) * SHARE) + now - begun;
    this.#owedAt = now;
    if (this.#owed > SLOW_MS) this.#becomeSlow(now);
  }

  /** A write off the loop's thread, in its turn. */
  away<T>(write: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      const begun = this.now();
      try {
        return await write();
      } finally {
        this.#wasAway(begun);
      }
    });
  }

  /** How long it takes says nothing: bringing data onto the disk is slow. */
  async sync(work: () => Promise<void>): Promise<void> {
    if (this.#isSlow) return await this.#turns.take(work);
    this.#syncs++;
    try {
      await work();
    } finally {
      this.#syncs--;
    }
  }

  #wasAway(begun: number): void {
    const now = this.now(), took = now - begun;
    if (took > SLOW_MS) this.#becomeSlow(now);
    else if (took > QUICK_MS) this.#quickSince = now;
    else if (this.#isSlow && now - this.#quickSince >= this.#quietMs) {
      this.#isSlow = false;
      this.#owed = 0;
      this.#quietMs = Math.min(MAX_QUIET_MS, this.#quietMs * 2);
    }
  }

  #becomeSlow(now: number): void {
    this.#isSlow = true;
    this.#quickSince = now;
  }
}
