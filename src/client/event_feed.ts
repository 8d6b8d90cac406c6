/**
 * Events for whoever listens: each listener has its own bounded queue; one that does not keep up
 * loses the oldest and is told so by a warning, and never holds the client back.
 */
import type { TorrentEvent } from "./types.ts";

const MAX_QUEUED = 10_000;

class Listener implements AsyncIterableIterator<TorrentEvent> {
  readonly #queue: TorrentEvent[] = [];
  readonly #done: () => void;
  #wake: (() => void) | null = null;
  #ended = false;
  #lost = 0;

  constructor(done: () => void) {
    this.#done = done;
  }

  push(event: TorrentEvent): void {
    if (this.#queue.length >= MAX_QUEUED) {
      this.#queue.shift();
      this.#lost++;
    }
    this.#queue.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<TorrentEvent>> {
    while (this.#queue.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
    const event = this.#queue[0];
    if (event === undefined) return { done: true, value: undefined };
    if (this.#lost > 0) {
      const message = `${this.#lost} events were lost: they were not read in time`;
      this.#lost = 0;
      return { done: false, value: { infoHash: event.infoHash, type: "warning", message } };
    }
    this.#queue.shift();
    return { done: false, value: event };
  }

  return(): Promise<IteratorResult<TorrentEvent>> {
    this.#ended = true;
    this.#queue.length = 0;
    this.#done();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

export class EventFeed {
  readonly #listeners = new Set<Listener>();
  #ended = false;

  push(event: TorrentEvent): void {
    for (const listener of this.#listeners) listener.push(event);
  }

  /** Events from now on, until `end`. */
  listen(): AsyncIterableIterator<TorrentEvent> {
    const listener: Listener = new Listener(() => this.#listeners.delete(listener));
    if (this.#ended) listener.end();
    else this.#listeners.add(listener);
    return listener;
  }

  end(): void {
    this.#ended = true;
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }
}
