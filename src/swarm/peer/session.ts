/**
 * One connected peer (PeerSession): its messages go to two halves, download_side.ts and
 * upload_side.ts; the shared parts are here: the peer's pieces, the extensions and the outgoing
 * bytes. It has no socket, clock, timer or promise: inputs are calls with the time, outputs gather
 * in `out` and `upload`.
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
import { MAX_QUEUED_REQUESTS, type UploadQueue, type UploadRequest } from "./upload_queue.ts";
import { ALLOWED_FAST_PIECES, UploadSide } from "./upload_side.ts";
import { WorkBudget } from "./work_budget.ts";

export type { BlockBook } from "./download_side.ts";

/** Further reports of a session to its torrent. */
export interface SessionEvents {
  /** Something in `out`, `upload` or the flags changed: settle this session this turn. */
  changed(session: PeerSession): void;
  /** The peer became interested in us, or lost interest. */
  interestChanged(session: PeerSession): void;
  /** We choked the peer, and refused these requests. */
  choked?(session: PeerSession, dropped: readonly UploadRequest[]): void;
  /** The peer requests another piece than before that was not suggested to it. */
  strayed?(session: PeerSession, piece: number): void;
  extensionHandshake(session: PeerSession, handshake: ExtensionHandshake): void;
  /** The peer has a DHT node at this UDP port of its address (BEP 5). */
  dhtPort?(session: PeerSession, port: number): void;
}

/** Extension messages for the torrent (BEP 10): the session passes them on by name. */
export interface ExtensionPort {
  /** Those offered to the peer, out of EXTENSION_IDS; any other one ends the connection. */
  readonly names: readonly string[];
  /** Those that were offered before: they may still arrive, and are ignored. */
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
  /** The initial work budget; by default that of a stranger. */
  work?: number;
  /** The number of pieces that it may have while choked, if it has few (BEP 6). */
  allowedFast?: (count: number) => readonly number[];
}

