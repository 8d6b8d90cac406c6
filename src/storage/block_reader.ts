/**
 * Verified data of one torrent for uploads. Data in the system's memory is read at once, straight into
 * the buffer that is sent. Data from a slow disk is read ahead in windows, off this thread, into the
 * cache that all torrents share, while other peers are served. Invariant: no data is uploaded of a
 * piece that was found bad, even if it was read before or is being read, nor of a file that was seen
 * to change, until that file was checked again.
 */
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import { FileError } from "../util/errors.ts";
import {
  type CachedWindow,
  type ReadCache,
  type ReadWaiter,
  WINDOW_BYTES,
  type WindowOwner,
} from "./read_cache.ts";
import { FileWatch, type WatchedFiles } from "./file_watch.ts";
import { Warmth } from "./warmth.ts";

/** The disk, as the reader needs it. */
export interface PieceSource extends WatchedFiles {
  readonly layout: Layout;
  /** Fills `into` from `begin` of a piece, pads as zeros. Throws a FileError. */
  readInto(piece: number, begin: number, into: Uint8Array): void;
  /** The same off this thread. Rejects with a FileError. */
  readAsync(piece: number, begin: number, into: Uint8Array): Promise<void>;
}

/** Errors that may not recur at the next try; all others mean that the data is lost. */
const PASSING: readonly FileError["code"][] = ["io", "too-many-open"];

/** Files that are opened for one read on this thread. */
const MAX_FILES_AT_ONCE = 32;

export interface ReaderEvents {
  /** The first error that no later try will fix. */
  broke(error: unknown): void;
  /** Another program changed a file: none of it is served until `release`. */
  changed(file: number): void;
}

/** Errors that another program's change of the file may cause. */
const CHANGES: readonly FileError["code"][] = ["changed", "not-found"];

export class BlockReader implements WindowOwner {
  readonly #source: PieceSource;
  readonly #cache: ReadCache;
  readonly #events: ReaderEvents;
  /** Null until something is uploaded: most torrents of a large client are idle. */
  #watching: FileWatch | null = null;
  readonly #windowLength: number;
  readonly #perPiece: number;
  readonly #windows = new Map<number, CachedWindow>();
  readonly #warmth: Warmth;
  #closed = false;
  /** The last read failed. */
  #failing = false;

  constructor(source: PieceSource, cache: ReadCache, events: ReaderEvents) {
    this.#source = source;
    this.#cache = cache;
    this.#events = events;
    this.#warmth = new Warmth(cache.gauge);
    const { pieceLength } = source.layout;
    const { totalLength, files } = source.layout;
    const isCrowded = totalLength / files.length * MAX_FILES_AT_ONCE < WINDOW_BYTES;
    this.#windowLength = Math.min(isCrowded ? BLOCK_LENGTH : WINDOW_BYTES, pieceLength);
    this.#perPiece = Math.ceil(pieceLength / this.#windowLength);
  }

