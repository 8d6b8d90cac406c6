/** Runs asynchronous jobs one after the other, in the order in which they were added. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  /** Added and not finished. */
  #open = 0;

  /** No job is running. */
  get isFree(): boolean {
    return this.#open === 0;
  }

  /** Resolves when all jobs added so far have ended, whatever their outcome. */
  get over(): Promise<unknown> {
    return this.#last;
  }

  /** Begins at once if no job is running. Its rejection is only reported to the caller. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#open++ === 0 ? work() : this.#last.then(work);
    const over = () => void this.#open--;
    this.#last = done.then(over, over);
    return done;
  }
}
