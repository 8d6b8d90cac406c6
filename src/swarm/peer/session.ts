/**
 * One connected peer (PeerSession): what arrives is sent to its two halves, the one that takes
 * (download_side.ts) and the one that gives (upload_side.ts); what both need is here: the peer's
 * pieces, the extensions, the bytes on their way out. No socket, clock, timer or promise in here:
 * inputs are calls with the time, outputs gather in `out` and `upload`.
 */
import { Bitfield } from "../../util/bitfield.ts";
import { ProtocolError } from "../../util/errors.ts";
import type { RateMeter } from "../../util/rate_meter.ts";
import { BLOCK_LENGTH, type Layout } from "../../metainfo/layout.ts";
import * as wire from "../../wire/peer_wire.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE,
  EXTENSION_IDS,
  type ExtensionHandshake,
  extensionName,
  LT_DONTHAVE,
} from "../../wire/extension.ts";
import { type BlockBook, DownloadSide } from "./download_side.ts";
import { absentBook, EarlyPieces, NO_BOOK } from "./early_pieces.ts";
import { Patience } from "./patience.ts";
import type { RequestWindow } from "./request_window.ts";
import type { UploadQueue } from "./upload_queue.ts";
import { ALLOWED_FAST_PIECES, UploadSide } from "./upload_side.ts";
import { WorkBudget } from "./work_budget.ts";

export type { BlockBook } from "./download_side.ts";

/** What a session tells its torrent beside that. */
export interface SessionEvents {
  /** Something in `out`, `upload` or the flags changed: settle this session this turn. */
  changed(session: PeerSession): void;
  /** The peer became interested in us, or is no more. */
  interestChanged(session: PeerSession): void;
  extensionHandshake(session: PeerSession, handshake: ExtensionHandshake): void;
  /** The peer has a DHT node at this UDP port of its address (BEP 5). */
  dhtPort?(session: PeerSession, port: number): void;
}

/** Extension messages that are the torrent's business (BEP 10): the session carries them by name. */
export interface ExtensionPort {
  /** Those offered to the peer, out of EXTENSION_IDS; what is not here ends the connection. */
  readonly names: readonly string[];
  /** Those that were offered once: they may still be under way, and are passed over. */
  readonly withdrawn?: readonly string[];
  /** `payload` is borrowed. May throw a ProtocolError, which ends the connection. */
  received(session: PeerSession, name: string, payload: Uint8Array): void;
}

export interface SessionInfo {
  slot: number;
  key: number;
  peerId: Uint8Array;
  connectedAt: number;
  /** Both sides have the fast extension (BEP 6). */
  fast: boolean;
  /** Both sides have the extension protocol (BEP 10). */
  extensions: boolean;
  /** Work that the peer may make at once; by default what a stranger may. */
  work?: number;
  /** Pieces that it may have while choked, should it have few (BEP 6). */
  allowedFast?: (count: number) => readonly number[];
}

/** A message that makes somebody else look (at all upload slots, a DHT node); a byte of bencode. */
const TURN_STEPS = 500, EXTENDED_BYTE_STEPS = 4;

const NO_EXTENSIONS: ExtensionPort = { names: [], received() {} };

export class PeerSession implements wire.WireSink {
  readonly slot: number;
  readonly key: number;
  readonly info: SessionInfo;
  have: Bitfield;
  readonly out = new wire.WireEncoder();
  readonly window: RequestWindow;
  readonly upload: UploadQueue;
  readonly down: RateMeter;
  readonly up: RateMeter;

  peerInterested = false;
  /** BEP 21. */
  uploadOnly = false;
  client: string | null = null;
  /** It has read nothing for so long that our last write is still under way. Kept by its link. */
  stuck = false;

  // Kept by the piece manager.
  wanted = 0;
  pickable = 0;
  countsWhole = false;

