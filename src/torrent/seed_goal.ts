/** When a complete torrent has seeded enough. */
import type { SeedGoal } from "./types.ts";

export class SeedWatch {
  #goal: SeedGoal;
  #since: number | null = null;
  /** In earlier runs, and in this one up to the last pause. */
  #secondsBefore: number;
  #uploaded = 0;
  #lastUploadAt = 0;

  constructor(goal: SeedGoal, secondsBefore = 0) {
    this.#goal = goal;
    this.#secondsBefore = secondsBefore;
  }

  set goal(goal: SeedGoal) {
    this.#goal = goal;
  }

  /**
   * Seeding begins at `now`, in milliseconds, with this many bytes uploaded before, over all runs.
   */
  start(uploaded: number, now: number): void {
    this.pause(now);
    this.#since = this.#lastUploadAt = now;
    this.#uploaded = uploaded;
  }

  /** Some pieces have to be downloaded again. */
  pause(now: number): void {
    this.#secondsBefore = this.seconds(now);
    this.#since = null;
  }

  /** Time spent seeding, over all runs. */
  seconds(now: number): number {
    return this.#secondsBefore + (this.#since === null ? 0 : (now - this.#since) / 1000);
  }

  /** Call it a few times a second; `uploaded` as in `start`, `size`: wanted bytes. */
  reached(uploaded: number, size: number, now: number): boolean {
    if (uploaded > this.#uploaded) this.#lastUploadAt = now;
    this.#uploaded = uploaded;
    return this.#isReached(this.#goal, size, now);
  }

  #isReached(goal: SeedGoal, size: number, now: number): boolean {
    switch (goal.kind) {
      case "none":
        return true;
      case "forever":
        return false;
      case "ratio":
        return this.#uploaded >= goal.ratio * size;
      case "time":
        return this.seconds(now) >= goal.seconds;
      case "idle":
        return now - this.#lastUploadAt >= goal.seconds * 1000;
      case "any":
        return goal.goals.some((one) => this.#isReached(one, size, now));
    }
  }
}
