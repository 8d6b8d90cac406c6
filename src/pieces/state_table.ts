/**
 * The state of every piece of one torrent, with sums over all of them. Only PieceStates changes it.
 * Invariant: the sums match the states.
 */
import type { Layout } from "../metainfo/layout.ts";
import { assert } from "../util/assert.ts";
import { Bitfield } from "../util/bitfield.ts";
import { HAVE, isWanted, MISSING } from "./piece_types.ts";

export class StateTable {
  readonly have: Bitfield;
  /** By piece; for reading only. */
  readonly all: Uint8Array;
  /** Pieces that are still to come: MISSING, OPEN, HASHING or STORING. */
  wantedLeft: number;
  /** Their bytes, and those of the pieces that we have; pads included. */
  leftBytes: number;
  haveBytes = 0;
  readonly #layout: Layout;

  /** All are MISSING. */
  constructor(layout: Layout) {
    this.#layout = layout;
    this.have = new Bitfield(layout.pieceCount);
    this.all = new Uint8Array(layout.pieceCount).fill(MISSING);
    this.wantedLeft = layout.pieceCount;
    this.leftBytes = layout.totalLength;
  }

  of(piece: number): number {
    return this.all[piece]!;
  }

  /** Returns 1 if the piece became wanted and missing, -1 the other way round, else 0. */
  move(piece: number, to: number): 1 | -1 | 0 {
    const from = this.all[piece]!, length = this.#layout.lengthOf(piece);
    this.all[piece] = to;
    if (from === HAVE && this.have.clear(piece)) this.haveBytes -= length;
    if (to === HAVE && this.have.set(piece)) this.haveBytes += length;
    if (isWanted(from) === isWanted(to)) return 0;
    const by = isWanted(to) ? 1 : -1;
    this.wantedLeft += by;
    this.leftBytes += by * length;
    return by;
  }

  /** For tests: throws if the sums are wrong. */
  checkInvariants(): void {
    let bytes = 0, wanted = 0, left = 0;
    this.all.forEach((state, piece) => {
      const length = this.#layout.lengthOf(piece);
      assert((state === HAVE) === this.have.has(piece), `piece ${piece} is HAVE in both books`);
      if (state === HAVE) bytes += length;
      if (!isWanted(state)) return;
      wanted++;
      left += length;
    });
    assert(bytes === this.haveBytes, "the bytes we have add up");
    assert(wanted === this.wantedLeft, "the pieces that are to come add up");
    assert(left === this.leftBytes, "the bytes that are to come add up");
  }
}
