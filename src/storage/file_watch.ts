/**
 * Notices changes to a file while it is uploaded: before blocks are read, each of their files is
 * checked, at most a second ago. From the moment a change is seen, nothing of the file is uploaded
 * until it was checked again. Invariant: every waiter for a file that is held or being checked is told
 * when that is over.
 */
import type { FileSlice, Layout } from "../metainfo/layout.ts";
import type { Rests } from "../util/rests.ts";
import type { ReadWaiter } from "./read_cache.ts";

/** For files, and for pieces by the state of their files. A look costs 2 to 25 us. */
const LOOK_EVERY_MS = 500;
/** After a false alarm: some network disks change the times of files that we write. */
const FIRST_REST_MS = 1000;
const MAX_REST_MS = 60_000;

/** Files of one piece that are checked at a time. */
const MAX_AT_ONCE = 250;
/** Checking a piece of many files may take this part of the time. */
const CROWD_SHARE = 1 / 10;

export interface WatchedFiles {
  readonly layout: Layout;
  /** For loops over many files. */
  readonly rests: Rests;
  /**
   * Whether a file is no longer as our last write or check left it. A promise where its disk would
   * hold up the loop's thread.
   */
  isTouched(file: number): boolean | Promise<boolean>;
}

interface Crowd {
  free: boolean;
  /** The time of the next look; Infinity during a look. */
  until: number;
  /** A changed file was found during the look. */
  spoilt: boolean;
}

export class FileWatch {
  readonly #files: WatchedFiles;
  readonly #now: () => number;
  readonly #changed: (file: number) => void;
  /** Pieces that were found free since `#freshSince`. */
  readonly #free = new Set<number>();
  #freshSince = -Infinity;
  /** By piece of many files: what the last look found. */
  readonly #crowds = new Map<number, Crowd>();
  #closed = false;
  /** By file: when it was last found as it was left. */
  readonly #lookedAt = new Map<number, number>();
  /** By file: the time until the next look, after a check that found nothing wrong. */
  readonly #rests = new Map<number, number>();
  readonly #looking = new Set<number>();
  readonly #held = new Set<number>();
  readonly #waiters = new Set<ReadWaiter>();

  /** `changed` is called for each changed file, which is held until `release`. */
  constructor(files: WatchedFiles, now: () => number, changed: (file: number) => void) {
    this.#files = files;
    this.#now = now;
    this.#changed = changed;
  }

  // hot
  /** Whether a piece may be served: as far as is known, its files are as they were left. */
  mayServe(piece: number, now: number): boolean {
    if (now - this.#freshSince >= LOOK_EVERY_MS) {
      this.#free.clear();
      this.#freshSince = now;
    }
    return this.#free.has(piece) || this.#look(piece, now);
  }

  /** As `mayServe`, whatever the age of the last look. */
  lookAgain(piece: number): boolean {
    this.#free.clear();
    this.#doubtCrowds();
    this.#lookedAt.clear();
    return this.#look(piece, this.#now());
  }

  /** No file is checked any more. */
  close(): void {
    this.#closed = true;
  }

  /** `waiter` is told to ask again when files are released or were looked at. */
  wait(waiter: ReadWaiter): void {
    this.#waiters.add(waiter);
  }

  /**
   * The files were checked, and wrong pieces are no longer ours. If there were none (`isRight`),
   * the interval to the next look grows until one finds nothing changed.
   */
  release(files: readonly number[], isRight: boolean): void {
    for (const file of files) {
      this.#held.delete(file);
      if (isRight) this.#rest(file);
      else this.#rests.delete(file);
    }
    this.#doubtCrowds();
    this.#wake();
  }

  #rest(file: number): void {
    const before = this.#rests.get(file);
    const rest = before === undefined ? FIRST_REST_MS : Math.min(MAX_REST_MS, 2 * before);
    this.#rests.set(file, rest);
    this.#lookedAt.set(file, this.#now() + rest - LOOK_EVERY_MS);
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.loaded();
  }

  #look(piece: number, now: number): boolean {
    const { layout } = this.#files;
    if (layout.filesIn(piece, 0, layout.lengthOf(piece)) > MAX_AT_ONCE) {
      const crowd = this.#crowds.get(piece);
      if (crowd !== undefined && now < crowd.until) return crowd.free;
      void this.#lookAtCrowd(piece, layout.slices(piece));
      return this.#crowds.get(piece)?.free ?? false;
    }
    let isFree = true;
    for (const { file, pad } of layout.slices(piece)) {
      if (!pad && !this.#isFree(file, now)) isFree = false;
    }
    if (isFree) this.#free.add(piece);
    return isFree;
  }

  /** A piece of a torrent of tiny files has thousands of them: the loop yields and rarely runs. */
  async #lookAtCrowd(piece: number, slices: readonly FileSlice[]): Promise<void> {
    const begun = this.#now(), crowd: Crowd = { free: false, until: Infinity, spoilt: false };
    this.#crowds.set(piece, crowd);
    for (const { file, pad } of slices) {
      const rest = this.#files.rests.step();
      if (rest) await rest;
      if (this.#closed) return;
      if (pad) continue;
      if (this.#held.has(file)) {
        crowd.spoilt = true;
        continue;
      }
      const touched = this.#files.isTouched(file);
      if (typeof touched === "boolean" ? touched : await touched) this.#saw(file, true);
    }
    const now = this.#now();
    crowd.free = !crowd.spoilt;
    if (crowd.free) crowd.until = now + Math.max(LOOK_EVERY_MS, (now - begun) / CROWD_SHARE);
    else crowd.until = this.#held.size > 0 ? now + MAX_REST_MS : now;
    this.#wake();
  }

  /** Earlier results for pieces of many files are void. */
  #doubtCrowds(): void {
    for (const [piece, crowd] of this.#crowds) {
      if (crowd.until === Infinity) crowd.spoilt = true;
      else this.#crowds.delete(piece);
    }
  }

  #isFree(file: number, now: number): boolean {
    if (this.#held.has(file) || this.#looking.has(file)) return false;
    if (now - (this.#lookedAt.get(file) ?? -Infinity) < LOOK_EVERY_MS) return true;
    const touched = this.#files.isTouched(file);
    if (typeof touched === "boolean") return this.#saw(file, touched);
    this.#looking.add(file);
    touched.then((isTouched) => {
      this.#looking.delete(file);
      if (this.#saw(file, isTouched)) this.#wake();
    });
    return false;
  }

  #saw(file: number, isTouched: boolean): boolean {
    if (!isTouched) {
      this.#rests.delete(file);
      this.#lookedAt.set(file, this.#now());
      return true;
    }
    this.#held.add(file);
    this.#lookedAt.delete(file);
    this.#free.clear();
    this.#doubtCrowds();
    this.#changed(file);
    return false;
  }
}
