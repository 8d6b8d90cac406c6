/**
 * The requests for blocks of one torrent, and the blocks that arrive: a block of an open piece is
 * FREE, ASKED or HERE. The path of a block consists of plain calls: no promise, no allocation.
 */
import type { PieceHash } from "../platform/types.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import { BlockChooser } from "./block_chooser.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { DownloadLedger } from "./download_ledger.ts";
import { ASKED, OpenPiece } from "./open_piece.ts";
import { OpenPieces } from "./open_pieces.ts";
import type { PieceStates } from "./piece_states.ts";
import type { DownloadPeer, PieceOptions } from "./piece_types.ts";
import type { SmartBan } from "./smart_ban.ts";
import { type ReadPiece, UrgentPieces } from "./urgent_pieces.ts";

/** The first urgent pieces, whose blocks are taken back from slow peers. */
const HASTENED = 4;

export interface BlockRequestsPorts {
  readonly layout: Layout;
  readonly states: PieceStates;
  readonly buffers: BufferPool;
  readonly smartBan: SmartBan;
  readonly ledger: DownloadLedger;
  readonly options: PieceOptions;
  /** Pieces that may be open at once. */
  readonly maxOpen: number;
  /** Begins the hash of a piece in this buffer. */
  hash(buffer: Uint8Array, length: number): PieceHash;
  /** All blocks of this piece have arrived. */
  whole(open: OpenPiece): void;
}

export class BlockRequests {
  /** Where `target` wants the block inside the array that it returned. */
  targetAt = 0;
  readonly open = new OpenPieces();
  readonly #ports: BlockRequestsPorts;
  readonly #states: PieceStates;
  readonly #ledger: DownloadLedger;
  readonly #chooser: BlockChooser;
  readonly #urgent = new UrgentPieces();

