/**
 * The first copy of a torrent: while there are pieces that nobody else has, a seed suggests different
 * ones of them to each peer that it serves (BEP 6), and serves each for a few pieces at a time. Peers
 * cannot divide the pieces among themselves: rarest first does not see what others have requested and
 * not received. Unlike super-seeding (BEP 16) this hides nothing and waits for nothing.
 */
import type { Random } from "../platform/types.ts";
import { SUGGEST } from "../wire/peer_wire.ts";
import type { Bitfield } from "../util/bitfield.ts";

/** What clients remember of suggestions: libtorrent 16, others more. */
const MAX_SUGGESTED = 16;
/** Blocks that a peer requests at once when it was unchoked. */
const FIRST_REQUESTS = 8;
/** A peer with so many requests for other pieces does not follow suggestions. */
const MAX_STRAYS = 32;
/** The least that a peer gets in a turn while others wait. */
const TURN_PIECES = 2, TURN_MS = 500;
/** Until the next look for pieces that nobody has: after none were found, and after some were. */
const NONE_FOUND_MS = 10_000, PIECES_A_MS = 20_000;

export interface SpreadPeer {
  readonly have: Bitfield;
  readonly choking: boolean;
  /** When it was choked or unchoked last. */
  readonly unchokedAt: number;
  readonly peerInterested: boolean;
  /** Whether it knows of suggestions (BEP 6). */
  readonly info: { readonly fast: boolean };
  /** Requests that wait, and pieces that were suggested and not requested in this turn. */
  readonly upload: { readonly length: number; readonly suggested: Set<number> };
  readonly out: { number(id: number, piece: number): void };
}

/** What a peer was given since it was unchoked. */
interface Turn {
  given: number;
  /** Those of them that it does not have yet. */
  readonly open: Set<number>;
  /** Requests for pieces that were not suggested, since the first suggestion. */
  strays: number;
  /** The piece of which it got a part when it was choked; -1 for none. */
  rest: number;
}

export class Spread<Peer extends SpreadPeer> {
  readonly #layout: { readonly pieceCount: number; blocksIn(piece: number): number };
  readonly #random: Random;
  readonly #holders: (piece: number) => number;
  readonly #turns = new Map<Peer, Turn>();
  /** To whom a piece goes that nobody has: that peer was advised to request it, or did. */
  readonly #owners = new Map<number, Peer>();
  /** Pieces to suggest, the best ones last. */
  #queue: number[] = [];
  #looksAt = 0;
  #over = false;

  /** `holders`: how many peers have a piece. */
  constructor(
    layout: { readonly pieceCount: number; blocksIn(piece: number): number },
    random: Random,
    holders: (piece: number) => number,
  ) {
    this.#layout = layout;
    this.#random = random;
    this.#holders = holders;
  }

  /** A peer requests a piece that was not suggested to it. */
  strayed(peer: Peer, piece: number): void {
    if (this.#over) return;
    if (!this.#owners.has(piece) && this.#holders(piece) === 0) this.#owners.set(piece, peer);
    if (peer.upload.suggested.size > 0 && ++this.#turnOf(peer).strays === MAX_STRAYS) {
      this.#disown(peer);
    }
  }

  /** A peer left. */
  forget(peer: Peer): void {
    this.#turns.delete(peer);
    this.#disown(peer);
  }

  /** The turn of a peer is over: others get the pieces of which it got nothing. */
  choked(peer: Peer, dropped: readonly { readonly piece: number }[]): void {
    const turn = this.#turns.get(peer);
    if (turn === undefined) return;
    const unsent = countByPiece(dropped);
    for (const piece of turn.open) {
      const blocks = unsent.get(piece) ?? 0;
      if (peer.upload.suggested.has(piece) || blocks === this.#layout.blocksIn(piece)) {
        this.#free(piece);
      } else if (blocks > 0) turn.rest = piece;
    }
    turn.given = 0;
    turn.open.clear();
  }

  /**
   * Suggests to a peer what it may request before we hear from it again. Returns true when it got
   * enough for one turn.
   */
  feed(peer: Peer, now: number): boolean {
    if (!peer.info.fast || peer.choking || !peer.peerInterested) return false;
    if (this.#over && now < this.#looksAt) return false;
    const turn = this.#turnOf(peer);
    if (turn.strays >= MAX_STRAYS) return false;
    for (const piece of turn.open) if (peer.have.has(piece)) turn.open.delete(piece);
    const blocks = Math.max(FIRST_REQUESTS, peer.upload.length);
    const depth = Math.min(MAX_SUGGESTED, Math.ceil(blocks / this.#layout.blocksIn(0)) + 1);
    while (peer.upload.suggested.size < depth) {
      const piece = this.#next(peer, turn, now);
      if (piece < 0) break;
      this.#give(peer, turn, piece);
    }
    return turn.given - turn.open.size >= TURN_PIECES && now - peer.unchokedAt >= TURN_MS;
  }

  #give(peer: Peer, turn: Turn, piece: number): void {
    if (this.#holders(piece) === 0) this.#owners.set(piece, peer);
    turn.given++;
    turn.open.add(piece);
    peer.upload.suggested.add(piece);
    peer.out.number(SUGGEST, piece);
  }

  #turnOf(peer: Peer): Turn {
    let turn = this.#turns.get(peer);
    if (turn === undefined) {
      turn = { given: 0, open: new Set(), strays: 0, rest: -1 };
      this.#turns.set(peer, turn);
    }
    return turn;
  }

  #disown(peer: Peer): void {
    for (const [piece, owner] of this.#owners) if (owner === peer) this.#free(piece);
  }

  #free(piece: number): void {
    this.#owners.delete(piece);
    this.#queue.push(piece);
  }

  #next(peer: Peer, turn: Turn, now: number): number {
    const { rest } = turn;
    turn.rest = -1;
    if (rest >= 0 && this.#owners.get(rest) === peer && !peer.have.has(rest)) return rest;
    if (this.#queue.length === 0) this.#look(now);
    while (this.#queue.length > 0) {
      const piece = this.#queue.pop()!;
      if (!this.#owners.has(piece) && !peer.have.has(piece) && !peer.upload.suggested.has(piece)) {
        return piece;
      }
    }
    return -1;
  }

  /** Finds pieces that nobody has; then, while some of these are on their way, the rarest others. */
  #look(now: number): void {
    if (now < this.#looksAt) return;
    const { pieceCount } = this.#layout, rank = new Map<number, number>();
    this.#over = true;
    for (let piece = 0; piece < pieceCount; piece++) {
      const copies = this.#holders(piece);
      if (copies === 0) this.#over = false;
      // An owner that waits for the rest of its piece has had its turn.
      if (copies > 0 || this.#owners.get(piece)?.choking) this.#owners.delete(piece);
      if (!this.#owners.has(piece)) rank.set(piece, copies + this.#random.uint32() / 2 ** 32);
    }
    this.#looksAt = now + (this.#over ? NONE_FOUND_MS : pieceCount / PIECES_A_MS);
    if (this.#over) return this.#owners.clear();
    this.#queue = [...rank.keys()].sort((a, b) => rank.get(b)! - rank.get(a)!);
  }
}

function countByPiece(requests: readonly { readonly piece: number }[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { piece } of requests) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return counts;
}
