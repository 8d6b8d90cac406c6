/** How often values fell between fixed bounds. Adding one allocates nothing. */

export class Histogram {
  readonly bounds: readonly number[];
  readonly #counts: Uint32Array;

  /** `bounds`: inclusive upper ends of the buckets, rising; one more bucket takes what is beyond. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Uint32Array(bounds.length + 1);
  }

  // hot
  add(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
  }

  /** One number per bound, and the last for all beyond. */
  counts(): number[] {
    return [...this.#counts];
  }
}
