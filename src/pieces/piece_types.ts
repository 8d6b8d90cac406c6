/** The states and ports that the piece manager and its parts share with the torrent. */
import type { Bitfield } from "../util/bitfield.ts";

/**
 * States of a piece. From OPEN to STORING it has a buffer: blocks are arriving, all have arrived
 * and are being hashed, the hash was right and the piece is being stored. A skipped piece is
 * missing and may stay so.
 */
export const MISSING = 0, OPEN = 1, HASHING = 2, STORING = 3, HAVE = 4, SKIPPED = 5;

/** Whether a piece in this state is still to come. */
export function isWanted(state: number): boolean {
  return state < HAVE;
}

/** The manager's view of a connected peer. */
export interface DownloadPeer {
  /** A small number, unique among the connected. */
  readonly slot: number;
  /** Identifies the peer's address beyond this connection; never 0. */
  readonly key: number;
  readonly have: Bitfield;
  readonly snubbed: boolean;
  /** It has sent whole blocks; if absent, not yet. */
  readonly delivers?: boolean;
  /** Requests that count, including the one being answered. */
  readonly outstanding: number;
  /** Its pieces that we lack, and those of them that can be picked. Kept by the manager. */
  wanted: number;
  pickable: number;
  /** It counts as having everything, less the pieces that it lacks. */
  countsWhole: boolean;
  /** Bytes a second that it sends; if absent, unknown. */
  readonly down?: { readonly rate: number };
  /** Its requests; if absent, they cannot be taken back together. */
  readonly window?: {
    /** The time of its last block, or of the first request since; null if it owes no block. */
    readonly waitingSince: number | null;
    releaseAll(
      release: (piece: number, block: number) => void,
      keep: (piece: number) => boolean,
    ): void;
  };
  /** 16 KiB for blocks that another peer is sending too. */
  readonly scratch: Uint8Array;
  hasAsked(piece: number, block: number): boolean;
  /** The block arrived from another peer: sends CANCEL. */
  cancelRequest(piece: number, block: number): void;
  /** The rest of its incoming block is not needed. */
  dropIncoming(): void;
}

/**
 * Steps so far through pieces, blocks and peers, each worth a few nanoseconds. They show which
 * peer's messages cost more than they are worth.
 */
export interface Work {
  steps: number;
}

/** Reports about pieces to the torrent. */
export interface PieceEvents {
  /**
   * `bytes` match their hash: write them. They do not change until the returned promise, if any, is
   * settled, and only then the piece counts as ours. If it throws or rejects, the piece is MISSING
   * again.
   */
  store(piece: number, bytes: Uint8Array): void | Promise<void>;
  /** What `store` threw or rejected with. */
  storeFailed(error: unknown): void;
  /** A hash or a store ended outside any peer's turn, and was reported: settle now. */
  settle(): void;
  /** The piece is stored and counts as ours. */
  verified(piece: number): void;
  failed(piece: number, contributors: number[]): void;
  /**
   * These peers sent good blocks of a piece. Called only once a piece has failed: before that, it
   * does not matter.
   */
  helped?(contributors: number[]): void;
  /** This peer sent wrong bytes, beyond doubt. */
  guilty(key: number, piece: number): void;
}

export interface PieceOptions {
  /** The memory for open pieces in bytes; two are always allowed if one fits. */
  budgetBytes: number;
  /** Open pieces that one peer may work on at once. */
  piecesPerPeer: number;
  sequential: boolean;
}
