/**
 * Reads a list of events out of an input: a byte says which call, the next ones its arguments. Time
 * moves only when an event says so. Behind the end all is zero, so that every input is a whole list.
 */

/** Steps of time, in milliseconds: about every limit of a state machine lies between two of them. */
const STEPS_MS = [1, 20, 500, 2000, 9000, 31_000, 61_000, 301_000, 901_000, 3_601_000];

export class EventReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** 0 to `limit` - 1; limits up to 65,536. */
  below(limit: number): number {
    return (limit <= 256 ? this.byte() : this.byte() << 8 | this.byte()) % limit;
  }

  flag(): boolean {
    return (this.byte() & 1) === 1;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Like `pick`, of what may be empty. */
  pickOf<T>(items: Iterable<T>): T | undefined {
    const all = [...items];
    return all.length === 0 ? undefined : this.pick(all);
  }

  /** The next bytes as they are: fewer at the end. */
  take(length: number): Uint8Array {
    const taken = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  stepMs(): number {
    return this.pick(STEPS_MS);
  }
}
