/** Writes verified pieces, each after the claim of its files, and knows how busy the disk is. */
import type { Clock } from "../platform/types.ts";
import type { PieceData } from "../storage/piece_data.ts";
import { BusyMeter } from "../util/busy_meter.ts";

export class PieceWriter {
  readonly #data: PieceData;
  readonly #clock: Clock;
  readonly #ready: (piece: number) => Promise<void> | null;
  readonly #busy = new BusyMeter();

  /** `ready`: null if the files of a piece are claimed, else resolves when they are. */
  constructor(
    data: PieceData,
    clock: Clock,
    ready: (piece: number) => Promise<void> | null,
  ) {
    this.#data = data;
    this.#clock = clock;
    this.#ready = ready;
  }

  /** The part of the recent time spent writing, 0 to 1. */
  get share(): number {
    return this.#busy.share;
  }

  store(piece: number, bytes: Uint8Array): void | Promise<void> {
    const claimed = this.#ready(piece);
    if (claimed === null) return this.#write(piece, bytes);
    return claimed.then(() => this.#write(piece, bytes));
  }

  /** A few times a second. */
  tick(now: number): void {
    this.#busy.sample(now);
  }

  #write(piece: number, bytes: Uint8Array): void | Promise<void> {
    const start = this.#clock.now();
    const storing = this.#data.writePiece(piece, bytes);
    this.#busy.add(this.#clock.now() - start);
    return storing;
  }
}
