/** Counts values between fixed bounds. Only the first value allocates. */

export class Histogram {
  readonly bounds: readonly number[];
  /** Of all values. */
  sum = 0;
  #counts: Float64Array | null = null;

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
    this.#counts ??= new Float64Array(this.bounds.length + 1);
    this.#counts[bucket]!++;
    this.sum += value;
  }

  /** The values of another one with the same bounds. */
  addAll(other: Histogram): void {
    if (other.#counts === null) return;
    const counts = this.#counts ??= new Float64Array(this.bounds.length + 1);
    other.#counts.forEach((count, bucket) => counts[bucket]! += count);
    this.sum += other.sum;
  }

  /** One number per bound, and a last one for larger values. */
  counts(): number[] {
    return [...this.#counts ?? new Float64Array(this.bounds.length + 1)];
  }
}
