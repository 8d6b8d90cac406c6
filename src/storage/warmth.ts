/**
 * Whether a torrent's data is in the system's memory: then a synchronous read is cheaper than a thread
 * (src/DECISIONS.md 18). Before the first such read, and again after each one that needed the disk,
 * reads off this thread have to show it. After a pause, in which the disk may have gone to sleep,
 * memory is not trusted. Where the system does not count its disk reads, no data counts as warm.
 */
import type { Clock, Files } from "../platform/types.ts";

/** This many windows (4 MiB) in a row without the disk show that the data is in memory. */
export const PROOF = 16;
/**
 * A longer read is suspicious; otherwise the count is checked now and then, since that costs 4 us.
 */
const LONG_MS = 1;
const READS_BETWEEN_LOOKS = 32;
/**
 * Reads from memory are never this slow, whatever the system counted (some network disks it does
 * not).
 */
const VERY_LONG_MS = 50;
const PAUSE_MS = 5000;

/** The facts for the decision. */
export interface DiskGauge {
  readonly clock: Pick<Clock, "now">;
  readonly files: Pick<Files, "diskReads">;
}

export class Warmth {
  readonly #gauge: DiskGauge;
  /** Windows in a row that came out of memory. */
  #proven = 0;
  /** The system's count when it was looked at last, and reads at once since then. */
  #count: number | null = null;
  #unseen = 0;
  #readAt = -Infinity;

  constructor(gauge: DiskGauge) {
    this.#gauge = gauge;
  }

  /** Whether to read at once now. */
  isWarm(now: number): boolean {
    if (now - this.#readAt > PAUSE_MS) this.cool();
    return this.#proven >= PROOF;
  }

  /** A window was read off this thread in this time, perhaps while others were. */
  readAway(tookMs: number): void {
    this.#readAt = this.#gauge.clock.now();
    this.#proven = this.#usedDisk() || tookMs > VERY_LONG_MS ? 0 : this.#proven + 1;
  }

  // hot
  /** A read was made at once, from `begun` to `now`. */
  readAtOnce(begun: number, now: number): void {
    this.#readAt = now;
    if (now - begun <= LONG_MS && ++this.#unseen < READS_BETWEEN_LOOKS) return;
    if (this.#usedDisk() || now - begun > VERY_LONG_MS) this.cool();
  }

  /** Nothing is read at once until new proof. */
  cool(): void {
    this.#proven = 0;
  }

  #usedDisk(): boolean {
    const before = this.#count;
    this.#count = this.#gauge.files.diskReads();
    this.#unseen = 0;
    return this.#count === null || this.#count !== before;
  }
}