  constructor(ports: BlockRequestsPorts) {
    const { states, ledger } = ports;
    this.#ports = ports;
    this.#states = states;
    this.#ledger = ledger;
    this.#chooser = new BlockChooser({
      ...ports,
      have: states.have,
      open: this.open,
      urgent: this.#urgent,
      picker: states.picker,
      work: ledger.work,
      begin: (key, piece) => this.begin(key, piece),
      giveUp: (open) => this.giveUp(open),
    });
  }

  /** No piece is left to begin: from now on, the blocks of slow peers may be requested twice. */
  get inEndGame(): boolean {
    return this.#chooser.inEndGame;
  }

  join(slot: number): void {
    this.open.join(slot);
    this.#chooser.join(slot);
  }

  // hot
  /** The number of the next block to request from `peer` (see Layout); -1 if there is none now. */
  next(peer: DownloadPeer): number {
    const open = this.#chooser.free(peer);
    return open === null ? -1 : this.#ask(peer, open, open.nextFree());
  }

  /**
   * As `next`, but only from this piece, which the peer allows while it chokes us, or suggests
   * (`advised`): a suggestion counts only if the user does not want other pieces first.
   */
  nextOf(peer: DownloadPeer, piece: number, advised = false): number {
    const { length: urgent } = this.#urgent;
    if (advised && (urgent > 0 || !this.#states.picker.isInTurn(piece))) return -1;
    const open = this.#chooser.freeOf(peer, piece);
    return open === null ? -1 : this.#ask(peer, open, open.nextFree());
  }

  /** Missing pieces that are read soon, in the order of need: their blocks are requested first. */
  setUrgent(list: readonly ReadPiece[], now: number): void {
    this.#urgent.set(list, this.#states.holders.peers, now);
  }

  /** The requests for all other pieces are taken back: somebody waits for another part of a file. */
  clearTheWay(): void {
    const urgent = new Set(this.#urgent.all.map(({ piece }) => piece));
    for (const peer of this.#states.holders.peers) {
      const takeBack = (piece: number, block: number) => {
        this.release(peer, piece, block);
        peer.cancelRequest(piece, block);
      };
      peer.window?.releaseAll(takeBack, (piece) => urgent.has(piece));
    }
  }

  /**
   * Blocks of the first urgent pieces that slow peers would send too late can be requested from quick
   * ones again. Returns whether there were any. A few times a second.
   */
  hasten(): boolean {
    let any = false;
    for (const urgent of this.#urgent.all.slice(0, HASTENED)) {
      const open = this.open.get(urgent.piece);
      for (const slot of [...open?.workers.slots ?? []]) {
        const peer = this.#states.holders.inSlot(slot);
        if (this.#urgent.isLate(peer, urgent)) any = this.#takeBack(peer, open!) || any;
      }
    }
    return any;
  }

  #takeBack(peer: DownloadPeer, open: OpenPiece): boolean {
    let any = false;
    for (let block = 0; block < open.blockCount; block++) {
      if (open.state[block] !== ASKED || !peer.hasAsked(open.index, block)) continue;
      peer.cancelRequest(open.index, block);
      this.release(peer, open.index, block);
      any = true;
    }
    return any;
  }

  /** As `next`, in the end-game: a missing block that was requested from others. */
  nextDuplicate(peer: DownloadPeer): number {
    const choice = this.#chooser.duplicate(peer);
    return choice === null ? -1 : this.#ask(peer, choice.open, choice.block);
  }

  /** A request of `peer` will not be answered: choke, reject, time-out, cancel or loss. */
  release(peer: DownloadPeer, piece: number, block: number): void {
    const open = this.open.get(piece);
    if (open === undefined || open.state[block] !== ASKED) return;
    this.#ledger.work.steps += 2;
    this.open.unask(open, block, peer.slot);
    if (open.asked[block]! > 0) return;
    this.open.free(open, block);
    this.#states.version++;
    if (open.isEmpty) this.giveUp(open);
  }

  // hot
  /**
   * Where to copy the block that begins to arrive from `peer`; null if it is not needed. `targetAt`
   * is the place inside the array.
   */
  target(peer: DownloadPeer, piece: number, block: number): Uint8Array | null {
    // The answer to a request that was given up, and with it the whole piece: it counts after all.
    const open = this.open.get(piece) ?? this.#chooser.reopen(peer, piece);
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
  abandon(peer: DownloadPeer, piece: number, block: number): void {
    const open = this.open.get(piece);
    if (open?.writer[block] !== peer.slot + 1) return;
    open.setWriter(block, 0);
    if (open.isEmpty) this.giveUp(open);
  }

  // hot
  /**
   * The block is complete; `asked`: the request to `peer` still counted. Returns false if the block
   * was useless.
   */
  arrived(peer: DownloadPeer, piece: number, block: number, asked: boolean): boolean {
    const open = this.open.get(piece);
    if (open === undefined || !this.#chooser.mayFill(peer, open, block)) {
      this.#ledger.waste("duplicate", this.#ports.layout.blockLength(piece, block));
      return false;
    }
    const writer = open.writer[block]!;
    if (writer !== peer.slot + 1) {
      const bytes = open.blockBytes(block);
      bytes.set(peer.scratch.subarray(0, bytes.length));
      if (writer !== 0) this.#states.holders.inSlot(writer - 1).dropIncoming();
    }
    open.setWriter(block, 0);
    if (asked) this.open.unask(open, block, peer.slot);
    if (open.asked[block]! > 0) this.#cancelOthers(open, block);
    this.open.fill(open, block, peer.key);
    open.hashPrefix();
    if (open.isFull) this.#ports.whole(open);
    return true;
  }

  // hot
  /** Records the request to `peer`, and returns the block's number. */
  #ask(peer: DownloadPeer, open: OpenPiece, block: number): number {
    this.#ledger.work.steps += 2;
    this.open.ask(open, block, peer.slot);
    return open.index * this.#ports.layout.blocksPerPiece + block;
  }

  /** Opens a piece that can be picked, for the peer with this key. */
  begin(key: number, piece: number): OpenPiece {
    this.#ledger.begin(piece);
    this.#states.begin(piece);
    const buffer = this.#ports.buffers.take(), length = this.#ports.layout.lengthOf(piece);
    const hash = this.#ports.hash(buffer, length);
    const open = new OpenPiece(piece, length, buffer, hash);
    if (this.#ports.smartBan.hasFailed(piece)) open.exclusiveTo = key;
    this.open.add(open);
    if (this.#states.picker.length === 0) this.#states.version++; // the end-game: idle peers may repeat blocks
    return open;
  }

  #cancelOthers(open: OpenPiece, block: number): void {
    for (const slot of [...open.workers.slots]) {
      const peer = this.#states.holders.inSlot(slot);
      if (!peer.hasAsked(open.index, block)) continue;
      peer.cancelRequest(open.index, block);
      this.open.unask(open, block, slot);
    }
  }

  /** The piece is missing again; its blocks are lost. */
  giveUp(open: OpenPiece): void {
    this.#ledger.waste("failed", Math.min(open.here * BLOCK_LENGTH, open.length));
    this.drop(open);
    this.#states.giveBack(open.index);
  }

  drop(open: OpenPiece): void {
    for (const peer of this.#states.holders.peers) this.#chooser.leave(peer.slot, open.index);
    if (open.writing > 0) {
      for (const writer of open.writer) {
        if (writer !== 0) this.#states.holders.inSlot(writer - 1).dropIncoming();
      }
    }
    this.open.remove(open);
    this.#ports.buffers.give(open.buffer);
    this.#states.version++;
  }
}