  #layout: Layout;
  #book: BlockBook;
  /** Null once the torrent is known. */
  #early: EarlyPieces | null;
  /** While our pieces are away: those that the peer believes we have. */
  #told: Bitfield | null = null;
  readonly #events: SessionEvents;
  readonly #decoder: wire.WireDecoder;
  readonly #taking: DownloadSide;
  readonly #giving: UploadSide;
  readonly #patience = new Patience();
  readonly #budget: WorkBudget;
  /** The book's work that this peer need not pay for any more. */
  #paid = 0;
  #allowedFast = false;
  #scratch: Uint8Array | null = null;
  #now = 0;
  #toldPieces = false;
  #toldUploadOnly = false;
  readonly #extensions: ExtensionPort;
  /** Extension messages that the peer knows, as it numbers them. */
  readonly #theirIds = new Map<string, number>();

  /** `layout`, `book`: NO_LAYOUT and NO_BOOK while the torrent is not known; `attach` follows. */
  constructor(
    layout: Layout,
    book: BlockBook,
    events: SessionEvents,
    info: SessionInfo,
    extensions: ExtensionPort = NO_EXTENSIONS,
  ) {
    this.#extensions = extensions;
    this.#layout = layout;
    this.#book = book;
    this.#events = events;
    this.info = info;
    this.slot = info.slot;
    this.key = info.key;
    this.have = new Bitfield(layout.pieceCount);
    this.#early = book === NO_BOOK ? new EarlyPieces() : null;
    this.#decoder = new wire.WireDecoder(this, this.#early ? null : this.have.bytes.length);
    this.#taking = new DownloadSide(layout, book, this, this.out, this.#patience);
    const { fast, connectedAt } = info;
    this.#budget = new WorkBudget(info.work ?? WorkBudget.atFirst(layout.pieceCount), connectedAt);
    this.#giving = new UploadSide(layout, book.have, this.out, fast, this.#patience, connectedAt);
    this.window = this.#taking.window;
    this.down = this.#taking.rate;
    this.upload = this.#giving.queue;
    this.up = this.#giving.rate;
  }

  /** Work that the peer may still make. */
  get workLeft(): number {
    return this.#budget.left;
  }

  /** Whether much of what the peer sends is of no use. */
  get isWasteful(): boolean {
    return this.#early === null && this.#budget.isWasteful(this.#layout.pieceCount);
  }

  get peerChoking(): boolean {
    return this.#taking.choked;
  }

  get interested(): boolean {
    return this.#taking.interested;
  }

  get choking(): boolean {
    return this.#giving.choking;
  }

  /** When the peer was choked or unchoked by us last. */
  get unchokedAt(): number {
    return this.#giving.chokedAt;
  }

  /** Whether it was unchoked by us last without asking for anything. */
  wastesTurns(now: number, busy: boolean): boolean {
    return this.#giving.wastesTurns(now, busy);
  }

  get connectedAt(): number {
    return this.info.connectedAt;
  }

  /** Whether the peer said what it has, or showed by other messages that it has nothing yet. */
  get toldPieces(): boolean {
    return this.#toldPieces || this.peerInterested || this.have.count > 0;
  }

  get snubbed(): boolean {
    return this.window.snubbed;
  }

  /** Whether it has sent a whole block: some take requests and never do. */
  get delivers(): boolean {
    return this.down.total > 0;
  }

  get outstanding(): number {
    return this.#taking.outstanding;
  }

  get scratch(): Uint8Array {
    return this.#scratch ??= new Uint8Array(BLOCK_LENGTH);
  }

  get blockAt(): number {
    return this.#book.targetAt;
  }

  /** The peer has nothing that it could still want: everything, or all that it will ever want. */
  get isDone(): boolean {
    return this.have.full || this.uploadOnly;
  }

