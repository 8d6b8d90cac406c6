/**
 * Chooses the next missing piece. Owns the order of all pickable pieces (missing, wanted, no peer
 * works on them): one flat array sorted by availability, random within an availability, with the
 * borders of the buckets, so that a HAVE moves one piece by one swap (O(1)). After a whole
 * bitfield, the order is sorted again before the next choice, but only as often as choices pay for
 * it.
 */
import type { Random } from "../platform/types.ts";
import { Bitfield, firstBit } from "../util/bitfield.ts";
import type { Work } from "./piece_types.ts";

/** Pieces that are chosen at random before rarity counts, to have something to trade soon. */
export const RANDOM_FIRST = 4;

/** The most pieces of the order that one choice examines, and then of all that a peer has. */
const MAX_WALK = 4096;
const MAX_SAMPLE = 256;
/** A step over a word of bits is this much faster than one through the order. */
const WORDS_A_STEP = 8;
/** A change of more than this part of all pieces is made by sorting again. */
const MANY = 1 / 64;
/** Sorting takes a step a piece: what each choice adds to pay for it, and how many may be saved. */
const SORT_STEPS_A_CHOICE = 256;
const SAVED_SORTS = 16;

export class PiecePicker {
  /** Copies at peers that are counted piece by piece, less those that the others lack. */
  readonly #availability: Int16Array;
  readonly #order: Int32Array;
  readonly #position: Int32Array;
  /** The lowest availability of a bucket; `#ends[i]`: where the pieces of `#low + i` end. */
  #low = 0;
  #ends: number[] = [0];
  readonly #pickable: Bitfield;
  readonly #random: Random;
  readonly #work: Work;
  #length = 0;
  /** No pickable piece lies before this word of the bitfield: for sequential picking. */
  #firstWord = 0;
  /** The order is that of an earlier availability, and there are no buckets. */
  #stale = false;
  #sortSteps: number;

  /** `like`: the picker that has the availability of each piece now. */
  constructor(pieceCount: number, random: Random, work: Work = { steps: 0 }, like?: PiecePicker) {
    this.#availability = like ? like.#availability.slice() : new Int16Array(pieceCount);
    this.#order = new Int32Array(pieceCount);
    this.#position = new Int32Array(pieceCount).fill(-1);
    this.#pickable = new Bitfield(pieceCount);
    this.#random = random;
    this.#work = work;
    this.#sortSteps = SAVED_SORTS * pieceCount;
  }

  /** The number of pieces that can be picked. */
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
    this.#firstWord = Math.min(this.#firstWord, piece >> 5);
    const at = this.#length++;
    this.#place(piece, at);
    if (this.#stale) return;
    const bucket = this.#bucketOf(piece), last = this.#ends.length - 1;
    this.#ends[last] = this.#length;
    for (let i = last; i > bucket; i--) this.#sinkToFront(piece, i);
    this.#shuffleIn(piece);
  }

