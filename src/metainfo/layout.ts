/**
 * All arithmetic between bytes, blocks, pieces and files of one torrent, in one place.
 * Offsets can pass 2^32, so nothing here uses bit operations on them.
 */
import { assert } from "../util/assert.ts";

/** Bytes of a block, the unit of a request (BEP 3). */
export const BLOCK_LENGTH = 16384;

/** The most pieces of a torrent. */
export const MAX_PIECES = 2 ** 21;

/** A file in the layout of a torrent. */
export interface LayoutFile {
  /** Bytes. */
  readonly length: number;
  /** A pad file: its bytes are zeros and are in no file (BEP 47). */
  readonly pad: boolean;
}

/** A part of a piece inside one file. */
export interface FileSlice {
  /** Index in the torrent's file list. */
  file: number;
  /** Offset in the file. */
  offset: number;
  /** Offset in the piece. */
  begin: number;
  /** Bytes. */
  length: number;
  /** Padding between files (BEP 47), which is never stored. */
  pad: boolean;
}

/** Where pieces, blocks and files of a torrent are: all arithmetic of offsets. */
export class Layout {
  /** Bytes of all files, padding included. */
  readonly totalLength: number;
  /** Number of pieces. */
  readonly pieceCount: number;
  /** A block's number in the torrent is `piece * blocksPerPiece + block`. */
  readonly blocksPerPiece: number;
  /** The offset of each file in the torrent; one entry more than files. */
  readonly #starts: Float64Array;

  /** `pieceLength` in bytes; `files` in the torrent's order. */
  constructor(readonly pieceLength: number, readonly files: readonly LayoutFile[]) {
    assert(pieceLength > 0, "the piece length is positive");
    this.#starts = new Float64Array(files.length + 1);
    let at = 0;
    files.forEach((file, i) => {
      this.#starts[i] = at;
      at += file.length;
    });
    this.#starts[files.length] = at;
    this.totalLength = at;
    this.pieceCount = Math.ceil(at / pieceLength);
    this.blocksPerPiece = Math.ceil(pieceLength / BLOCK_LENGTH);
  }

  /** Bytes in piece `piece`; only the last one may be short. */
  lengthOf(piece: number): number {
    return piece === this.pieceCount - 1
      ? this.totalLength - piece * this.pieceLength
      : this.pieceLength;
  }

  /** Number of blocks in a piece. */
  blocksIn(piece: number): number {
    return Math.ceil(this.lengthOf(piece) / BLOCK_LENGTH);
  }

  /** Bytes of block `block` of piece `piece`; the last block of a piece may be short. */
  blockLength(piece: number, block: number): number {
    return Math.min(BLOCK_LENGTH, this.lengthOf(piece) - block * BLOCK_LENGTH);
  }

  /** Offset of a file's first byte in the torrent. */
  fileStart(file: number): number {
    return this.#starts[file]!;
  }

  /** The first and last piece with bytes of file `file`; null for an empty file. */
  piecesOf(file: number): { first: number; last: number } | null {
    const length = this.files[file]!.length;
    if (length === 0) return null;
    const start = this.#starts[file]!;
    return {
      first: Math.floor(start / this.pieceLength),
      last: Math.floor((start + length - 1) / this.pieceLength),
    };
  }

  /**
   * The number of files, empty ones in between included, that `length` bytes at `begin` of a piece
   * touch.
   */
  filesIn(piece: number, begin: number, length: number): number {
    const from = piece * this.pieceLength + begin;
    return this.#fileAt(from + length - 1) - this.#fileAt(from) + 1;
  }

  /** The file parts that make up `length` bytes at `begin` of a piece, in order. */
  slices(piece: number, begin = 0, length: number = this.lengthOf(piece) - begin): FileSlice[] {
    const from = piece * this.pieceLength + begin;
    const to = from + length;
    assert(begin >= 0 && length >= 0 && to <= this.totalLength, "a slice lies inside the torrent");
    const slices: FileSlice[] = [];
    for (let file = this.#fileAt(from), at = from; at < to; file++) {
      const end = Math.min(to, this.#starts[file + 1]!);
      if (end === at) continue;
      slices.push({
        file,
        offset: at - this.#starts[file]!,
        begin: begin + (at - from),
        length: end - at,
        pad: this.files[file]!.pad,
      });
      at = end;
    }
    return slices;
  }

  /** The file that holds byte `at`: the last one that starts at or before it and has not ended. */
  #fileAt(at: number): number {
    let low = 0, high = this.files.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
