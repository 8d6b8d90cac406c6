/**
 * The download half of a session: outstanding requests and the incoming block. The window holds the
 * requests, the torrent the state of blocks; this class connects the two. Invariant: a requested
 * block is either in the window, arriving, or returned to the torrent.
 */
import { RateMeter } from "../../util/rate_meter.ts";
import { ProtocolError } from "../../util/errors.ts";
import type { Bitfield } from "../../util/bitfield.ts";
import { BLOCK_LENGTH, type Layout } from "../../metainfo/layout.ts";
import * as wire from "../../wire/peer_wire.ts";
import { Advice } from "./advice.ts";
import type { BlockSource } from "./block_source.ts";
import type { Patience } from "./patience.ts";
import { type LatencySink, RequestWindow } from "./request_window.ts";

/** Counters that a session updates, and the work that it is charged for. */
export interface BookLedger {
  /** Steps so far: a message's steps are charged to its sender. */
  readonly work: { readonly steps: number };
  /** Takes the waiting times of requests. */
  readonly latency: LatencySink;
  /** Useless bytes arrived. */
  waste(cause: "duplicate" | "unasked", bytes: number): void;
}

/** The requests for blocks of the torrent, from all peers. */
export interface BlockDesk {
  readonly targetAt: number;
  /** The number of the next block to request from the peer (see Layout); -1 if there is none. */
  next(peer: BlockSource): number;
  /** As `next`, out of this piece. */
  nextOf(peer: BlockSource, piece: number, advised?: boolean): number;
  nextDuplicate(peer: BlockSource): number;
  release(peer: BlockSource, piece: number, block: number): void;
  abandon(peer: BlockSource, piece: number, block: number): void;
  target(peer: BlockSource, piece: number, block: number): Uint8Array | null;
  arrived(peer: BlockSource, piece: number, block: number, asked: boolean): boolean;
}

/** The view of the torrent's pieces that a session needs. */
export interface BlockBook {
  readonly have: Bitfield;
  readonly states: { readonly version: number };
  readonly ledger: BookLedger;
  readonly blocks: BlockDesk;
  /** What the peers have. */
  readonly holders: {
    has(peer: BlockSource, piece: number): void;
    hasMany(peer: BlockSource): void;
    /** Fills the peer's bitfield. */
    hasAll(peer: BlockSource): void;
    lost(peer: BlockSource, piece: number): void;
  };
}

/** In the end-game a fast peer may repeat this many blocks at a time, other peers one. */
const QUICK_DUPLICATES = 4;
const QUICK_WINDOW = 64;

export class DownloadSide {
  readonly window = new RequestWindow();
  readonly rate = new RateMeter();
  readonly advice = new Advice();
  /** The peer chokes us; we told it that we are interested. */
  choked = true;
  interested = false;
  #layout: Layout;
  #book: BlockBook;
  readonly #source: BlockSource;
  readonly #out: wire.WireEncoder;
  readonly #patience: Patience;
  /** The incoming block: its piece (-1 for none), and its destination. */
  #incomingPiece = -1;
  #incomingBlock = 0;
  /** It answers a request; one that still counts. */
  #incomingKnown = false;
  #incomingAsked = false;
  #incomingWanted = false;
  /** Bytes of it that the rate has counted already; -1 before its first tick. */
  #incomingCounted = -1;
  /** `book.states.version` when there was nothing to request. */
  #idleSince = -1;
  readonly #release = (piece: number, block: number) =>
    this.#book.blocks.release(this.#source, piece, block);

