/**
 * The bytes of one simulated file, sparse in pages, and the effect of a power cut on them: for each
 * page changed since the last sync it keeps the version on the disk.
 */
import type { Prng } from "../prng.ts";

export const PAGE_BYTES = 4096;
/** The unit of a disk's writes: of a torn page, each of these was written or not. */
const SECTOR_BYTES = 512;

/** Changed pages, with the version on the disk: null if there is none. */
type Changes = Map<number, Uint8Array | null>;

/** A running sync: it covers writes before its start. */
export interface PageSync {
  readonly changes: Changes;
  readonly size: number;
}

export class PageFile {
  size = 0;
  /** Grows with every change of the bytes. */
  version = 0;
  readonly #pages = new Map<number, Uint8Array>();
  /** Since the last sync began. */
  #unsynced: Changes = new Map();
  /** Oldest first. */
  #syncing: PageSync[] = [];
  #syncedSize = 0;

  /** Bytes that the pages take. */
  get allocated(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  /** Reads up to the end of the file; returns the bytes read. */
  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.size - position));
    for (let done = 0; done < length;) {
      const { page, at, room } = locate(position + done);
      const count = Math.min(room, length - done);
      const bytes = this.#pages.get(page);
      if (bytes === undefined) into.fill(0, done, done + count);
      else into.set(bytes.subarray(at, at + count), done);
      done += count;
    }
    return length;
  }

  /** Writes until `takePage()` reports that the disk is full; returns the bytes written. */
  write(bytes: Uint8Array, position: number, takePage: () => boolean): number {
    let done = 0;
    while (done < bytes.length) {
      const { page, at, room } = locate(position + done);
      const count = Math.min(room, bytes.length - done);
      if (!this.#pages.has(page) && !takePage()) break;
      this.#change(page).set(bytes.subarray(done, done + count), at);
      done += count;
    }
    if (done > 0) this.size = Math.max(this.size, position + done);
    this.version++;
    return done;
  }

  /** Returns the number of pages freed. */
  truncate(size: number): number {
    let freed = 0;
    if (size < this.size) {
      const { page: last, at } = locate(size);
      for (const page of [...this.#pages.keys()]) {
        if (page > last || (page === last && at === 0)) {
          this.#change(page);
          this.#pages.delete(page);
          freed++;
        }
      }
      if (at > 0 && this.#pages.has(last)) this.#change(last).fill(0, at);
    }
    this.size = size;
    this.version++;
    return freed;
  }

  /** Returns whether the length was not synced yet. */
  sync(): boolean {
    return this.endSync(this.beginSync());
  }

  beginSync(): PageSync {
    const sync = { changes: this.#unsynced, size: this.size };
    this.#unsynced = new Map();
    this.#syncing.push(sync);
    return sync;
  }

  /** As `sync`, for the data at its start. A later one that ended before covers it too. */
  endSync(sync: PageSync): boolean {
    const at = this.#syncing.indexOf(sync);
    if (at < 0) return false;
    this.#syncing.splice(0, at + 1);
    const changed = sync.size !== this.#syncedSize;
    this.#syncedSize = sync.size;
    return changed;
  }

  /** A power cut: every unsynced page is randomly kept, lost or torn. */
  crash(dice: Prng): { lost: number; torn: number } {
    const result = { lost: 0, torn: 0 };
    for (const [page, old] of this.#allUnsynced()) {
      const fate = dice.below(3);
      if (fate === 0) continue;
      const now = this.#pages.get(page);
      if (fate === 1 || now === undefined) {
        if (old === null) this.#pages.delete(page);
        else this.#pages.set(page, old);
        result.lost++;
      } else {
        this.#pages.set(page, tear(old, now, dice));
        result.torn++;
      }
    }
    if (this.size !== this.#syncedSize && dice.chance(0.5)) {
      this.truncate(this.#syncedSize);
    }
    this.sync();
    this.version++;
    return result;
  }

  /** The version on the disk is the one before the oldest of several changes to a page. */
  #allUnsynced(): Changes {
    const all: Changes = new Map();
    for (const { changes } of [...this.#syncing, { changes: this.#unsynced }]) {
      for (const [page, old] of changes) if (!all.has(page)) all.set(page, old);
    }
    return all;
  }

  /** Pages in use, for counting the space of the disk. */
  get pageCount(): number {
    return this.#pages.size;
  }

  /** The page for writing; the first change since a sync saves the old version. */
  #change(page: number): Uint8Array {
    let bytes = this.#pages.get(page);
    if (!this.#unsynced.has(page)) this.#unsynced.set(page, bytes?.slice() ?? null);
    if (bytes === undefined) {
      bytes = new Uint8Array(PAGE_BYTES);
      this.#pages.set(page, bytes);
    }
    return bytes;
  }
}

/** The old page with some sectors of the new one: at least one was written, one was not. */
function tear(old: Uint8Array | null, now: Uint8Array, dice: Prng): Uint8Array {
  const torn = old?.slice() ?? new Uint8Array(PAGE_BYTES);
  const sectors = PAGE_BYTES / SECTOR_BYTES;
  const came = 1 + dice.below(2 ** sectors - 2);
  for (let sector = 0; sector < sectors; sector++) {
    if ((came & (1 << sector)) === 0) continue;
    const at = sector * SECTOR_BYTES;
    torn.set(now.subarray(at, at + SECTOR_BYTES), at);
  }
  return torn;
}

function locate(position: number): { page: number; at: number; room: number } {
  const page = Math.floor(position / PAGE_BYTES);
  const at = position - page * PAGE_BYTES;
  return { page, at, room: PAGE_BYTES - at };
}
