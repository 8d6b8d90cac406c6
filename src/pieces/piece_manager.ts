/**
 * The download of one torrent: `states` says which pieces we have and want, `blocks` keeps the
 * requests and the blocks that arrive, `holders` the pieces of the connected peers. This class has
 * whole pieces hashed and stored, and finds the peers that sent bad data.
 */
import type { Hasher, Random } from "../platform/types.ts";
import type { Bitfield } from "../util/bitfield.ts";
import { assert } from "../util/assert.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { PieceVerifier } from "../metainfo/piece_verifier.ts";
import { BlockRequests } from "./block_requests.ts";
import { BufferPool } from "./buffer_pool.ts";
import { DownloadLedger } from "./download_ledger.ts";
import type { Holders } from "./holders.ts";
import type { OpenPiece } from "./open_piece.ts";
import { maxOpenPieces, type OpenPieces } from "./open_pieces.ts";
import { PieceStates } from "./piece_states.ts";
import {
  type DownloadPeer,
  HASHING,
  HAVE,
  MISSING,
  OPEN,
  type PieceEvents,
  type PieceOptions,
  STORING,
} from "./piece_types.ts";
import { SmartBan } from "./smart_ban.ts";

export { HASHING, HAVE, MISSING, OPEN, SKIPPED, STORING } from "./piece_types.ts";
export type { DownloadPeer, PieceEvents, PieceOptions } from "./piece_types.ts";

/** Stands for the peer that sent a block in an earlier run; no peer has that key. */
const RESTORED = -1;

export class PieceManager {
  readonly have: Bitfield;
  readonly states: PieceStates;
  readonly blocks: BlockRequests;
  readonly holders: Holders;
  readonly options: PieceOptions;
  readonly ledger: DownloadLedger;

  readonly #layout: Layout;
  readonly #verifier: PieceVerifier;
  readonly #events: PieceEvents;
  readonly #smartBan: SmartBan;
  readonly #buffers: BufferPool;
  readonly #maxOpen: number;
  #closed = false;

