/**
 * What each message of a peer does: it is charged for, checked, and passed to the half of the session
 * that it concerns. Before the torrent is known, announcements of pieces are kept.
 */
import { Bitfield } from "../../util/bitfield.ts";
import { ProtocolError } from "../../util/errors.ts";
import type { Layout } from "../../metainfo/layout.ts";
import { EXTENSION_HANDSHAKE, extensionName, LT_DONTHAVE } from "../../wire/extension.ts";
import * as wire from "../../wire/peer_wire.ts";
import type { BlockSource } from "./block_source.ts";
import type { BlockBook, DownloadSide } from "./download_side.ts";
import { EarlyPieces, NO_BOOK } from "./early_pieces.ts";
import type { Patience } from "./patience.ts";
import type { PeerSession, SessionEvents } from "./session.ts";
import { ALLOWED_FAST_PIECES, type UploadSide } from "./upload_side.ts";
import type { WorkBudget } from "./work_budget.ts";

/** A message that causes work elsewhere (for all upload slots, a DHT node); a byte of bencode. */
const TURN_STEPS = 500, EXTENDED_BYTE_STEPS = 4;

/** The parts of a session that messages reach. */
export interface MessageParts {
  readonly session: PeerSession;
  readonly taking: DownloadSide;
  readonly giving: UploadSide;
  readonly patience: Patience;
  readonly events: SessionEvents;
}

export class PeerMessages implements wire.WireSink {
  readonly #session: PeerSession;
  readonly #source: BlockSource;
  readonly #taking: DownloadSide;
  readonly #giving: UploadSide;
  readonly #parts: MessageParts;
  readonly #events: SessionEvents;
  readonly #budget: WorkBudget;
  readonly #decoder: wire.WireDecoder;
  #layout: Layout;
  #book: BlockBook;
  /** Null once the torrent is known. */
  #early: EarlyPieces | null;
  /** The book's work that was already charged. */
  #paid = 0;
  #allowedFast = false;
  #toldPieces = false;
  #now = 0;

  constructor(parts: MessageParts, layout: Layout, book: BlockBook) {
    this.#parts = parts;
    this.#session = parts.session;
    this.#source = parts.session.source;
    this.#taking = parts.taking;
    this.#giving = parts.giving;
    this.#events = parts.events;
    this.#budget = parts.session.budget;
    this.#layout = layout;
    this.#book = book;
    this.#early = book === NO_BOOK ? new EarlyPieces() : null;
    const bytes = this.#early ? null : this.#source.have.bytes.length;
    this.#decoder = new wire.WireDecoder(this, bytes);
  }

  /** Whether the torrent was never known. */
  get isEarly(): boolean {
    return this.#early !== null;
  }

  /** Whether the peer announced its pieces. */
  get toldPieces(): boolean {
    return this.#toldPieces;
  }

  /** Bytes that are missing from the incoming message. */
  get left(): number {
    return this.#decoder.left;
  }