  readonly #withdraw = (piece: number, block: number) => {
    this.#release(piece, block);
    const length = this.#layout.blockLength(piece, block);
    this.#out.block(wire.CANCEL, piece, block * BLOCK_LENGTH, length);
  };

  constructor(
    layout: Layout,
    book: BlockBook,
    source: BlockSource,
    out: wire.WireEncoder,
    patience: Patience,
  ) {
    this.#layout = layout;
    this.#book = book;
    this.#source = source;
    this.#out = out;
    this.#patience = patience;
  }

  /** The torrent is known now. */
  attach(layout: Layout, book: BlockBook): void {
    this.#layout = layout;
    this.#book = book;
  }

  /** Whether it could request more and found no block. */
  get isIdle(): boolean {
    return this.#idleSince >= 0;
  }

  /** Whether blocks became free since then. */
  get isHungry(): boolean {
    return this.#idleSince >= 0 && this.#idleSince !== this.#book.states.version;
  }

  /** Outstanding requests that count, including the one being answered. */
  get outstanding(): number {
    return this.window.outstanding + (this.#incomingAsked ? 1 : 0);
  }

  /** Brings interest and requests up to date. */
  settle(now: number): void {
    const interested = this.#source.wanted > 0;
    if (interested !== this.interested) {
      this.interested = interested;
      this.#out.signal(interested ? wire.INTERESTED : wire.NOT_INTERESTED);
    }
    if (this.choked || !interested) {
      this.#idleSince = -1;
      if (interested && this.advice.allowed.size > 0) this.#fillAllowed(now);
    } else if (this.window.wantsMore) {
      this.#fill(now);
    }
  }

  /** A few times a second; `left`: missing bytes of the incoming block. */
  tick(now: number, left: number): void {
    if (this.#incomingPiece >= 0) this.#countPart(left);
    this.rate.sample(now);
    if (this.window.tick(now, this.rate.rate)) this.#dropRequests();
    this.window.trim(this.#release, this.#withdraw);
  }

  setChoked(choked: boolean): void {
    this.choked = choked;
    if (!choked) {
      this.window.snubbed = false; // it is willing again
      return;
    }
    this.advice.suggested.clear();
    this.#dropRequests((piece) => this.advice.allowed.has(piece));
  }

  onReject(piece: number, begin: number, length: number): void {
    if (!this.#isBlock(piece, begin, length)) return this.#patience.strain();
    const block = begin / BLOCK_LENGTH;
    if (this.choked) this.advice.allowed.delete(piece);
    if (this.window.rejected(piece, block)) this.#book.blocks.release(this.#source, piece, block);
  }

  /** For tests: requests while choked are allowed ones. */
  get isInOrder(): boolean {
    return !this.choked || this.window.outstanding === 0 || this.advice.allowed.size > 0;
  }

  hasAsked(piece: number, block: number): boolean {
    return this.#isIncoming(piece, block) || this.window.has(piece, block);
  }

  /** The block arrived from another peer. */
  cancel(piece: number, block: number): void {
    if (this.#isIncoming(piece, block)) {
      this.#incomingAsked = false;
      return;
    }
    this.window.giveUp(piece, block);
    const length = this.#layout.blockLength(piece, block);
    this.#out.block(wire.CANCEL, piece, block * BLOCK_LENGTH, length);
  }

  /** The rest of the incoming block is skipped. */
  dropIncoming(): void {
    this.#incomingWanted = false;
  }

  /** Returns the blocks for other peers; late answers are still used if possible. */
  #dropRequests(keep?: (piece: number) => boolean): void {
    this.window.releaseAll(this.#release, keep);
    if (!this.#incomingAsked || keep?.(this.#incomingPiece)) return;
    this.#incomingAsked = false;
    this.#release(this.#incomingPiece, this.#incomingBlock);
  }

  /**
   * All requested blocks are returned, and the incoming one is skipped. `cancels`: the connection
   * stays, so the peer is told.
   */
  end(cancels: boolean): void {
    if (cancels) this.window.releaseAll(this.#withdraw);
    this.#dropRequests();
    this.#incomingWanted = false;
    if (this.#incomingPiece < 0) return;
    this.#book.blocks.abandon(this.#source, this.#incomingPiece, this.#incomingBlock);
    if (!cancels) this.#incomingPiece = -1;
  }

  // hot
  /** Where to copy a block that begins; null to skip its bytes. */
  blockStart(piece: number, begin: number, length: number, now: number): Uint8Array | null {
    const block = begin / BLOCK_LENGTH;
    this.#incomingPiece = piece;
    this.#incomingBlock = block;
    this.#incomingWanted = false;
    this.#incomingKnown = this.#incomingAsked = false;
    if (!this.#isBlock(piece, begin, length)) {
      throw new ProtocolError(
        "bad-block",
        `${length} bytes at ${begin} of piece ${piece} is not a block`,
      );
    }
    const asked = this.window.take(piece, block, now, this.#book.ledger.latency);
    if (asked === null) {
      this.#patience.strain();
      return null;
    }
    this.#incomingKnown = true;
    this.#incomingAsked = asked;
    const target = this.#book.blocks.target(this.#source, piece, block);
    this.#incomingWanted = target !== null;
    return target;
  }

  // hot
  /** Returns the bytes of the block if we requested it, else 0. */
  blockEnd(now: number): number {
    const piece = this.#incomingPiece, block = this.#incomingBlock;
    const asked = this.#incomingAsked, wanted = this.#incomingWanted;
    const length = this.#layout.blockLength(piece, block);
    this.#incomingPiece = -1;
    this.rate.add(length - Math.max(0, this.#incomingCounted));
    this.#incomingCounted = -1;
    this.#incomingAsked = false;
    if (this.#incomingKnown) this.window.blockCame(now, asked);
    if (wanted) this.#book.blocks.arrived(this.#source, piece, block, asked);
    else {
      const cause = this.#incomingKnown ? "duplicate" : "unasked";
      this.#book.ledger.waste(cause, length);
      if (asked) this.#book.blocks.release(this.#source, piece, block);
    }
    return this.#incomingKnown ? length : 0;
  }

  /** A slow block counts as it arrives: otherwise its rate would be 0, then a peak. */
  #countPart(left: number): void {
    const before = this.#incomingCounted;
    this.#incomingCounted = Math.max(0, before);
    if (before < 0) return;
    const came = this.#layout.blockLength(this.#incomingPiece, this.#incomingBlock) - left;
    this.rate.add(came - before);
    this.#incomingCounted = came;
  }

  /** Whether this block is arriving right now for a request that counts. */
  #isIncoming(piece: number, block: number): boolean {
    return this.#incomingAsked && this.#incomingPiece === piece && this.#incomingBlock === block;
  }

  #isBlock(piece: number, begin: number, length: number): boolean {
    return piece < this.#layout.pieceCount && begin % BLOCK_LENGTH === 0 &&
      begin < this.#layout.lengthOf(piece) &&
      length === this.#layout.blockLength(piece, begin / BLOCK_LENGTH);
  }

  #fill(now: number): void {
    const { window } = this, book = this.#book;
    while (window.outstanding < window.size) {
      const suggested = this.#nextSuggested();
      const block = suggested >= 0 ? suggested : book.blocks.next(this.#source);
      if (block < 0) {
        this.#idleSince = book.states.version;
        // At a low limit a second copy costs more than it gains.
        if (!window.snubbed && !window.paced) this.#fillDuplicates(now);
        return;
      }
      this.#ask(block, now);
      // A request to a snubbed peer only tests whether it answers: other peers have the block, too.
      if (window.snubbed) return this.#dropRequests();
    }
    this.#idleSince = -1;
  }

  /** While choked only allowed pieces; a snubbed peer is not asked for them. */
  #fillAllowed(now: number): void {
    const { window } = this;
    for (const piece of this.advice.allowed) {
      while (!window.snubbed && window.outstanding < window.size) {
        const block = this.#book.blocks.nextOf(this.#source, piece);
        if (block < 0) break;
        this.#ask(block, now);
      }
    }
  }

  #nextSuggested(): number {
    for (const piece of this.advice.suggested) {
      const block = this.#book.blocks.nextOf(this.#source, piece, true);
      if (block >= 0) return block;
      this.advice.suggested.delete(piece);
    }
    return -1;
  }

  #fillDuplicates(now: number): void {
    const most = this.window.size >= QUICK_WINDOW ? QUICK_DUPLICATES : 1;
    while (this.window.outstanding < most) {
      const block = this.#book.blocks.nextDuplicate(this.#source);
      if (block < 0) return;
      this.#ask(block, now);
    }
  }

  // hot
  #ask(number: number, now: number): void {
    const { blocksPerPiece } = this.#layout;
    const block = number % blocksPerPiece, piece = (number - block) / blocksPerPiece;
    this.window.push(piece, block, now);
    const length = this.#layout.blockLength(piece, block);
    this.#out.block(wire.REQUEST, piece, block * BLOCK_LENGTH, length);
  }
}
