/**
 * The order in which missing pieces are begun: by levels of importance, and within a level rarest
 * first or in sequence. Owns one picker per level; without priorities there is one level. The
 * pickers are created when they are first needed: a seed without peers has none.
 */
import type { Random } from "../platform/types.ts";
import type { Bitfield } from "../util/bitfield.ts";
import { PiecePicker } from "./piece_picker.ts";
import type { Work } from "./piece_types.ts";

export interface PieceLevel {
  /** In order instead of rarest first. */
  readonly sequential: boolean;
}

export class PieceOrder {
  readonly #pieceCount: number;
  readonly #random: Random;
  readonly #isMissing: (piece: number) => boolean;
  readonly #work: Work;
  /** By piece: its place in `#levels`; null while there is one level. */
  #levelOf: Uint8Array | null = null;
  #levels: PieceLevel[];
  #made: PiecePicker[] | null = null;

  /** `isMissing`: which pieces can be picked at the first choice. */
  constructor(
    pieceCount: number,
    random: Random,
    sequential: boolean,
    isMissing: (piece: number) => boolean = () => false,
    work: Work = { steps: 0 },
  ) {
    this.#work = work;
    this.#pieceCount = pieceCount;
    this.#random = random;
    this.#isMissing = isMissing;
    this.#levels = [{ sequential }];
  }

  /** The number of pieces that can be picked. */
  get length(): number {
    let length = 0;
    for (const picker of this.#pickers) length += picker.length;
    return length;
  }

  isPickable(piece: number): boolean {
    return this.#pickerOf(piece).isPickable(piece);
  }

  /** Whether it may be the next piece: its level is the best with pieces left, and has no order. */
  isInTurn(piece: number): boolean {
    const level = this.#levelOf === null ? 0 : this.#levelOf[piece]!;
    if (this.#levels[level]!.sequential) return false;
    for (let better = 0; better < level; better++) {
      if (this.#pickers[better]!.length > 0) return false;
    }
    return true;
  }

  /** Copies at peers that are counted piece by piece, less those that the others lack. */
  availabilityOf(piece: number): number {
    return this.#made === null ? 0 : this.#made[0]!.availabilityOf(piece);
  }

  /** Makes a missing piece pickable. */
  insert(piece: number): void {
    if (this.#made === null && this.#isMissing(piece)) return; // comes with the rest
    this.#pickerOf(piece).insert(piece);
  }

  /** Removes a piece, which stops being missing in the same turn. */
  remove(piece: number): void {
    if (this.#made !== null) this.#pickerOf(piece).remove(piece);
  }

  increase(piece: number): void {
    for (const picker of this.#pickers) picker.increase(piece);
  }

  decrease(piece: number): void {
    for (const picker of this.#pickers) picker.decrease(piece);
  }

  /** `increase` (1) or `decrease` (-1) for each piece that `which` visits, about `count` of them. */
  shift(which: (visit: (piece: number) => void) => void, count: number, by: 1 | -1): void {
    if (count === 0) return;
    for (const picker of this.#pickers) picker.shift(which, count, by);
  }

  /** Frees the memory. Only while there is no peer. */
  release(): void {
    this.#made = null;
  }

  /** New levels, best first; `levelOf(piece)` is an index of `levels`. O(pieces). */
  setLevels(wanted: readonly PieceLevel[], levelOf: (piece: number) => number): void {
    // Unwanted pieces need a place even if no piece is wanted, as with an empty file alone.
    const levels = wanted.length > 0 ? wanted : [{ sequential: false }];
    const pickers = this.#made === null ? null : this.#sorted(levels.length, levelOf);
    this.#levelOf = Uint8Array.from({ length: this.#pieceCount }, (_, piece) => levelOf(piece));
    this.#levels = [...levels];
    this.#made = pickers;
  }

  /** The pieces that can be picked now, in pickers of new levels. */
  #sorted(levels: number, levelOf: (piece: number) => number): PiecePicker[] {
    const pickers = this.#newPickers(levels, this.#made![0]);
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (this.isPickable(piece)) pickers[levelOf(piece)]!.insert(piece);
    }
    return pickers;
  }

  /**
   * The next piece of `has` to begin, or -1. `count`: the most pickable pieces in `has`. `anyWill`
   * chooses at random within the best level, for the first pieces of a download.
   */
  next(has: Bitfield, count: number, anyWill: boolean): number {
    for (let level = 0; level < this.#pickers.length; level++) {
      const piece = this.#nextIn(level, has, count, anyWill);
      if (piece >= 0) return piece;
    }
    return -1;
  }

  /** The same, without the refused pieces. */
  nextBut(has: Bitfield, refused: (piece: number) => boolean): number {
    for (const picker of this.#pickers) {
      const piece = picker.rarest(has, this.#pieceCount, refused);
      if (piece >= 0) return piece;
    }
    return -1;
  }

  #nextIn(level: number, has: Bitfield, count: number, anyWill: boolean): number {
    const picker = this.#pickers[level]!;
    if (this.#levels[level]!.sequential) return picker.first(has);
    return anyWill ? picker.anyOf(has) : picker.rarest(has, count);
  }

  get #pickers(): PiecePicker[] {
    return this.#made ?? this.#make();
  }

  #make(): PiecePicker[] {
    const pickers = this.#made = this.#newPickers(this.#levels.length);
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (this.#isMissing(piece)) this.#pickerOf(piece).insert(piece);
    }
    return pickers;
  }

  #newPickers(count: number, like?: PiecePicker): PiecePicker[] {
    return Array.from(
      { length: count },
      () => new PiecePicker(this.#pieceCount, this.#random, this.#work, like),
    );
  }

  #pickerOf(piece: number): PiecePicker {
    return this.#pickers[this.#levelOf === null ? 0 : this.#levelOf[piece]!]!;
  }
}