  constructor(
    layout: Layout,
    verifier: PieceVerifier,
    platform: { hasher: Hasher; random: Random },
    options: PieceOptions,
    events: PieceEvents,
    ledger = new DownloadLedger(layout.pieceCount),
  ) {
    const { hasher, random } = platform;
    this.#layout = layout;
    this.#verifier = verifier;
    this.#events = events;
    this.options = options;
    this.ledger = ledger;
    this.states = new PieceStates(layout, random, options.sequential, ledger.work);
    this.have = this.states.have;
    this.holders = this.states.holders;
    this.#smartBan = new SmartBan((bytes) => hasher.digest("sha1", bytes));
    this.#buffers = new BufferPool(
      Math.min(layout.pieceLength, layout.totalLength),
      (length) => hasher.allocate(length),
    );
    this.#maxOpen = maxOpenPieces(options.budgetBytes, layout.pieceLength);
    this.blocks = new BlockRequests({
      layout,
      ledger,
      options,
      states: this.states,
      buffers: this.#buffers,
      smartBan: this.#smartBan,
      maxOpen: this.#maxOpen,
      hash: (buffer, length) => hasher.begin(verifier.algorithm, buffer, length),
      whole: (open) => this.#finish(open),
    });
  }

  /** Pieces with blocks that arrived or are arriving, in the order in which they were begun. */
  get openPieces(): Pick<OpenPieces, "size" | "values"> {
    return this.blocks.open;
  }

  /** All wanted pieces are verified. */
  get complete(): boolean {
    return this.states.complete;
  }

  /** The part of the memory for open pieces that waits for hashes, 0 to 1. */
  get hashingShare(): number {
    return this.#shareOf(HASHING);
  }

  /** The part of it that waits for the disk. */
  get storingShare(): number {
    return this.#shareOf(STORING);
  }

  /** Blocks that fit into the memory for open pieces. */
  get budgetBlocks(): number {
    return this.#maxOpen * Math.ceil(this.#layout.pieceLength / BLOCK_LENGTH);
  }

  /** For checks after each event in tests: throws if the parts contradict each other. */
  checkInvariants(): void {
    const { states, blocks: { open: pieces } } = this;
    states.checkInvariants();
    for (let piece = 0; piece < this.#layout.pieceCount; piece++) {
      const open = pieces.get(piece), full = open?.isFull ?? false, state = states.of(piece);
      const judged = state === HASHING || state === STORING;
      assert(judged === full, `piece ${piece} is hashed and stored when it is full`);
      assert((state === OPEN) === (open !== undefined && !full), `piece ${piece} is open in both`);
    }
    assert(pieces.size <= this.#maxOpen, "open pieces stay inside their memory");
    pieces.checkInvariants(this.holders.peers);
  }

  /**
   * Restores blocks of a missing piece from an earlier run; the piece's hash will verify them.
   * `read` fills `into` from `begin` of the piece, or throws: then nothing is restored. Returns
   * false if the piece is not missing, or the memory for open pieces is used up.
   */
  restore(
    piece: number,
    blocks: Bitfield,
    read: (begin: number, into: Uint8Array) => void,
  ): boolean {
    if (this.states.of(piece) !== MISSING || this.blocks.open.size >= this.#maxOpen) return false;
    const open = this.blocks.begin(RESTORED, piece);
    try {
      for (let block = 0; block < open.blockCount; block++) {
        if (!blocks.has(block)) continue;
        read(block * BLOCK_LENGTH, open.blockBytes(block));
        this.blocks.open.fill(open, block, RESTORED);
      }
    } catch (error) {
      this.blocks.giveUp(open);
      throw error;
    }
    open.hashPrefix();
    if (open.isFull) this.#finish(open);
    return true;
  }

  /**
   * Frees the buffers and, while no peer is connected, the order of pieces until they are needed.
   */
  releaseMemory(): void {
    this.#buffers.clear();
    if (this.holders.peers.size === 0) this.states.picker.release();
  }

  /**
   * From now on, results of running hashes are ignored; pieces that are being stored still count.
   */
  close(): void {
    this.#closed = true;
    this.#buffers.clear();
  }

  peerJoined(peer: DownloadPeer): void {
    this.holders.join(peer);
    this.blocks.join(peer.slot);
  }

  /** All requests of the peer must have been released before. */
  peerLeft(peer: DownloadPeer): void {
    this.holders.leave(peer);
  }

  #finish(open: OpenPiece): void {
    const digest = open.hash.finish((late, back) => this.#hashed(open, late, back));
    if (digest === null) this.states.move(open.index, HASHING);
    else this.#judge(open, digest);
  }

  #hashed(open: OpenPiece, digest: Uint8Array | null, buffer: Uint8Array | null): void {
    if (this.#closed) return;
    open.buffer = buffer ?? this.#buffers.take();
    if (digest === null) this.blocks.giveUp(open);
    else this.#judge(open, digest);
    this.#events.settle();
  }

  #judge(open: OpenPiece, digest: Uint8Array): void {
    if (this.#verifier.matches(open.index, digest)) this.#pass(open);
    else this.#fail(open);
  }

  #pass(open: OpenPiece): void {
    let storing: void | Promise<void>;
    try {
      storing = this.#events.store(open.index, open.bytes);
    } catch (error) {
      return this.#notStored(open, error);
    }
    if (storing === undefined) return this.#stored(open);
    this.states.move(open.index, STORING);
    storing.then(() => this.#stored(open), (error) => this.#notStored(open, error))
      .then(() => this.#closed || this.#events.settle());
  }

  #notStored(open: OpenPiece, error: unknown): void {
    this.blocks.giveUp(open);
    this.#events.storeFailed(error);
  }

  #stored(open: OpenPiece): void {
    const piece = open.index, guilty = this.#smartBan.passed(piece, open.bytes);
    this.blocks.drop(open);
    this.states.move(piece, HAVE);
    this.ledger.completed++;
    if (this.#closed) return;
    this.#events.verified(piece);
    if (this.ledger.failed > 0) this.#events.helped?.(open.contributors());
    for (const key of guilty) this.#events.guilty(key, piece);
  }

  #fail(open: OpenPiece): void {
    const piece = open.index;
    this.ledger.failed++;
    const guilty = this.#smartBan.failed(piece, open.bytes, open.sender);
    this.blocks.giveUp(open);
    this.#events.failed(piece, open.contributors());
    for (const key of guilty) this.#events.guilty(key, piece);
  }

  #shareOf(state: number): number {
    const { open } = this.blocks;
    return open.count(({ index }) => this.states.of(index) === state) / this.#maxOpen;
  }
}
