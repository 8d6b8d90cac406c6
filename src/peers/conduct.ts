/** How a peer behaved while it was connected, and what follows for it. */
import type { PeerBook } from "./peer_book.ts";
import type { PoolPeer } from "./pool_peer.ts";

/** After this many good pieces a peer's trust cannot grow. */
const MAX_TRUST = 8;

/** Adds payload bytes received from and sent to a peer; a useful peer has not failed. */
export function noteTransfer(
  book: PeerBook,
  peer: PoolPeer,
  downloaded: number,
  uploaded: number,
): void {
  if (downloaded <= 0 && uploaded <= 0) return;
  const changesRank = peer.dials.failCount > 0 || peer.dials.slow ||
    (peer.conduct.downloaded === 0 && downloaded > 0);
  peer.conduct.downloaded += downloaded;
  peer.conduct.uploaded += uploaded;
  peer.dials.failCount = peer.dials.tries = 0;
  peer.dials.slow = false;
  if (changesRank) book.refresh(peer);
}

/** Whether it has all pieces, as far as it told us. */
export function noteSeed(book: PeerBook, peer: PoolPeer, seed: boolean): void {
  peer.seed = seed;
  book.refresh(peer);
}

/** A piece with a block of this peer failed. True when too little trust is left: ban it. */
export function noteHashFailure(book: PeerBook, peer: PoolPeer): boolean {
  const { banTrust } = book.config;
  peer.conduct.hashFails++;
  peer.conduct.trust = Math.max(banTrust, peer.conduct.trust - 2);
  book.refresh(peer);
  return peer.conduct.trust <= banTrust;
}

/** A piece with a block of this peer passed. */
export function noteGoodPiece(peer: PoolPeer): void {
  peer.conduct.trust = Math.min(MAX_TRUST, peer.conduct.trust + 1);
}
