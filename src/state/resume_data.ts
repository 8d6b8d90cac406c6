/**
 * The saved progress of a torrent; the user's wish is elsewhere. None of it is trusted:
 * state/trust.ts compares it with the disk. Plain data; resume_codec.ts encodes it.
 */
import type { FileIdentity, Stamp } from "../storage/stamps.ts";
import type { Bitfield } from "../util/bitfield.ts";
import type { PeerAddress } from "../util/compact_address.ts";

/** Blocks of an incomplete piece; they are on the disk, but not verified by a hash. */
export interface PartialPiece {
  readonly piece: number;
  readonly blocks: Bitfield;
}

export interface ResumeTotals {
  /** Payload bytes over all runs. */
  uploaded: number;
  downloaded: number;
  /** Over all runs. */
  seedingSeconds: number;
  activeSeconds: number;
}

/** It lets a restart be the same peer to a tracker that remembers the first run. */
export interface KeptIdentity {
  /** 20 bytes. */
  peerId: Uint8Array;
  /** 32 bits. */
  trackerKey: number;
}

export interface ResumeData {
  /** 20 bytes. */
  infoHash: Uint8Array;
  name: string;
  /** Absolute: the folder that holds the torrent's file or top folder. */
  dir: string;
  /** The disk of `dir`, as `Files.diskOf` names it; empty: unknown. */
  disk: string;
  /** Files that were renamed: index in the torrent's list and path below `dir`. */
  renamed: ReadonlyMap<number, readonly string[]>;
  /** A move that has begun: each file is in its old place or in this new one. */
  moving: { dir: string; renamed: ReadonlyMap<number, readonly string[]> } | null;
  /** Verified pieces whose bytes were all synced before this was written. */
  have: Bitfield;
  partial: readonly PartialPiece[];
  totals: ResumeTotals;
  /** Seconds since 1970; 0 until it is complete. */
  completedAt: number;
  /** Our identity for trackers and peers. */
  identity: KeptIdentity | null;
  /** Peers that served well: the first MAX_GOOD_PEERS are kept. */
  goodPeers: readonly PeerAddress[];
  /** The first MAX_BANNED_PEERS are kept. Port 0: the whole address. */
  bannedPeers: readonly (PeerAddress & { reason: string })[];
  /**
   * By index in the torrent's list: the files that we created or took over, and so may write to,
   * whatever they hold. Files on disks without identities are left out.
   */
  owned: ReadonlyMap<number, FileIdentity>;
  /** One for each file of the torrent's list; undefined for pads. */
  stamps: readonly Stamp[];
  /** The stamp of the part file. */
  partsStamp: Stamp;
  /** Milliseconds since 1970 when `stamps` and `have` were taken. */
  savedAtMs: number;
}

export const MAX_GOOD_PEERS = 200;
export const MAX_BANNED_PEERS = 500;
