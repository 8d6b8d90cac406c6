/** Total bytes and the recent rate, smoothed over a few seconds. */
export class RateMeter {
  total = 0;
  #counted = 0;
  #rate = 0;
  #weight = 0;
  #sampledAt = NaN;

  constructor(readonly smoothingMs = 3000) {}

  add(bytes: number): void {
    this.total += bytes;
  }

  /** Adds the bytes since the last call to the average. Call it a few times a second. */
  sample(now: number): void {
    if (Number.isNaN(this.#sampledAt)) {
      // Earlier bytes have no known duration.
      this.#sampledAt = now;
      this.#counted = this.total;
      return;
    }
    const elapsed = now - this.#sampledAt;
    if (elapsed <= 0) return;
    const recent = (this.total - this.#counted) * 1000 / elapsed;
    this.#counted = this.total;
    this.#sampledAt = now;
    // The weight starts at 0, so that the first samples are not drowned in the initial zero.
    const keep = Math.exp(-elapsed / this.smoothingMs);
    this.#rate = this.#rate * keep + recent * (1 - keep);
    this.#weight = this.#weight * keep + (1 - keep);
  }

  /** Nothing more is expected: the rate falls to 0 at once. */
  rest(): void {
    this.#counted = this.total;
    this.#rate = 0;
  }

  /** Bytes a second. */
  get rate(): number {
    return this.#weight === 0 ? 0 : this.#rate / this.#weight;
  }
}