  get #watch(): FileWatch {
    return this.#watching ??= new FileWatch(
      this.#source,
      () => this.#cache.gauge.clock.now(),
      (file) => this.#hold(file),
    );
  }

  // hot
  /**
   * Fills `into` from `begin` of a piece if that is sure to be quick. If it returns false, also
   * because the data cannot be read, `prepare` tells more.
   */
  readNow(piece: number, begin: number, into: Uint8Array): boolean {
    const { clock } = this.#cache.gauge, begun = clock.now();
    if (this.#closed || !this.#warmth.isWarm(begun)) return false;
    // Opening a thousand files takes time, however warm they are.
    if (this.#source.layout.filesIn(piece, begin, into.length) > MAX_FILES_AT_ONCE) return false;
    if (!this.#watch.mayServe(piece, begun)) return false;
    try {
      this.#source.readInto(piece, begin, into);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#warmth.cool();
      return false;
    }
    this.#warmth.readAtOnce(begun, clock.now());
    return true;
  }

  // hot
  /**
   * Whether these bytes are in memory, for `copy` in the same turn. If not, they are fetched, and
   * `waiter` is told when it should ask again, or that they cannot be read.
   */
  prepare(piece: number, begin: number, length: number, waiter: ReadWaiter | null): boolean {
    if (this.#closed) return false;
    if (!this.#watch.mayServe(piece, this.#cache.gauge.clock.now())) {
      if (waiter !== null) this.#watch.wait(waiter);
      return false;
    }
    const last = Math.floor((begin + length - 1) / this.#windowLength);
    for (let at = Math.floor(begin / this.#windowLength); at <= last; at++) {
      const window = this.#window(piece, at);
      if (window === null) return false;
      if (window.ready) continue;
      if (waiter !== null) window.waiters.add(waiter);
      return false;
    }
    return true;
  }

  // hot
  /** Fills `into` from `begin` of a piece; `prepare` must just have said that it can. */
  copy(piece: number, begin: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const at = Math.floor((begin + done) / this.#windowLength);
      const window = this.#windows.get(piece * this.#perPiece + at)!;
      this.#cache.touch(window);
      const from = begin + done - at * this.#windowLength;
      const part = window.bytes!.subarray(from, from + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  /** Changed files were checked, and wrong pieces were removed. `isRight`: there were none. */
  release(files: readonly number[], isRight: boolean): void {
    if (!this.#closed) this.#watch.release(files, isRight);
  }

  /** The piece is wrong: its cached data is no longer served. */
  forget(piece: number): void {
    for (let at = 0; at < this.#perPiece; at++) {
      const key = piece * this.#perPiece + at, window = this.#windows.get(key);
      this.#windows.delete(key);
      if (window !== undefined) this.#cache.drop(window);
    }
  }

  /** Cached data of a file is no longer served; running reads are refused. */
  #hold(file: number): void {
    const range = this.#source.layout.piecesOf(file);
    for (const [key, window] of this.#windows) {
      const { piece } = this.#placeOf(key);
      if (range === null || piece < range.first || piece > range.last) continue;
      this.#windows.delete(key);
      this.#cache.drop(window);
    }
    this.#events.changed(file);
  }

  close(): void {
    this.#closed = true;
    this.#watching?.close();
    for (const window of this.#windows.values()) this.#cache.drop(window);
    this.#windows.clear();
  }

  // --- For the cache ---

  async read(key: number, into: Uint8Array): Promise<void> {
    const { piece, begin } = this.#placeOf(key), { clock } = this.#cache.gauge;
    const begun = clock.now();
    await this.#source.readAsync(piece, begin, into);
    this.#warmth.readAway(clock.now() - begun);
  }

  refuse(waiter: ReadWaiter, { key, length }: CachedWindow): void {
    const { piece, begin } = this.#placeOf(key);
    waiter.failed(piece, begin, begin + length);
  }

  dropped(window: CachedWindow): void {
    if (this.#windows.get(window.key) === window) this.#windows.delete(window.key);
  }

  readWorked(): void {
    this.#failing = false;
  }

  /**
   * A temporary error costs the peer its request; a permanent one fails the torrent. A file that
   * was truncated or removed is checked again.
   */
  readFailed(error: unknown, { key }: CachedWindow): void {
    const mayBeChanged = error instanceof FileError && CHANGES.includes(error.code);
    if (mayBeChanged && !this.#watch.lookAgain(this.#placeOf(key).piece)) return;
    const passing = error instanceof FileError && PASSING.includes(error.code) && !this.#failing;
    this.#failing = true;
    if (!passing) this.#events.broke(error);
  }

  #placeOf(key: number): { piece: number; begin: number } {
    return {
      piece: Math.floor(key / this.#perPiece),
      begin: (key % this.#perPiece) * this.#windowLength,
    };
  }

  #window(piece: number, at: number): CachedWindow | null {
    const key = piece * this.#perPiece + at;
    const known = this.#windows.get(key);
    if (known !== undefined || this.#closed) return known ?? null;
    const left = this.#source.layout.lengthOf(piece) - at * this.#windowLength;
    const window = this.#cache.load(this, key, Math.min(this.#windowLength, left));
    this.#windows.set(key, window);
    return window;
  }
}
