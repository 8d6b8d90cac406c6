/**
 * The connected peers of a torrent and their pieces: tells the picker how rare each piece is, and
 * counts for every peer how many of its pieces we lack, and how many of those nobody works on. A peer
 * with more than half of the pieces is counted as having all of them, less what it lacks: so a seed
 * costs nothing, and a peer that sends HAVE_ALL and withdraws a piece, again and again, costs one
 * step each time.
 */
import { assert } from "../util/assert.ts";
import type { PieceOrder } from "./piece_order.ts";
import type { StateTable } from "./state_table.ts";
import { type DownloadPeer, isWanted, MISSING, type Work } from "./piece_types.ts";

export class Holders {
  readonly #peers = new Set<DownloadPeer>();
  readonly #bySlot: (DownloadPeer | undefined)[] = [];
  /** Only read here. */
  readonly #states: StateTable;
  readonly #picker: PieceOrder;
  readonly #work: Work;
  #whole = 0;

  constructor(states: StateTable, picker: PieceOrder, work: Work = { steps: 0 }) {
    this.#states = states;
    this.#picker = picker;
    this.#work = work;
  }

  get peers(): ReadonlySet<DownloadPeer> {
    return this.#peers;
  }

  inSlot(slot: number): DownloadPeer {
    return this.#bySlot[slot]!;
  }

  /** Peers that have the piece. */
  availabilityOf(piece: number): number {
    return this.#picker.availabilityOf(piece) + this.#whole;
  }

  join(peer: DownloadPeer): void {
    this.#bySlot[peer.slot] = peer;
    this.#peers.add(peer);
  }

  leave(peer: DownloadPeer): void {
    this.#bySlot[peer.slot] = undefined;
    this.#peers.delete(peer);
    this.#uncount(peer);
  }

  /** The peer announced one more piece, which its bitfield has already. */
  has(peer: DownloadPeer, piece: number): void {
    this.#work.steps++;
    this.#picker.increase(piece);
    this.#noteState(peer, piece, 1);
  }

  /** The peer lost a piece (BEP 54), which its bitfield no longer has. */
  lost(peer: DownloadPeer, piece: number): void {
    this.#work.steps++;
    this.#picker.decrease(piece);
    this.#noteState(peer, piece, -1);
  }

  /** The peer's bitfield was empty, and is now announced as a whole. O(pieces). */
  hasMany(peer: DownloadPeer): void {
    const { have } = peer;
    if (have.full) return this.#countWhole(peer);
    have.forEachSet((piece) => this.#noteState(peer, piece, 1));
    this.#work.steps += have.count;
    this.#count(peer, 2 * have.count > have.length);
  }

  /** The peer has everything, whatever it had: fills its bitfield. O(pieces that it had), quick. */
  hasAll(peer: DownloadPeer): void {
    this.#work.steps += peer.have.length / 256;
    this.#uncount(peer);
    peer.have.setAll();
    this.#countWhole(peer);
  }

  #countWhole(peer: DownloadPeer): void {
    peer.wanted = this.#states.wantedLeft;
    peer.pickable = this.#picker.length;
    this.#count(peer, true);
  }

  #count(peer: DownloadPeer, whole: boolean): void {
    peer.countsWhole = whole;
    if (whole) this.#whole++;
    this.#shift(peer, 1);
  }

  #uncount(peer: DownloadPeer): void {
    this.#shift(peer, -1);
    if (peer.countsWhole) this.#whole--;
    peer.countsWhole = false;
  }

  /** The peer's pieces count (1), or no longer count (-1). */
  #shift({ have, countsWhole }: DownloadPeer, by: 1 | -1): void {
    if (countsWhole) {
      const lacks = have.length - have.count;
      this.#picker.shift((visit) => have.forEachClear(visit), lacks, by > 0 ? -1 : 1);
    } else this.#picker.shift((visit) => have.forEachSet(visit), have.count, by);
  }

  #noteState(peer: DownloadPeer, piece: number, by: 1 | -1): void {
    const state = this.#states.of(piece);
    if (isWanted(state)) peer.wanted += by;
    if (state === MISSING) peer.pickable += by;
  }

  /** The piece became pickable (1), or no longer is (-1). */
  countPickable(piece: number, by: 1 | -1): void {
    this.#work.steps += this.#peers.size;
    for (const peer of this.#peers) if (peer.have.has(piece)) peer.pickable += by;
  }

  /** The piece is missing and wanted (1), or no longer (-1). */
  countWanted(piece: number, by: 1 | -1): void {
    for (const peer of this.#peers) if (peer.have.has(piece)) peer.wanted += by;
  }

  /** For tests: throws if the counts do not add up. O(peers * pieces). */
  checkInvariants(): void {
    for (let piece = 0; piece < this.#states.all.length; piece++) {
      let copies = 0;
      for (const peer of this.#peers) if (peer.have.has(piece)) copies++;
      assert(copies === this.availabilityOf(piece), `the copies of piece ${piece} add up`);
    }
    for (const peer of this.#peers) {
      let wanted = 0, pickable = 0;
      peer.have.forEachSet((piece) => {
        if (isWanted(this.#states.of(piece))) wanted++;
        if (this.#states.of(piece) === MISSING) pickable++;
      });
      assert(wanted === peer.wanted, `what we want of the peer in slot ${peer.slot} adds up`);
      assert(pickable === peer.pickable, `what can be begun with slot ${peer.slot} adds up`);
    }
  }
}