/** A message that causes work elsewhere (for all upload slots, a DHT node); a byte of bencode. */
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
  /** It has not read for so long that our last write is still in progress. Kept by its link. */
  stuck = false;

  // Kept by the piece manager.
  wanted = 0;
  pickable = 0;
  countsWhole = false;

  #layout: Layout;
  #book: BlockBook;
  /** Null once the torrent is known. */
  #early: EarlyPieces | null;
  /** While our pieces are unavailable: those that the peer believes we have. */
  #told: Bitfield | null = null;
  readonly #events: SessionEvents;
  readonly #decoder: wire.WireDecoder;
  readonly #taking: DownloadSide;
  readonly #giving: UploadSide;
  readonly #patience = new Patience();
  readonly #budget: WorkBudget;
  /** The book's work that was already charged. */
  #paid = 0;
  #allowedFast = false;
  #scratch: Uint8Array | null = null;
  #now = 0;
  #toldPieces = false;
  #toldUploadOnly = false;
  readonly #extensions: ExtensionPort;
  /** Extension messages that the peer supports, with its numbers. */
  readonly #theirIds = new Map<string, number>();

  /** `layout`, `book`: NO_LAYOUT and NO_BOOK while the torrent is unknown; `attach` follows. */
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

  /** Work that the peer may still cause. */
  get workLeft(): number {
    return this.#budget.left;
  }

  /** Whether most of the peer's bytes are useless. */
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

  /** When we last choked or unchoked the peer. */
  get unchokedAt(): number {
    return this.#giving.chokedAt;
  }

  /** Whether it made no request while it was last unchoked. */
  wastesTurns(now: number, busy: boolean): boolean {
    return this.#giving.wastesTurns(now, busy);
  }

  get connectedAt(): number {
    return this.info.connectedAt;
  }

  /** Whether the peer announced its pieces, or showed by other messages that it has none yet. */
  get toldPieces(): boolean {
    return this.#toldPieces || this.peerInterested || this.have.count > 0;
  }

  get snubbed(): boolean {
    return this.window.snubbed;
  }

  /** Whether it has sent a whole block: some peers accept requests and never do. */
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
    return this.#book.blocks.targetAt;
  }

  /** The peer needs nothing more: it has everything, or all that it wants. */
  get isDone(): boolean {
    return this.have.full || this.uploadOnly;
  }

  /** It is interested in our pieces, whatever it said about wanting nothing more. */
  get needsUs(): boolean {
    return this.peerInterested && this.have.lacksAnyOf(this.#book.have);
  }

  /** Whether our last message to the peer was that we want nothing more (BEP 21). */
  get toldUploadOnly(): boolean {
    return this.#toldUploadOnly;
  }

  /** Whether it had room for requests and found nothing; whether blocks became free since then. */
  get isIdle(): boolean {
    return this.#taking.isIdle;
  }

  get isHungry(): boolean {
    return this.#taking.isHungry;
  }

  /** For tests: requests and queued blocks are allowed while choked, on either side. */
  get isInOrder(): boolean {
    return this.#taking.isInOrder && this.#giving.isInOrder;
  }

  /** Announces our pieces, or pretends to have none (BEP 16); first message of a connection. */
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
   * The pieces are available, for the first time or again: call `recall` once they know this peer.
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
   * The pieces become unavailable, as with their disk: until the next `attach` nothing is requested
   * or served. Between turns only; before the pieces forget this peer.
   */
  detach(now: number): void {
    if (this.#early !== null) return;
    this.#decoder.dropTarget();
    this.#taking.end(true);
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
   * The peer's earlier announcements count now, and ours are sent, unless they are `hidden`. Throws
   * a ProtocolError if they do not fit this torrent.
   */
  recall(hidden: boolean): void {
    const early = this.#early, told = this.#told, { have } = this.#book;
    this.#early = this.#told = null;
    if (early !== null) early.replay(this, this.have.bytes.length);
    else this.#book.holders.hasMany(this);
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

  /** Work that its messages cause elsewhere; below 0: the allowed cost of the answer to ours. */
  charge(steps: number): void {
    if (steps < 0) this.#budget.expect(-steps);
    else this.#budget.spend(steps);
  }

  /** Bytes from the peer; borrowed. Throws a ProtocolError if the connection must end. */
  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    this.#budget.refill(now, this.up.total);
    this.#budget.check();
    this.#paid = this.#book.ledger.work.steps;
    this.#decoder.push(chunk);
    this.#budget.received(chunk.length);
  }

  /** The connection has ended: all requested blocks are released. */
  close(): void {
    this.#taking.end(false);
  }

  /** Announces our status again, for instance that we are complete (BEP 21). */
  reintroduce(handshake: ExtensionHandshake): void {
    if (!this.info.extensions) return;
    this.#sendExtensionHandshake(handshake);
    this.#events.changed(this);
  }

  /** We have a new piece. */
  announce(piece: number): void {
    this.out.number(wire.HAVE, piece);
  }

  /** We lost a piece: peers that support it are told (BEP 54), and queued requests are refused. */
  withdraw(piece: number): void {
    this.#giving.lost(piece);
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, piece);
    this.sendExtended(LT_DONTHAVE, payload);
    this.#events.changed(this);
  }

  /** Whether the peer's extension handshake has this message. */
  knows(name: string): boolean {
    return this.#theirIds.has(name);
  }

  /** Sends an extension message; false if the peer does not support it. */
  sendExtended(name: string, payload: Uint8Array): boolean {
    const id = this.#theirIds.get(name);
    if (id === undefined) return false;
    this.out.extended(id, payload);
    this.#events.changed(this);
    return true;
  }

  /** Sends our DHT node's port to a peer whose handshake says that it has a node (BEP 5). */
  tellDhtPort(port: number): void {
    this.out.port(port);
    this.#events.changed(this);
  }

  /** The oldest request of the peer cannot be served. */
  refuseNext(): void {
    this.#giving.refuseNext();
  }

  setChoking(choking: boolean, now: number): void {
    const dropped = this.#giving.setChoking(choking, now);
    if (dropped === null) return;
    if (choking) this.#events.choked?.(this, dropped);
    this.upload.suggested.clear();
    this.#events.changed(this);
  }

  /** `out`, as it was when `unchokedAt` was `changedAt`, has been written. */
  written(changedAt: number, now: number): void {
    this.#giving.written(changedAt, now);
  }

  /** Brings interest and requests up to date. Once a turn, when something changed. */
  settle(now: number): void {
    const before = this.#book.ledger.work.steps;
    this.#taking.settle(now);
    this.#budget.spend(this.#book.ledger.work.steps - before);
  }

  /** A few times a second: rates, window, and releasing a snubbed peer's blocks. */
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
        this.#taking.setChoked(true);
        break;
      case wire.UNCHOKE:
        this.#taking.setChoked(false);
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
    if (id === wire.SUGGEST) this.#taking.advice.suggest(value);
    else if (id === wire.ALLOWED_FAST) this.#taking.advice.allow(value);
    else if (this.have.set(value)) {
      this.upload.suggested.delete(value);
      this.#book.holders.has(this, value);
    } else return;
    this.#events.changed(this);
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
    if (id !== wire.REQUEST) this.#budget.spend((this.upload.length + this.window.held) / 8);
    this.#pay();
    if (id === wire.REQUEST) this.#onRequest(piece, begin, length);
    else if (id === wire.CANCEL) this.#giving.onCancel(piece, begin, length);
    else if (!this.info.fast) throw notNegotiated();
    else this.#taking.onReject(piece, begin, length);
    this.#events.changed(this);
  }

  #onRequest(piece: number, begin: number, length: number): void {
    const strays = this.#giving.onRequest(piece, begin, length, this.#now);
    if (strays) this.#events.strayed?.(this, piece);
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
    this.#paid = this.#book.ledger.work.steps; // the cost of a block is ours
    this.#events.changed(this);
  }

  /** Charges the peer for the work since the last time; disconnects one whose budget is spent. */
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
    if (isNews) this.#book.holders.hasAll(this);
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

  /** Bits missing from `field` retract nothing: BEP 54 has a message for that. */
  #addPieces(field: Bitfield): void {
    const before = this.have.count;
    if (before > 0) this.have.merge(field, (piece) => this.#book.holders.has(this, piece));
    else {
      this.have.replace(field);
      this.#book.holders.hasMany(this);
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
    this.#book.holders.lost(this, piece);
    this.#events.changed(this);
  }

  #sendExtensionHandshake(handshake: ExtensionHandshake): void {
    this.#toldUploadOnly = handshake.uploadOnly ?? this.#toldUploadOnly;
    for (const name of this.#extensions.withdrawn ?? []) handshake.messages.set(name, 0);
    for (const name of [...this.#extensions.names, LT_DONTHAVE]) {
      handshake.messages.set(name, EXTENSION_IDS.get(name)!);
    }
    const whole = { ...handshake, reqq: MAX_QUEUED_REQUESTS };
    this.out.extended(EXTENSION_HANDSHAKE, encodeExtensionHandshake(whole));
  }
}

function notNegotiated(): ProtocolError {
  return new ProtocolError("not-negotiated", "A message of an extension that was not negotiated");
}
