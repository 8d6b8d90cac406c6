/**
 * The wanted files of a torrent and their priorities, and the consequences for its pieces. A piece
 * is as important as its most important file. Immutable: a new choice is a new object.
 */
import type { Layout } from "../metainfo/layout.ts";
import type { PieceLevel } from "../pieces/piece_order.ts";

/** 0 is not wanted, 1 least and 7 most important. */
export const SKIP = 0, NORMAL = 4, HIGHEST = 7;

export interface FileChoiceOptions {
  /** One for each file of the torrent's list, pads included; empty: all NORMAL. */
  priorities: Uint8Array;
  /** Files whose pieces come in order. */
  sequential?: ReadonlySet<number>;
  /** Files whose first and last piece come before all others, as players read these first. */
  endsFirst?: ReadonlySet<number>;
}

const MEDIA = /\.(mkv|mp4|m4v|avi|mov|webm|mpe?g|ts|m2ts|wmv|flv|ogv|mp3|flac|ogg|opus|m4a|wav)$/i;

/** Files that players open: by their name. */
export function isMedia(path: readonly string[]): boolean {
  return MEDIA.test(path[path.length - 1] ?? "");
}

const NO_FILES: ReadonlySet<number> = new Set();

export class FileChoice {
  readonly priorities: Uint8Array;
  /** Files whose pieces come in order. */
  readonly sequential: ReadonlySet<number>;
  /** The ends of media files come first. */
  readonly endsFirst: boolean;
  /** Bytes of the wanted files, without pads. */
  readonly wantedBytes: number;
  readonly wantedFiles: number;
  /** By downloaded piece: its bytes outside the wanted files. */
  #foreign: Map<number, number> | null = null;
  readonly #layout: Layout;
  /**
   * By piece: priority * 4, + 2 at the end of a file that comes early, + 1 in order. Null if all
   * are usual.
   */
  readonly #keys: Uint8Array | null;

  constructor(layout: Layout, options: FileChoiceOptions) {
    const { priorities, sequential, endsFirst } = options;
    this.#layout = layout;
    this.sequential = sequential ?? NO_FILES;
    this.endsFirst = endsFirst !== undefined;
    this.priorities = priorities.length === layout.files.length
      ? priorities.slice()
      : new Uint8Array(layout.files.length).fill(NORMAL);
    const keys = new Uint8Array(layout.pieceCount);
    let wantedBytes = 0, wantedFiles = 0;
    layout.files.forEach(({ pad, length }, file) => {
      const range = layout.piecesOf(file), priority = this.priorities[file]!;
      if (pad || priority === SKIP) return;
      wantedFiles++;
      if (range === null) return;
      wantedBytes += length;
      const ordered = sequential?.has(file) ? 1 : 0, early = endsFirst?.has(file) ? 2 : 0;
      for (let piece = range.first; piece <= range.last; piece++) {
        const isEnd = piece === range.first || piece === range.last;
        const key = priority * 4 + (isEnd ? early : 0) + ordered;
        keys[piece] = Math.max(keys[piece]!, key);
      }
    });
    this.wantedBytes = wantedBytes;
    this.wantedFiles = wantedFiles;
    this.#keys = keys.every((key) => key === NORMAL * 4) ? null : keys;
    this.#findForeign();
  }

  /** All files have the usual priority: the pieces need no levels. */
  get isPlain(): boolean {
    const keys = this.#keys, first = keys?.[0];
    return keys === null || (first !== 0 && keys.every((key) => key === first && key % 2 === 0));
  }

  /** By file; pads are never unwanted. */
  get wanted(): boolean[] {
    return this.#layout.files.map(({ pad }, file) => pad || this.priorities[file] !== SKIP);
  }

  wantsPiece(piece: number): boolean {
    return this.#keyOf(piece) !== 0;
  }

  /** Bytes of wanted files in the missing pieces; `leftBytes` are all bytes of these. */
  wantedLeft(leftBytes: number, isMissing: (piece: number) => boolean): number {
    let left = leftBytes;
    for (const [piece, bytes] of this.#foreign ?? []) if (isMissing(piece)) left -= bytes;
    return left;
  }

  #findForeign(): void {
    const { files, pieceLength } = this.#layout;
    files.forEach(({ pad, length }, file) => {
      const range = this.#layout.piecesOf(file), start = this.#layout.fileStart(file);
      if (range === null || (!pad && this.priorities[file] !== SKIP)) return;
      for (let piece = range.first; piece <= range.last; piece++) {
        if (!this.wantsPiece(piece)) continue;
        const from = Math.max(start, piece * pieceLength);
        const to = Math.min(start + length, (piece + 1) * pieceLength);
        const foreign = this.#foreign ??= new Map();
        foreign.set(piece, (foreign.get(piece) ?? 0) + to - from);
      }
    });
  }

  /** For `PieceStates.setLevels`; `sequential` applies to the whole torrent. */
  levels(sequential: boolean): { levels: PieceLevel[]; levelOf(piece: number): number } {
    const keys = [...new Set(this.#keys ?? [NORMAL * 4])].filter((key) => key !== 0).sort((a, b) =>
      b - a
    );
    const levelOfKey = new Map(keys.map((key, level) => [key, level]));
    return {
      levels: keys.map((key) => ({ sequential: sequential || key % 2 === 1 })),
      levelOf: (piece) => levelOfKey.get(this.#keyOf(piece)) ?? -1,
    };
  }

  #keyOf(piece: number): number {
    return this.#keys === null ? NORMAL * 4 : this.#keys[piece]!;
  }
}
