/**
 * A peer's announcements of its pieces before we know the torrent, kept until then, and
 * placeholders for the torrent. Bounded: one bitfield of the largest torrent, and a limited number
 * of indices.
 */
import { Bitfield } from "../../util/bitfield.ts";
import { ProtocolError } from "../../util/errors.ts";
import { Layout, MAX_PIECES } from "../../metainfo/layout.ts";
import { HAVE, HAVE_ALL, HAVE_NONE, type WireSink } from "../../wire/peer_wire.ts";
import type { BlockBook } from "./download_side.ts";

/** The most HAVEs, and allowed or suggested pieces, that are kept: later ones are ignored. */
const MAX_HAVES = 4096, MAX_ADVICE = 64;

/** A torrent of one piece that no peer has. */
export const NO_LAYOUT = new Layout(1, [{ length: 1, pad: false }]);
export const NO_BOOK: BlockBook = {
  have: new Bitfield(1),
  states: { version: 0 },
  ledger: { work: { steps: 0 }, latency: { add() {} }, waste() {} },
  blocks: {
    targetAt: 0,
    next: () => -1,
    nextOf: () => -1,
    nextDuplicate: () => -1,
    release() {},
    abandon() {},
    target: () => null,
    arrived: () => false,
  },
  holders: { has() {}, hasMany() {}, hasAll() {}, lost() {} },
};

/**
 * Replaces pieces that are unavailable, as without their disk: we have none and request nothing.
 */
export function absentBook(pieceCount: number): BlockBook {
  const holders: BlockBook["holders"] = {
    ...NO_BOOK.holders,
    hasAll: (peer) => peer.have.setAll(),
  };
  return { ...NO_BOOK, have: new Bitfield(pieceCount), holders };
}

export class EarlyPieces {
  #bitfield: Uint8Array | null = null;
  /** HAVE_ALL or HAVE_NONE, if it sent one of them. */
  #signal: number | null = null;
  readonly #haves = new Set<number>();
  readonly #advice: [id: number, piece: number][] = [];

  onSignal(id: number): void {
    const told = this.#bitfield !== null || this.#signal !== null;
    if (id === HAVE_NONE && told) {
      throw new ProtocolError("late-have-none", "HAVE_NONE came too late");
    }
    this.#signal = id;
  }

  /** `bytes` are borrowed. */
  onBitfield(bytes: Uint8Array): void {
    this.#bitfield = bytes.slice();
  }

  onNumber(id: number, piece: number): void {
    if (piece >= MAX_PIECES) throw new ProtocolError("bad-piece", `There is no piece ${piece}`);
    if (id !== HAVE) {
      if (this.#advice.length < MAX_ADVICE) this.#advice.push([id, piece]);
    } else if (this.#haves.size < MAX_HAVES) this.#haves.add(piece);
  }

  onDontHave(piece: number): void {
    this.#haves.delete(piece);
    const byte = this.#bitfield?.[piece >> 3];
    if (byte !== undefined) this.#bitfield![piece >> 3] = byte & ~(0x80 >> (piece & 7));
  }

  /** Replays them all. Throws a ProtocolError if they do not fit a torrent of this bitfield. */
  replay(to: Pick<WireSink, "onSignal" | "onBitfield" | "onNumber">, bitfieldBytes: number): void {
    const bitfield = this.#bitfield;
    if (bitfield !== null && bitfield.length !== bitfieldBytes) {
      throw new ProtocolError("bad-bitfield", `A bitfield cannot be ${bitfield.length} bytes long`);
    }
    if (this.#signal === HAVE_NONE) to.onSignal(HAVE_NONE);
    if (bitfield !== null) to.onBitfield(bitfield);
    for (const piece of this.#haves) to.onNumber(HAVE, piece);
    if (this.#signal === HAVE_ALL) to.onSignal(HAVE_ALL);
    for (const [id, piece] of this.#advice) to.onNumber(id, piece);
  }
}
