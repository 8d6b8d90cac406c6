/**
 * The only owner of the state of every piece and block of one torrent.
 * Each piece is in one state of piece_types.ts; a block of an open piece is FREE, ASKED or HERE.
 * The path of a block consists of plain calls: no promise, no allocation.
 */
import type { Hasher, Random } from "../platform/types.ts";
import { Bitfield } from "../util/bitfield.ts";
import { assert } from "../util/assert.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { PieceVerifier } from "../metainfo/piece_verifier.ts";
import { BlockChooser } from "./block_chooser.ts";
import { DownloadLedger } from "./download_ledger.ts";
import { Holders } from "./holders.ts";
import { BufferPool } from "./buffer_pool.ts";
import { ASKED, OpenPiece } from "./open_piece.ts";
import { maxOpenPieces, OpenPieces } from "./open_pieces.ts";
import { type PieceLevel, PieceOrder } from "./piece_order.ts";
import { PieceStates } from "./piece_states.ts";
import {
  type DownloadPeer,
  HASHING,
  HAVE,
  MISSING,
  OPEN,
  type PieceEvents,
  type PieceOptions,
  SKIPPED,
  STORING,
} from "./piece_types.ts";
import { SmartBan } from "./smart_ban.ts";

export { HASHING, HAVE, MISSING, OPEN, SKIPPED, STORING } from "./piece_types.ts";
export type { DownloadPeer, PieceEvents, PieceOptions } from "./piece_types.ts";

/** Stands for the peer that sent a block in an earlier run; no peer has that key. */
const RESTORED = -1;

export class PieceManager {
  readonly have: Bitfield;
  readonly options: PieceOptions;
  /** Where `blockTarget` wants the block inside the array that it returned. */
  targetAt = 0;
  /** Changes whenever blocks or pieces became free, so that idle peers know when to ask again. */
  version = 0;
  readonly ledger: DownloadLedger;

  readonly #layout: Layout;
  readonly #hasher: Hasher;
  readonly #verifier: PieceVerifier;
  readonly #events: PieceEvents;
  readonly #picker: PieceOrder;
  readonly #holders: Holders;
  readonly #chooser: BlockChooser;
  readonly #smartBan: SmartBan;
  readonly #states: PieceStates;
  readonly #open = new OpenPieces();
  readonly #buffers: BufferPool;
  readonly #maxOpen: number;
  #unwanted: Bitfield | null = null;
  readonly #withdrawn = new Set<number>();
  #closed = false;

