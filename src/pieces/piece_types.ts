/** What the piece manager and its parts share with the rest of a torrent: states and ports. */
import type { Bitfield } from "../util/bitfield.ts";

/**
 * States of a piece. Those from OPEN to STORING hold a buffer: blocks are coming, all came and are
 * being hashed, the hash was right and the disk is taking them. A skipped one is missing, and may be.
 */
export const MISSING = 0, OPEN = 1, HASHING = 2, STORING = 3, HAVE = 4, SKIPPED = 5;

/** Whether a piece in this state is still to come. */
export function isWanted(state: number): boolean {
  return state < HAVE;
}

/** What the manager needs of a connected peer. */
export interface DownloadPeer {
  /** A small number, unique among the connected. */
  readonly slot: number;
  /** Names the peer's address beyond this connection; never 0. */
  readonly key: number;
  readonly have: Bitfield;
  readonly snubbed: boolean;
  /** It has sent whole blocks; absent counts as not yet. */
  readonly delivers?: boolean;
  /** Requests that count, with the one that is being answered. */
  readonly outstanding: number;
  /** Pieces it has that we lack; those of them that can be picked. Kept by the manager. */
  wanted: number;
  pickable: number;
  /** It is counted as one that has everything, less the pieces that it lacks. */
  countsWhole: boolean;
  /** 16 KiB for blocks that another peer is sending too. */
  readonly scratch: Uint8Array;
  hasAsked(piece: number, block: number): boolean;
  /** The block came from elsewhere: sends CANCEL. */
  cancelRequest(piece: number, block: number): void;
  /** The rest of the block that it is sending is not wanted. */
  dropIncoming(): void;
}

/**
 * Steps through pieces, blocks and peers that were taken so far, each worth a few nanoseconds. Who
 * makes a peer's message cost more than it is worth is found by it.
 */
export interface Work {
  steps: number;
}

/** What happens to pieces, told to the torrent. */
export interface PieceEvents {
  /**
   * `bytes` match their hash: write them. They do not change before the promise, if one is returned,
   * is settled; the piece counts as had only then. If it throws or rejects, it is MISSING again.
   */
  store(piece: number, bytes: Uint8Array): void | Promise<void>;
  /** What `store` threw or rejected with. */
  storeFailed(error: unknown): void;
  /** A hash or a store ended by itself, outside any peer's turn, and was told: settle now. */
  settle(): void;
  /** The piece is stored and counts as had. */
  verified(piece: number): void;
  failed(piece: number, contributors: number[]): void;
  /**
   * These sent good blocks of a piece. Called only after a piece failed: before, it does not
   * matter.
   */
  helped?(contributors: number[]): void;
  /** This peer sent wrong bytes, beyond doubt. */
  guilty(key: number, piece: number): void;
}

export interface PieceOptions {
  /** Bytes that open pieces may hold together; two are always allowed if one fits. */
  budgetBytes: number;
  /** Open pieces that one peer may work on at once. */
  piecesPerPeer: number;
  sequential: boolean;
}