  /** It wants what we have: by that, not by what it said of all that it will ever want. */
  get needsUs(): boolean {
    return this.peerInterested && this.have.lacksAnyOf(this.#book.have);
  }

  /** Whether the peer was told last that we want nothing more (BEP 21). */
  get toldUploadOnly(): boolean {
    return this.#toldUploadOnly;
  }

  /** Whether it could ask for more and found nothing; whether blocks became free since then. */
  get isIdle(): boolean {
    return this.#taking.isIdle;
  }

  get isHungry(): boolean {
    return this.#taking.isHungry;
  }

  /** For tests: what is asked and what waits is allowed while choked, on either side. */
  get isInOrder(): boolean {
    return this.#taking.isInOrder && this.#giving.isInOrder;
  }

  /** Tells what we have, or pretends to have nothing (BEP 16); first thing on a connection. */
  open(handshake: ExtensionHandshake, hidden = false): void {
    const have = this.#book.have;
    if (hidden && this.info.fast) this.out.signal(wire.HAVE_NONE);
    else if (hidden) this.out.keepAlive();
    else if (this.info.fast && have.full) this.out.signal(wire.HAVE_ALL);
    else if (this.info.fast && have.count === 0) this.out.signal(wire.HAVE_NONE);
    else if (have.count > 0) this.out.bitfield(have.bytes);
    if (this.info.extensions) this.#sendExtensionHandshake(handshake);
  }

  /** Whether it was never attached. */
  get isEarly(): boolean {
    return this.#early !== null;
  }

  /**
   * The pieces are here, for the first time or again: call `recall` when they know of this peer.
   * Between turns only.
   */
  attach(layout: Layout, book: BlockBook): void {
    this.#layout = layout;
    this.#use(book);
    if (this.#early === null) return;
    this.have = new Bitfield(layout.pieceCount);
    this.#decoder.expectBitfield(this.have.bytes.length);
    this.#budget.spend(WorkBudget.atFirst(0) - WorkBudget.atFirst(layout.pieceCount));
  }

  /**
   * The pieces go away for a while, as with their disk: until the next `attach` nothing is requested
   * or served. Between turns only; before the pieces forget this peer.
   */
  detach(now: number): void {
    if (this.#early !== null) return;
    this.#decoder.dropTarget();
    this.#taking.detach();
    this.#giving.detach(now);
    this.#told ??= this.#book.have;
    this.#use(absentBook(this.#layout.pieceCount));
    this.#events.changed(this);
  }

  #use(book: BlockBook): void {
    this.#book = book;
    this.#paid = book.ledger.work.steps;
    this.#taking.attach(this.#layout, book);
    this.#giving.attach(this.#layout, book.have);
  }

  /**
   * What the peer said of its pieces before counts now, and it hears of ours, unless they are
   * `hidden`. Throws a ProtocolError when it cannot have said that of this torrent.
   */
  recall(hidden: boolean): void {
    const early = this.#early, told = this.#told, { have } = this.#book;
    this.#early = this.#told = null;
    if (early !== null) early.replay(this, this.have.bytes.length);
    else this.#book.peerHasMany(this);
    if (!hidden) {
      have.forEachSet((piece) => {
        if (!told?.has(piece)) this.announce(piece);
      });
    }
    told?.forEachSet((piece) => {
      if (!have.has(piece)) this.withdraw(piece);
    });
    this.#events.changed(this);
  }

  /** Work that its messages make elsewhere; below 0: what the answer to ours may cost. */
  charge(steps: number): void {
    if (steps < 0) this.#budget.expect(-steps);
    else this.#budget.spend(steps);
  }

  /** Bytes from the peer; borrowed. Throws ProtocolError when the connection is to end. */
  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    this.#budget.refill(now, this.up.total);
    this.#budget.check();
    this.#paid = this.#book.ledger.work.steps;
    this.#decoder.push(chunk);
    this.#budget.received(chunk.length);
  }

  /** The connection is gone: everything that was asked goes back. */
  close(): void {
    this.#taking.close();
  }

  /** Says again what we are, for instance that we have all now (BEP 21). */
  reintroduce(handshake: ExtensionHandshake): void {
    if (!this.info.extensions) return;
    this.#sendExtensionHandshake(handshake);
    this.#events.changed(this);
  }

  /** We got a piece. */
  announce(piece: number): void {
    this.out.number(wire.HAVE, piece);
  }

  /** We lost a piece: those who can hear it are told (BEP 54), and what waits is refused. */
  withdraw(piece: number): void {
    this.#giving.lost(piece);
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, piece);
    this.sendExtended(LT_DONTHAVE, payload);
    this.#events.changed(this);
  }

  /** Whether the peer's extension handshake named this message. */
  knows(name: string): boolean {
    return this.#theirIds.has(name);
  }

  /** Sends an extension message; false if the peer does not know it. */
  sendExtended(name: string, payload: Uint8Array): boolean {
    const id = this.#theirIds.get(name);
    if (id === undefined) return false;
    this.out.extended(id, payload);
    this.#events.changed(this);
    return true;
  }

