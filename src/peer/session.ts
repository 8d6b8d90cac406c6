/**
 * One connected peer (PeerSession): the state machine of BEP 3, 6 and 10 between the bytes of a
 * link and the torrent. No socket, clock, timer or promise in here: inputs are calls with the time,
 * outputs gather in `out` and `upload`, and the torrent is seen through two small ports.
 */
import { Bitfield } from "../util/bitfield.ts";
import { ProtocolError } from "../util/errors.ts";
import { RateMeter } from "../util/rate_meter.ts";
import { BLOCK_LENGTH, type Layout } from "../protocol/layout.ts";
import * as wire from "../protocol/peer_wire.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE,
  type ExtensionHandshake,
} from "../protocol/extension.ts";
import { RequestWindow } from "./request_window.ts";
import { UploadQueue } from "./upload_queue.ts";

/** What a session needs of the pieces of its torrent. */
export interface BlockBook {
  readonly have: Bitfield;
  readonly pickedPiece: number;
  readonly pickedBlock: number;
  readonly targetAt: number;
  readonly version: number;
  wastedBytes: number;
  next(peer: PeerSession): boolean;
  nextDuplicate(peer: PeerSession): boolean;
  release(peer: PeerSession, piece: number, block: number): void;
  abandonBlock(peer: PeerSession, piece: number, block: number): void;
  blockTarget(peer: PeerSession, piece: number, block: number): Uint8Array | null;
  blockArrived(peer: PeerSession, piece: number, block: number, asked: boolean): boolean;
  peerHas(peer: PeerSession, piece: number): void;
  peerHasMany(peer: PeerSession): void;
  peerLost(peer: PeerSession, piece: number): void;
}

/** What a session tells its torrent beside that. */
export interface SessionEvents {
  /** Something in `out`, `upload` or the flags changed: settle this session this turn. */
  changed(session: PeerSession): void;
  /** The peer became interested in us, or is no more. */
  interestChanged(session: PeerSession): void;
  extensionHandshake(session: PeerSession, handshake: ExtensionHandshake): void;
}

export interface SessionInfo {
  slot: number;
  key: number;
  peerId: Uint8Array;
  /** Both sides have the fast extension (BEP 6). */
  fast: boolean;
  /** Both sides have the extension protocol (BEP 10). */
  extensions: boolean;
}

/** BEP 54's message as we ask others to number it. */
const DONT_HAVE_ID = 7;
/** Messages that make no sense, of one peer, before it is sent away. */
const MAX_NONSENSE = 300;
/** In the end-game a quick peer may repeat so many blocks at once, others one. */
const QUICK_DUPLICATES = 4;
const QUICK_WINDOW = 64;

export class PeerSession implements wire.WireSink {
  readonly slot: number;
  readonly key: number;
  readonly info: SessionInfo;
  readonly have: Bitfield;
  readonly window = new RequestWindow();
  readonly upload = new UploadQueue();
  readonly out = new wire.WireEncoder();
  readonly down = new RateMeter();
  readonly up = new RateMeter();

  peerChoking = true;
  peerInterested = false;
  choking = true;
  interested = false;
  /** BEP 21. */
  uploadOnly = false;
  client: string | null = null;
  /** When the peer became choked or unchoked by us last, and interested. */
  unchokedAt = 0;

  // Kept by the piece manager.
  wanted = 0;
  pickable = 0;
  isSeed = false;

  readonly #layout: Layout;
  readonly #book: BlockBook;
  readonly #events: SessionEvents;
  readonly #decoder: wire.WireDecoder;
  #scratch: Uint8Array | null = null;
  #now = 0;
  #toldPieces = false;
  #nonsense = 0;
  /** The block that is arriving: its piece (-1 for none), and what to make of it. */
  #incomingPiece = -1;
  #incomingBlock = 0;
  /** It answers a request; one that still counts. */
  #incomingKnown = false;
  #incomingAsked = false;
  #incomingWanted = false;
  /** `book.version` when nothing could be asked for. */
  #idleSince = -1;
  readonly #release = (piece: number, block: number) => this.#book.release(this, piece, block);

