/**
 * Writes the blocks of incomplete pieces to the disk, each once, at its place, so that a crash does
 * not lose them. After a restart, the piece's hash verifies them.
 */
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import type { PartialPiece } from "../state/resume_data.ts";
import { Bitfield } from "../util/bitfield.ts";
import { HERE, type OpenPiece } from "../pieces/open_piece.ts";

/** As `TorrentStorage`, but `writeAt` returns false if the bytes cannot be written yet. */
export interface BlockDisk {
  readonly writesAtOnce: boolean;
  writeAt(piece: number, begin: number, bytes: Uint8Array): false | void | Promise<void>;
}

/** Blocks of one open piece: those handed to the disk, and those written. */
interface Saved {
  readonly handed: Bitfield;
  readonly taken: Bitfield;
}

export class PartialSaver {
  readonly #pieces: { readonly openPieces: { values(): Iterable<OpenPiece> } };
  readonly #disk: BlockDisk;
  #saved: Map<OpenPiece, Saved> | null = null;

  constructor(
    pieces: { readonly openPieces: { values(): Iterable<OpenPiece> } },
    disk: BlockDisk,
  ) {
    this.#pieces = pieces;
    this.#disk = disk;
  }

  /**
   * Hands over the blocks that arrived since the last save. Returns the blocks that are on the
   * disk, which on a slow one are not all yet. Throws a FileError.
   */
  save(): PartialPiece[] {
    const before = this.#saved, now = new Map<OpenPiece, Saved>();
    this.#saved = now;
    for (const open of this.#pieces.openPieces.values()) {
      const { blockCount } = open;
      const saved = before?.get(open) ??
        { handed: new Bitfield(blockCount), taken: new Bitfield(blockCount) };
      now.set(open, saved);
      // A thread may be hashing the bytes of a full piece, which is done in a moment.
      if (!open.isFull) this.#saveBlocks(open, saved);
    }
    return this.taken();
  }

  /** The blocks on the disk of pieces that were open at the last save. */
  taken(): PartialPiece[] {
    return [...this.#saved ?? []].filter(([, { taken }]) => taken.count > 0)
      .map(([{ index }, { taken }]) => ({ piece: index, blocks: copyOf(taken) }));
  }

  /** Adjacent blocks are one write. */
  #saveBlocks(open: OpenPiece, saved: Saved): void {
    const isNew = (block: number) =>
      block < open.blockCount && open.state[block] === HERE && !saved.handed.has(block);
    for (let first = 0; first < open.blockCount; first++) {
      if (!isNew(first)) continue;
      let end = first + 1;
      while (isNew(end)) end++;
      if (!this.#write(open, saved, first, end)) return;
      first = end;
    }
  }

  #write(open: OpenPiece, { handed, taken }: Saved, first: number, end: number): boolean {
    const each = (what: (block: number) => void) => {
      for (let block = first; block < end; block++) what(block);
    };
    const begin = first * BLOCK_LENGTH, bytes = open.bytes.subarray(begin, end * BLOCK_LENGTH);
    // The piece may be complete, and its buffer in use for another, before a slow disk writes them.
    const own = this.#disk.writesAtOnce ? bytes : bytes.slice();
    const writing = this.#disk.writeAt(open.index, begin, own);
    if (writing === false) return false;
    each((block) => handed.set(block));
    const isTaken = () => each((block) => taken.set(block));
    if (writing === undefined) isTaken();
    // The next save tries again.
    else writing.then(isTaken, () => each((block) => handed.clear(block)));
    return true;
  }
}

function copyOf(field: Bitfield): Bitfield {
  const copy = new Bitfield(field.length);
  copy.replace(field);
  return copy;
}
