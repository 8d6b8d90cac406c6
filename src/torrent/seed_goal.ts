/** When a torrent that has everything has given enough. */
import type { SeedGoal } from "./types.ts";

export class SeedWatch {
  readonly #goal: SeedGoal;
  readonly #size: number;
  #since = 0;
  #uploaded = 0;
  #lastUploadAt = 0;

  /** `size`: the torrent's, in bytes. */
  constructor(goal: SeedGoal, size: number) {
    this.#goal = goal;
    this.#size = size;
  }

  /** Seeding begins at `now`, in milliseconds, with so many bytes given before. */
  start(uploaded: number, now: number): void {
    this.#since = this.#lastUploadAt = now;
    this.#uploaded = uploaded;
  }

  /** Asked a few times a second; `uploaded` as in `start`. */
  reached(uploaded: number, now: number): boolean {
    if (uploaded > this.#uploaded) this.#lastUploadAt = now;
    this.#uploaded = uploaded;
    switch (this.#goal.kind) {
      case "none":
        return true;
      case "forever":
        return false;
      case "ratio":
        return uploaded >= this.#goal.ratio * this.#size;
      case "time":
        return now - this.#since >= this.#goal.seconds * 1000;
      case "idle":
        return now - this.#lastUploadAt >= this.#goal.seconds * 1000;
    }
  }
}
