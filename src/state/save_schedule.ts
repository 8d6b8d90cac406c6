/**
 * Decides when to write a resume record: early enough that a crash loses at most a given number of
 * milliseconds of work, including the save itself. Time comes in as an argument.
 */

/** The part of the allowed loss that may pass before a save begins: the rest is for saving. */
const WAIT_SHARE = 0.7;
const MIN_SHARE = 0.1;
const MAX_RETRY_MS = 60_000;

export class SaveSchedule {
  readonly #mostLostMs: number;
  #dirtySince: number | null = null;
  #startedAt: number | null = null;
  #lastTookMs = 0;
  #failures = 0;
  #notBefore = -Infinity;

  constructor(mostLostMs: number) {
    this.#mostLostMs = mostLostMs;
  }

  get dirty(): boolean {
    return this.#dirtySince !== null;
  }

  get saving(): boolean {
    return this.#startedAt !== null;
  }

  /** There is something new to save. */
  changed(now: number): void {
    this.#dirtySince ??= now;
  }

  /** Whether to begin a save now. The slower the last one was, the sooner. */
  due(now: number): boolean {
    if (this.#dirtySince === null || this.saving || now < this.#notBefore) return false;
    const most = this.#mostLostMs;
    const wait = Math.max(most * MIN_SHARE, most * WAIT_SHARE - 2 * this.#lastTookMs);
    return now - this.#dirtySince >= wait;
  }

  /** Later changes belong to the next save. */
  begin(now: number): void {
    this.#startedAt = now;
    this.#dirtySince = null;
  }

  end(now: number): void {
    this.#lastTookMs = now - (this.#startedAt ?? now);
    this.#startedAt = null;
    this.#failures = 0;
    this.#notBefore = -Infinity;
  }

  /**
   * Nothing was saved: everything is as unsaved as before, and the interval to the next try grows.
   */
  fail(now: number): void {
    const since = this.#startedAt ?? now;
    this.#dirtySince = Math.min(this.#dirtySince ?? since, since);
    this.#startedAt = null;
    const wait = Math.min(MAX_RETRY_MS, this.#mostLostMs * 2 ** this.#failures++);
    this.#notBefore = now + wait;
  }
}
