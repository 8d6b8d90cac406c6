/**
 * The connected peers of a torrent and what they have: tells the picker how rare each piece is, and
 * keeps for every peer how many of its pieces we lack and how many of those nobody works on.
 */
import { assert } from "../util/assert.ts";
import type { PieceOrder } from "./piece_order.ts";
import { type DownloadPeer, isWanted, MISSING } from "./piece_types.ts";

export class Holders {
  readonly #peers = new Set<DownloadPeer>();
  readonly #bySlot: (DownloadPeer | undefined)[] = [];
  /** The state of each piece: the piece manager's, only read here. */
  readonly #state: Uint8Array;
  readonly #picker: PieceOrder;

  constructor(state: Uint8Array, picker: PieceOrder) {
    this.#state = state;
    this.#picker = picker;
  }

  get peers(): ReadonlySet<DownloadPeer> {
    return this.#peers;
  }

  inSlot(slot: number): DownloadPeer {
    return this.#bySlot[slot]!;
  }

  /** Peers that have everything, as known from their bitfield. */
  get seeds(): number {
    let count = 0;
    for (const peer of this.#peers) if (peer.isSeed) count++;
    return count;
  }

  join(peer: DownloadPeer): void {
    this.#bySlot[peer.slot] = peer;
    this.#peers.add(peer);
  }

  leave(peer: DownloadPeer): void {
    this.#bySlot[peer.slot] = undefined;
    this.#peers.delete(peer);
    if (peer.isSeed) return;
    for (let piece = 0; piece < this.#state.length; piece++) {
      if (peer.have.has(piece)) this.#picker.decrease(piece);
    }
  }

  has(peer: DownloadPeer, piece: number): void {
    this.#picker.increase(piece);
    if (isWanted(this.#state[piece]!)) peer.wanted++;
    if (this.#state[piece] === MISSING) peer.pickable++;
  }

  /** Its whole bitfield is new. Once a connection, so O(pieces) is fine. */
  hasMany(peer: DownloadPeer): void {
    peer.isSeed = peer.have.full;
    for (let piece = 0; piece < this.#state.length; piece++) {
      if (!peer.have.has(piece)) continue;
      if (!peer.isSeed) this.#picker.increase(piece);
      if (isWanted(this.#state[piece]!)) peer.wanted++;
      if (this.#state[piece] === MISSING) peer.pickable++;
    }
  }

  lost(peer: DownloadPeer, piece: number): void {
    if (peer.isSeed) {
      peer.isSeed = false;
      for (let p = 0; p < this.#state.length; p++) if (p !== piece) this.#picker.increase(p);
    } else this.#picker.decrease(piece);
    if (isWanted(this.#state[piece]!)) peer.wanted--;
    if (this.#state[piece] === MISSING) peer.pickable--;
  }

  /** The piece became pickable (1) or is it no more (-1). */
  countPickable(piece: number, by: 1 | -1): void {
    for (const peer of this.#peers) if (peer.have.has(piece)) peer.pickable += by;
  }

  /** The piece is to come (1), or is here or not wanted now (-1). */
  countWanted(piece: number, by: 1 | -1): void {
    for (const peer of this.#peers) if (peer.have.has(piece)) peer.wanted += by;
  }

  /** For tests: throws if the counts do not add up. */
  checkInvariants(): void {
    for (const peer of this.#peers) {
      let wanted = 0, pickable = 0;
      for (let piece = 0; piece < this.#state.length; piece++) {
        if (!peer.have.has(piece)) continue;
        if (isWanted(this.#state[piece]!)) wanted++;
        if (this.#state[piece] === MISSING) pickable++;
      }
      assert(wanted === peer.wanted, `what we want of the peer in slot ${peer.slot} adds up`);
      assert(pickable === peer.pickable, `what can be begun with slot ${peer.slot} adds up`);
    }
  }
}
