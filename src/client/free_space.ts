/**
 * Disks that are nearly full. What would write there waits until there is a tenth more than the least
 * free space, so that a disk at its limit does not make torrents stop and start.
 */
import type { Files } from "../platform/types.ts";
import { parentOf } from "../storage/safe_paths.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import { FileError } from "../util/errors.ts";

const LOOK_EVERY_MS = 10_000;
const ENOUGH = 1.1;

export class FreeSpace {
  readonly #files: Pick<Files, "freeSpace" | "stat">;
  readonly #running: ReadonlyMap<string, TorrentInside>;
  #least: number;
  /** By folder. */
  readonly #low = new Map<string, FileError>();
  #nextAt = 0;
  #looking = false;

  constructor(
    files: Pick<Files, "freeSpace" | "stat">,
    running: ReadonlyMap<string, TorrentInside>,
    least: number,
  ) {
    this.#files = files;
    this.#running = running;
    this.#least = least;
  }

  /** Bytes. */
  setLeast(least: number): void {
    this.#least = least;
    this.#nextAt = 0;
  }

  /** Why a torrent has to wait; null if it may write, or writes nothing. */
  holds(inside: TorrentInside): FileError | null {
    if (this.#low.size === 0 || inside.work !== "download") return null;
    return this.#low.get(inside.dir) ?? null;
  }

  /** A torrent was added: its folder may be a new one. */
  changed(): void {
    this.#nextAt = 0;
  }

  /** A few times a second. */
  tick(now: number): void {
    if (now < this.#nextAt || this.#looking || this.#least === 0 && this.#low.size === 0) return;
    this.#nextAt = now + LOOK_EVERY_MS;
    this.#looking = true;
    void this.#look().finally(() => this.#looking = false);
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const all = [...this.#running.values()].filter(({ work }) => work === "download");
    const changed = new Set<string>();
    for (const dir of new Set(all.map((inside) => inside.dir))) {
      if (await this.#judge(dir)) changed.add(dir);
    }
    for (const inside of all) if (changed.has(inside.dir)) inside.reconsider();
  }

  /** Resolves to whether it is otherwise than before. */
  async #judge(dir: string): Promise<boolean> {
    const wasLow = this.#low.has(dir), free = await this.#freeAt(dir);
    const isLow = free < this.#least * (wasLow ? ENOUGH : 1);
    if (isLow === wasLow) return false;
    if (isLow) this.#low.set(dir, lowError(dir, this.#least));
    else this.#low.delete(dir);
    return true;
  }

  /** Of the folder, or the nearest one above it that exists. A disk that does not tell has enough. */
  async #freeAt(dir: string): Promise<number> {
    try {
      let at = dir;
      while (this.#files.stat(at) === null && parentOf(at) !== at) at = parentOf(at);
      return await this.#files.freeSpace(at);
    } catch (error) {
      if (error instanceof FileError) return Infinity;
      throw error;
    }
  }
}

function lowError(dir: string, least: number): FileError {
  const mib = Math.ceil(least / 1024 / 1024);
  const message = `The disk of ${dir} has less than ${mib} MiB free: make room on it, or lower ` +
    "minFreeSpace; the download continues by itself";
  return new FileError("disk-low", dir, message);
}
