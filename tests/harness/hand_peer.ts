/**
 * A peer of a piece manager, driven by the test: it keeps its requests as a session does and sends
 * blocks in two halves, so that a test can do anything between them.
 */
import { Bitfield } from "../../src/util/bitfield.ts";
import { BLOCK_LENGTH, type Layout } from "../../src/metainfo/layout.ts";
import type { DownloadPeer, PieceManager } from "../../src/pieces/piece_manager.ts";

export interface BlockId {
  piece: number;
  block: number;
}

interface Incoming extends BlockId {
  asked: boolean;
  target: Uint8Array | null;
  at: number;
  bytes: Uint8Array;
  halfSent: boolean;
}

const same = (a: BlockId, b: BlockId) => a.piece === b.piece && a.block === b.block;

export class HandPeer implements DownloadPeer {
  readonly have: Bitfield;
  readonly scratch: Uint8Array = new Uint8Array(BLOCK_LENGTH);
  snubbed = false;
  wanted = 0;
  pickable = 0;
  countsWhole = false;

  /** Requests that count, and those whose answers may still come. */
  readonly asked: BlockId[] = [];
  readonly late: BlockId[] = [];
  readonly cancelled: BlockId[] = [];
  incoming: Incoming | null = null;
  connected = true;

  constructor(
    readonly manager: PieceManager,
    readonly slot: number,
    readonly key: number,
    readonly layout: Layout,
  ) {
    this.have = new Bitfield(layout.pieceCount);
    manager.peerJoined(this);
  }

  get outstanding(): number {
    return this.asked.length + (this.incoming?.asked ? 1 : 0);
  }

  // --- Called by the manager ---

  hasAsked(piece: number, block: number): boolean {
    const id = { piece, block };
    return this.asked.some((one) => same(one, id)) ||
      (this.incoming?.asked === true && same(this.incoming, id));
  }

  cancelRequest(piece: number, block: number): void {
    const id = { piece, block };
    if (this.incoming?.asked && same(this.incoming, id)) {
      this.incoming.asked = false;
      return;
    }
    this.#forget(this.asked, id);
    this.late.push(id);
    this.cancelled.push(id);
  }

  dropIncoming(): void {
    this.incoming!.target = null;
  }

  // --- Called by the test ---

  /** Its bitfield: all pieces, or these. */
  tells(pieces: "all" | Iterable<number>): this {
    if (pieces === "all") this.have.setAll();
    else for (const piece of pieces) this.have.set(piece);
    this.manager.holders.hasMany(this);
    return this;
  }

  /** HAVE; nothing if it has it already. */
  gains(piece: number): void {
    if (this.have.set(piece)) this.manager.holders.has(this, piece);
  }

  loses(piece: number): void {
    if (this.have.clear(piece)) this.manager.holders.lost(this, piece);
  }

  /** Requests the next block; null if there is none for it. */
  ask(): BlockId | null {
    return this.#took(this.manager.blocks.next(this));
  }

  /** Requests as many blocks as there are, `most` at most. */
  askMany(most: number = Infinity): BlockId[] {
    const ids: BlockId[] = [];
    while (ids.length < most) {
      const id = this.ask();
      if (id === null) break;
      ids.push(id);
    }
    return ids;
  }

  askDuplicate(): BlockId | null {
    return this.#took(this.manager.blocks.nextDuplicate(this));
  }

  /** The first half of a block. */
  begins({ piece, block }: BlockId, bytes: Uint8Array): void {
    const id = { piece, block };
    const asked = this.#forget(this.asked, id);
    if (!asked) this.#forget(this.late, id);
    const target = this.manager.blocks.target(this, piece, block);
    const at = this.manager.blocks.targetAt;
    this.incoming = { ...id, asked, target, at, bytes, halfSent: false };
  }

  sendsHalf(): void {
    const incoming = this.incoming!;
    if (incoming.halfSent) return;
    incoming.halfSent = true;
    const half = incoming.bytes.length >> 1;
    incoming.target?.set(incoming.bytes.subarray(0, half), incoming.at);
  }

  /** The rest of it. Returns whether it was useful. */
  ends(): boolean {
    this.sendsHalf();
    const { piece, block, asked, target, at, bytes } = this.incoming!;
    this.incoming = null;
    const half = bytes.length >> 1;
    if (target !== null) {
      target.set(bytes.subarray(half), at + half);
      return this.manager.blocks.arrived(this, piece, block, asked);
    }
    this.manager.ledger.waste("duplicate", bytes.length);
    if (asked) this.manager.blocks.release(this, piece, block);
    return false;
  }

  sends(id: BlockId, bytes: Uint8Array): boolean {
    this.begins(id, bytes);
    return this.ends();
  }

  /** It refuses one request. */
  rejects(id: BlockId): void {
    if (this.#forget(this.asked, id)) this.manager.blocks.release(this, id.piece, id.block);
    else this.#forget(this.late, id);
  }

  /**
   * It refuses all of them (choke), or stops answering (snub); the block that it is sending
   * continues.
   */
  dropsRequests(): void {
    for (const id of this.asked.splice(0)) {
      this.late.push(id);
      this.manager.blocks.release(this, id.piece, id.block);
    }
    if (!this.incoming?.asked) return;
    this.incoming.asked = false;
    this.manager.blocks.release(this, this.incoming.piece, this.incoming.block);
  }

  becomesSnubbed(): void {
    this.snubbed = true;
    this.dropsRequests();
  }

  leaves(): void {
    this.dropsRequests();
    if (this.incoming !== null) {
      this.manager.blocks.abandon(this, this.incoming.piece, this.incoming.block);
    }
    this.incoming = null;
    this.connected = false;
    this.manager.peerLeft(this);
  }

  /** The pieces that it has requests in. */
  get piecesWorkedOn(): Set<number> {
    const pieces = new Set(this.asked.map((id) => id.piece));
    if (this.incoming?.asked) pieces.add(this.incoming.piece);
    return pieces;
  }

  #took(number: number): BlockId | null {
    if (number < 0) return null;
    const { blocksPerPiece } = this.layout;
    const id = { piece: Math.floor(number / blocksPerPiece), block: number % blocksPerPiece };
    this.asked.push(id);
    return id;
  }

  #forget(list: BlockId[], id: BlockId): boolean {
    const at = list.findIndex((one) => same(one, id));
    if (at >= 0) list.splice(at, 1);
    return at >= 0;
  }
}
