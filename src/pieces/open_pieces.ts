/**
 * All open pieces of a torrent and the peers that work on them. Owns the list of pieces with free
 * blocks, and the number of pieces that each peer works on; every change of a block's state is made
 * here, so that the counts match the blocks.
 */
import { assert } from "../util/assert.ts";
import { ASKED, FREE, HERE, type OpenPiece } from "./open_piece.ts";
import type { DownloadPeer } from "./piece_types.ts";

/**
 * The most open pieces: at least two, so that one slow peer cannot hold up everything, unless even
 * one is too large.
 */
export function maxOpenPieces(budgetBytes: number, pieceLength: number): number {
  return Math.max(pieceLength > budgetBytes ? 1 : 2, Math.floor(budgetBytes / pieceLength));
}

export class OpenPieces {
  readonly #byIndex = new Map<number, OpenPiece>();
  readonly #withFree: OpenPiece[] = [];
  /** By slot: the number of pieces in which the peer has requests. */
  readonly #worked: number[] = [];

  get size(): number {
    return this.#byIndex.size;
  }

  count(which: (open: OpenPiece) => boolean): number {
    let count = 0;
    for (const open of this.#byIndex.values()) if (which(open)) count++;
    return count;
  }

  /** Those with a FREE block, in no order. */
  get withFree(): readonly OpenPiece[] {
    return this.#withFree;
  }

  get(piece: number): OpenPiece | undefined {
    return this.#byIndex.get(piece);
  }

  /** In the order in which they were opened. */
  values(): MapIterator<OpenPiece> {
    return this.#byIndex.values();
  }

  /** A peer takes over a slot. */
  join(slot: number): void {
    this.#worked[slot] = 0;
  }

  /** The number of pieces in which the peer in `slot` has requests. */
  workedOn(slot: number): number {
    return this.#worked[slot]!;
  }

  add(open: OpenPiece): void {
    this.#byIndex.set(open.index, open);
    this.#list(open);
  }

  remove(open: OpenPiece): void {
    for (const slot of open.workers.slots) this.#worked[slot]!--;
    open.workers.clear();
    if (open.freeAt >= 0) this.#unlist(open);
    this.#byIndex.delete(open.index);
  }

  // hot
  /** A block that is FREE or ASKED is requested from the peer in `slot`. */
  ask(open: OpenPiece, block: number, slot: number): void {
    if (open.state[block] === FREE) {
      open.state[block] = ASKED;
      if (--open.free === 0) this.#unlist(open);
    }
    open.asked[block]!++;
    if (open.workers.add(slot)) this.#worked[slot]!++;
  }

  // hot
  /** A request to the peer in `slot` no longer counts; the block keeps its state. */
  unask(open: OpenPiece, block: number, slot: number): void {
    if (open.workers.remove(slot)) this.#worked[slot]!--;
    open.asked[block]!--;
  }

  /** The block is no longer requested from any peer. */
  free(open: OpenPiece, block: number): void {
    open.state[block] = FREE;
    open.cursor = Math.min(open.cursor, block);
    if (open.free++ === 0) this.#list(open);
  }

  // hot
  /** The peer with this key sent the block; no request for it may be left. */
  fill(open: OpenPiece, block: number, key: number): void {
    if (open.state[block] === FREE && --open.free === 0) this.#unlist(open);
    open.state[block] = HERE;
    open.sender[block] = key;
    open.here++;
  }

  /** For tests: throws if the counts are wrong, or differ from those of the peers. */
  checkInvariants(peers: Iterable<DownloadPeer>): void {
    const worked = this.#worked.map(() => 0), asked = this.#worked.map(() => 0);
    let listed = 0;
    for (const open of this.#byIndex.values()) {
      checkOpen(open);
      if (open.freeAt >= 0) listed++;
      assert(open.freeAt < 0 || this.#withFree[open.freeAt] === open, "a listed piece is found");
      for (const slot of open.workers.slots) {
        worked[slot]!++;
        asked[slot]! += open.workers.requestsOf(slot);
      }
    }
    for (const { slot, outstanding } of peers) {
      assert(asked[slot] === outstanding, `the requests of the peer in slot ${slot} add up`);
    }
    assert(listed === this.#withFree.length, "only open pieces are listed");
    worked.forEach((count, slot) => {
      assert(count === this.#worked[slot], `the pieces of the peer in slot ${slot} add up`);
    });
  }

  #list(open: OpenPiece): void {
    open.freeAt = this.#withFree.length;
    this.#withFree.push(open);
  }

  #unlist(open: OpenPiece): void {
    const last = this.#withFree.pop()!;
    if (last !== open) {
      this.#withFree[open.freeAt] = last;
      last.freeAt = open.freeAt;
    }
    open.freeAt = -1;
  }
}

function checkOpen(open: OpenPiece): void {
  let free = 0, here = 0, asked = 0, writing = 0;
  for (let block = 0; block < open.blockCount; block++) {
    const state = open.state[block]!;
    if (state === FREE) {
      free++;
      assert(block >= open.cursor, "no free block lies before the cursor");
    } else if (state === HERE) here++;
    if (open.writer[block] !== 0) {
      writing++;
      assert(state !== HERE, "nobody writes into a block that is here");
    }
    assert((open.asked[block]! > 0) === (state === ASKED), "asked blocks are ASKED");
    assert((open.sender[block] !== 0) === (state === HERE), "blocks that are here have a sender");
    asked += open.asked[block]!;
  }
  assert(free === open.free && here === open.here, `blocks of piece ${open.index} add up`);
  assert(writing === open.writing, `blocks of piece ${open.index} that arrive add up`);
  assert((open.freeAt >= 0) === (free > 0), "pieces with free blocks are listed");
  const { workers } = open;
  const worked = workers.slots.reduce((sum, slot) => sum + workers.requestsOf(slot), 0);
  assert(worked === asked, `requests in piece ${open.index} add up`);
}