  /** Tells where our DHT node is, to whoever said in its handshake that it has one (BEP 5). */
  tellDhtPort(port: number): void {
    this.out.port(port);
    this.#events.changed(this);
  }

  /** The oldest request of the peer cannot be served. */
  refuseNext(): void {
    this.#giving.refuseNext();
  }

  setChoking(choking: boolean, now: number): void {
    if (this.#giving.setChoking(choking, now)) this.#events.changed(this);
  }

  /** What `out` held when `unchokedAt` was `changedAt` has been written. */
  written(changedAt: number, now: number): void {
    this.#giving.written(changedAt, now);
  }

  /** Brings interest and requests up to date. Once a turn, when something changed. */
  settle(now: number): void {
    const before = this.#book.ledger.work.steps;
    this.#taking.settle(now);
    this.#budget.spend(this.#book.ledger.work.steps - before);
  }

  /** A few times a second: rates, window, and giving up what a snubbed peer holds. */
  tick(now: number): void {
    this.up.sample(now);
    this.#taking.tick(now, this.#decoder.left);
    if (this.window.wantsMore) this.#events.changed(this);
  }

  hasAsked(piece: number, block: number): boolean {
    return this.#taking.hasAsked(piece, block);
  }

  cancelRequest(piece: number, block: number): void {
    this.#taking.cancel(piece, block);
    this.#events.changed(this);
  }

  dropIncoming(): void {
    this.#decoder.dropTarget();
    this.#taking.dropIncoming();
  }

  onSignal(id: number): void {
    switch (id) {
      case wire.CHOKE:
        this.#budget.spend(this.window.held);
        this.#taking.onChoke();
        break;
      case wire.UNCHOKE:
        this.#taking.onUnchoke();
        break;
      case wire.INTERESTED:
      case wire.NOT_INTERESTED:
        if (this.peerInterested === (id === wire.INTERESTED)) return this.#pay();
        this.peerInterested = id === wire.INTERESTED;
        this.#budget.spend(TURN_STEPS);
        this.#events.interestChanged(this);
        break;
      default:
        this.#onHaveAllOrNone(id);
    }
    this.#pay();
    this.#events.changed(this);
  }

  onNumber(id: number, value: number): void {
    this.#pay();
    if (id === wire.PORT) {
      this.#budget.spend(TURN_STEPS);
      if (value > 0) this.#events.dhtPort?.(this, value);
      return;
    }
    if (id !== wire.HAVE && !this.info.fast) throw notNegotiated();
    if (this.#early !== null) return this.#early.onNumber(id, value);
    if (value >= this.#layout.pieceCount) {
      throw new ProtocolError("bad-piece", `There is no piece ${value}`);
    }
    if (id === wire.SUGGEST) this.#taking.onSuggest(value);
    else if (id === wire.ALLOWED_FAST) this.#taking.onAllowedFast(value);
    else if (this.have.set(value)) this.#book.peerHas(this, value);
    else return;
    this.#events.changed(this);
  }

  /** Not only at first: aria2 sends its bitfield again, or HAVE_ALL, in place of many HAVEs. */
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
    if (id !== wire.REQUEST) this.#budget.spend((this.upload.length + this.window.held) / 8);
    this.#pay();
    if (id === wire.REQUEST) this.#giving.onRequest(piece, begin, length, this.#now);
    else if (id === wire.CANCEL) this.#giving.onCancel(piece, begin, length);
    else if (!this.info.fast) throw notNegotiated();
    else this.#taking.onReject(piece, begin, length);
    this.#events.changed(this);
  }

  onKeepAlive(): void {
    this.#pay();
  }

  onExtended(id: number, payload: Uint8Array): void {
    if (!this.info.extensions) throw notNegotiated();
    this.#budget.spend(TURN_STEPS + EXTENDED_BYTE_STEPS * payload.length);
    this.#pay();
    if (id === EXTENSION_HANDSHAKE) return this.#onExtensionHandshake(payload);
    const name = extensionName(id);
    if (name === LT_DONTHAVE) this.#onDontHave(payload);
    else if (name !== undefined && this.#extensions.names.includes(name)) {
      this.#extensions.received(this, name, payload);
    } else if (name === undefined || !this.#extensions.withdrawn?.includes(name)) {
      throw new ProtocolError("bad-extension", `Extended message ${id} was never offered`);
    }
  }

  // hot
  blockStart(piece: number, begin: number, length: number): Uint8Array | null {
    this.#budget.block(length);
    return this.#taking.blockStart(piece, begin, length, this.#now);
  }

  // hot
  blockEnd(): void {
    this.#budget.delivered(this.#taking.blockEnd(this.#now));
    this.#paid = this.#book.ledger.work.steps; // what a block costs is ours to pay
    this.#events.changed(this);
  }

  /** Charges the peer for the work since the last time; ends with one that cannot pay. */
  #pay(): void {
    const { steps } = this.#book.ledger.work;
    this.#budget.spend(steps - this.#paid);
    this.#paid = steps;
    this.#budget.check();
  }

