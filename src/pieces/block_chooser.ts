/**
 * Chooses the next block to request from a peer: one that is read soon, then more of the piece it
 * works on, then a piece that another peer began and left, then a new one from the picker, and in the
 * end-game blocks that were requested from others. It only decides; BlockRequests acts on it.
 */
import type { Bitfield } from "../util/bitfield.ts";
import { ASKED, HERE, type OpenPiece } from "./open_piece.ts";
import type { OpenPieces } from "./open_pieces.ts";
import type { PieceOrder } from "./piece_order.ts";
import { RANDOM_FIRST } from "./piece_picker.ts";
import type { DownloadPeer, PieceOptions, Work } from "./piece_types.ts";
import type { SmartBan } from "./smart_ban.ts";
import type { UrgentPieces } from "./urgent_pieces.ts";

/** The most peers that one block may be requested from at once in the end-game. */
const MAX_ASKED = 3;
/** The same for peers that have sent blocks: a few that never do must not hold the last one. */
const MAX_ASKED_PROVEN = 6;

/** What the choice depends on. */
export interface ChoiceBooks {
  readonly have: Bitfield;
  readonly open: OpenPieces;
  readonly picker: PieceOrder;
  readonly smartBan: SmartBan;
  readonly urgent: UrgentPieces;
  readonly options: PieceOptions;
  readonly work: Work;
  /** Pieces that may be open at once. */
  readonly maxOpen: number;
  /** Makes a pickable piece an open one, for the peer with this key. */
  begin(key: number, piece: number): OpenPiece;
  /** Makes an open piece a missing one again; its blocks are lost. */
  giveUp(open: OpenPiece): void;
}

export class BlockChooser {
  readonly #books: ChoiceBooks;
  /** By slot: the open piece that a peer takes blocks from. */
  readonly #current: (OpenPiece | null)[] = [];

  constructor(books: ChoiceBooks) {
    this.#books = books;
  }

  /** No piece is left to begin: from now on, the blocks of slow peers may be requested twice. */
  get inEndGame(): boolean {
    return this.#books.picker.length === 0 && this.#books.open.size > 0;
  }

  join(slot: number): void {
    this.#current[slot] = null;
  }

