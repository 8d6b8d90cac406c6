/** Real time. Timers never fire before the clock shows their time, and may be years ahead. */
import type { Clock, Timer } from "../types.ts";

/** setTimeout takes at most 2^31 - 1 ms and fires at once beyond it. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export function createClock(): Clock {
  return {
    now: () => performance.now(),
    wallTime: () => Date.now(),
    utcOffset: (wallTime) => -new Date(wallTime).getTimezoneOffset(),
    after: (delayMs, fn) => new RealTimer(performance.now() + Math.max(0, delayMs), fn),
  };
}

class RealTimer implements Timer {
  readonly #due: number;
  readonly #fn: () => void;
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(due: number, fn: () => void) {
    this.#due = due;
    this.#fn = fn;
    this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #arm(): void {
    const left = Math.ceil(this.#due - performance.now());
    this.#handle = setTimeout(() => this.#ring(), Math.min(MAX_TIMEOUT_MS, Math.max(0, left)));
  }

  /**
   * Both runtimes sometimes round a delay down; a state machine would find its deadline not
   * reached.
   */
  #ring(): void {
    if (performance.now() < this.#due) this.#arm();
    else this.#fn();
  }
}
