/**
 * Which pieces of a resume record can be trusted without reading a byte: those whose files are all
 * unchanged since our last write or check. This costs one look per file. All other pieces are hashed,
 * so that a wrong, old or forged record costs time but never uploads a wrong byte.
 */
import type { FileStat } from "../platform/types.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { PartialPiece, ResumeData } from "./resume_data.ts";
import { isAsLeft, type Stamp } from "../storage/stamps.ts";
import { Bitfield } from "../util/bitfield.ts";

/** The current state of the files; read once for each file. */
export interface DiskNow {
  /** Null if there is no entry. Throws a FileError if it is not a file. */
  statFile(file: number): FileStat | null;
  /** The part file; null when there is none. */
  statParts(): FileStat | null;
  /** Whether the part file has a place for bytes of that piece. */
  hasPart(piece: number): boolean;
}

export interface Trust {
  /** Existing pieces. */
  readonly trusted: Bitfield;
  /** Pieces in the record that must be hashed. Ascending. */
  readonly suspect: number[];
  /**
   * Pieces that are not in the record, in files that changed since it was written: pieces that were
   * stored between the last record and a crash are among them. Hashing them regains those.
   * Ascending.
   */
  readonly unclaimed: number[];
  /** Blocks worth reading back; the hash of the whole piece will verify them. */
  readonly partial: PartialPiece[];
  /** Files that changed since our last access. */
  readonly changed: number[];
  /** The recorded files, for `TorrentStorage.adopt`. */
  readonly seen: (FileStat | null)[];
}

/** File times change in steps of this, or of two seconds if no fractions are kept (FAT). */
const FINE_STEP_MS = 10;
const COARSE_STEP_MS = 2000;
/** This long after a write, a later change must show in the time of a file. */
export const SETTLE_MS = 2 * FINE_STEP_MS;
/** A file time further ahead is of another clock, and its distance says nothing. */
const OTHER_CLOCK_MS = 10_000;

/**
 * Throws a FileError if the disk cannot be read. With a record of another layout, nothing is
 * trusted and every piece is suspect.
 */
export function trustworthy(record: ResumeData, layout: Layout, disk: DiskNow): Trust {
  const { have } = record, { pieceCount, files } = layout;
  if (have.length !== pieceCount || record.stamps.length !== files.length) {
    return nothing(layout, disk);
  }
  const judge = new Judge(record, layout, disk);
  const trusted = new Bitfield(pieceCount);
  const suspect: number[] = [], unclaimed: number[] = [];
  for (let piece = 0; piece < pieceCount; piece++) {
    const sure = judge.isSure(piece);
    if (!have.has(piece)) {
      if (!sure && judge.mayHold(piece)) unclaimed.push(piece);
    } else if (sure) trusted.set(piece);
    else suspect.push(piece);
  }
  const partial = record.partial.filter(({ piece, blocks }) =>
    piece < pieceCount && !have.has(piece) && blocks.length === layout.blocksIn(piece)
  );
  const { changed, seen } = judge;
  return { trusted, suspect, unclaimed, partial, changed, seen };
}

type Settling = Pick<ResumeData, "stamps" | "partsStamp" | "savedAtMs">;

/**
 * Whether no change by other programs after the record can hide in the same step of a file's time.
 */
export function isSettled(record: Settling): boolean {
  return msToSettle(record) === 0;
}

/** How much later a record of the same files is settled. */
export function msToSettle({ stamps, partsStamp, savedAtMs }: Settling): number {
  return stamps.reduce(
    (most, stamp) => Math.max(most, stampMsToSettle(stamp, savedAtMs)),
    stampMsToSettle(partsStamp, savedAtMs),
  );
}

function stampMsToSettle(stamp: Stamp, savedAtMs: number): number {
  if (!stamp) return 0;
  const age = savedAtMs - stamp.mtimeMs;
  const step = stamp.mtimeMs % 1000 === 0 ? COARSE_STEP_MS : FINE_STEP_MS;
  return age < -OTHER_CLOCK_MS ? 0 : Math.max(0, step - age);
}