  /** The peer in `slot` takes no more blocks from this piece. */
  leave(slot: number, piece: number): void {
    if (this.#current[slot]?.index === piece) this.#current[slot] = null;
  }

  // hot
  /** The piece to take the next FREE block for `peer` from; null if there is none for it now. */
  free(peer: DownloadPeer): OpenPiece | null {
    if (this.#books.urgent.length > 0) {
      if (this.#books.urgent.hasLongLine(peer)) return null;
      const needed = this.#urgent(peer);
      if (needed !== null) return needed;
    }
    let open = this.#current[peer.slot] ?? null;
    const isDone = open === null || open.free === 0 || !peer.have.has(open.index);
    if (isDone || !this.#mayWork(peer, open!)) {
      open = this.#current[peer.slot] = this.#choose(peer);
      if (open === null) return null;
    }
    return open;
  }

  /** The same for this piece, which is begun if necessary. */
  freeOf(peer: DownloadPeer, piece: number): OpenPiece | null {
    const { open: pieces, picker, options, smartBan, maxOpen } = this.#books;
    this.#books.work.steps++;
    if (!peer.have.has(piece)) return null;
    let open = pieces.get(piece);
    if (open === undefined) {
      if (!picker.isPickable(piece) || pieces.size >= maxOpen) return null;
      if (pieces.workedOn(peer.slot) >= options.piecesPerPeer) return null;
      if (smartBan.isSetAside(piece, peer.key)) return null;
      open = this.#books.begin(peer.key, piece);
    }
    if (open.free === 0 || !this.#mayWork(peer, open)) return null;
    return open;
  }

  /**
   * In the end-game: a block that was requested from others and has not arrived. The one that was
   * requested least, so that the peers without work do not all ask for the same one.
   */
  duplicate(peer: DownloadPeer): { open: OpenPiece; block: number } | null {
    if (!this.inEndGame) return null;
    let most = peer.delivers ? MAX_ASKED_PROVEN : MAX_ASKED;
    let least: { open: OpenPiece; block: number } | null = null;
    for (const open of this.#books.open.values()) {
      this.#books.work.steps++;
      if (open.free > 0 || !peer.have.has(open.index) || !this.#mayWork(peer, open)) continue;
      for (let block = 0; block < open.blockCount; block++) {
        if (open.state[block] !== ASKED || open.asked[block]! >= most) continue;
        this.#books.work.steps += 1 + peer.outstanding;
        if (peer.hasAsked(open.index, block)) continue;
        least = { open, block };
        most = open.asked[block]!;
        if (most === 1) return least;
      }
    }
    return least;
  }

  /** Begins a missing piece because a block of it arrives; null if that is not wanted. */
  reopen(peer: DownloadPeer, piece: number): OpenPiece | null {
    const { open, maxOpen, picker, smartBan } = this.#books;
    const may = picker.isPickable(piece) && open.size < maxOpen;
    return may && !smartBan.isSetAside(piece, peer.key) ? this.#books.begin(peer.key, piece) : null;
  }

  // hot
  /**
   * Whether an incoming block is needed from this peer: no other peer may spoil a piece in doubt.
   */
  mayFill(peer: DownloadPeer, open: OpenPiece, block: number): boolean {
    if (open.state[block] === HERE) return false;
    return open.exclusiveTo === 0 || open.exclusiveTo === peer.key || !this.#isSuspect(peer, open);
  }

  /**
   * The first of the urgent pieces that this peer sends in time. All peers may work on one piece.
   */
  #urgent(peer: DownloadPeer): OpenPiece | null {
    const { urgent, work } = this.#books;
    work.steps++;
    for (const needed of urgent.all) {
      if (!urgent.isInTime(peer, needed)) continue;
      const open = this.#freeOfUrgent(peer, needed.piece);
      if (open !== null) return open;
    }
    return null;
  }

  #freeOfUrgent(peer: DownloadPeer, piece: number): OpenPiece | null {
    const { open: pieces, picker, smartBan, maxOpen } = this.#books;
    if (!peer.have.has(piece)) return null;
    const open = pieces.get(piece);
    if (open !== undefined) {
      const isOpen = open.exclusiveTo === 0 || open.exclusiveTo === peer.key;
      return open.free > 0 && isOpen ? open : null;
    }
    if (!picker.isPickable(piece) || smartBan.isSetAside(piece, peer.key)) return null;
    if (pieces.size >= maxOpen && !this.#makeRoom()) return null;
    return this.#books.begin(peer.key, piece);
  }

  /** Gives up the piece with the fewest blocks that nobody works on and nobody reads soon. */
  #makeRoom(): boolean {
    const { open: pieces, urgent, work } = this.#books;
    let least: OpenPiece | null = null;
    work.steps += pieces.withFree.length;
    for (const open of pieces.withFree) {
      if (open.workers.slots.length > 0 || open.writing > 0 || urgent.has(open.index)) continue;
      least = emptier(least, open);
    }
    if (least !== null) this.#books.giveUp(least);
    return least !== null;
  }

  /** Pieces that may be open at once, apart from urgent ones: half of the room is theirs. */
  get #usualMax(): number {
    const { urgent, maxOpen } = this.#books;
    return urgent.length === 0
      ? maxOpen
      : Math.max(1, maxOpen - Math.min(urgent.length, maxOpen >> 1));
  }

  /** An open piece to share or a new one, for a peer whose own has no free block left. */
  #choose(peer: DownloadPeer): OpenPiece | null {
    const { options, open: pieces } = this.#books;
    let own: OpenPiece | null = null, orphan: OpenPiece | null = null;
    let shared: OpenPiece | null = null;
    this.#books.work.steps += pieces.withFree.length / 2;
    for (const open of pieces.withFree) {
      if (!peer.have.has(open.index) || !this.#mayWork(peer, open)) continue;
      if (open.workers.has(peer.slot)) own = open;
      else if (open.workers.slots.length === 0) orphan = earlier(orphan, open);
      else shared = options.sequential ? earlier(shared, open) : roomier(shared, open);
    }
    if (own !== null) return own;
    if (pieces.workedOn(peer.slot) >= options.piecesPerPeer) return null;
    if (orphan !== null) return orphan;
    if (options.sequential && shared !== null) return shared;
    return this.#begin(peer) ?? shared ?? this.#startOver(peer);
  }

  /** The limit of pieces per peer allows it, and the piece is not reserved for another peer. */
  #mayWork(peer: DownloadPeer, open: OpenPiece): boolean {
    const { options, open: pieces } = this.#books;
    if (pieces.workedOn(peer.slot) >= options.piecesPerPeer && !open.workers.has(peer.slot)) {
      return false;
    }
    if (open.exclusiveTo === 0 || open.exclusiveTo === peer.key) return true;
    // In the end-game a piece in doubt may be shared, but not with a peer that may have spoilt it.
    return this.inEndGame && open.workers.slots.length > 0 && !this.#isSuspect(peer, open);
  }

