/**
 * One piece that is being downloaded: its bytes so far, the state of each block, who works on it.
 * Its buffer comes from a pool, so that opening a piece allocates little.
 */
import type { PieceHash } from "../platform/types.ts";
import { assert } from "../util/assert.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";

export const FREE = 0, ASKED = 1, HERE = 2;

/** Blocks that gather before the hash sees them: cache-hot, and few calls. */
const HASH_STRIDE = 8;

/** Hands out piece-sized buffers again, so that they are zeroed by the runtime only once. */
export class BufferPool {
  readonly #free: Uint8Array[] = [];
  readonly #allocate: (length: number) => Uint8Array;

  constructor(readonly length: number, allocate: (length: number) => Uint8Array) {
    this.#allocate = allocate;
  }

  take(): Uint8Array {
    return this.#free.pop() ?? this.#allocate(this.length);
  }

  give(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }

  clear(): void {
    this.#free.length = 0;
  }
}

export class OpenPiece {
  readonly blockCount: number;
  readonly state: Uint8Array;
  /** How many peers each block is asked from now. */
  readonly asked: Uint8Array;
  /** Key of the peer that sent each block; 0 where none did. */
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
  /** Only the peer with this key may be asked (a piece that failed before); 0 for anyone. */
  exclusiveTo = 0;
  /** Blocks of the contiguous prefix that `hash` has seen. */
  hashed = 0;
  /** Slots of the peers with requests in this piece, and how many each has. */
  readonly workers: number[] = [];
  readonly workerAsked: number[] = [];

  /** `buffer` has room for any piece; it is away while a thread hashes it. */
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

  /** All of it came. */
  get isFull(): boolean {
    return this.here === this.blockCount;
  }

  /** No block of it has arrived, and none is requested or arriving. */
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

  /** Returns true if the peer in `slot` had nothing asked in this piece before. */
  addWorker(slot: number): boolean {
    const at = this.workers.indexOf(slot);
    if (at >= 0) {
      this.workerAsked[at]!++;
      return false;
    }
    this.workers.push(slot);
    this.workerAsked.push(1);
    return true;
  }

  /** Returns true if the peer in `slot` has nothing asked in this piece any more. */
  removeWorker(slot: number): boolean {
    const at = this.workers.indexOf(slot);
    if (at < 0 || --this.workerAsked[at]! > 0) return false;
    this.workers.splice(at, 1);
    this.workerAsked.splice(at, 1);
    return true;
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
  /** Shows the hash what became contiguous. All of it at the last block. */
  hashPrefix(): void {
    if (this.state[this.hashed] !== HERE) return;
    let end = this.hashed + 1;
    while (end < this.blockCount && this.state[end] === HERE) end++;
    if (end - this.hashed < HASH_STRIDE && end < this.blockCount) return;
    this.hash.grew(Math.min(end * BLOCK_LENGTH, this.length));
    this.hashed = end;
  }

  /** The distinct keys of all peers that sent blocks of it. */
  contributors(): number[] {
    return [...new Set(this.sender)].filter((key) => key !== 0);
  }
}
