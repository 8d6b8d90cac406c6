/** Detects that the machine slept: time passed while this process did not run. */
import type { Clock } from "../platform/types.ts";

/** A longer gap is neither a pause of the collector nor a clock that was set. */
const ASLEEP_MS = 20_000;

export class Waking {
  readonly #clock: Clock;
  #now: number;
  #wall: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#now = clock.now();
    this.#wall = clock.wallTime();
  }

  /**
   * Whether the machine slept since the last call; to be called a few times a second. Depending on the
   * system the monotonic clock counts sleep, or the wall clock alone does.
   */
  woke(): boolean {
    const passed = this.#clock.now() - this.#now, wall = this.#clock.wallTime() - this.#wall;
    this.#now += passed;
    this.#wall += wall;
    return Math.max(passed, wall) >= ASLEEP_MS;
  }
}
