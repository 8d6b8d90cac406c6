/**
 * Super-seeding (BEP 16): the first seed announces one rare piece at a time to each peer, and the
 * next one only when another peer has that piece, so that little is uploaded twice. Ends by itself
 * when the others have a whole copy between them.
 */
import type { Bitfield } from "../util/bitfield.ts";

/** A peer that could not pass its piece on for this long gets another one. */
const PATIENCE_MS = 30_000;

export interface SuperSeedPeer {
  readonly have: Bitfield;
  /** Sends HAVE. */
  announce(piece: number): void;
}

interface Shown {
  /** -1 for none yet. */
  piece: number;
  at: number;
  readonly all: Set<number>;
}

export class SuperSeed<Peer extends SuperSeedPeer> {
  readonly #pieceCount: number;
  readonly #shown = new Map<Peer, Shown>();
  readonly #times: Uint32Array;
  #over = false;

  constructor(pieceCount: number) {
    this.#pieceCount = pieceCount;
    this.#times = new Uint32Array(pieceCount);
  }

  get over(): boolean {
    return this.#over;
  }

  /**
   * Announces the next pieces. `holders`: how many peers have a piece. Call it after changes of
   * peers.
   */
  update(peers: Iterable<Peer>, holders: (piece: number) => number, now: number): void {
    if (this.#over) return;
    const all = [...peers];
    for (const peer of this.#shown.keys()) if (!all.includes(peer)) this.#shown.delete(peer);
    if (all.length > 0 && this.#hasCopy(holders)) return this.end(all);
    const leeches = all.filter((peer) => !peer.have.full);
    for (const peer of leeches) {
      const shown = this.#shown.get(peer) ?? { piece: -1, at: now, all: new Set<number>() };
      this.#shown.set(peer, shown);
      if (this.#isDue(peer, shown, leeches.length === 1, holders, now)) {
        this.#showNext(peer, shown, holders, now);
      }
    }
  }

  #isDue(
    peer: Peer,
    { piece, at }: Shown,
    alone: boolean,
    holders: (piece: number) => number,
    now: number,
  ): boolean {
    if (piece < 0) return true;
    const own = peer.have.has(piece) ? 1 : 0;
    if (holders(piece) > own) return true;
    return own === 1 && (alone || now - at > PATIENCE_MS);
  }

  #showNext(peer: Peer, shown: Shown, holders: (piece: number) => number, now: number): void {
    let best = -1, least = Infinity;
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (peer.have.has(piece) || shown.all.has(piece)) continue;
      const copies = holders(piece) + this.#times[piece]!;
      if (copies < least) [best, least] = [piece, copies];
    }
    if (best < 0) return;
    this.#times[best]!++;
    shown.piece = best;
    shown.at = now;
    shown.all.add(best);
    peer.announce(best);
  }

  #hasCopy(holders: (piece: number) => number): boolean {
    for (let piece = 0; piece < this.#pieceCount; piece++) if (holders(piece) === 0) return false;
    return true;
  }

  /** From now on an ordinary seed: every peer may see everything. */
  end(peers: readonly Peer[]): void {
    this.#over = true;
    for (const peer of peers) {
      const shown = this.#shown.get(peer)?.all;
      for (let piece = 0; piece < this.#pieceCount; piece++) {
        if (!peer.have.has(piece) && !shown?.has(piece)) peer.announce(piece);
      }
    }
    this.#shown.clear();
  }
}
