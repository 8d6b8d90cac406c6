/** Reads what is on the disk and compares it with the hashes: before the download and after it. */
import type { Hasher } from "../platform/types.ts";
import { type Metainfo, pieceHash } from "../protocol/metainfo.ts";
import { checkPieces } from "../storage/checker.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import type { FinalCheck } from "./types.ts";

export class Verification {
  readonly #meta: Metainfo;
  readonly #hasher: Hasher;
  readonly #storage: TorrentStorage;
  #fraction: number | null = null;

  constructor(meta: Metainfo, hasher: Hasher, storage: TorrentStorage) {
    this.#meta = meta;
    this.#hasher = hasher;
    this.#storage = storage;
  }

  /** Of the check under way, 0 to 1; null while nothing is checked. */
  get fraction(): number | null {
    return this.#fraction;
  }

  /** Reads these pieces, all by default. Resolves early when `signal` is aborted. */
  async check(
    signal: AbortSignal,
    onPiece: (piece: number, ok: boolean) => void,
    pieces: readonly number[] = this.allPieces(),
  ): Promise<void> {
    this.#fraction = 0;
    try {
      await checkPieces(this.#hasher, this.#storage, pieces, (p) => pieceHash(this.#meta, p), {
        piece: onPiece,
        progress: (done, total) => this.#fraction = total === 0 ? 1 : done / total,
      }, signal);
    } finally {
      this.#fraction = null;
    }
  }

  allPieces(): number[] {
    return Array.from({ length: this.#meta.layout.pieceCount }, (_, piece) => piece);
  }

  /** Those whose bytes may have changed since they were verified, or all (`FinalCheck`). */
  doubtfulPieces(how: FinalCheck): number[] {
    const all = this.allPieces();
    if (how === "full") return all;
    const doubtful = new Set<number>();
    for (const file of this.#storage.changedFiles()) {
      const range = this.#meta.layout.piecesOf(file);
      for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) {
        doubtful.add(piece);
      }
    }
    return all.filter((piece) => doubtful.has(piece));
  }
}
