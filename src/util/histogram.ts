/** Counts values between fixed bounds. Only the first value allocates. */

export class Histogram {
  readonly bounds: readonly number[];
  #counts: Uint32Array | null = null;

  /**
   * `bounds`: inclusive upper ends of the buckets, rising; one more bucket counts larger values.
   */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
  }

  // hot
  add(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.#counts ??= new Uint32Array(this.bounds.length + 1);
    this.#counts[bucket]!++;
  }

  /** One number per bound, and a last one for larger values. */
  counts(): number[] {
    return [...this.#counts ?? new Uint32Array(this.bounds.length + 1)];
  }
}
