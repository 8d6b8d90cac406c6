/**
 * Memory for uploads, shared by all torrents of a client: windows of verified data; the least recently
 * used is dropped first. Invariant: all windows, including those being read, never hold more than
 * `maxBytes` together; a window that is being read is never dropped.
 */

import type { DiskGauge } from "./warmth.ts";

/** The size of a read: large enough to serve many blocks, small enough to be quick. */
export const WINDOW_BYTES = 256 * 1024;
/** Reads under way at once; more would only queue in the system. */
const READS_AT_ONCE = 8;

/** Waits for data in memory. Called at most once per wait. */
export interface ReadWaiter {
  loaded(): void;
  /** These bytes of a piece cannot be read; waits for other bytes are not affected. */
  failed(piece: number, begin: number, end: number): void;
}

/** The owner of a window's data. */
export interface WindowOwner {
  /** Fills `into` with the window's bytes. */
  read(key: number, into: Uint8Array): Promise<void>;
  /** The window makes room for another, or could not be read. */
  dropped(window: CachedWindow): void;
  readFailed(error: unknown, window: CachedWindow): void;
  /** Tells the waiters that this window cannot be read. */
  refuse(waiter: ReadWaiter, window: CachedWindow): void;
  readWorked(): void;
}

export class CachedWindow {
  bytes: Uint8Array | null = null;
  ready = false;
  /** Its data must not be served any more, whatever the read returns. */
  stale = false;
  readonly waiters = new Set<ReadWaiter>();

  constructor(readonly owner: WindowOwner, readonly key: number, readonly length: number) {}
}

export class ReadCache {
  readonly maxBytes: number;
  readonly gauge: DiskGauge;
  /** Bytes in windows, and reads so far. */
  bytes = 0;
  reads = 0;
  /** Least recently used first; all are ready. */
  readonly #kept = new Set<CachedWindow>();
  /** Waiting for their turn to be read. */
  readonly #line: CachedWindow[] = [];
  readonly #free: Uint8Array[] = [];
  #latest: CachedWindow | null = null;
  #reading = 0;

  constructor(maxBytes: number, gauge: DiskGauge) {
    this.gauge = gauge;
    this.maxBytes = Math.max(maxBytes, READS_AT_ONCE * WINDOW_BYTES);
  }

  /** Starts to read `length` bytes, now or when it is their turn. */
  load(owner: WindowOwner, key: number, length: number): CachedWindow {
    const window = new CachedWindow(owner, key, length);
    this.#line.push(window);
    this.#readNext();
    return window;
  }

  // hot
  /** The window was used. */
  touch(window: CachedWindow): void {
    if (this.#latest === window) return;
    this.#latest = window;
    this.#kept.delete(window);
    this.#kept.add(window);
  }

  /** Forgets a window; one that is being read is forgotten when that ends. */
  drop(window: CachedWindow): void {
    window.stale = true;
    if (this.#kept.delete(window)) this.#release(window);
    if (this.#latest === window) this.#latest = null;
  }

  #readNext(): void {
    while (this.#reading < READS_AT_ONCE && this.#line.length > 0) {
      const window = this.#line.shift()!;
      if (window.stale) this.#end(window);
      else this.#read(window);
    }
  }

  async #read(window: CachedWindow): Promise<void> {
    this.#reading++;
    this.reads++;
    const bytes = window.bytes = this.#room(window.length);
    try {
      await window.owner.read(window.key, bytes);
      window.owner.readWorked();
      window.ready = !window.stale;
    } catch (error) {
      if (!window.stale) window.owner.readFailed(error, window);
    }
    this.#reading--;
    this.#end(window);
    this.#readNext();
  }

  #end(window: CachedWindow): void {
    if (window.ready) {
      this.#kept.add(window);
      this.#latest = window;
    } else {
      if (window.bytes !== null) this.#release(window);
      window.owner.dropped(window);
    }
    const waiters = [...window.waiters];
    window.waiters.clear();
    for (const waiter of waiters) {
      if (window.ready) waiter.loaded();
      else window.owner.refuse(waiter, window);
    }
  }

  /** Memory for one more window, taken from the least recently used ones if necessary. */
  #room(length: number): Uint8Array {
    for (const oldest of this.#kept) {
      if (this.bytes + length <= this.maxBytes) break;
      this.#kept.delete(oldest);
      if (this.#latest === oldest) this.#latest = null;
      this.#release(oldest);
      oldest.owner.dropped(oldest);
    }
    this.bytes += length;
    const whole = length === WINDOW_BYTES ? this.#free.pop() : undefined;
    return whole ?? new Uint8Array(length);
  }

  #release(window: CachedWindow): void {
    this.bytes -= window.length;
    if (window.length === WINDOW_BYTES && this.#free.length < READS_AT_ONCE) {
      this.#free.push(window.bytes!);
    }
    window.bytes = null;
    window.ready = false;
  }
}