  #isSuspect(peer: DownloadPeer, open: OpenPiece): boolean {
    return this.#books.smartBan.isSuspect(open.index, peer.key);
  }

  #begin(peer: DownloadPeer): OpenPiece | null {
    if (this.#books.open.size >= this.#usualMax) return null;
    const piece = this.#pick(peer);
    return piece < 0 ? null : this.#books.begin(peer.key, piece);
  }

  /**
   * For a peer that would be idle: a piece that no peer works on is given up if it is in doubt and
   * this peer can have it alone, or if it takes the place of a piece that this peer can begin.
   */
  #startOver(peer: DownloadPeer): OpenPiece | null {
    const { open: pieces, maxOpen } = this.#books;
    let inTheWay: OpenPiece | null = null;
    this.#books.work.steps += pieces.withFree.length / 2;
    for (const open of pieces.withFree) {
      if (open.workers.slots.length > 0) continue;
      if (peer.have.has(open.index) && !this.#books.smartBan.isSetAside(open.index, peer.key)) {
        this.#books.giveUp(open);
        // An unwanted piece that was begun earlier is not begun again; its place is free.
        const again = this.#books.picker.isPickable(open.index);
        return again ? this.#books.begin(peer.key, open.index) : this.#begin(peer);
      }
      inTheWay = emptier(inTheWay, open);
    }
    if (inTheWay === null || pieces.size < maxOpen) return null;
    const piece = this.#pick(peer);
    if (piece < 0) return null;
    this.#books.giveUp(inTheWay);
    return this.#books.begin(peer.key, piece);
  }

  #pick(peer: DownloadPeer): number {
    if (peer.pickable <= 0) return -1;
    const { have, open, picker, smartBan } = this.#books;
    const early = have.count + open.size < RANDOM_FIRST;
    const piece = picker.next(peer.have, peer.pickable, early);
    if (piece < 0 || !smartBan.isSetAside(piece, peer.key)) return piece;
    return picker.nextBut(peer.have, (other) => smartBan.isSetAside(other, peer.key));
  }
}

function earlier(a: OpenPiece | null, b: OpenPiece): OpenPiece {
  return a !== null && a.index < b.index ? a : b;
}

function roomier(a: OpenPiece | null, b: OpenPiece): OpenPiece {
  return a !== null && a.free >= b.free ? a : b;
}

function emptier(a: OpenPiece | null, b: OpenPiece): OpenPiece {
  return a !== null && a.here <= b.here ? a : b;
}