  /** Removes a piece: it was begun, or is not wanted. */
  remove(piece: number): void {
    if (!this.isPickable(piece)) return;
    this.#pickable.clear(piece);
    if (!this.#stale) {
      const last = this.#ends.length - 1;
      for (let i = this.#bucketOf(piece); i < last; i++) this.#riseToBack(piece, i);
      this.#ends[last]!--;
    }
    this.#swap(this.#position[piece]!, --this.#length);
    this.#position[piece] = -1;
  }

  /** One more peer has `piece`, or a peer that counts as having everything no longer lacks it. */
  increase(piece: number): void {
    const bucket = this.#movable(piece) ? this.#bucketOf(piece) : -1;
    this.#availability[piece]!++;
    if (bucket < 0) return;
    this.#bucketOf(piece);
    this.#riseToBack(piece, bucket);
    this.#shuffleIn(piece);
  }

  /** The other way round. */
  decrease(piece: number): void {
    const movable = this.#movable(piece);
    this.#availability[piece]!--;
    if (!movable) return;
    this.#sinkToFront(piece, this.#bucketOf(piece) + 1);
    this.#shuffleIn(piece);
  }

  /** `increase` or `decrease` for each piece that `which` visits, about `count` of them. */
  shift(which: (visit: (piece: number) => void) => void, count: number, by: 1 | -1): void {
    this.#work.steps += count;
    if (count <= this.#position.length * MANY) {
      return which(by > 0 ? (piece) => this.increase(piece) : (piece) => this.decrease(piece));
    }
    const availability = this.#availability;
    which((piece) => availability[piece]! += by);
    this.#stale = true;
  }

  /**
   * The rarest piece in `has` that is not refused, or -1. `count`: the most pickable pieces in
   * `has`. The cost of a choice is bounded: a peer whose pieces are all far behind in a long order
   * gets the rarest of a sample.
   */
  rarest(has: Bitfield, count: number, refused?: (piece: number) => boolean): number {
    if (count <= 0 || this.#length === 0) return -1;
    this.#refresh();
    if (count * 64 >= this.#length) {
      const piece = this.#walk(0, has, refused);
      if (piece >= 0 || this.#length <= MAX_WALK) return piece;
    }
    return this.#rarestOfSample(has, count, refused);
  }

  /** A random piece in `has`, all equally likely (except for gaps in `has`), or -1. */
  anyOf(has: Bitfield): number {
    if (this.#length === 0) return -1;
    const piece = this.#walk(this.#random.uint32() % this.#length, has);
    return piece >= 0 || this.#length <= MAX_WALK ? piece : this.#rarestOfSample(has, Infinity);
  }

  /** The first piece in `has`, or -1. */
  first(has: Bitfield): number {
    const mine = this.#pickable.words, theirs = has.words, from = this.#firstWord;
    let skipping = true, at = from, both = 0;
    for (; at < mine.length && both === 0; at++) {
      if (skipping && mine[at] === 0) this.#firstWord = at;
      else skipping = false;
      both = mine[at]! & theirs[at]!;
    }
    this.#work.steps += (at - from) / WORDS_A_STEP;
    return both === 0 ? -1 : 32 * (at - 1) + firstBit(both);
  }

  /** The first one in the order from `start` on, if it is near. */
  #walk(start: number, has: Bitfield, refused?: (piece: number) => boolean): number {
    const most = Math.min(this.#length, MAX_WALK);
    for (let i = 0; i < most; i++) {
      const piece = this.#order[(start + i) % this.#length]!;
      if (!has.has(piece) || refused?.(piece)) continue;
      this.#work.steps += i;
      return piece;
    }
    this.#work.steps += most;
    return -1;
  }

  /** All pieces in `has`, if they fit into a sample; otherwise a sample from a random place on. */
  #rarestOfSample(has: Bitfield, count: number, refused?: (piece: number) => boolean): number {
    const mine = this.#pickable.words, theirs = has.words, { length } = mine;
    const start = count > MAX_SAMPLE ? this.#random.uint32() % length : 0;
    let best = -1, bestAvailability = Infinity, ties = 0, seen = 0, i = 0;
    for (; i < length && seen < MAX_SAMPLE; i++) {
      const at = start + i < length ? start + i : start + i - length;
      for (let both = mine[at]! & theirs[at]!; both !== 0;) {
        const bit = firstBit(both), piece = 32 * at + bit, copies = this.#availability[piece]!;
        both &= ~(1 << (bit ^ 7));
        seen++;
        if (copies > bestAvailability || refused?.(piece)) continue;
        ties = copies < bestAvailability ? 1 : ties + 1;
        if (ties === 1 || this.#random.uint32() % ties === 0) best = piece;
        bestAvailability = copies;
      }
    }
    this.#work.steps += seen + i / WORDS_A_STEP;
    return best;
  }

  /** Sorts the order if it is stale and choices since the last time have paid for it. */
  #refresh(): void {
    const most = SAVED_SORTS * this.#position.length;
    this.#sortSteps = Math.min(most, this.#sortSteps + SORT_STEPS_A_CHOICE);
    if (!this.#stale || this.#sortSteps < this.#length) return;
    this.#sortSteps -= this.#length; // choices pay for it, not the peers that made it stale
    this.#sort();
  }

  /** By counting; pieces of one availability keep their order, which is random. */
  #sort(): void {
    const pieces = this.#order.slice(0, this.#length), availability = this.#availability;
    let low = Infinity, high = -Infinity;
    for (const piece of pieces) {
      low = Math.min(low, availability[piece]!);
      high = Math.max(high, availability[piece]!);
    }
    this.#stale = false;
    this.#low = pieces.length > 0 ? low : 0;
    const ends = this.#ends = new Array<number>(pieces.length > 0 ? high - low + 1 : 1).fill(0);
    for (const piece of pieces) ends[availability[piece]! - low]!++;
    for (let i = 1; i < ends.length; i++) ends[i]! += ends[i - 1]!;
    const starts = [0, ...ends];
    for (const piece of pieces) this.#place(piece, starts[availability[piece]! - low]!++);
  }

  /** Whether its place in the order follows its availability now. */
  #movable(piece: number): boolean {
    return !this.#stale && this.isPickable(piece);
  }

  /** The bucket for the availability of this piece, created if necessary. */
  #bucketOf(piece: number): number {
    const a = this.#availability[piece]!;
    for (; a < this.#low; this.#low--) this.#ends.unshift(0);
    while (a - this.#low >= this.#ends.length) this.#ends.push(this.#ends.at(-1)!);
    return a - this.#low;
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

  /** Moves a piece of this bucket over its upper border: it is in the next one then. */
  #riseToBack(piece: number, bucket: number): void {
    this.#swap(this.#position[piece]!, --this.#ends[bucket]!);
  }

  /** Moves a piece of this bucket over its lower border: it is in the one before then. */
  #sinkToFront(piece: number, bucket: number): void {
    this.#swap(this.#position[piece]!, this.#ends[bucket - 1]!++);
  }

  #shuffleIn(piece: number): void {
    const bucket = this.#bucketOf(piece);
    const start = bucket === 0 ? 0 : this.#ends[bucket - 1]!;
    const size = this.#ends[bucket]! - start;
    this.#swap(this.#position[piece]!, start + this.#random.uint32() % size);
  }
}
