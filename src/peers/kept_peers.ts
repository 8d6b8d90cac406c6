/** The peers to remember for the next run: good ones and banned ones. */
import type { PeerAddress } from "../util/compact_address.ts";
import type { PeerBook } from "./peer_book.ts";
import { PEER_SOURCE, PEER_STATE, type PoolPeer } from "./pool_peer.ts";

/** A banned peer; port 0 means its whole address. */
export type KeptBan = PeerAddress & { reason: string };

/** The banned peers, for a next run. */
export function bansOf({ list: { addressBans, endpointBans } }: PeerBook): KeptBan[] {
  return [
    ...addressBans.map(({ address, banReason }) => ({ address, port: 0, reason: banReason! })),
    ...endpointBans.map(({ address, port, banReason }) => {
      return { address, port, reason: banReason! };
    }),
  ];
}

/**
 * Peers that were connected once and can be dialled, best first; then those of an earlier run that
 * this one has not reached yet, as a short run would forget them all.
 */
export function goodPeersOf({ list, config }: PeerBook, limit: number): PoolPeer[] {
  const good = [...list.values()].filter((peer) =>
    (peer.everConnected || (peer.sources & PEER_SOURCE.RESUME) !== 0) &&
    peer.connectable && peer.state !== PEER_STATE.BANNED &&
    peer.dials.failCount < config.maxFailcount
  );
  const reached = (peer: PoolPeer) => Number(peer.everConnected);
  return good.sort((a, b) =>
    reached(b) - reached(a) || b.rank - a.rank || b.lastConnected - a.lastConnected
  ).slice(0, limit);
}