  /** The torrent is known, or its pieces changed. */
  attach(layout: Layout, book: BlockBook): void {
    this.#layout = layout;
    this.#book = book;
    this.#paid = book.ledger.work.steps;
    if (this.#early !== null) this.#decoder.expectBitfield(this.#source.have.bytes.length);
  }

  /**
   * The peer's earlier announcements count now. Throws a ProtocolError if they do not fit this
   * torrent.
   */
  recall(): void {
    const early = this.#early;
    this.#early = null;
    if (early !== null) early.replay(this, this.#source.have.bytes.length);
    else this.#book.holders.hasMany(this.#source);
  }

  /** `uploaded`: payload bytes that the peer has had from us. */
  receive(chunk: Uint8Array, now: number, uploaded: number): void {
    this.#now = now;
    this.#budget.refill(now, uploaded);
    this.#budget.check();
    this.#paid = this.#book.ledger.work.steps;
    this.#decoder.push(chunk);
    this.#budget.received(chunk.length);
  }

  /** The rest of the incoming block is skipped. */
  dropTarget(): void {
    this.#decoder.dropTarget();
  }

  get blockAt(): number {
    return this.#book.blocks.targetAt;
  }

  onSignal(id: number): void {
    switch (id) {
      case wire.CHOKE:
        this.#budget.spend(this.#source.window.held);
        this.#taking.setChoked(true);
        break;
      case wire.UNCHOKE:
        this.#taking.setChoked(false);
        break;
      case wire.INTERESTED:
      case wire.NOT_INTERESTED:
        if (this.#session.taker.peerInterested === (id === wire.INTERESTED)) return this.#pay();
        this.#session.taker.peerInterested = id === wire.INTERESTED;
        this.#budget.spend(TURN_STEPS);
        this.#events.interestChanged(this.#session);
        break;
      default:
        this.#onHaveAllOrNone(id);
    }
    this.#pay();
    this.#events.changed(this.#session);
  }

  onNumber(id: number, value: number): void {
    this.#pay();
    if (id === wire.PORT) {
      this.#budget.spend(TURN_STEPS);
      if (value > 0) this.#events.dhtPort?.(this.#session, value);
      return;
    }
    if (id !== wire.HAVE && !this.#session.info.fast) throw notNegotiated();
    if (this.#early !== null) return this.#early.onNumber(id, value);
    if (value >= this.#layout.pieceCount) {
      throw new ProtocolError("bad-piece", `There is no piece ${value}`);
    }
    if (id === wire.SUGGEST) this.#taking.advice.suggest(value);
    else if (id === wire.ALLOWED_FAST) this.#taking.advice.allow(value);
    else if (this.#source.have.set(value)) {
      this.#session.taker.upload.suggested.delete(value);
      this.#book.holders.has(this.#source, value);
    } else return;
    this.#events.changed(this.#session);
  }

  /** Not only at first: aria2 sends its bitfield again, or HAVE_ALL, instead of many HAVEs. */
  onBitfield(bytes: Uint8Array): void {
    if (this.#early !== null) {
      this.#pay();
      return this.#early.onBitfield(bytes);
    }
    const field = Bitfield.fromBytes(bytes, this.#layout.pieceCount);
    if (field === null) {
      throw new ProtocolError("bad-bitfield", "The bitfield has bits beyond the last piece");
    }
    this.#addPieces(field);
    this.#pay();
  }

  onBlockMessage(id: number, piece: number, begin: number, length: number): void {
    if (id !== wire.REQUEST) {
      this.#budget.spend((this.#session.taker.upload.length + this.#source.window.held) / 8);
    }
    this.#pay();
    if (id === wire.REQUEST) this.#onRequest(piece, begin, length);
    else if (id === wire.CANCEL) this.#giving.onCancel(piece, begin, length);
    else if (!this.#session.info.fast) throw notNegotiated();
    else this.#taking.onReject(piece, begin, length);
    this.#events.changed(this.#session);
  }

  #onRequest(piece: number, begin: number, length: number): void {
    const strays = this.#giving.onRequest(piece, begin, length, this.#now);
    if (strays) this.#events.strayed?.(this.#session, piece);
  }

  onKeepAlive(): void {
    this.#pay();
  }

  onExtended(id: number, payload: Uint8Array): void {
    if (!this.#session.info.extensions) throw notNegotiated();
    this.#budget.spend(TURN_STEPS + EXTENDED_BYTE_STEPS * payload.length);
    this.#pay();
    if (id === EXTENSION_HANDSHAKE) return this.#onExtensionHandshake(payload);
    if (extensionName(id) === LT_DONTHAVE) this.#onDontHave(payload);
    else this.#session.extension.onMessage(id, payload);
  }

  #onExtensionHandshake(payload: Uint8Array): void {
    const handshake = this.#session.extension.onHandshake(payload);
    if (handshake.reqq !== undefined) this.#source.window.setReqq(handshake.reqq);
    this.#events.extensionHandshake(this.#session, handshake);
  }

  // hot
  blockStart(piece: number, begin: number, length: number): Uint8Array | null {
    this.#budget.block(length);
    return this.#taking.blockStart(piece, begin, length, this.#now);
  }

  // hot
  blockEnd(): void {
    const length = this.#taking.blockEnd(this.#now);
    if (length > 0) this.#source.delivers = true;
    this.#budget.delivered(length);
    this.#paid = this.#book.ledger.work.steps; // the cost of a block is ours
    this.#events.changed(this.#session);
  }

  /** Charges the peer for the work since the last time; disconnects one whose budget is spent. */
  #pay(): void {
    const { steps } = this.#book.ledger.work;
    this.#budget.spend(steps - this.#paid);
    this.#paid = steps;
    this.#budget.check();
  }

  #onHaveAllOrNone(id: number): void {
    if (!this.#session.info.fast) throw notNegotiated();
    if (this.#early !== null) return this.#early.onSignal(id);
    if (id === wire.HAVE_NONE) return this.#onHaveNone();
    const isNews = !this.#source.have.full;
    if (isNews) this.#book.holders.hasAll(this.#source);
    this.#toldMore(isNews);
  }

  #onHaveNone(): void {
    if (this.#toldPieces) throw new ProtocolError("late-have-none", "HAVE_NONE came too late");
    this.#toldPieces = true;
    this.#allowFast();
  }

  /** A peer that has little to trade gets a start. */
  #allowFast(): void {
    if (
      !this.#session.info.fast || this.#allowedFast ||
      this.#source.have.count >= ALLOWED_FAST_PIECES
    ) return;
    this.#allowedFast = true;
    this.#giving.allowFast(this.#session.info.allowedFast?.(ALLOWED_FAST_PIECES) ?? []);
  }

  /** Bits missing from `field` retract nothing: BEP 54 has a message for that. */
  #addPieces(field: Bitfield): void {
    const before = this.#source.have.count;
    if (before > 0) {
      this.#source.have.merge(field, (piece) => this.#book.holders.has(this.#source, piece));
    } else {
      this.#source.have.replace(field);
      this.#book.holders.hasMany(this.#source);
    }
    this.#toldMore(this.#source.have.count > before);
  }

  #toldMore(isNews: boolean): void {
    if (this.#toldPieces && !isNews) this.#parts.patience.strain();
    this.#toldPieces = true;
    this.#allowFast();
    this.#events.changed(this.#session);
  }

  #onDontHave(payload: Uint8Array): void {
    if (payload.length !== 4) throw new ProtocolError("bad-length", "A don't-have of wrong length");
    const piece = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    this.#early?.onDontHave(piece);
    if (piece >= this.#layout.pieceCount || !this.#source.have.clear(piece)) return;
    this.#book.holders.lost(this.#source, piece);
    this.#events.changed(this.#session);
  }
}

function notNegotiated(): ProtocolError {
  return new ProtocolError("not-negotiated", "A message of an extension that was not negotiated");
}
