/**
 * The bytes of one simulated file, sparse in pages, and what of them a power cut may take: for each
 * page changed since the last sync it keeps what the disk still holds.
 */
import type { Prng } from "../../util/prng.ts";

export const PAGE_BYTES = 4096;
/** What a disk writes in one go: a torn page is cut at a multiple of this. */
const SECTOR_BYTES = 512;

export class PageFile {
  size = 0;
  readonly #pages = new Map<number, Uint8Array>();
  /** Pages changed since the last sync, with what the disk holds: null where it held none. */
  readonly #unsynced = new Map<number, Uint8Array | null>();
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

  /** Writes until `takePage()` says that the disk has no more; returns the bytes written. */
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
    return freed;
  }

  sync(): void {
    this.#unsynced.clear();
    this.#syncedSize = this.size;
  }

  /** A power cut: every unsynced page is kept, lost or torn, as the dice fall. */
  crash(dice: Prng): { lost: number; torn: number } {
    const result = { lost: 0, torn: 0 };
    for (const [page, old] of this.#unsynced) {
      const fate = dice.below(3);
      if (fate === 0) continue;
      const now = this.#pages.get(page);
      if (fate === 1 || now === undefined) {
        if (old === null) this.#pages.delete(page);
        else this.#pages.set(page, old);
        result.lost++;
      } else {
        const kept = SECTOR_BYTES * (1 + dice.below(PAGE_BYTES / SECTOR_BYTES - 1));
        const torn = old?.slice() ?? new Uint8Array(PAGE_BYTES);
        torn.set(now.subarray(0, kept));
        this.#pages.set(page, torn);
        result.torn++;
      }
    }
    if (this.size !== this.#syncedSize && dice.chance(0.5)) {
      this.#unsynced.clear();
      this.truncate(this.#syncedSize);
    }
    this.sync();
    return result;
  }

  /** Pages in use, for whoever counts the space of the disk. */
  get pageCount(): number {
    return this.#pages.size;
  }

  /** The page for writing; the first change since a sync keeps what was there. */
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

function locate(position: number): { page: number; at: number; room: number } {
  const page = Math.floor(position / PAGE_BYTES);
  const at = position - page * PAGE_BYTES;
  return { page, at, room: PAGE_BYTES - at };
}
