/** Compares the data on the disk with the hashes: before the download and after it. */
import type { Hasher } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { verifierOf } from "../metainfo/piece_verifier.ts";
import { type CheckedStorage, checkPieces } from "../storage/checker.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { FileError } from "../util/errors.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";
import { HAVE, MISSING, SKIPPED } from "../pieces/piece_types.ts";
import { goneFiles } from "./gone_files.ts";
import type { FinalCheck } from "./types.ts";

/** How often a piece may be wrong in the final check before the disk is to blame. */
const MAX_WRONG = 3;

export class Verification {
  readonly #meta: Metainfo;
  readonly #hasher: Hasher;
  readonly #storage: TorrentStorage;
  #fraction: number | null = null;
  /** By piece: how often it was wrong after it was written. */
  #wrong: Map<number, number> | null = null;

  constructor(meta: Metainfo, hasher: Hasher, storage: TorrentStorage) {
    this.#meta = meta;
    this.#hasher = hasher;
    this.#storage = storage;
  }

  /** Progress of the check, 0 to 1; null without one. */
  get fraction(): number | null {
    return this.#fraction;
  }

  /** Reads these pieces, all by default. Resolves early when `signal` is aborted. */
  async check(
    signal: AbortSignal,
    onPiece: (piece: number, ok: boolean) => void,
    pieces: readonly number[] = this.allPieces(),
    storage: CheckedStorage = this.#storage.seen,
  ): Promise<void> {
    this.#fraction = 0;
    try {
      await checkPieces(this.#hasher, storage, pieces, verifierOf(this.#meta), {
        piece: onPiece,
        progress: (done, total) => this.#fraction = total === 0 ? 1 : done / total,
      }, signal);
    } finally {
      this.#fraction = null;
    }
  }

  /**
   * Checks everything again while it is in use, except pieces that are being downloaded. Missing
   * pieces that match are marked and reported by `found`. Resolves to the wrong ones among ours,
   * which are not marked, and the number of ours. Rejects with a FileError: "not-found" if all
   * files are gone, as with a disk that was pulled out.
   */
  async recheck(
    manager: PieceManager,
    signal: AbortSignal,
    found: (piece: number) => void,
  ): Promise<{ bad: number[]; had: number }> {
    const isOf = (...states: number[]) => (piece: number) =>
      states.includes(manager.states.of(piece));
    const pieces = this.allPieces().filter(isOf(HAVE, MISSING, SKIPPED));
    const had = new Set(pieces.filter(isOf(HAVE)));
    if (had.size > 0) this.demandDisk();
    const bad: number[] = [], isMissing = isOf(MISSING, SKIPPED);
    await this.check(
      signal,
      (piece, ok) => {
        if (!ok && had.has(piece)) bad.push(piece);
        if (!ok || !isMissing(piece) || signal.aborted) return;
        manager.states.markHave(piece);
        found(piece);
      },
      pieces,
      this.#inUse(manager.states.withdrawn),
    );
    if (bad.length > 0) this.demandDisk();
    return { bad, had: had.size };
  }

  /** Reads every piece whose bytes may have changed since it was verified, or all that we have. */
  async finalCheck(
    { have, states: { withdrawn } }: PieceManager,
    how: FinalCheck,
    signal: AbortSignal,
  ): Promise<{ bad: number[]; checked: number }> {
    const bad: number[] = [];
    const pieces = this.#doubtfulPieces(how).filter((piece) => {
      return have.has(piece) && !withdrawn.has(piece);
    });
    await this.check(signal, (piece, ok) => {
      if (!ok) bad.push(piece);
    }, pieces);
    return { bad, checked: pieces.length };
  }

  /** Throws a GoneError if our data is away with its disk. */
  demandDisk(): void {
    const storage = this.#storage;
    const partsStamp = storage.seen.partsStamp(), stamps = storage.seen.stamps();
    goneFiles(this.#meta, storage, { disk: storage.folder.disk.id, stamps, partsStamp });
  }

  /**
   * Pieces that were written during the check need none. A file with `withdrawn` pieces is not as we
   * left it: the next start must find that out again.
   */
  #inUse(withdrawn: ReadonlySet<number>): CheckedStorage {
    const storage = this.#storage, writes: number[] = [];
    return {
      layout: storage.layout,
      spans: (piece) => storage.seen.spans(piece),
      isApart: (file, piece) => storage.seen.isApart(file, piece),
      statFile: (file) => {
        writes[file] = storage.seen.writesTo(file);
        return storage.seen.statFile(file);
      },
      noteChecked: (file, before) => {
        if (writes[file] !== storage.seen.writesTo(file)) return;
        if (this.#has(file, withdrawn)) storage.seen.acceptChange(file, before);
        else storage.seen.noteChecked(file, before);
      },
    };
  }

  #has(file: number, pieces: ReadonlySet<number>): boolean {
    const range = this.#meta.layout.piecesOf(file);
    return range !== null && [...pieces].some((each) => each >= range.first && each <= range.last);
  }

  /**
   * These pieces were wrong on the disk and must be downloaded again. Throws a FileError if one is
   * wrong for the third time.
   */
  demandKept(bad: readonly number[]): void {
    const wrong = this.#wrong ??= new Map();
    for (const piece of bad) {
      const times = (wrong.get(piece) ?? 0) + 1;
      wrong.set(piece, times);
      if (times >= MAX_WRONG) throw notKept(this.#meta, this.#storage, piece);
    }
  }

  allPieces(): number[] {
    return Array.from({ length: this.#meta.layout.pieceCount }, (_, piece) => piece);
  }

  /** Those whose bytes may have changed since they were verified, or all (`FinalCheck`). */
  #doubtfulPieces(how: FinalCheck): number[] {
    const all = this.allPieces();
    if (how === "full") return all;
    const doubtful = new Set<number>();
    for (const file of this.#storage.seen.changedFiles()) {
      const range = this.#meta.layout.piecesOf(file);
      for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) {
        doubtful.add(piece);
      }
    }
    return all.filter((piece) => doubtful.has(piece));
  }
}

function notKept({ layout }: Metainfo, storage: TorrentStorage, piece: number): FileError {
  const { file } = layout.slices(piece).find(({ file }) => !layout.files[file]!.pad)!;
  const path = storage.folder.pathOf(file)!;
  return new FileError(
    "io",
    path,
    `${path} does not keep written data: piece ${piece} was read back wrong ` +
      `${MAX_WRONG} times. Check the disk of ${storage.folder.dir}, or choose another one`,
  );
}
