/**
 * Which missing piece to start next. Owns the order of all pickable pieces (missing, wanted, nobody
 * working on them): one flat array sorted by availability, random inside each availability, with
 * the bucket borders beside it, so that a HAVE moves one piece by one swap (O(1)).
 */
import type { Random } from "../platform/types.ts";
import type { Bitfield } from "../util/bitfield.ts";
import { Bitfield as Bits } from "../util/bitfield.ts";

/** Pieces that are taken at random before rarity counts, to have something to trade soon. */
export const RANDOM_FIRST = 4;

export class PiecePicker {
  /** Copies among peers that are not seeds; seeds have everything and change no order. */
  readonly #availability: Uint16Array;
  readonly #order: Int32Array;
  readonly #position: Int32Array;
  /** `#ends[a]`: where the pieces of availability `a` end in `#order`. */
  readonly #ends: number[] = [0];
  readonly #pickable: Bitfield;
  readonly #random: Random;
  #length = 0;
  /** No pickable piece lies before this byte of the bitfield: for sequential picking. */
  #firstByte = 0;

  constructor(pieceCount: number, random: Random) {
    this.#availability = new Uint16Array(pieceCount);
    this.#order = new Int32Array(pieceCount);
    this.#position = new Int32Array(pieceCount).fill(-1);
    this.#pickable = new Bits(pieceCount);
    this.#random = random;
  }

  /** How many pieces can be picked. */
  get length(): number {
    return this.#length;
  }

  isPickable(piece: number): boolean {
    return this.#position[piece]! >= 0;
  }

  availabilityOf(piece: number): number {
    return this.#availability[piece]!;
  }

  /** Makes a piece pickable. */
  insert(piece: number): void {
    if (this.isPickable(piece)) return;
    this.#pickable.set(piece);
    this.#firstByte = Math.min(this.#firstByte, piece >> 3);
    const at = this.#length++;
    this.#place(piece, at);
    const last = this.#ends.length - 1;
    this.#ends[last] = this.#length;
    for (let a = last; a > this.#availability[piece]!; a--) this.#sinkToFront(piece, a);
    this.#shuffleIn(piece);
  }

  /** Takes a piece out: it was started, or is not wanted. */
  remove(piece: number): void {
    if (!this.isPickable(piece)) return;
    this.#pickable.clear(piece);
    const last = this.#ends.length - 1;
    for (let a = this.#availability[piece]!; a < last; a++) this.#riseToBack(piece, a);
    this.#swap(this.#position[piece]!, this.#ends[last]! - 1);
    this.#ends[last] = --this.#length;
    this.#position[piece] = -1;
  }

  /** A peer that is no seed has `piece`. */
  increase(piece: number): void {
    const a = this.#availability[piece]!++;
    if (a + 1 >= this.#ends.length) this.#ends.push(this.#length);
    if (!this.isPickable(piece)) return;
    this.#riseToBack(piece, a);
    this.#shuffleIn(piece);
  }

  /** Such a peer left. */
  decrease(piece: number): void {
    const a = this.#availability[piece]!--;
    if (!this.isPickable(piece)) return;
    this.#sinkToFront(piece, a);
    this.#shuffleIn(piece);
  }

  /**
   * The rarest piece of those in `has`, or -1. `count` is how many pickable pieces `has` holds: with
   * few of them the bitfields are compared byte by byte, with many the order is walked.
   */
  rarest(has: Bitfield, count: number): number {
    if (count <= 0 || this.#length === 0) return -1;
    if (count * 64 < this.#length) return this.#rarestOfFew(has);
    for (let i = 0; i < this.#length; i++) {
      const piece = this.#order[i]!;
      if (has.has(piece)) return piece;
    }
    return -1;
  }

  /** The rarest piece of those in `has` that is not refused, or -1: always a walk. */
  rarestBut(has: Bitfield, refused: (piece: number) => boolean): number {
    for (let i = 0; i < this.#length; i++) {
      const piece = this.#order[i]!;
      if (has.has(piece) && !refused(piece)) return piece;
    }
    return -1;
  }

  /** Any piece of those in `has`, each as likely (but for gaps in `has`), or -1. */
  anyOf(has: Bitfield): number {
    if (this.#length === 0) return -1;
    const start = this.#random.uint32() % this.#length;
    for (let i = 0; i < this.#length; i++) {
      const piece = this.#order[(start + i) % this.#length]!;
      if (has.has(piece)) return piece;
    }
    return -1;
  }

  /** The first piece of those in `has`, or -1. */
  first(has: Bitfield): number {
    const mine = this.#pickable.bytes, theirs = has.bytes;
    let skipping = true;
    for (let at = this.#firstByte; at < mine.length; at++) {
      if (skipping && mine[at] === 0) this.#firstByte = at;
      else skipping = false;
      const both = mine[at]! & theirs[at]!;
      if (both !== 0) return at * 8 + Math.clz32(both) - 24;
    }
    return -1;
  }

  #rarestOfFew(has: Bitfield): number {
    const mine = this.#pickable.bytes, theirs = has.bytes;
    let best = -1, bestAvailability = Infinity, ties = 0;
    for (let at = 0; at < mine.length; at++) {
      for (let both = mine[at]! & theirs[at]!; both !== 0;) {
        const bit = Math.clz32(both) - 24;
        both &= ~(0x80 >> bit);
        const piece = at * 8 + bit, availability = this.#availability[piece]!;
        if (availability > bestAvailability) continue;
        ties = availability < bestAvailability ? 1 : ties + 1;
        if (ties === 1 || this.#random.uint32() % ties === 0) best = piece;
        bestAvailability = availability;
      }
    }
    return best;
  }

  #place(piece: number, at: number): void {
    this.#order[at] = piece;
    this.#position[piece] = at;
  }

  #swap(a: number, b: number): void {
    const first = this.#order[a]!, second = this.#order[b]!;
    this.#place(first, b);
    this.#place(second, a);
  }

  /** Moves a piece of bucket `a` over its upper border: it is in bucket `a + 1` then. */
  #riseToBack(piece: number, a: number): void {
    this.#swap(this.#position[piece]!, --this.#ends[a]!);
  }

  /** Moves a piece of bucket `a` over its lower border: it is in bucket `a - 1` then. */
  #sinkToFront(piece: number, a: number): void {
    this.#swap(this.#position[piece]!, this.#ends[a - 1]!++);
  }

  #shuffleIn(piece: number): void {
    const a = this.#availability[piece]!;
    const start = a === 0 ? 0 : this.#ends[a - 1]!;
    const size = this.#ends[a]! - start;
    this.#swap(this.#position[piece]!, start + this.#random.uint32() % size);
  }
}