  constructor(
    layout: Layout,
    verifier: PieceVerifier,
    platform: { hasher: Hasher; random: Random },
    options: PieceOptions,
    events: PieceEvents,
    ledger = new DownloadLedger(layout.pieceCount),
  ) {
    this.#layout = layout;
    this.#verifier = verifier;
    this.#hasher = platform.hasher;
    this.#events = events;
    this.options = options;
    this.have = (this.#states = new PieceStates(layout)).have;
    this.ledger = ledger;
    this.#picker = new PieceOrder(
      layout.pieceCount,
      platform.random,
      options.sequential,
      (piece) => this.stateOf(piece) === MISSING,
      this.ledger.work,
    );
    this.#smartBan = new SmartBan((bytes) => platform.hasher.digest("sha1", bytes));
    this.#buffers = new BufferPool(
      Math.min(layout.pieceLength, layout.totalLength),
      (length) => platform.hasher.allocate(length),
    );
    this.#maxOpen = maxOpenPieces(options.budgetBytes, layout.pieceLength);
    this.#holders = new Holders(this.#states, this.#picker, this.ledger.work);
    this.#chooser = new BlockChooser({
      have: this.have,
      open: this.#open,
      picker: this.#picker,
      smartBan: this.#smartBan,
      options,
      work: this.ledger.work,
      maxOpen: this.#maxOpen,
      begin: (peer, piece) => this.#begin(peer.key, piece),
      giveUp: (open) => this.#giveUp(open),
    });
  }

  /** Bytes of all pieces that we have, pads included. */
  get haveBytes(): number {
    return this.#states.haveBytes;
  }

  /** Bytes of the pieces that are still to come. */
  get leftBytes(): number {
    return this.#states.leftBytes;
  }

  /** Pieces with blocks that arrived or are arriving, in the order in which they were begun. */
  get openPieces(): Pick<OpenPieces, "size" | "values"> {
    return this.#open;
  }

  /** All wanted pieces are verified. */
  get complete(): boolean {
    return this.#states.wantedLeft === 0;
  }

  /** Which part of the memory for open pieces waits for hashes, 0 to 1. */
  get hashingShare(): number {
    return this.#shareOf(HASHING);
  }

  /** Which part of it waits for the disk. */
  get storingShare(): number {
    return this.#shareOf(STORING);
  }

  /** No piece is left to start: from here on slow peers' blocks may be asked twice. */
  get inEndGame(): boolean {
    return this.#chooser.inEndGame;
  }

  /** Blocks that fit into the memory for open pieces. */
  get budgetBlocks(): number {
    return this.#maxOpen * Math.ceil(this.#layout.pieceLength / BLOCK_LENGTH);
  }

  stateOf(piece: number): number {
    return this.#states.of(piece);
  }

  availabilityOf(piece: number): number {
    return this.#holders.availabilityOf(piece);
  }

  /** For checks after each event in tests: throws if the books do not add up. */
  checkInvariants(): void {
    this.#states.checkInvariants();
    this.#states.all.forEach((state, piece) => {
      const open = this.#open.get(piece), full = open?.isFull ?? false;
      const judged = state === HASHING || state === STORING;
      assert(judged === full, `piece ${piece} is hashed and stored when it is full`);
      assert((state === OPEN) === (open !== undefined && !full), `piece ${piece} is open in both`);
      assert((state === MISSING) === this.#picker.isPickable(piece), `piece ${piece} is pickable`);
    });
    assert(this.#open.size <= this.#maxOpen, "open pieces stay inside their memory");
    this.#open.checkInvariants(this.#holders.peers);
    this.#holders.checkInvariants();
  }

  /** The piece was found on the disk: it counts as had, without an event. */
  markHave(piece: number): void {
    const state = this.stateOf(piece);
    if (state === HAVE) return;
    this.#withdrawn.delete(piece);
    assert(state === MISSING || state === SKIPPED, "only a missing piece is found on the disk");
    if (state === MISSING) this.#unlist(piece);
    this.#move(piece, HAVE);
  }

  /** A verified piece is missing or wrong on the disk: it must be downloaded again. */
  markMissing(piece: number): void {
    if (this.stateOf(piece) !== HAVE && !this.#withdrawn.delete(piece)) return;
    this.#backToMissing(piece);
    this.version++;
  }

  /**
   * A piece that we had is wrong on the disk and stays so: somebody changed a file that was complete.
   * It counts as not wanted until `markHave` or `markMissing`.
   */
  withdraw(piece: number): void {
    if (this.stateOf(piece) !== HAVE) return;
    this.#withdrawn.add(piece);
    this.#backToMissing(piece);
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
   * What is wanted, and what first: `levelOf(piece)` is an index of `levels`, best first, or -1 for
   * a piece that is not wanted. A piece that is open already is finished all the same. O(pieces).
   */
  setLevels(levels: readonly PieceLevel[], levelOf: (piece: number) => number): void {
    const { pieceCount } = this.#layout;
    this.#picker.setLevels(levels, (piece) => Math.max(0, levelOf(piece)));
    this.#unwanted = new Bitfield(pieceCount);
    for (let piece = 0; piece < pieceCount; piece++) {
      const state = this.stateOf(piece);
      if (levelOf(piece) < 0) this.#unwanted.set(piece);
      if (state !== MISSING && state !== SKIPPED) continue;
      if (state === MISSING) this.#unlist(piece);
      this.#backToMissing(piece);
    }
    this.version++;
  }

  /**
   * Takes up blocks of a missing piece that an earlier run left; its hash will judge them. `read`
   * fills `into` from `begin` of the piece, or throws: then nothing is taken up. False where the
   * piece is not missing or memory for open pieces is short.
   */
  restore(
    piece: number,
    blocks: Bitfield,
    read: (begin: number, into: Uint8Array) => void,
  ): boolean {
    if (this.stateOf(piece) !== MISSING || this.#open.size >= this.#maxOpen) return false;
    const open = this.#begin(RESTORED, piece);
    try {
      for (let block = 0; block < open.blockCount; block++) {
        if (!blocks.has(block)) continue;
        read(block * BLOCK_LENGTH, open.blockBytes(block));
        this.#open.fill(open, block, RESTORED);
      }
    } catch (error) {
      this.#giveUp(open);
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
    if (this.#holders.peers.size === 0) this.#picker.release();
  }

  /** Hashes that are under way are ignored from here on; what the disk still takes counts as had. */
  close(): void {
    this.#closed = true;
    this.#buffers.clear();
  }

  peerJoined(peer: DownloadPeer): void {
    this.#holders.join(peer);
    this.#open.join(peer.slot);
    this.#chooser.join(peer.slot);
  }

  /** All requests of the peer must have been released before. */
  peerLeft(peer: DownloadPeer): void {
    this.#holders.leave(peer);
  }

  /** The peer told of one more piece; its bitfield has it already. */
  peerHas(peer: DownloadPeer, piece: number): void {
    this.#holders.has(peer, piece);
  }

  /** The peer lost a piece (BEP 54); its bitfield has it no more. */
  peerLost(peer: DownloadPeer, piece: number): void {
    this.#holders.lost(peer, piece);
    this.#chooser.leave(peer.slot, piece);
  }

  /** The peer's first bitfield arrived. */
  peerHasMany(peer: DownloadPeer): void {
    this.#holders.hasMany(peer);
  }

  /** It has everything, whatever it told before: fills its bitfield. */
  peerHasAll(peer: DownloadPeer): void {
    this.#holders.hasAll(peer);
  }

  // hot
  /** The number of the next block to ask `peer` for (see Layout); -1 if there is none for it now. */
  next(peer: DownloadPeer): number {
    const open = this.#chooser.free(peer);
    return open === null ? -1 : this.#ask(peer, open, open.nextFree());
  }

  /**
   * As `next`, out of this piece, which the peer allows while it chokes us, or advises us to take: then
   * only if the user does not want other pieces first.
   */
  nextOf(peer: DownloadPeer, piece: number, advised = false): number {
    if (advised && !this.#picker.isInTurn(piece)) return -1;
    const open = this.#chooser.freeOf(peer, piece);
    return open === null ? -1 : this.#ask(peer, open, open.nextFree());
  }

  /** As `next`, in the end-game: a block that others were asked for and that is still to come. */
  nextDuplicate(peer: DownloadPeer): number {
    const choice = this.#chooser.duplicate(peer);
    return choice === null ? -1 : this.#ask(peer, choice.open, choice.block);
  }

  /** A request of `peer` will not be answered: choke, reject, time-out, cancel or loss. */
  release(peer: DownloadPeer, piece: number, block: number): void {
    const open = this.#open.get(piece);
    if (open === undefined || open.state[block] !== ASKED) return;
    this.ledger.work.steps += 2;
    this.#open.unask(open, block, peer.slot);
    if (open.asked[block]! > 0) return;
    this.#open.free(open, block);
    this.version++;
    if (open.isEmpty) this.#giveUp(open);
  }

  // hot
  /**
   * Where to copy the block that begins to arrive from `peer`, or null if nobody needs it. The
   * place inside the array is in `targetAt`.
   */
  blockTarget(peer: DownloadPeer, piece: number, block: number): Uint8Array | null {
    // The answer to a request that was given up, and with it the whole piece: it counts after all.
    const open = this.#open.get(piece) ?? this.#chooser.reopen(peer, piece);
    if (open === null || !this.#chooser.mayFill(peer, open, block)) return null;
    const writer = open.writer[block]!;
    if (writer !== 0 && writer !== peer.slot + 1) {
      this.targetAt = 0;
      return peer.scratch;
    }
    open.setWriter(block, peer.slot + 1);
    this.targetAt = block * BLOCK_LENGTH;
    return open.buffer;
  }

  /** The connection of `peer` ended in the middle of this block. */
  abandonBlock(peer: DownloadPeer, piece: number, block: number): void {
    const open = this.#open.get(piece);
    if (open?.writer[block] !== peer.slot + 1) return;
    open.setWriter(block, 0);
    if (open.isEmpty) this.#giveUp(open);
  }

  // hot
  /**
   * The block is whole; `asked` tells whether `peer`'s request for it still counted.
   * Returns false if it was of no use.
   */
  blockArrived(peer: DownloadPeer, piece: number, block: number, asked: boolean): boolean {
    const open = this.#open.get(piece);
    if (open === undefined || !this.#chooser.mayFill(peer, open, block)) {
      this.ledger.waste("duplicate", this.#layout.blockLength(piece, block));
      return false;
    }
    const writer = open.writer[block]!;
    if (writer !== peer.slot + 1) {
      const bytes = open.blockBytes(block);
      bytes.set(peer.scratch.subarray(0, bytes.length));
      if (writer !== 0) this.#holders.inSlot(writer - 1).dropIncoming();
    }
    open.setWriter(block, 0);
    if (asked) this.#open.unask(open, block, peer.slot);
    if (open.asked[block]! > 0) this.#cancelOthers(open, block);
    this.#open.fill(open, block, peer.key);
    open.hashPrefix();
    if (open.isFull) this.#finish(open);
    return true;
  }

  // hot
  /** Records the request to `peer`, and returns the block's number. */
  #ask(peer: DownloadPeer, open: OpenPiece, block: number): number {
    this.ledger.work.steps += 2;
    this.#open.ask(open, block, peer.slot);
    return open.index * this.#layout.blocksPerPiece + block;
  }

  /** Opens a piece that can be picked, for the peer with this key. */
  #begin(key: number, piece: number): OpenPiece {
    this.ledger.begin(piece);
    this.#unlist(piece);
    this.#move(piece, OPEN);
    const buffer = this.#buffers.take(), length = this.#layout.lengthOf(piece);
    const hash = this.#hasher.begin(this.#verifier.algorithm, buffer, length);
    const open = new OpenPiece(piece, length, buffer, hash);
    if (this.#smartBan.hasFailed(piece)) open.exclusiveTo = key;
    this.#open.add(open);
    if (this.#picker.length === 0) this.version++; // the end-game: idle peers may repeat blocks
    return open;
  }

  #cancelOthers(open: OpenPiece, block: number): void {
    for (const slot of [...open.workers.slots]) {
      const peer = this.#holders.inSlot(slot);
      if (!peer.hasAsked(open.index, block)) continue;
      peer.cancelRequest(open.index, block);
      this.#open.unask(open, block, slot);
    }
  }

  #finish(open: OpenPiece): void {
    const digest = open.hash.finish((late, back) => this.#hashed(open, late, back));
    if (digest === null) this.#move(open.index, HASHING);
    else this.#judge(open, digest);
  }

  #hashed(open: OpenPiece, digest: Uint8Array | null, buffer: Uint8Array | null): void {
    if (this.#closed) return;
    open.buffer = buffer ?? this.#buffers.take();
    if (digest === null) this.#giveUp(open);
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
    this.#move(open.index, STORING);
    storing.then(() => this.#stored(open), (error) => this.#notStored(open, error))
      .then(() => this.#closed || this.#events.settle());
  }

  #notStored(open: OpenPiece, error: unknown): void {
    this.#giveUp(open);
    this.#events.storeFailed(error);
  }

  #stored(open: OpenPiece): void {
    const piece = open.index, guilty = this.#smartBan.passed(piece, open.bytes);
    this.#drop(open);
    this.#move(piece, HAVE);
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
    this.#giveUp(open);
    this.#events.failed(piece, open.contributors());
    for (const key of guilty) this.#events.guilty(key, piece);
  }

  /** The piece goes back to the missing ones; what came of it is lost. */
  #giveUp(open: OpenPiece): void {
    this.ledger.waste("failed", Math.min(open.here * BLOCK_LENGTH, open.length));
    this.#drop(open);
    this.#backToMissing(open.index);
  }

  /** No peer works on the piece and it is missing: it can be picked, if it is wanted. */
  #backToMissing(piece: number): void {
    if (this.#unwanted?.has(piece) || this.#withdrawn.has(piece)) return this.#move(piece, SKIPPED);
    this.#move(piece, MISSING);
    this.#picker.insert(piece);
    this.#holders.countPickable(piece, 1);
  }

  /** The piece can no longer be picked. */
  #unlist(piece: number): void {
    this.#picker.remove(piece);
    this.#holders.countPickable(piece, -1);
  }

  #move(piece: number, to: number): void {
    const by = this.#states.move(piece, to);
    if (by !== 0) this.#holders.countWanted(piece, by);
  }

  #shareOf(state: number): number {
    return this.#open.count((open) => this.stateOf(open.index) === state) / this.#maxOpen;
  }

  #drop(open: OpenPiece): void {
    for (const peer of this.#holders.peers) this.#chooser.leave(peer.slot, open.index);
    if (open.writing > 0) {
      for (const writer of open.writer) {
        if (writer !== 0) this.#holders.inSlot(writer - 1).dropIncoming();
      }
    }
    this.#open.remove(open);
    this.#buffers.give(open.buffer);
    this.version++;
  }
}
