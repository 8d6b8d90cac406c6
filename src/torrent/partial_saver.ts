/**
 * Puts the blocks of pieces that are not whole yet onto the disk, so that a crash does not lose
 * them: each once, at its place. Their piece's hash judges them when they are read back.
 */
import { BLOCK_LENGTH } from "../protocol/layout.ts";
import type { PartialPiece } from "../protocol/resume_data.ts";
import { Bitfield } from "../util/bitfield.ts";
import { HERE, type OpenPiece } from "./open_piece.ts";

export class PartialSaver {
  readonly #pieces: { readonly openPieces: { values(): Iterable<OpenPiece> } };
  readonly #write: (piece: number, begin: number, bytes: Uint8Array) => boolean;
  /** What is on the disk of pieces that are still open. */
  #saved = new Map<OpenPiece, Bitfield>();

  /**
   * `write` answers false where the bytes cannot be written yet. It may throw a FileError, which ends
   * the save.
   */
  constructor(
    pieces: { readonly openPieces: { values(): Iterable<OpenPiece> } },
    write: (piece: number, begin: number, bytes: Uint8Array) => boolean,
  ) {
    this.#pieces = pieces;
    this.#write = write;
  }

  /** Writes what came since the last save; returns all that was handed to the disk. */
  save(): PartialPiece[] {
    const before = this.#saved, partial: PartialPiece[] = [];
    this.#saved = new Map();
    for (const open of this.#pieces.openPieces.values()) {
      const blocks = before.get(open) ?? new Bitfield(open.blockCount);
      this.#saved.set(open, blocks);
      // The bytes of a full piece may be away at a thread, and it is done in a moment.
      if (!open.isFull) this.#saveBlocks(open, blocks);
      if (blocks.count > 0) partial.push({ piece: open.index, blocks: copyOf(blocks) });
    }
    return partial;
  }

  /** Neighbours go out as one write. */
  #saveBlocks(open: OpenPiece, saved: Bitfield): void {
    const isNew = (block: number) =>
      block < open.blockCount && open.state[block] === HERE && !saved.has(block);
    for (let first = 0; first < open.blockCount; first++) {
      if (!isNew(first)) continue;
      let end = first + 1;
      while (isNew(end)) end++;
      const begin = first * BLOCK_LENGTH;
      const bytes = open.bytes.subarray(begin, end * BLOCK_LENGTH);
      if (!this.#write(open.index, begin, bytes)) return;
      for (let block = first; block < end; block++) saved.set(block);
      first = end;
    }
  }
}

function copyOf(field: Bitfield): Bitfield {
  const copy = new Bitfield(field.length);
  copy.replace(field);
  return copy;
}
