/**
 * The Synchronizer: sole owner of the state of every piece and block of one torrent.
 * Each piece is in exactly one state (MISSING, OPEN, HASHING, HAVE); a block of an open piece is FREE, ASKED
 * or HERE. All of a block's way is plain calls: no promise, no allocation.
 */
import type { Hasher, Random } from "../platform/types.ts";
import { Bitfield } from "../util/bitfield.ts";
import { assert } from "../util/assert.ts";
import { equalBytes } from "../util/bytes.ts";
import { BLOCK_LENGTH, type Layout } from "../protocol/layout.ts";
import { ASKED, BufferPool, FREE, HERE, OpenPiece } from "./open_piece.ts";
import { PiecePicker, RANDOM_FIRST } from "./piece_picker.ts";
import { SmartBan } from "./smart_ban.ts";

export const MISSING = 0, OPEN = 1, HASHING = 2, HAVE = 3;

/** Blocks that gather before the running hash sees them: cache-hot, and few calls. */
const HASH_STRIDE = 8;
/** Up to this many blocks a piece is hashed in one call at its end: as cheap and simpler. */
const ONE_SHOT_BLOCKS = 16;
/** Peers that may be asked for one block at once in the end-game. */
const MAX_ASKED = 3;

/** What the manager needs of a connected peer. */
export interface DownloadPeer {
  /** A small number, unique among the connected. */
  readonly slot: number;
  /** Names the peer's address beyond this connection; never 0. */
  readonly key: number;
  readonly have: Bitfield;
  readonly snubbed: boolean;
  /** Pieces it has that we lack; those of them that can be picked. Kept by the manager. */
  wanted: number;
  pickable: number;
  /** Had everything from the start: its pieces are not counted one by one. */
  isSeed: boolean;
  /** 16 KiB for blocks that somebody else is sending too. */
  readonly scratch: Uint8Array;
  hasAsked(piece: number, block: number): boolean;
  /** The block came from elsewhere: sends CANCEL. */
  cancelRequest(piece: number, block: number): void;
  /** The rest of the block that it is sending is not wanted. */
  dropIncoming(): void;
}

/** What happens to pieces, told to the torrent. */
export interface PieceEvents {
  /** `bytes` match their hash: write them now. If it throws, the piece is MISSING again. */
  store(piece: number, bytes: Uint8Array): void;
  /** What `store` threw. */
  storeFailed(error: unknown): void;
  /** A result came by itself, outside any peer's turn, and was told: settle now. */
  hashed(): void;
  /** The piece is stored and counts as had. */
  verified(piece: number): void;
  failed(piece: number, contributors: number[]): void;
  /** This peer sent wrong bytes, beyond doubt. */
  guilty(key: number, piece: number): void;
}

export interface PieceOptions {
  /** Bytes that open pieces may hold together; one piece is always allowed. */
  budgetBytes: number;
  /** Open pieces that one peer may work on at once. */
  piecesPerPeer: number;
  sequential: boolean;
}

export class PieceManager {
  readonly have: Bitfield;
  readonly options: PieceOptions;
  /** The block that `next` chose. */
  pickedPiece = 0;
  pickedBlock = 0;
  /** Where `blockTarget` wants the block inside the array that it returned. */
  targetAt = 0;
  /** Changes whenever blocks or pieces became free, so that idle peers know when to ask again. */
  version = 0;
  /** Payload bytes that came and were of no use. */
  wastedBytes = 0;
  hashFailures = 0;

  readonly #layout: Layout;
  readonly #hasher: Hasher;
  readonly #expected: (piece: number) => Uint8Array;
  readonly #events: PieceEvents;
  readonly #picker: PiecePicker;
  readonly #smartBan: SmartBan;
  readonly #state: Uint8Array;
  readonly #open = new Map<number, OpenPiece>();
  readonly #withFree: OpenPiece[] = [];
  readonly #buffers: BufferPool;
  readonly #bySlot: (DownloadPeer | undefined)[] = [];
  readonly #peers = new Set<DownloadPeer>();
  /** By slot: the open piece that a peer takes blocks from, and in how many it has requests. */
  readonly #current: (OpenPiece | null)[] = [];
  readonly #openPieces: number[] = [];
  #haveBytes = 0;
  #closed = false;

