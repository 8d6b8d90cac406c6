/**
 * One piece that is being downloaded: its bytes so far, the state of each block, and the peers with
 * requests in it. Its buffer comes from a pool, so that opening a piece allocates little.
 */
import type { PieceHash } from "../platform/types.ts";
import { assert } from "../util/assert.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";

export const FREE = 0, ASKED = 1, HERE = 2;

/** Blocks that are hashed together: few calls, while the bytes are still in the cache. */
const HASH_STRIDE = 8;

/** The peers with requests in one piece, by slot: few, so lists are quicker than maps. */
export class Workers {
  readonly slots: number[] = [];
  readonly #requests: number[] = [];

  /** Adds a request; returns true for the first one of the peer in `slot`. */
  add(slot: number): boolean {
    const at = this.slots.indexOf(slot);
    if (at >= 0) {
      this.#requests[at]!++;
      return false;
    }
    this.slots.push(slot);
    this.#requests.push(1);
    return true;
  }

  /** Removes a request; returns true if it was the last one of the peer in `slot`. */
  remove(slot: number): boolean {
    const at = this.slots.indexOf(slot);
    if (at < 0 || --this.#requests[at]! > 0) return false;
    this.slots.splice(at, 1);
    this.#requests.splice(at, 1);
    return true;
  }

  has(slot: number): boolean {
    return this.slots.includes(slot);
  }

  clear(): void {
    this.slots.length = this.#requests.length = 0;
  }

  requestsOf(slot: number): number {
    return this.#requests[this.slots.indexOf(slot)] ?? 0;
  }
}

export class OpenPiece {
  readonly blockCount: number;
  readonly state: Uint8Array;
  /** The number of peers that each block is requested from. */
  readonly asked: Uint8Array;
  /** The key of the peer that sent each block; 0 for a block that has not arrived. */
  readonly sender: Int32Array;
  /** Slot + 1 of the peer whose bytes are being copied into each block now; 0 for none. */
  readonly writer: Uint16Array;
  /** Blocks that have a writer. */
  writing = 0;
  /** Blocks in state FREE and HERE. */
  free: number;
  here = 0;
  /** No FREE block lies before it. */
  cursor = 0;
  /** Place in the manager's list of pieces with free blocks; -1 when not in it. */
  freeAt = -1;
  /** Blocks are requested only from the peer with this key, as the piece failed before; 0: any. */
  exclusiveTo = 0;
  readonly workers = new Workers();
  /** Blocks of the contiguous prefix that `hash` has seen. */
  #hashed = 0;

  /** `buffer` has room for any piece; while a thread hashes it, it is not ours. */
  constructor(
    readonly index: number,
    readonly length: number,
    public buffer: Uint8Array,
    readonly hash: PieceHash,
  ) {
    this.blockCount = Math.ceil(length / BLOCK_LENGTH);
    this.state = new Uint8Array(this.blockCount);
    this.asked = new Uint8Array(this.blockCount);
    this.sender = new Int32Array(this.blockCount);
    this.writer = new Uint16Array(this.blockCount);
    this.free = this.blockCount;
  }

  /** All blocks have arrived. */
  get isFull(): boolean {
    return this.here === this.blockCount;
  }

  /** No block has arrived, and none is requested or arriving. */
  get isEmpty(): boolean {
    return this.free === this.blockCount && this.writing === 0;
  }

  get bytes(): Uint8Array {
    return this.length === this.buffer.length ? this.buffer : this.buffer.subarray(0, this.length);
  }

  blockBytes(block: number): Uint8Array {
    const begin = block * BLOCK_LENGTH;
    return this.buffer.subarray(begin, Math.min(begin + BLOCK_LENGTH, this.length));
  }

  /** `writer` is a slot + 1, or 0 for none. */
  setWriter(block: number, writer: number): void {
    if (this.writer[block] !== 0) this.writing--;
    if (writer !== 0) this.writing++;
    this.writer[block] = writer;
  }

  // hot
  /** The first FREE block: there must be one. */
  nextFree(): number {
    const block = this.state.indexOf(FREE, this.cursor);
    assert(block >= 0, "a piece with free blocks has one behind its cursor");
    this.cursor = block + 1;
    return block;
  }

  // hot
  /** Hashes the blocks that became contiguous: in strides, and all of them at the last block. */
  hashPrefix(): void {
    if (this.state[this.#hashed] !== HERE) return;
    let end = this.#hashed + 1;
    while (end < this.blockCount && this.state[end] === HERE) end++;
    if (end - this.#hashed < HASH_STRIDE && end < this.blockCount) return;
    this.hash.grew(Math.min(end * BLOCK_LENGTH, this.length));
    this.#hashed = end;
  }

  /** The distinct keys of all peers that sent blocks. */
  contributors(): number[] {
    return [...new Set(this.sender)].filter((key) => key !== 0);
  }
}
