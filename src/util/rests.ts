/**
 * Yields in loops over many thousands of files, so that the rest of the program continues beside
 * them.
 */

/** Each step is one or two system calls. */
const STEPS = 250;

export class Rests {
  readonly #rest: (() => Promise<void>) | null;
  #left = STEPS;

  /** `rest` resolves after other work has run; without it there are no rests. */
  constructor(rest: (() => Promise<void>) | null = null) {
    this.#rest = rest;
  }

  /** Call it in each step of the loop, and wait for the result, if any. */
  step(): Promise<void> | undefined {
    if (this.#rest === null || --this.#left > 0) return undefined;
    this.#left = STEPS;
    return this.#rest();
  }
}