  constructor(
    layout: Layout,
    expected: (piece: number) => Uint8Array,
    platform: { hasher: Hasher; random: Random },
    options: PieceOptions,
    events: PieceEvents,
  ) {
    this.#layout = layout;
    this.#expected = expected;
    this.#hasher = platform.hasher;
    this.#events = events;
    this.options = options;
    this.have = new Bitfield(layout.pieceCount);
    this.#state = new Uint8Array(layout.pieceCount);
    this.#picker = new PiecePicker(layout.pieceCount, platform.random);
    this.#smartBan = new SmartBan((bytes) => platform.hasher.sha1(bytes));
    this.#buffers = new BufferPool(Math.min(layout.pieceLength, layout.totalLength));
    for (let piece = 0; piece < layout.pieceCount; piece++) this.#picker.insert(piece);
  }

  /** Bytes of all pieces that we have, pads included. */
  get haveBytes(): number {
    return this.#haveBytes;
  }

  get complete(): boolean {
    return this.have.full;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Pieces whose blocks are all here and whose hash is not known yet. */
  get hashingCount(): number {
    let count = 0;
    for (const open of this.#open.values()) if (open.here === open.blockCount) count++;
    return count;
  }

  /** No piece is left to start: from here on slow peers' blocks may be asked twice. */
  get inEndGame(): boolean {
    return this.#picker.length === 0 && this.#open.size > 0;
  }

  /** Blocks that fit into the memory for open pieces. */
  get budgetBlocks(): number {
    return this.#maxOpen * Math.ceil(this.#layout.pieceLength / BLOCK_LENGTH);
  }

  stateOf(piece: number): number {
    return this.#state[piece]!;
  }

  availabilityOf(piece: number): number {
    let seeds = 0;
    for (const peer of this.#peers) if (peer.isSeed) seeds++;
    return this.#picker.availabilityOf(piece) + seeds;
  }

  /** For checks after each event in tests: throws if the books do not add up. */
  checkInvariants(): void {
    let open = 0, bytes = 0;
    for (let piece = 0; piece < this.#layout.pieceCount; piece++) {
      const state = this.#state[piece]!;
      assert((state === HAVE) === this.have.has(piece), `piece ${piece} is HAVE in both books`);
      const isOpen = state === OPEN || state === HASHING;
      assert(isOpen === this.#open.has(piece), `piece ${piece} is open in both books`);
      assert((state === MISSING) === this.#picker.isPickable(piece), `piece ${piece} is pickable`);
      if (isOpen) open++;
      if (state === HAVE) bytes += this.#layout.lengthOf(piece);
    }
    assert(open === 0 || open <= this.#maxOpen, "open pieces stay inside the budget");
    assert(bytes === this.#haveBytes, "the bytes we have add up");
    for (const piece of this.#open.values()) {
      this.#checkOpen(piece);
      const hashing = this.#state[piece.index] === HASHING;
      assert(hashing === (piece.here === piece.blockCount), "a full piece is being hashed");
    }
  }

  /** The piece was found on the disk: it counts as had, without an event. */
  markHave(piece: number): void {
    if (this.#state[piece] === HAVE) return;
    assert(this.#state[piece] === MISSING, "only a missing piece is found on the disk");
    this.#picker.remove(piece);
    this.#forHolders(piece, (peer) => peer.pickable--);
    this.#setHave(piece);
  }

  /** A piece that we had is gone or wrong on the disk: it is to be downloaded again. */
  markMissing(piece: number): void {
    if (this.#state[piece] !== HAVE) return;
    this.have.clear(piece);
    this.#haveBytes -= this.#layout.lengthOf(piece);
    this.#state[piece] = MISSING;
    this.#picker.insert(piece);
    this.#forHolders(piece, (peer) => {
      peer.wanted++;
      peer.pickable++;
    });
    this.version++;
  }

  /** Forgets the buffers until more are needed. */
  releaseMemory(): void {
    this.#buffers.clear();
  }

  /** Results that are still under way are ignored from here on. */
  close(): void {
    this.#closed = true;
    this.#buffers.clear();
  }

  peerJoined(peer: DownloadPeer): void {
    this.#bySlot[peer.slot] = peer;
    this.#peers.add(peer);
    this.#current[peer.slot] = null;
    this.#openPieces[peer.slot] = 0;
  }

  /** All requests of the peer must have been released before. */
  peerLeft(peer: DownloadPeer): void {
    this.#bySlot[peer.slot] = undefined;
    this.#peers.delete(peer);
    if (!peer.isSeed) {
      for (let piece = 0; piece < this.#layout.pieceCount; piece++) {
        if (peer.have.has(piece)) this.#picker.decrease(piece);
      }
    }
  }

  /** The peer told of one more piece; its bitfield has it already. */
  peerHas(peer: DownloadPeer, piece: number): void {
    this.#picker.increase(piece);
    if (this.#state[piece] !== HAVE) peer.wanted++;
    if (this.#state[piece] === MISSING) peer.pickable++;
  }

  /** The peer lost a piece (BEP 54); its bitfield has it no more. */
  peerLost(peer: DownloadPeer, piece: number): void {
    if (peer.isSeed) {
      peer.isSeed = false;
      for (let p = 0; p < this.#layout.pieceCount; p++) if (p !== piece) this.#picker.increase(p);
    } else this.#picker.decrease(piece);
    if (this.#state[piece] !== HAVE) peer.wanted--;
    if (this.#state[piece] === MISSING) peer.pickable--;
  }

  /** The peer's whole bitfield arrived. Once a connection, so O(pieces) is fine. */
  peerHasMany(peer: DownloadPeer): void {
    if (peer.have.full) {
      peer.isSeed = true;
      peer.wanted = this.#layout.pieceCount - this.have.count;
      peer.pickable = this.#picker.length;
      return;
    }
    for (let piece = 0; piece < this.#layout.pieceCount; piece++) {
      if (peer.have.has(piece)) this.peerHas(peer, piece);
    }
  }

  /** Chooses the next block to ask `peer` for; false if there is none for it now. */
  next(peer: DownloadPeer): boolean {
    const current = this.#current[peer.slot] ?? null;
    if (current !== null && current.free > 0 && this.#mayWork(peer, current)) {
      return this.#take(peer, current);
    }
    const open = this.#current[peer.slot] = this.#choose(peer);
    if (open === null) return false;
    return this.#take(peer, open);
  }

  /** End-game: a block that others were asked for and that is still to come; false if none. */
  nextDuplicate(peer: DownloadPeer): boolean {
    if (!this.inEndGame) return false;
    for (const open of this.#open.values()) {
      if (open.free > 0 || !peer.have.has(open.index) || !this.#mayShare(peer, open)) continue;
      for (let block = 0; block < open.blockCount; block++) {
        if (open.state[block] !== ASKED || open.asked[block]! >= MAX_ASKED) continue;
        if (peer.hasAsked(open.index, block)) continue;
        open.asked[block]!++;
        this.#addWorker(peer, open);
        this.pickedPiece = open.index;
        this.pickedBlock = block;
        return true;
      }
    }
    return false;
  }

  /** A request of `peer` will not be answered: choke, reject, time-out, cancel or loss. */
  release(peer: DownloadPeer, piece: number, block: number): void {
    const open = this.#open.get(piece);
    if (open === undefined || open.state[block] !== ASKED) return;
    this.#removeWorker(peer, open);
    if (--open.asked[block]! > 0) return;
    open.state[block] = FREE;
    open.cursor = Math.min(open.cursor, block);
    if (open.free++ === 0) this.#listFree(open);
    this.version++;
    if (open.here === 0 && open.free === open.blockCount) this.#close(open);
  }

  /**
   * Where to copy the block that begins to arrive from `peer`, or null if nobody needs it. The
   * place inside the array is in `targetAt`.
   */
  blockTarget(peer: DownloadPeer, piece: number, block: number): Uint8Array | null {
    const open = this.#open.get(piece);
    if (open === undefined || open.state[block] === HERE) return null;
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
    if (open?.writer[block] === peer.slot + 1) open.setWriter(block, 0);
  }

  /**
   * The block is whole; `asked` tells whether `peer`'s request for it still counted.
   * Returns false if it was of no use.
   */
  blockArrived(peer: DownloadPeer, piece: number, block: number, asked: boolean): boolean {
    const open = this.#open.get(piece);
    if (open === undefined || open.state[block] === HERE) {
      this.wastedBytes += this.#layout.blockLength(piece, block);
      return false;
    }
    const writer = open.writer[block]!;
    if (writer !== peer.slot + 1) {
      const bytes = open.blockBytes(block);
      bytes.set(peer.scratch.subarray(0, bytes.length));
      if (writer !== 0) this.#bySlot[writer - 1]!.dropIncoming();
    }
    open.setWriter(block, 0);
    if (asked) {
      this.#removeWorker(peer, open);
      open.asked[block]!--;
    }
    if (open.state[block] === FREE) {
      if (--open.free === 0) this.#unlistFree(open);
    } else if (open.asked[block]! > 0) this.#cancelOthers(open, block);
    open.state[block] = HERE;
    open.sender[block] = peer.key;
    open.here++;
    this.#hashPrefix(open);
    if (open.here === open.blockCount) this.#finish(open);
    return true;
  }

  get #maxOpen(): number {
    return Math.max(1, Math.floor(this.options.budgetBytes / this.#layout.pieceLength));
  }

  /** An open piece to share or a new one, for a peer whose own has no free block left. */
  #choose(peer: DownloadPeer): OpenPiece | null {
    let own: OpenPiece | null = null, orphan: OpenPiece | null = null;
    let shared: OpenPiece | null = null;
    for (const open of this.#withFree) {
      if (!peer.have.has(open.index) || !this.#mayWork(peer, open)) continue;
      if (open.workers.includes(peer.slot)) own = open;
      else if (open.workers.length === 0) orphan = earlier(orphan, open);
      else shared = this.options.sequential ? earlier(shared, open) : roomier(shared, open);
    }
    if (own !== null) return own;
    if (this.#openPieces[peer.slot]! >= this.options.piecesPerPeer) return null;
    if (orphan !== null) return orphan;
    if (this.options.sequential && shared !== null) return shared;
    return this.#openNew(peer) ?? shared;
  }

  /** The limit of pieces per peer holds, and a piece in doubt is one peer's alone. */
  #mayWork(peer: DownloadPeer, open: OpenPiece): boolean {
    return this.#mayShare(peer, open) &&
      (this.#openPieces[peer.slot]! < this.options.piecesPerPeer || open.workers.includes(peer.slot));
  }

  #mayShare(peer: DownloadPeer, open: OpenPiece): boolean {
    if (open.exclusiveTo === peer.key) return true;
    if (open.exclusiveTo !== 0) {
      if (open.workers.some((slot) => !this.#bySlot[slot]!.snubbed)) return false;
      open.exclusiveTo = 0;
    }
    return !this.#smartBan.isSetAside(open.index, peer.key);
  }

  #openNew(peer: DownloadPeer): OpenPiece | null {
    if (this.#open.size >= this.#maxOpen) return null;
    const piece = this.#pick(peer);
    if (piece < 0) return null;
    this.#picker.remove(piece);
    this.#forHolders(piece, (holder) => holder.pickable--);
    this.#state[piece] = OPEN;
    const open = new OpenPiece(piece, this.#layout.lengthOf(piece), this.#buffers.take());
    if (this.#hasher.quickest === "running" && open.blockCount > ONE_SHOT_BLOCKS) {
      open.hash = this.#hasher.running();
    }
    if (this.#smartBan.hasFailed(piece)) open.exclusiveTo = peer.key;
    this.#open.set(piece, open);
    this.#listFree(open);
    return open;
  }

  #pick(peer: DownloadPeer): number {
    if (peer.pickable <= 0) return -1;
    let piece: number;
    if (this.options.sequential) piece = this.#picker.first(peer.have);
    else if (this.have.count + this.#open.size < RANDOM_FIRST) piece = this.#picker.anyOf(peer.have);
    else piece = this.#picker.rarest(peer.have, peer.pickable);
    if (piece < 0 || !this.#smartBan.isSetAside(piece, peer.key)) return piece;
    for (let tries = 0; tries < 8; tries++) {
      const other = this.#picker.anyOf(peer.have);
      if (!this.#smartBan.isSetAside(other, peer.key)) return other;
    }
    return -1;
  }

  // hot
  #take(peer: DownloadPeer, open: OpenPiece): boolean {
    let block = open.cursor;
    while (open.state[block] !== FREE) block++;
    open.cursor = block + 1;
    open.state[block] = ASKED;
    open.asked[block] = 1;
    if (--open.free === 0) this.#unlistFree(open);
    this.#addWorker(peer, open);
    this.pickedPiece = open.index;
    this.pickedBlock = block;
    return true;
  }

  #addWorker(peer: DownloadPeer, open: OpenPiece): void {
    if (open.addWorker(peer.slot)) this.#openPieces[peer.slot]!++;
  }

  #removeWorker(peer: DownloadPeer, open: OpenPiece): void {
    if (open.removeWorker(peer.slot)) this.#openPieces[peer.slot]!--;
  }

  #cancelOthers(open: OpenPiece, block: number): void {
    for (const slot of [...open.workers]) {
      const peer = this.#bySlot[slot]!;
      if (!peer.hasAsked(open.index, block)) continue;
      peer.cancelRequest(open.index, block);
      this.#removeWorker(peer, open);
    }
    open.asked[block] = 0;
  }

  #hashPrefix(open: OpenPiece): void {
    if (open.hash === null || open.state[open.hashed] !== HERE) return;
    let end = open.hashed + 1;
    while (end < open.blockCount && open.state[end] === HERE) end++;
    if (end - open.hashed < HASH_STRIDE && end < open.blockCount) return;
    const to = Math.min(end * BLOCK_LENGTH, open.length);
    open.hash.update(open.buffer.subarray(open.hashed * BLOCK_LENGTH, to));
    open.hashed = end;
  }

  #finish(open: OpenPiece): void {
    if (this.#hasher.quickest === "submit") {
      this.#state[open.index] = HASHING;
      this.#hasher.submit(open.buffer, open.length, (digest, buffer) => {
        if (this.#closed) return;
        this.#hashed(open, digest, buffer);
        this.#events.hashed();
      });
      return;
    }
    const digest = open.hash === null ? this.#hasher.sha1(open.bytes) : open.hash.digest();
    open.hash = null;
    this.#judge(open, digest);
  }

  #hashed(open: OpenPiece, digest: Uint8Array | null, buffer: Uint8Array | null): void {
    open.buffer = buffer ?? this.#buffers.take();
    if (digest === null) this.#close(open);
    else this.#judge(open, digest);
  }

  #judge(open: OpenPiece, digest: Uint8Array): void {
    if (equalBytes(digest, this.#expected(open.index))) this.#pass(open);
    else this.#fail(open);
  }

  #pass(open: OpenPiece): void {
    const piece = open.index;
    try {
      this.#events.store(piece, open.bytes);
    } catch (error) {
      this.#close(open);
      this.#events.storeFailed(error);
      return;
    }
    const guilty = this.#smartBan.passed(piece, open.bytes);
    this.#drop(open);
    this.#setHave(piece);
    this.#events.verified(piece);
    for (const key of guilty) this.#events.guilty(key, piece);
  }

  #fail(open: OpenPiece): void {
    const piece = open.index;
    this.hashFailures++;
    this.wastedBytes += open.length;
    const contributors = open.contributors();
    const guilty = this.#smartBan.failed(piece, open.bytes, open.sender);
    this.#close(open);
    this.#events.failed(piece, contributors);
    for (const key of guilty) this.#events.guilty(key, piece);
  }

  /** The piece goes back to the missing ones. */
  #close(open: OpenPiece): void {
    this.#drop(open);
    this.#state[open.index] = MISSING;
    this.#picker.insert(open.index);
    this.#forHolders(open.index, (peer) => peer.pickable++);
    this.version++;
  }

  #drop(open: OpenPiece): void {
    for (const slot of open.workers) this.#openPieces[slot]!--;
    open.workers.length = 0;
    for (const peer of this.#peers) {
      if (this.#current[peer.slot] === open) this.#current[peer.slot] = null;
    }
    if (open.writing > 0) {
      for (const writer of open.writer) if (writer !== 0) this.#bySlot[writer - 1]!.dropIncoming();
    }
    this.#unlistFree(open);
    this.#open.delete(open.index);
    this.#buffers.give(open.buffer);
    this.version++;
  }

  #setHave(piece: number): void {
    this.#state[piece] = HAVE;
    this.have.set(piece);
    this.#haveBytes += this.#layout.lengthOf(piece);
    this.#forHolders(piece, (peer) => peer.wanted--);
  }

  #forHolders(piece: number, change: (peer: DownloadPeer) => void): void {
    for (const peer of this.#peers) if (peer.have.has(piece)) change(peer);
  }

  #listFree(open: OpenPiece): void {
    open.freeAt = this.#withFree.length;
    this.#withFree.push(open);
  }

  #unlistFree(open: OpenPiece): void {
    if (open.freeAt < 0) return;
    const last = this.#withFree.pop()!;
    if (last !== open) {
      this.#withFree[open.freeAt] = last;
      last.freeAt = open.freeAt;
    }
    open.freeAt = -1;
  }

  #checkOpen(open: OpenPiece): void {
    let free = 0, here = 0, asked = 0;
    for (let block = 0; block < open.blockCount; block++) {
      if (open.state[block] === FREE) free++;
      else if (open.state[block] === HERE) here++;
      assert((open.asked[block]! > 0) === (open.state[block] === ASKED), "asked blocks are ASKED");
      asked += open.asked[block]!;
    }
    assert(free === open.free && here === open.here, `blocks of piece ${open.index} add up`);
    assert((open.freeAt >= 0) === (free > 0), "pieces with free blocks are listed");
    const worked = open.workerAsked.reduce((sum, n) => sum + n, 0);
    assert(worked === asked, `requests in piece ${open.index} add up`);
  }
}

function earlier(a: OpenPiece | null, b: OpenPiece): OpenPiece {
  return a !== null && a.index < b.index ? a : b;
}

function roomier(a: OpenPiece | null, b: OpenPiece): OpenPiece {
  return a !== null && a.free >= b.free ? a : b;
}
