/**
 * One connected peer: download_side.ts and upload_side.ts are the two directions, block_source.ts and
 * block_taker.ts what the piece manager and the choker see of them, extension_side.ts the extension
 * protocol, and peer_messages.ts says what each message of the peer does. A session has no socket,
 * clock, timer or promise: inputs are calls with the time, outputs gather in `out` and the queue of
 * the taker.
 */
import { Bitfield } from "../../util/bitfield.ts";
import type { Layout } from "../../metainfo/layout.ts";
import * as wire from "../../wire/peer_wire.ts";
import { type ExtensionHandshake, LT_DONTHAVE } from "../../wire/extension.ts";
import { BlockSource } from "./block_source.ts";
import { BlockTaker } from "./block_taker.ts";
import { type BlockBook, DownloadSide } from "./download_side.ts";
import { absentBook } from "./early_pieces.ts";
import { type ExtensionPort, ExtensionSide, NO_EXTENSIONS } from "./extension_side.ts";
import { Patience } from "./patience.ts";
import { PeerMessages } from "./peer_messages.ts";
import type { UploadRequest } from "./upload_queue.ts";
import { UploadSide } from "./upload_side.ts";
import { WorkBudget } from "./work_budget.ts";

export type { BlockBook } from "./download_side.ts";
export type { ExtensionPort } from "./extension_side.ts";

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

export class PeerSession {
  readonly info: SessionInfo;
  readonly out = new wire.WireEncoder();
  /** What the peer has for us, and what it takes from us. */
  readonly source: BlockSource;
  readonly taker: BlockTaker;
  readonly extension: ExtensionSide;
  /** The work that the peer may still cause. */
  readonly budget: WorkBudget;

  #layout: Layout;
  #book: BlockBook;
  /** While our pieces are unavailable: those that the peer believes we have. */
  #told: Bitfield | null = null;
  readonly #events: SessionEvents;
  readonly #messages: PeerMessages;
  readonly #taking: DownloadSide;
  readonly #giving: UploadSide;

  /** `layout`, `book`: NO_LAYOUT and NO_BOOK while the torrent is unknown; `attach` follows. */
  constructor(
    layout: Layout,
    book: BlockBook,
    events: SessionEvents,
    info: SessionInfo,
    extensions: ExtensionPort = NO_EXTENSIONS,
  ) {
    this.#layout = layout;
    this.#book = book;
    this.#events = events;
    this.info = info;
    const { fast, connectedAt } = info, { out } = this, patience = new Patience();
    const changed = () => events.changed(this);
    this.budget = new WorkBudget(info.work ?? WorkBudget.atFirst(layout.pieceCount), connectedAt);
    this.extension = new ExtensionSide(this, extensions, changed);
    const giving = this.#giving = new UploadSide(
      layout,
      book.have,
      out,
      fast,
      patience,
      connectedAt,
    );
    let taking!: DownloadSide;
    this.source = new BlockSource({
      session: this,
      side: (source) => taking = new DownloadSide(layout, book, source, out, patience),
      dropTarget: () => this.#messages.dropTarget(),
      changed,
    }, layout.pieceCount);
    this.#taking = taking;
    this.taker = new BlockTaker({
      session: this,
      side: giving,
      have: () => this.#book.have,
      choked: (dropped) => events.choked?.(this, dropped),
      changed,
    });
    this.#messages = new PeerMessages(
      { session: this, taking, giving, patience, events },
      layout,
      book,
    );
  }

  /** Whether most of the peer's bytes are useless. */
  get isWasteful(): boolean {
    return !this.isEarly && this.budget.isWasteful(this.#layout.pieceCount);
  }

  /** Whether the peer announced its pieces, or showed by other messages that it has none yet. */
  get toldPieces(): boolean {
    return this.#messages.toldPieces || this.taker.peerInterested || this.source.have.count > 0;
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
    this.extension.introduce(handshake);
  }

  /** Whether it was never attached. */
  get isEarly(): boolean {
    return this.#messages.isEarly;
  }

  /**
   * The pieces are available, for the first time or again: call `recall` once they know this peer.
   * Between turns only.
   */
  attach(layout: Layout, book: BlockBook): void {
    this.#layout = layout;
    if (this.isEarly) {
      this.source.have = new Bitfield(layout.pieceCount);
      this.budget.spend(WorkBudget.atFirst(0) - WorkBudget.atFirst(layout.pieceCount));
    }
    this.#use(book);
  }

  /**
   * The pieces become unavailable, as with their disk: until the next `attach` nothing is requested
   * or served. Between turns only; before the pieces forget this peer.
   */
  detach(now: number): void {
    if (this.isEarly) return;
    this.#messages.dropTarget();
    this.#taking.end(true);
    this.#giving.detach(now);
    this.source.down.rest();
    this.taker.up.rest();
    this.#told ??= this.#book.have;
    this.#use(absentBook(this.#layout.pieceCount));
    this.#events.changed(this);
  }

  #use(book: BlockBook): void {
    this.#book = book;
    this.#messages.attach(this.#layout, book);
    this.#taking.attach(this.#layout, book);
    this.#giving.attach(this.#layout, book.have);
  }

  /**
   * The peer's earlier announcements count now, and ours are sent, unless they are `hidden`. Throws
   * a ProtocolError if they do not fit this torrent.
   */
  recall(hidden: boolean): void {
    const told = this.#told, { have } = this.#book;
    this.#told = null;
    this.#messages.recall();
    if (!hidden) {
      have.forEachSet((piece) => {
        if (!told?.has(piece)) this.taker.announce(piece);
      });
    }
    told?.forEachSet((piece) => {
      if (!have.has(piece)) this.withdraw(piece);
    });
    this.#events.changed(this);
  }

  /** Bytes from the peer; borrowed. Throws a ProtocolError if the connection must end. */
  receive(chunk: Uint8Array, now: number): void {
    this.#messages.receive(chunk, now, this.taker.up.total);
  }

  /** The connection has ended: all requested blocks are released. */
  close(): void {
    this.#taking.end(false);
  }

  /** We lost a piece: peers that support it are told (BEP 54), and queued requests are refused. */
  withdraw(piece: number): void {
    this.#giving.lost(piece);
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, piece);
    this.extension.send(LT_DONTHAVE, payload);
    this.#events.changed(this);
  }

  /** Sends our DHT node's port to a peer whose handshake says that it has a node (BEP 5). */
  tellDhtPort(port: number): void {
    this.out.port(port);
    this.#events.changed(this);
  }

  /** Brings interest and requests up to date. Once a turn, when something changed. */
  settle(now: number): void {
    const before = this.#book.ledger.work.steps;
    this.#taking.settle(now);
    this.budget.spend(this.#book.ledger.work.steps - before);
  }

  /** A few times a second: rates, window, and releasing a snubbed peer's blocks. */
  tick(now: number): void {
    this.taker.up.sample(now);
    this.#taking.tick(now, this.#messages.left);
    if (this.source.window.wantsMore) this.#events.changed(this);
  }
}
