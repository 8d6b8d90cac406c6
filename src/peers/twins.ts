/**
 * One peer under two addresses, IPv4 and IPv6: while it is connected under one, the other is not
 * dialled. The same peer id and the same listening port at both show it: an id alone can be copied
 * by any peer that has met its owner.
 */
import { equalBytes } from "../util/bytes.ts";
import type { PeerBook } from "./peer_book.ts";
import type { PoolPeer } from "./pool_peer.ts";

/** The connected entry of the same peer under an address of the other family. */
export function twinAmong(connected: Iterable<PoolPeer>, peer: PoolPeer): PoolPeer | undefined {
  for (const other of connected) if (areTwins(peer, other)) return other;
  return undefined;
}

/** Whether two entries are one peer under an IPv4 and an IPv6 address. */
export function areTwins(a: PoolPeer, b: PoolPeer): boolean {
  if (a.peerId === null || b.peerId === null || a.bytes.length === b.bytes.length) return false;
  const mayListen = a.port === b.port || !a.connectable || !b.connectable;
  return mayListen && equalBytes(a.peerId, b.peerId);
}

/** Remembers that these two are one peer, and no other is. */
export function pair(book: PeerBook, a: PoolPeer, b: PoolPeer): void {
  if (a.twin === b) return;
  unpair(book, a);
  unpair(book, b);
  a.twin = b;
  b.twin = a;
}

/** Its twin, if it has one, is a different peer from now on. */
export function unpair(book: PeerBook, peer: PoolPeer): void {
  const { twin } = peer;
  if (twin === null) return;
  peer.twin = twin.twin = null;
  book.refresh(twin);
}
