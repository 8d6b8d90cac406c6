/** Measures how late timers are: that is how long something blocked the thread. */
import type { Clock, Timer } from "../../platform/types.ts";
import { Histogram } from "../../util/histogram.ts";
import type { HistogramValue } from "./metric_types.ts";

const EVERY_MS = 500;
/** Seconds. */
const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

export class LoopLag {
  readonly #clock: Clock;
  readonly #lag = new Histogram(BOUNDS);
  #timer: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = this.#next();
  }

  get value(): HistogramValue {
    return { bounds: BOUNDS, counts: this.#lag.counts(), sum: this.#lag.sum };
  }

  close(): void {
    this.#timer.cancel();
  }

  #next(): Timer {
    const due = this.#clock.now() + EVERY_MS;
    return this.#clock.after(EVERY_MS, () => {
      this.#lag.add(Math.max(0, this.#clock.now() - due) / 1000);
      this.#timer = this.#next();
    });
  }
}