/** Compares the files one by one, as the pieces reach them. */
class Judge {
  readonly changed: number[] = [];
  readonly #record: ResumeData;
  readonly #layout: Layout;
  readonly #disk: DiskNow;
  readonly seen: (FileStat | null)[];
  readonly #same: boolean[];
  readonly #partsSame: boolean;
  readonly #hasParts: boolean;
  /** The file at which the last piece began. */
  #file = 0;

  constructor(record: ResumeData, layout: Layout, disk: DiskNow) {
    this.#record = record;
    this.#layout = layout;
    this.#disk = disk;
    const parts = disk.statParts();
    this.#hasParts = parts !== null;
    this.#partsSame = isSame(record.partsStamp, parts, record.savedAtMs);
    this.seen = lookAtAll(layout, disk);
    this.#same = this.seen.map((now, file) => this.#isFileSame(file, now));
  }

  /** Pieces come in rising order. */
  isSure(piece: number): boolean {
    return this.#everyFile(piece, this.#holdsSurely);
  }

  readonly #holdsSurely = (file: number, _begin: number, end: number, piece: number): boolean => {
    if (!this.#same[file]) return false;
    const now = this.seen[file]!;
    return now === null ? this.#isSureApart(piece) : now.size >= end;
  };

  /** Whether it is in a file that changed, and all of its files are long enough for it. */
  mayHold(piece: number): boolean {
    let changed = false;
    const reaches = this.#everyFile(piece, (file, begin) => {
      const now = this.seen[file]!;
      if (!this.#same[file] || (now === null && !this.#partsSame)) changed = true;
      return now === null ? this.#hasParts && this.#disk.hasPart(piece) : now.size > begin;
    });
    return reaches && changed;
  }

  #isSureApart(piece: number): boolean {
    return this.#hasParts && this.#partsSame && this.#disk.hasPart(piece);
  }

  #isFileSame(file: number, now: FileStat | null): boolean {
    const { pad, length } = this.#layout.files[file]!;
    if (pad || length === 0) return true;
    const same = isSame(this.#record.stamps[file], now, this.#record.savedAtMs);
    if (!same) this.changed.push(file);
    return same;
  }

  /** Whether `holds` for all files with bytes in the piece, and the range of theirs that is in it. */
  #everyFile(
    piece: number,
    holds: (file: number, begin: number, end: number, piece: number) => boolean,
  ): boolean {
    const layout = this.#layout;
    const from = piece * layout.pieceLength, to = from + layout.lengthOf(piece);
    while (layout.fileStart(this.#file + 1) <= from) this.#file++;
    for (let file = this.#file; file < layout.files.length; file++) {
      const start = layout.fileStart(file);
      if (start >= to) break;
      const { length, pad } = layout.files[file]!;
      if (pad || length === 0) continue;
      const begin = Math.max(0, from - start), end = Math.min(length, to - start);
      if (!holds(file, begin, end, piece)) return false;
    }
    return true;
  }
}

function isSame(stamp: Stamp, now: FileStat | null, savedAtMs: number): boolean {
  if (stamp === undefined) return false;
  if (stamp === null || now === null) return stamp === now;
  return isAsLeft(stamp, now) && stampMsToSettle(stamp, savedAtMs) === 0;
}

function lookAtAll({ files }: Layout, disk: DiskNow): (FileStat | null)[] {
  return files.map(({ pad, length }, file) => pad || length === 0 ? null : disk.statFile(file));
}

function nothing(layout: Layout, disk: DiskNow): Trust {
  const { pieceCount } = layout;
  return {
    trusted: new Bitfield(pieceCount),
    suspect: Array.from({ length: pieceCount }, (_, piece) => piece),
    unclaimed: [],
    partial: [],
    changed: [],
    seen: lookAtAll(layout, disk),
  };
}
