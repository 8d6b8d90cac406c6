/**
 * Which bytes are right for a piece. All who hash pieces ask here, in memory or on the disk, so a
 * torrent of another kind is another verifier: with v2 the digest is the root over leaves of 16 KiB,
 * one more algorithm of the hasher.
 */
import type { HashAlgorithm } from "../platform/types.ts";

export interface PieceVerifier {
  /** What the digest of a piece is made with. */
  readonly algorithm: HashAlgorithm;
  /** Whether the torrent has this digest for the piece. */
  matches(piece: number, digest: Uint8Array): boolean;
}

/** v1: the SHA-1 of each piece, 20 bytes each. */
export function verifierOf({ pieceHashes }: { readonly pieceHashes: Uint8Array }): PieceVerifier {
  return {
    algorithm: "sha1",
    matches(piece, digest) {
      if (digest.length !== 20) return false;
      const at = 20 * piece;
      for (let i = 0; i < 20; i++) if (digest[i] !== pieceHashes[at + i]) return false;
      return true;
    },
  };
}
