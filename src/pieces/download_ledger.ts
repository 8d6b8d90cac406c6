/** The cost of a download: pieces begun and their outcomes, useless bytes, waiting times. */
import { Bitfield } from "../util/bitfield.ts";
import { Histogram } from "../util/histogram.ts";
import type { Work } from "./piece_types.ts";

/** The causes: failed pieces, duplicate or late blocks, unrequested blocks. */
export type WasteCause = "failed" | "duplicate" | "unasked";

const CAUSES: readonly WasteCause[] = ["failed", "duplicate", "unasked"];

/** Milliseconds from request to the beginning of its answer. */
const LATENCY_BOUNDS_MS = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000];

export class DownloadLedger {
  started = 0;
  completed = 0;
  failed = 0;
  /** Begun again after they failed or were given up. */
  retried = 0;
  readonly wasted: Record<WasteCause, number> = { failed: 0, duplicate: 0, unasked: 0 };
  /** The work that peers caused, which sessions charge them for. */
  readonly work: Work = { steps: 0 };
  readonly latency = new Histogram(LATENCY_BOUNDS_MS);
  readonly #pieceCount: number;
  /** Null until a piece is begun, as at a seed. */
  #begun: Bitfield | null = null;

  constructor(pieceCount: number) {
    this.#pieceCount = pieceCount;
  }

  begin(piece: number): void {
    this.#begun ??= new Bitfield(this.#pieceCount);
    if (this.#begun.set(piece)) this.started++;
    else this.retried++;
  }

  waste(cause: WasteCause, bytes: number): void {
    this.wasted[cause] += bytes;
  }

  /** What another download cost besides. */
  addAll(other: DownloadLedger): void {
    this.started += other.started;
    this.completed += other.completed;
    this.failed += other.failed;
    this.retried += other.retried;
    for (const cause of CAUSES) this.wasted[cause] += other.wasted[cause];
    this.latency.addAll(other.latency);
  }

  /** Nothing was begun or wasted, so no block arrived either. */
  get isUnused(): boolean {
    return this.started === 0 && this.retried === 0 && this.failed === 0 &&
      this.wastedBytes === 0 && this.latency.sum === 0;
  }

  get wastedBytes(): number {
    return this.wasted.failed + this.wasted.duplicate + this.wasted.unasked;
  }
}