  #onHaveAllOrNone(id: number): void {
    if (!this.info.fast) throw notNegotiated();
    if (this.#early !== null) return this.#early.onSignal(id);
    if (id === wire.HAVE_NONE) return this.#onHaveNone();
    const isNews = !this.have.full;
    if (isNews) this.#book.peerHasAll(this);
    this.#toldMore(isNews);
  }

  #onHaveNone(): void {
    if (this.#toldPieces) throw new ProtocolError("late-have-none", "HAVE_NONE came too late");
    this.#toldPieces = true;
    this.#allowFast();
  }

  /** A peer that has little to trade gets a start. */
  #allowFast(): void {
    if (!this.info.fast || this.#allowedFast || this.have.count >= ALLOWED_FAST_PIECES) return;
    this.#allowedFast = true;
    this.#giving.allowFast(this.info.allowedFast?.(ALLOWED_FAST_PIECES) ?? []);
  }

  /** Nothing is taken back by what is not in `field`: BEP 54 has a message for that. */
  #addPieces(field: Bitfield): void {
    const before = this.have.count;
    if (before > 0) this.have.merge(field, (piece) => this.#book.peerHas(this, piece));
    else {
      this.have.replace(field);
      this.#book.peerHasMany(this);
    }
    this.#toldMore(this.have.count > before);
  }

  #toldMore(isNews: boolean): void {
    if (this.#toldPieces && !isNews) this.#patience.strain();
    this.#toldPieces = true;
    this.#allowFast();
    this.#events.changed(this);
  }

  #onExtensionHandshake(payload: Uint8Array): void {
    const handshake = decodeExtensionHandshake(payload);
    if (handshake.reqq !== undefined) this.window.setReqq(handshake.reqq);
    if (handshake.client !== undefined) this.client = handshake.client;
    if (handshake.uploadOnly !== undefined) this.uploadOnly = handshake.uploadOnly;
    for (const [name, id] of handshake.messages) {
      // A later handshake only changes what it names; 0 takes a message back.
      if (id === 0) this.#theirIds.delete(name);
      else if (EXTENSION_IDS.has(name)) this.#theirIds.set(name, id);
    }
    this.#events.extensionHandshake(this, handshake);
  }

  #onDontHave(payload: Uint8Array): void {
    if (payload.length !== 4) throw new ProtocolError("bad-length", "A don't-have of wrong length");
    const piece = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    this.#early?.onDontHave(piece);
    if (piece >= this.#layout.pieceCount || !this.have.clear(piece)) return;
    this.#book.peerLost(this, piece);
    this.#events.changed(this);
  }

  #sendExtensionHandshake(handshake: ExtensionHandshake): void {
    this.#toldUploadOnly = handshake.uploadOnly ?? this.#toldUploadOnly;
    for (const name of this.#extensions.withdrawn ?? []) handshake.messages.set(name, 0);
    for (const name of [...this.#extensions.names, LT_DONTHAVE]) {
      handshake.messages.set(name, EXTENSION_IDS.get(name)!);
    }
    this.out.extended(EXTENSION_HANDSHAKE, encodeExtensionHandshake(handshake));
  }
}

function notNegotiated(): ProtocolError {
  return new ProtocolError("not-negotiated", "A message of an extension that was not negotiated");
}
