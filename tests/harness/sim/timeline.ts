/**
 * Virtual time: a heap of events, run one instant after the other. Between two instants all
 * promises run, so that async code behaves as if it took no time.
 *
 * Invariant: events run in order of (time, the order in which they were scheduled).
 */
import { setImmediate } from "node:timers";
import { IndexedHeap } from "../../../src/util/heap.ts";
import type { Timer } from "../../../src/platform/types.ts";
import { ProcessExit } from "./sim_process.ts";

/** More events than this in one instant are a loop that waits for time to pass. */
const MAX_EVENTS_PER_INSTANT = 2_000_000;

interface Event {
  at: number;
  order: number;
  fn: () => void;
}

export class Timeline {
  #now = 0;
  #order = 0;
  readonly #resolutionMs: number;
  readonly #events = new IndexedHeap<Event>((a, b) =>
    a.at < b.at || (a.at === b.at && a.order < b.order)
  );
  readonly #held = new Set<Promise<unknown>>();

  /** Times are rounded up to whole steps of `resolutionMs`: fewer instants run faster. */
  constructor(resolutionMs: number) {
    this.#resolutionMs = resolutionMs;
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.at(this.#now + Math.max(0, delayMs), fn);
  }

  /** At a moment of virtual time; one that has passed means now. */
  at(time: number, fn: () => void): Timer {
    const steps = Math.ceil(Math.max(time, this.#now) / this.#resolutionMs - 1e-6);
    const at = Math.max(this.#now, steps * this.#resolutionMs);
    const event: Event = { at, order: this.#order++, fn };
    if (at !== Infinity) this.#events.push(event);
    return { cancel: () => void this.#events.remove(event) };
  }

  /** Stops time until `work` is done: for the few things that really run on other threads. */
  hold<T>(work: Promise<T>): Promise<T> {
    this.#held.add(work);
    const release = () => void this.#held.delete(work);
    work.then(release, release);
    return work;
  }

  /**
   * Advances time until `until()` holds, or until a moment of virtual time. Throws if no event is
   * left that could make it true, or once `limitMs` of virtual time have passed.
   */
  async run(until: number | (() => boolean), limitMs: number): Promise<void> {
    const limit = typeof until === "number" ? until : this.#now + limitMs;
    const done = typeof until === "number" ? () => false : until;
    await this.#settle();
    while (!done()) {
      const next = this.#events.peek();
      if (next === undefined || next.at > limit) {
        if (typeof until === "number") {
          this.#now = Math.max(this.#now, until);
          return;
        }
        throw new Error(
          next === undefined
            ? `Nothing is left to happen at ${this.#now} ms, and the condition does not hold`
            : `The condition does not hold after ${limitMs} ms of virtual time`,
        );
      }
      this.#now = next.at;
      this.#runInstant();
      await this.#settle();
    }
  }

  #runInstant(): void {
    for (let count = 0; this.#events.peek()?.at === this.#now; count++) {
      if (count === MAX_EVENTS_PER_INSTANT) throw new Error(`Time stands still at ${this.#now} ms`);
      runEvent(this.#events.pop()!);
    }
  }

  /** One macrotask later all chains of promises have run as far as they can. */
  async #settle(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#held.size > 0) {
      await Promise.allSettled(this.#held);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

/** An event's error fails the test that runs the world, except a node's own end. */
function runEvent(event: Event): void {
  try {
    event.fn();
  } catch (error) {
    if (!(error instanceof ProcessExit)) throw error;
  }
}