  constructor(layout: Layout, book: BlockBook, events: SessionEvents, info: SessionInfo) {
    this.#layout = layout;
    this.#book = book;
    this.#events = events;
    this.info = info;
    this.slot = info.slot;
    this.key = info.key;
    this.have = new Bitfield(layout.pieceCount);
    this.#decoder = new wire.WireDecoder(this, this.have.bytes.length);
  }

  get snubbed(): boolean {
    return this.window.snubbed;
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

  /** Tells what we have; first thing on a connection. */
  open(handshake: ExtensionHandshake): void {
    const have = this.#book.have;
    if (this.info.fast && have.full) this.out.signal(wire.HAVE_ALL);
    else if (this.info.fast && have.count === 0) this.out.signal(wire.HAVE_NONE);
    else if (have.count > 0) this.out.bitfield(have.bytes);
    if (this.info.extensions) this.#sendExtensionHandshake(handshake);
  }

  /** Bytes from the peer; borrowed. Throws ProtocolError when the connection is to end. */
  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    this.#decoder.push(chunk);
  }

  /** The connection is gone: everything that was asked goes back. */
  close(): void {
    this.#dropRequests();
    if (this.#incomingPiece < 0) return;
    this.#book.abandonBlock(this, this.#incomingPiece, this.#incomingBlock);
    this.#incomingPiece = -1;
  }

  /** We got a piece. */
  announce(piece: number): void {
    this.out.number(wire.HAVE, piece);
  }

  setChoking(choking: boolean, now: number): void {
    if (this.choking === choking) return;
    this.choking = choking;
    this.unchokedAt = now;
    this.out.signal(choking ? wire.CHOKE : wire.UNCHOKE);
    if (choking) {
      for (const r of this.upload.clear()) this.#reject(r.piece, r.begin, r.length);
    }
    this.#events.changed(this);
  }

  /** Brings interest and requests up to date. Once a turn, when something changed. */
  settle(now: number): void {
    const interested = this.wanted > 0;
    if (interested !== this.interested) {
      this.interested = interested;
      this.out.signal(interested ? wire.INTERESTED : wire.NOT_INTERESTED);
    }
    if (this.peerChoking || !interested) this.#idleSince = -1;
    else if (this.window.wantsMore) this.#fill(now);
  }

  /** Whether it could ask for more and found nothing. */
  get isIdle(): boolean {
    return this.#idleSince >= 0;
  }

  /** Whether blocks became free since then. */
  get isHungry(): boolean {
    return this.#idleSince >= 0 && this.#idleSince !== this.#book.version;
  }

  /** A few times a second: rates, window, and giving up what a snubbed peer holds. */
  tick(now: number): void {
    this.down.sample(now);
    this.up.sample(now);
    if (this.window.tick(now, this.down.rate)) this.#dropRequests();
    else this.window.releaseLost(this.#release);
    if (this.window.wantsMore) this.#events.changed(this);
  }

  hasAsked(piece: number, block: number): boolean {
    return this.#isIncoming(piece, block) || this.window.has(piece, block);
  }

  cancelRequest(piece: number, block: number): void {
    if (this.#isIncoming(piece, block)) {
      this.#incomingAsked = false;
      return;
    }
    this.window.giveUp(piece, block);
    const length = this.#layout.blockLength(piece, block);
    this.out.block(wire.CANCEL, piece, block * BLOCK_LENGTH, length);
    this.#events.changed(this);
  }

  dropIncoming(): void {
    this.#decoder.dropTarget();
    this.#incomingWanted = false;
  }

  onSignal(id: number): void {
    switch (id) {
      case wire.CHOKE:
        this.peerChoking = true;
        this.#dropRequests();
        break;
      case wire.UNCHOKE:
        this.peerChoking = false;
        this.window.snubbed = false; // it is willing again
        break;
      case wire.INTERESTED:
      case wire.NOT_INTERESTED:
        this.peerInterested = id === wire.INTERESTED;
        this.#events.interestChanged(this);
        break;
      default:
        this.#onHaveAllOrNone(id);
    }
    this.#events.changed(this);
  }

  onNumber(id: number, value: number): void {
    if (id === wire.PORT) return;
    if (id !== wire.HAVE && !this.info.fast) throw notNegotiated();
    if (value >= this.#layout.pieceCount) {
      throw new ProtocolError("bad-piece", `There is no piece ${value}`);
    }
    if (id !== wire.HAVE || !this.have.set(value)) return;
    this.#book.peerHas(this, value);
    this.#events.changed(this);
  }

  onBitfield(bytes: Uint8Array): void {
    const field = Bitfield.fromBytes(bytes, this.#layout.pieceCount);
    if (field === null) {
      throw new ProtocolError("bad-bitfield", "The bitfield has bits beyond the last piece");
    }
    this.#tellOnce();
    this.#setHave(field);
  }

  onBlockMessage(id: number, piece: number, begin: number, length: number): void {
    if (id === wire.REQUEST) this.#onRequest(piece, begin, length);
    else if (id === wire.CANCEL) this.#onCancel(piece, begin, length);
    else this.#onReject(piece, begin, length);
  }

  onKeepAlive(): void {}

  onExtended(id: number, payload: Uint8Array): void {
    if (!this.info.extensions) throw notNegotiated();
    if (id === EXTENSION_HANDSHAKE) this.#onExtensionHandshake(payload);
    else if (id === DONT_HAVE_ID) this.#onDontHave(payload);
    else throw new ProtocolError("bad-extension", `Extended message ${id} was never offered`);
  }

  // hot
  blockStart(piece: number, begin: number, length: number): Uint8Array | null {
    const block = begin / BLOCK_LENGTH;
    this.#incomingPiece = piece;
    this.#incomingBlock = block;
    this.#incomingWanted = false;
    this.#incomingKnown = this.#incomingAsked = false;
    if (!this.#isBlock(piece, begin, length)) {
      throw new ProtocolError(
        "bad-block",
        `${length} bytes at ${begin} of piece ${piece} is no block`,
      );
    }
    const asked = this.window.take(piece, block, this.#now);
    if (asked === null) {
      this.#countNonsense();
      return null;
    }
    this.#incomingKnown = true;
    this.#incomingAsked = asked;
    const target = this.#book.blockTarget(this, piece, block);
    this.#incomingWanted = target !== null;
    return target;
  }

  // hot
  blockEnd(): void {
    const piece = this.#incomingPiece, block = this.#incomingBlock;
    const asked = this.#incomingAsked, wanted = this.#incomingWanted;
    this.#incomingPiece = -1;
    this.down.add(this.#layout.blockLength(piece, block));
    this.#incomingAsked = false;
    if (asked) this.window.blockCame(this.#now);
    else if (this.#incomingKnown) this.window.lateCame(this.#now);
    if (wanted) this.#book.blockArrived(this, piece, block, asked);
    else {
      this.#book.wastedBytes += this.#layout.blockLength(piece, block);
      if (asked) this.#book.release(this, piece, block);
    }
    this.#events.changed(this);
  }

  /** Whether this block is arriving right now in answer to a request that counts. */
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
      if (!book.next(this)) {
        this.#idleSince = book.version;
        if (!window.snubbed) this.#fillDuplicates(now);
        return;
      }
      this.#ask(now);
      // A snubbed peer is only asked to show that it is there: nobody waits for its answer.
      if (window.snubbed) this.#dropRequests();
    }
    this.#idleSince = -1;
  }

  #fillDuplicates(now: number): void {
    const most = this.window.size >= QUICK_WINDOW ? QUICK_DUPLICATES : 1;
    while (this.window.outstanding < most && this.#book.nextDuplicate(this)) this.#ask(now);
  }

  // hot
  #ask(now: number): void {
    const piece = this.#book.pickedPiece, block = this.#book.pickedBlock;
    this.window.push(piece, block, now);
    const length = this.#layout.blockLength(piece, block);
    this.out.block(wire.REQUEST, piece, block * BLOCK_LENGTH, length);
  }

  /** The blocks go back to the others; what still comes in answer is taken if it is of use. */
  #dropRequests(): void {
    this.window.releaseAll(this.#release);
    if (!this.#incomingAsked) return;
    this.#incomingAsked = false;
    this.#release(this.#incomingPiece, this.#incomingBlock);
  }

  #onHaveAllOrNone(id: number): void {
    if (!this.info.fast) throw notNegotiated();
    this.#tellOnce();
    if (id === wire.HAVE_NONE) return;
    const all = new Bitfield(this.#layout.pieceCount);
    all.setAll();
    this.#setHave(all);
  }

  #tellOnce(): void {
    if (this.#toldPieces) throw new ProtocolError("second-bitfield", "A second bitfield came");
    this.#toldPieces = true;
  }

  #setHave(field: Bitfield): void {
    if (this.have.count > 0) {
      // HAVEs came first: only what is new counts.
      for (let piece = 0; piece < this.#layout.pieceCount; piece++) {
        if (field.has(piece) && this.have.set(piece)) this.#book.peerHas(this, piece);
      }
    } else {
      this.have.replace(field);
      this.#book.peerHasMany(this);
    }
    this.#events.changed(this);
  }

  #onRequest(piece: number, begin: number, length: number): void {
    const valid = piece < this.#layout.pieceCount && length > 0 && length <= BLOCK_LENGTH &&
      begin + length <= this.#layout.lengthOf(piece) && this.#book.have.has(piece);
    if (!valid) this.#countNonsense();
    if (!valid || this.choking || !this.upload.push(piece, begin, length)) {
      this.#reject(piece, begin, length);
    }
    this.#events.changed(this);
  }

  #onCancel(piece: number, begin: number, length: number): void {
    if (this.upload.cancel(piece, begin, length)) this.#reject(piece, begin, length);
    this.#events.changed(this);
  }

  #reject(piece: number, begin: number, length: number): void {
    if (this.info.fast) this.out.block(wire.REJECT, piece, begin, length);
  }

  #onReject(piece: number, begin: number, length: number): void {
    if (!this.info.fast) throw notNegotiated();
    if (!this.#isBlock(piece, begin, length)) return this.#countNonsense();
    const block = begin / BLOCK_LENGTH;
    if (this.window.rejected(piece, block)) this.#book.release(this, piece, block);
    this.#events.changed(this);
  }

  #onExtensionHandshake(payload: Uint8Array): void {
    const handshake = decodeExtensionHandshake(payload);
    if (handshake.reqq !== undefined) this.window.setReqq(handshake.reqq);
    if (handshake.client !== undefined) this.client = handshake.client;
    if (handshake.uploadOnly !== undefined) this.uploadOnly = handshake.uploadOnly;
    this.#events.extensionHandshake(this, handshake);
  }

  #onDontHave(payload: Uint8Array): void {
    if (payload.length !== 4) throw new ProtocolError("bad-length", "A don't-have of wrong length");
    const piece = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    if (piece >= this.#layout.pieceCount || !this.have.clear(piece)) return;
    this.#book.peerLost(this, piece);
    this.#events.changed(this);
  }

  #sendExtensionHandshake(handshake: ExtensionHandshake): void {
    handshake.messages.set("lt_donthave", DONT_HAVE_ID);
    this.out.extended(EXTENSION_HANDSHAKE, encodeExtensionHandshake(handshake));
  }

  #countNonsense(): void {
    if (++this.#nonsense > MAX_NONSENSE) {
      throw new ProtocolError("nonsense", "Too many messages that make no sense");
    }
  }
}

function notNegotiated(): ProtocolError {
  return new ProtocolError("not-negotiated", "A message of an extension that was not negotiated");
}
