/** Work that takes its time, one after the other in the order in which it was handed in. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  /** Handed in and not over. */
  #open = 0;

  /** Nothing is under way. */
  get isFree(): boolean {
    return this.#open === 0;
  }

  /** Resolves when all that was handed in is over, however it ended. */
  get over(): Promise<unknown> {
    return this.#last;
  }

  /** Begins at once where nothing is under way. What it rejects with is the caller's alone. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#open++ === 0 ? work() : this.#last.then(work);
    const over = () => void this.#open--;
    this.#last = done.then(over, over);
    return done;
  }
}
