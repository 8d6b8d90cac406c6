/**
 * Which pieces of a torrent we have, want and lack. Moves every piece from state to state, and keeps
 * the picker and the counts of the peers in step.
 */
import type { Random } from "../platform/types.ts";
import { assert } from "../util/assert.ts";
import { Bitfield } from "../util/bitfield.ts";
import type { Layout } from "../metainfo/layout.ts";
import { Holders } from "./holders.ts";
import { type PieceLevel, PieceOrder } from "./piece_order.ts";
import { HAVE, MISSING, OPEN, SKIPPED, type Work } from "./piece_types.ts";
import { StateTable } from "./state_table.ts";

export class PieceStates {
  readonly have: Bitfield;
  readonly picker: PieceOrder;
  readonly holders: Holders;
  /** Changes whenever blocks or pieces became free, so that idle peers know when to ask again. */
  version = 0;
  readonly #table: StateTable;
  #unwanted: Bitfield | null = null;
  readonly #withdrawn = new Set<number>();

  constructor(layout: Layout, random: Random, sequential: boolean, work: Work) {
    this.#table = new StateTable(layout);
    this.have = this.#table.have;
    const isMissing = (piece: number) => this.of(piece) === MISSING;
    this.picker = new PieceOrder(layout.pieceCount, random, sequential, isMissing, work);
    this.holders = new Holders(this.#table, this.picker, work);
  }

  /** A state of piece_types.ts. */
  of(piece: number): number {
    return this.#table.of(piece);
  }

  /** Bytes of all pieces that we have, pads included. */
  get haveBytes(): number {
    return this.#table.haveBytes;
  }

  /** Bytes of the pieces that are still to come. */
  get leftBytes(): number {
    return this.#table.leftBytes;
  }

  /** All wanted pieces are verified. */
  get complete(): boolean {
    return this.#table.wantedLeft === 0;
  }

  /** The piece was found on the disk: it counts as ours, without an event. */
  markHave(piece: number): void {
    const state = this.of(piece);
    if (state === HAVE) return;
    this.#withdrawn.delete(piece);
    assert(state === MISSING || state === SKIPPED, "only a missing piece is found on the disk");
    if (state === MISSING) this.#unlist(piece);
    this.move(piece, HAVE);
  }

  /** A verified piece is missing or wrong on the disk: it must be downloaded again. */
  markMissing(piece: number): void {
    if (this.of(piece) !== HAVE && !this.#withdrawn.delete(piece)) return;
    this.giveBack(piece);
    this.version++;
  }

  /**
   * A piece that we had is wrong on the disk and stays wrong: a complete file was changed. The piece
   * is not wanted until `markHave` or `markMissing`.
   */
  withdraw(piece: number): void {
    if (this.of(piece) !== HAVE) return;
    this.#withdrawn.add(piece);
    this.giveBack(piece);
  }

  /** Pieces that were withdrawn and are still wrong. */
  get withdrawn(): ReadonlySet<number> {
    return this.#withdrawn;
  }

  /** Whether `setLevels` was ever called. */
  get hasLevels(): boolean {
    return this.#unwanted !== null;
  }

  /**
   * Which pieces are wanted, and which of them first: `levelOf(piece)` is an index of `levels`, best
   * first, or -1 for an unwanted piece. A piece that is already open is finished all the same.
   * O(pieces).
   */
  setLevels(levels: readonly PieceLevel[], levelOf: (piece: number) => number): void {
    const { length } = this.have;
    this.picker.setLevels(levels, (piece) => Math.max(0, levelOf(piece)));
    this.#unwanted = new Bitfield(length);
    for (let piece = 0; piece < length; piece++) {
      const state = this.of(piece);
      if (levelOf(piece) < 0) this.#unwanted.set(piece);
      if (state !== MISSING && state !== SKIPPED) continue;
      if (state === MISSING) this.#unlist(piece);
      this.giveBack(piece);
    }
    this.version++;
  }

  /** The piece, which can be picked, is open from now on. */
  begin(piece: number): void {
    this.#unlist(piece);
    this.move(piece, OPEN);
  }

  /** From one state to the next between OPEN and HAVE. */
  move(piece: number, to: number): void {
    const by = this.#table.move(piece, to);
    if (by !== 0) this.holders.countWanted(piece, by);
  }

  /** The piece is missing, and no peer works on it: it can be picked, if it is wanted. */
  giveBack(piece: number): void {
    if (this.#unwanted?.has(piece) || this.#withdrawn.has(piece)) return this.move(piece, SKIPPED);
    this.move(piece, MISSING);
    this.picker.insert(piece);
    this.holders.countPickable(piece, 1);
  }

  /** The piece can no longer be picked. */
  #unlist(piece: number): void {
    this.picker.remove(piece);
    this.holders.countPickable(piece, -1);
  }

  /** For tests: throws if the books do not add up. */
  checkInvariants(): void {
    this.#table.checkInvariants();
    this.holders.checkInvariants();
    this.#table.all.forEach((state, piece) => {
      const isPickable = this.picker.isPickable(piece);
      assert((state === MISSING) === isPickable, `piece ${piece} is pickable if it is missing`);
    });
  }
}
