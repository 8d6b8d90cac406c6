/** Gives way in loops over many thousands of files, so that the rest of the program goes on beside them. */

/** Each step is a call or two to the system. */
const STEPS = 250;

export class Rests {
  readonly #rest: (() => Promise<void>) | null;
  #left = STEPS;

  /** `rest` resolves when others have had their turn; without it there are no rests. */
  constructor(rest: (() => Promise<void>) | null = null) {
    this.#rest = rest;
  }

  /** For each step of the loop, which waits for what this returns, if anything. */
  step(): Promise<void> | undefined {
    if (this.#rest === null || --this.#left > 0) return undefined;
    this.#left = STEPS;
    return this.#rest();
  }
}
