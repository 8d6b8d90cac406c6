/**
 * The missing pieces that are read soon, as by a player, in the order of need, each with the time that is
 * left. The readers set them a few times a second, the choice of blocks asks. A peer is trusted with a
 * block if it sends it in time, or hardly later than the quickest one. They are few, so that a choice
 * stays cheap.
 */
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import type { DownloadPeer } from "./piece_types.ts";

/** The most pieces that are urgent at once. */
export const MAX_URGENT = 64;

/** A peer may be so many times slower than the quickest, or need so many milliseconds. */
const SLOWER = 2, USUAL_MS = 2000;
/** Requests that every peer may have, and the time in which it answers further ones. */
const FEW = 2, LINE_MS = 1000;
/** Bytes a second of a peer that has sent nothing yet. */
const UNKNOWN_RATE = 8 * 1024;
/** From here on its blocks are requested from others. */
const LATE = 3 / 2;

export interface ReadPiece {
  readonly piece: number;
  /** Milliseconds until it is read; 0: somebody waits for it. */
  readonly leadMs: number;
}

export interface UrgentPiece extends ReadPiece {
  /** A block of it may take so long. */
  readonly mayTakeMs: number;
}

export class UrgentPieces {
  #list: readonly UrgentPiece[] = [];
  #now = 0;

  get length(): number {
    return this.#list.length;
  }

  /** In the order of need. */
  get all(): readonly UrgentPiece[] {
    return this.#list;
  }

  has(piece: number): boolean {
    return this.#list.some((each) => each.piece === piece);
  }

  /** `list` is in the order of need; its first `MAX_URGENT` count. `peers`: the connected ones. */
  set(list: readonly ReadPiece[], peers: ReadonlySet<DownloadPeer>, now: number): void {
    this.#now = now;
    const holders = [...peers].map((peer) => ({ peer, ms: this.#delayMs(peer, 1) }));
    this.#list = list.slice(0, MAX_URGENT).map(({ piece, leadMs }) => {
      let best = Infinity;
      for (const { peer, ms } of holders) if (ms < best && peer.have.has(piece)) best = ms;
      return { piece, leadMs, mayTakeMs: Math.max(leadMs, SLOWER * best, USUAL_MS) };
    });
  }

  /** Whether one more block of the piece may be requested from the peer. */
  isInTime(peer: DownloadPeer, { mayTakeMs }: UrgentPiece): boolean {
    return this.#delayMs(peer, 1) <= mayTakeMs;
  }

  /** What the peer owes comes far too late for the piece, and another would be quicker. */
  isLate(peer: DownloadPeer, { mayTakeMs }: UrgentPiece): boolean {
    return this.#delayMs(peer, 0) > LATE * mayTakeMs;
  }

  /** What is needed at once would wait for too long behind what the peer owes. */
  hasLongLine(peer: DownloadPeer): boolean {
    return peer.outstanding >= FEW && this.#delayMs(peer, 1) > LINE_MS;
  }

  /**
   * Until what it owes and `more` blocks have arrived: at its present rate, but one that was silent
   * stays so for as long again.
   */
  #delayMs(peer: DownloadPeer, more: number): number {
    if (peer.snubbed) return Infinity;
    const ms = (peer.outstanding + more) * BLOCK_LENGTH * 1000 / (peer.down?.rate || UNKNOWN_RATE);
    return Math.max(ms, this.#now - (peer.window?.waitingSince ?? this.#now));
  }
}
