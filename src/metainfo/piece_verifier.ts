/**
 * Which bytes are right for a piece. All code that hashes pieces, in memory or on the disk, asks
 * here, so another kind of torrent is another verifier: with v2 the digest is the root over leaves
 * of 16 KiB, one more algorithm of the hasher.
 */
import type { HashAlgorithm } from "../platform/types.ts";

export interface PieceVerifier {
  /** The algorithm of a piece's digest. */
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
