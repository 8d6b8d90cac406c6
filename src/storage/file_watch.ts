/**
 * Notices that somebody changes a file while it is uploaded: before blocks are read, each of their
 * files is looked at, once a second at most. From the moment a change is seen nothing of the file is
 * served until it was checked again. Invariant: who waits for a held file hears when it is released.
 */
import type { Layout } from "../protocol/layout.ts";
import type { ReadWaiter } from "./read_cache.ts";

/** A look costs 2 to 25 us. */
const LOOK_EVERY_MS = 1000;

export interface WatchedFiles {
  readonly layout: Layout;
  /** Whether a file is no longer as our last write or check left it. */
  isTouched(file: number): boolean;
}

export class FileWatch {
  readonly #files: WatchedFiles;
  readonly #changed: (file: number) => void;
  /** Pieces and files that were looked at since `#lookedAt`. */
  readonly #pieces = new Set<number>();
  readonly #looked = new Set<number>();
  #lookedAt = -Infinity;
  readonly #held = new Set<number>();
  readonly #waiters = new Set<ReadWaiter>();

  /** `changed` hears of each file that was changed; it is held until `release`. */
  constructor(files: WatchedFiles, changed: (file: number) => void) {
    this.#files = files;
    this.#changed = changed;
  }

  // hot
  /** Whether a piece may be served: its files are as they were left, as far as is known. */
  mayServe(piece: number, now: number): boolean {
    if (now - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#pieces.clear();
      this.#looked.clear();
      this.#lookedAt = now;
    }
    return this.#pieces.has(piece) || this.#look(piece);
  }

  /** As `mayServe`, whenever the files were looked at last. */
  lookAgain(piece: number, now: number): boolean {
    this.#lookedAt = -Infinity;
    return this.mayServe(piece, now);
  }

  /** `waiter` is told to ask again when a held file is released. */
  wait(waiter: ReadWaiter): void {
    this.#waiters.add(waiter);
  }

  /** They were checked: pieces that were wrong are not ours any more. */
  release(files: readonly number[]): void {
    for (const file of files) {
      this.#held.delete(file);
      this.#looked.delete(file);
    }
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.loaded();
  }

  #look(piece: number): boolean {
    let isFree = true;
    for (const { file, pad } of this.#files.layout.slices(piece)) {
      if (!pad && !this.#isFree(file)) isFree = false;
    }
    if (isFree) this.#pieces.add(piece);
    return isFree;
  }

  #isFree(file: number): boolean {
    if (this.#held.has(file)) return false;
    if (this.#looked.has(file)) return true;
    this.#looked.add(file);
    if (!this.#files.isTouched(file)) return true;
    this.#held.add(file);
    // What was looked at before may have bytes of it.
    this.#pieces.clear();
    this.#changed(file);
    return false;
  }
}
