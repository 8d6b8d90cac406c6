/**
 * Events for listeners, each of which has its own bounded queue: a listener that does not keep up
 * loses the oldest events, gets a warning about that, and never holds up the client.
 */
import { EventTally } from "./event_tally.ts";
import type { TorrentEvent } from "./types.ts";

const MAX_QUEUED = 10_000;

class Listener implements AsyncIterableIterator<TorrentEvent> {
  readonly #queue: TorrentEvent[] = [];
  /** Calls of `next` that wait for an event; none does while there are events. */
  readonly #waiting: ((result: IteratorResult<TorrentEvent>) => void)[] = [];
  readonly #done: () => void;
  #ended = false;
  #lost = 0;

  constructor(done: () => void) {
    this.#done = done;
  }

  push(event: TorrentEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting({ done: false, value: event });
    if (this.#queue.length >= MAX_QUEUED) {
      this.#queue.shift();
      this.#lost++;
    }
    this.#queue.push(event);
  }

  /** Queued events can still be read. */
  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<TorrentEvent>> {
    const event = this.#queue[0];
    if (event !== undefined) return Promise.resolve({ done: false, value: this.#take(event) });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<TorrentEvent>> {
    this.#queue.length = 0;
    this.end();
    this.#done();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** `next` is the oldest event; a warning about lost ones precedes it. */
  #take(next: TorrentEvent): TorrentEvent {
    if (this.#lost > 0) {
      const message = `${this.#lost} events were dropped because they were not read in time`;
      this.#lost = 0;
      return { infoHash: next.infoHash, type: "warning", message };
    }
    this.#queue.shift();
    return next;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

export class EventFeed {
  /** Of all torrents. */
  readonly #listeners = new Set<Listener>();
  /** Of one torrent, by its info-hash. */
  readonly #ofTorrent = new Map<string, Set<Listener>>();
  readonly tally = new EventTally();
  #ended = false;

  push(event: TorrentEvent): void {
    this.tally.count(event);
    for (const listener of this.#listeners) listener.push(event);
    for (const listener of this.#ofTorrent.get(event.infoHash) ?? []) listener.push(event);
  }

  /** Events of all torrents from now on, until `end`. */
  listen(): AsyncIterableIterator<TorrentEvent> {
    const listener: Listener = new Listener(() => this.#listeners.delete(listener));
    if (this.#ended) listener.end();
    else this.#listeners.add(listener);
    return listener;
  }

  /**
   * Events of one torrent: `first`, and all events until `endOf` it; only `first` if it `isOver`.
   */
  listenTo(first: TorrentEvent, isOver: boolean): AsyncIterableIterator<TorrentEvent> {
    const { infoHash } = first, all = this.#ofTorrent.get(infoHash) ?? new Set();
    const listener: Listener = new Listener(() => {
      all.delete(listener);
      if (all.size === 0) this.#ofTorrent.delete(infoHash);
    });
    listener.push(first);
    if (isOver || this.#ended) listener.end();
    else this.#ofTorrent.set(infoHash, all.add(listener));
    return listener;
  }

  /** This torrent has no more events. */
  endOf(infoHash: string): void {
    for (const listener of this.#ofTorrent.get(infoHash) ?? []) listener.end();
    this.#ofTorrent.delete(infoHash);
  }

  end(): void {
    this.#ended = true;
    for (const infoHash of [...this.#ofTorrent.keys()]) this.endOf(infoHash);
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }
}
