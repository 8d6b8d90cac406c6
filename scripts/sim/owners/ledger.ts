/** Files that no torrent may touch, and what they held when they were written down. */
import assert from "node:assert/strict";
import type { SimDisk } from "../../../tests/harness/sim/disk.ts";
import type { DiskEntry, SimVolume } from "../../../tests/harness/sim/volume.ts";
import { equalBytes } from "../../../src/util/bytes.ts";

interface Kept {
  readonly path: string;
  readonly volume: SimVolume;
  readonly inside: string;
  readonly bytes: Uint8Array;
  readonly about: string;
  /** As it was when its bytes were last compared. */
  entry: DiskEntry | undefined;
  version: number;
}

/** Goes by file system, so that what is on an unmounted disk, or under a mount, is watched too. */
export class Ledger {
  readonly #disk: SimDisk;
  readonly #kept = new Map<string, Kept>();
  readonly #folders: { volume: SimVolume; inside: string; names: string; about: string }[] = [];

  constructor(disk: SimDisk) {
    this.#disk = disk;
  }

  get size(): number {
    return this.#kept.size;
  }

  has(path: string): boolean {
    return this.#kept.has(this.#key(path));
  }

  /** From now on, the file must not change. */
  keep(path: string, about: string): void {
    const { volume, inside } = this.#disk.placeOf(path), entry = volume.entry(inside);
    const bytes = this.#disk.bytes(path);
    assert.ok(bytes !== null && entry !== undefined, `${path} is not there`);
    const { version } = entry.data;
    this.#kept.set(this.#key(path), { path, volume, inside, bytes, about, entry, version });
  }

  /** Its owner wrote to a file, which may be here under several names. */
  rewritten(path: string): void {
    const entry = this.#disk.entry(path);
    for (const kept of [...this.#kept.values()]) {
      if (kept.volume.entry(kept.inside) === entry) this.keep(kept.path, kept.about);
    }
  }

  /** Its owner did something to it. `about`: only if it was kept for this reason. */
  forget(path: string, about?: string): void {
    const key = this.#key(path);
    if (about === undefined || this.#kept.get(key)?.about === about) this.#kept.delete(key);
  }

  #key(path: string): string {
    const { volume, inside } = this.#disk.placeOf(path);
    return `${volume.device} ${inside}`;
  }

  /** In this folder nothing may be made or removed, until `release`. */
  guard(path: string, about: string): void {
    const { volume, inside } = this.#disk.placeOf(path);
    this.#folders.push({ volume, inside, names: volume.names(inside).join(), about });
  }

  release(): void {
    this.#folders.length = 0;
  }

  /** Throws if one of them has changed. */
  check(): void {
    for (const kept of this.#kept.values()) {
      const entry = kept.volume.entry(kept.inside);
      if (entry === kept.entry && entry?.data.version === kept.version) continue;
      const { about, path } = kept;
      assert.ok(entry !== undefined, `${path} (${about}) was removed`);
      const now = new Uint8Array(entry.data.size);
      entry.data.read(now, 0);
      assert.ok(equalBytes(now, kept.bytes), `${path} (${about}) was written over`);
      kept.entry = entry;
      kept.version = entry.data.version;
    }
    for (const { volume, inside, names, about } of this.#folders) {
      assert.equal(volume.names(inside).join(), names, `something was made in ${about}`);
    }
  }
}
