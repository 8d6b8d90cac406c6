/**
 * Compares the data on the disk with the hashes of the pieces, on as many threads as hashing can
 * use. Pieces of files that are missing or too short are known to be bad without reading, so
 * checking an empty folder costs one look per file.
 */
import type { FileSpan, FileStat, Hasher } from "../platform/types.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { PieceVerifier } from "../metainfo/piece_verifier.ts";
import { hashPieces } from "./hash_lanes.ts";

/** What the checker needs of a TorrentStorage. */
export interface CheckedStorage {
  readonly layout: Layout;
  spans(piece: number): FileSpan[];
  /** Throws a FileError, for example for a symlink. */
  statFile(file: number): FileStat | null;
  noteChecked(file: number, before: FileStat | null): void;
  /** Whether the file's bytes of a piece are stored elsewhere; `spans` knows where. Default: no. */
  isApart?(file: number, piece: number): boolean;
}

export interface CheckEvents {
  piece(piece: number, ok: boolean): void;
  progress?(done: number, total: number): void;
}

/**
 * Checks `pieces` (each at most once), begun in ascending order. Resolves when all are reported, or
 * at once when aborted, with the counts so far. Rejects with a FileError if a file cannot be read;
 * nothing is reported after that.
 */
export async function checkPieces(
  hasher: Pick<Hasher, "concurrency" | "hashFiles">,
  storage: CheckedStorage,
  pieces: Iterable<number>,
  verifier: PieceVerifier,
  on: CheckEvents,
  signal?: AbortSignal,
): Promise<{ good: number; bad: number }> {
  const list = Uint32Array.from(pieces).sort();
  const found = new FilesFound(storage);
  const counts = { good: 0, bad: 0 };
  const report = (piece: number, ok: boolean) => {
    if (ok) counts.good++;
    else counts.bad++;
    on.piece(piece, ok);
    on.progress?.(counts.good + counts.bad, list.length);
  };
  function* worthHashing() {
    for (const piece of list) {
      if (found.reaches(piece)) yield piece;
      else report(piece, false);
    }
  }
  const { algorithm } = verifier, spans = (piece: number) => storage.spans(piece);
  await hashPieces(hasher, algorithm, worthHashing(), spans, (piece, digest) => {
    report(piece, digest !== null && verifier.matches(piece, digest));
  }, signal);
  if (!signal?.aborted) found.noteChecked();
  return counts;
}

/** The files as they were when the check reached them. Pieces come in ascending order. */
class FilesFound {
  readonly #storage: CheckedStorage;
  /** The file at which the last piece began. */
  #file = 0;
  /** Per file: undefined until looked at. */
  readonly #stats: (FileStat | null | undefined)[] = [];
  /** Per file: how many of its pieces were in the check. */
  readonly #covered: number[] = [];

  constructor(storage: CheckedStorage) {
    this.#storage = storage;
  }

  /** Whether all files of a piece exist and are long enough for it. */
  reaches(piece: number): boolean {
    const { layout } = this.#storage;
    const from = piece * layout.pieceLength, to = from + layout.lengthOf(piece);
    while (layout.fileStart(this.#file + 1) <= from) this.#file++;
    let all = true;
    for (let file = this.#file; file < layout.files.length && layout.fileStart(file) < to; file++) {
      const { length, pad } = layout.files[file]!;
      if (length === 0 || pad) continue;
      this.#covered[file] = (this.#covered[file] ?? 0) + 1;
      const needed = Math.min(length, to - layout.fileStart(file));
      const size = this.#stat(file)?.size ?? 0;
      if (size < needed && !this.#storage.isApart?.(file, piece)) all = false;
    }
    return all;
  }

  #stat(file: number): FileStat | null {
    const seen = this.#stats[file];
    return seen !== undefined ? seen : this.#stats[file] = this.#storage.statFile(file);
  }

  /** Reports the files whose pieces were all checked. */
  noteChecked(): void {
    this.#covered.forEach((pieces, file) => {
      const range = this.#storage.layout.piecesOf(file);
      if (range === null || pieces < range.last - range.first + 1) return;
      this.#storage.noteChecked(file, this.#stats[file] ?? null);
    });
  }
}
