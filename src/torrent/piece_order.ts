/**
 * The order in which missing pieces are started: by levels of importance, and inside a level rarest
 * first or one after the other. Owns one picker a level; without priorities there is one level.
 */
import type { Random } from "../platform/types.ts";
import type { Bitfield } from "../util/bitfield.ts";
import { PiecePicker } from "./piece_picker.ts";

export interface PieceLevel {
  /** In order instead of rarest first. */
  readonly sequential: boolean;
}

export class PieceOrder {
  readonly #pieceCount: number;
  readonly #random: Random;
  /** By piece: its place in `#levels`. */
  readonly #levelOf: Uint8Array;
  #levels: PieceLevel[];
  #pickers: PiecePicker[];

  constructor(pieceCount: number, random: Random, sequential: boolean) {
    this.#pieceCount = pieceCount;
    this.#random = random;
    this.#levelOf = new Uint8Array(pieceCount);
    this.#levels = [{ sequential }];
    this.#pickers = [new PiecePicker(pieceCount, random)];
  }

  /** How many pieces can be picked. */
  get length(): number {
    let length = 0;
    for (const picker of this.#pickers) length += picker.length;
    return length;
  }

  isPickable(piece: number): boolean {
    return this.#pickerOf(piece).isPickable(piece);
  }

  /** Copies among peers that are no seeds. */
  availabilityOf(piece: number): number {
    return this.#pickers[0]!.availabilityOf(piece);
  }

  insert(piece: number): void {
    this.#pickerOf(piece).insert(piece);
  }

  remove(piece: number): void {
    this.#pickerOf(piece).remove(piece);
  }

  increase(piece: number): void {
    for (const picker of this.#pickers) picker.increase(piece);
  }

  decrease(piece: number): void {
    for (const picker of this.#pickers) picker.decrease(piece);
  }

  /** New levels, best first; `levelOf(piece)` is an index of `levels`. O(pieces). */
  setLevels(wanted: readonly PieceLevel[], levelOf: (piece: number) => number): void {
    // Where no piece is wanted, as with an empty file alone, those that are not still have a place.
    const levels = wanted.length > 0 ? wanted : [{ sequential: false }];
    const pickers = levels.map(() => new PiecePicker(this.#pieceCount, this.#random));
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      const pickable = this.isPickable(piece), copies = this.availabilityOf(piece);
      for (const picker of pickers) for (let i = 0; i < copies; i++) picker.increase(piece);
      const level = levelOf(piece);
      if (pickable) pickers[level]!.insert(piece);
    }
    for (let piece = 0; piece < this.#pieceCount; piece++) this.#levelOf[piece] = levelOf(piece);
    this.#levels = [...levels];
    this.#pickers = pickers;
  }

  /**
   * The piece to start next of those in `has`, or -1. `count`: how many pickable ones `has` holds at
   * most. `anyWill` takes one at random of the best level, for a peer's first ones.
   */
  next(has: Bitfield, count: number, anyWill: boolean): number {
    for (let level = 0; level < this.#pickers.length; level++) {
      const piece = this.#nextIn(level, has, count, anyWill);
      if (piece >= 0) return piece;
    }
    return -1;
  }

  /** The same, but none that is refused. */
  nextBut(has: Bitfield, refused: (piece: number) => boolean): number {
    for (const picker of this.#pickers) {
      const piece = picker.rarestBut(has, refused);
      if (piece >= 0) return piece;
    }
    return -1;
  }

  #nextIn(level: number, has: Bitfield, count: number, anyWill: boolean): number {
    const picker = this.#pickers[level]!;
    if (this.#levels[level]!.sequential) return picker.first(has);
    return anyWill ? picker.anyOf(has) : picker.rarest(has, count);
  }

  #pickerOf(piece: number): PiecePicker {
    return this.#pickers[this.#levelOf[piece]!]!;
  }
}
