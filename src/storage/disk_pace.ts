/**
 * Whether a disk is fast enough for writes on the loop's thread, which is cheapest, or would block
 * everything else on that thread. The first writes, and those after a pause in which the disk may have
 * gone to sleep, are made off the thread and measured. The writes to a slow disk leave the thread one
 * after the other, so that a disk never keeps more than one of the runtime's threads busy (Bun has as
 * many as there are processors), until they have been fast for a while. Each disk has one pace, which
 * all torrents share (src/DECISIONS.md 24). On a busy machine a write takes long although the disk is
 * fast, so the time that the thread waited for a processor does not count.
 */
import { Turns } from "../util/turns.ts";

/** The longest acceptable delay of the loop's thread. */
const SLOW_MS = 50;
/** In the long run writes may take this part of its time. */
const SHARE = 0.5;
/** A write off the thread that took at most this long, with the way there and back, is quick. */
const QUICK_MS = 25;
/** This many in a row show that the disk is fast. */
const PROOF = 4;
const PAUSE_MS = 5000;
/** After a slow write, all must be fast for this time, which grows with each slow one. */
const QUIET_MS = 5000;
const MAX_QUIET_MS = 10 * 60_000;
/** A wait for a processor this long before a write is not counted as part of it. */
const WAITS_MS = 1000;

/** Milliseconds. */
export interface PaceClock {
  now(): number;
  /** How long this thread waited for a processor, since it began. */
  waited(): number;
}

const STOPPED: PaceClock = { now: () => 0, waited: () => 0 };

export class DiskPace {
  readonly #clock: PaceClock;
  readonly #turns = new Turns();
  /** Quick writes off the thread in a row. */
  #proven = 0;
  /** When it was last slow; it must be quick until `#quietMs` later. */
  #slowAt = -Infinity;
  #quietMs = QUIET_MS;
  /** The last write's end. */
  #writtenAt = -Infinity;
  /** Milliseconds that writes took on the loop's thread beyond their part of its time, at `#owedAt`. */
  #owed = 0;
  #owedAt = 0;
  /** Syncs under way. */
  #syncs = 0;
  /** `waited` of the clock at `#askedAt`. */
  #waited = 0;
  #askedAt = 0;

  /** Without a clock it counts as quick. */
  constructor(clock: PaceClock | null) {
    this.#clock = clock ?? STOPPED;
    this.#waited = this.#clock.waited();
    if (clock !== null) return;
    this.#proven = PROOF;
    this.#writtenAt = 0;
  }

  // hot
  now(): number {
    return this.#clock.now();
  }

  /** Whether it was slow and has not proved quick since. */
  get isSlow(): boolean {
    return this.#slowAt > -Infinity && this.#proven < PROOF;
  }

  // hot
  /**
   * Whether to write on the loop's thread. During a sync, many disks make a write wait for its end.
   */
  get isQuick(): boolean {
    return this.#proven >= PROOF && this.#syncs === 0 && this.now() - this.#writtenAt <= PAUSE_MS;
  }

  // hot
  /** A write on the loop's thread began at `begun` and is over. */
  held(begun: number): void {
    const now = this.now();
    this.#owed = Math.max(0, this.#owed - (now - this.#owedAt) * SHARE) + now - begun;
    this.#owedAt = this.#writtenAt = now;
    if (this.#owed > SLOW_MS) this.#owed = Math.max(0, this.#owed - this.#waitedSince(now));
    else if (now - this.#askedAt > WAITS_MS) this.#waitedSince(now);
    if (this.#owed > SLOW_MS) this.#becomeSlow(now);
  }

  /** A write off the loop's thread, in its turn. */
  away<T>(write: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      const begun = this.now();
      this.#waitedSince(begun);
      try {
        return await write();
      } finally {
        this.#wasAway(begun);
      }
    });
  }

  /** Its duration means nothing: bringing data onto the disk is slow. */
  async sync(work: () => Promise<void>): Promise<void> {
    if (this.isSlow) return await this.#turns.take(work);
    this.#syncs++;
    try {
      await work();
    } finally {
      this.#syncs--;
    }
  }

  #wasAway(begun: number): void {
    const now = this.#writtenAt = this.now();
    let took = now - begun;
    if (took > QUICK_MS) took -= this.#waitedSince(now);
    if (took > SLOW_MS) return this.#becomeSlow(now);
    if (this.#proven >= PROOF) return;
    if (took > QUICK_MS) this.#proven = 0;
    // A slow disk must be fast for a while, however many writes there are.
    else if (this.#proven < PROOF - 1 || now - this.#slowAt >= this.#quietMs) this.#proven++;
  }

  /** How long the thread waited for a processor since the last call. */
  #waitedSince(now: number): number {
    const before = this.#waited;
    this.#askedAt = now;
    return (this.#waited = this.#clock.waited()) - before;
  }

  #becomeSlow(now: number): void {
    if (this.#proven >= PROOF) this.#quietMs = Math.min(MAX_QUIET_MS, this.#quietMs * 2);
    this.#proven = 0;
    this.#slowAt = now;
    this.#owed = 0;
  }
}
