/** Measures the share of recent time that something took. */
export class BusyMeter {
  /** 0 to 1, as of the last sample. */
  share = 0;
  #busyMs = 0;
  #sampledAt = NaN;

  add(ms: number): void {
    this.#busyMs += ms;
  }

  /** Call it a few times a second. */
  sample(now: number): void {
    const elapsed = now - this.#sampledAt;
    if (elapsed > 0) this.share = Math.min(1, this.#busyMs / elapsed);
    this.#busyMs = 0;
    this.#sampledAt = now;
  }
}
