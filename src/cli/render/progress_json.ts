/** One torrent's state as the "progress" event of --json: plain numbers, of bounded length. */
import type { PeerSnapshot, TorrentSnapshot } from "../../client/types.ts";

/** Peers in one event at most; `peers.connected` counts all. */
const PEERS_MOST = 50;

/** Bytes and rates are whole; docs/json.md describes every field. */
export function progressOf(torrent: TorrentSnapshot) {
  const { infoHash, state, have, size, wanted, left, checked, downloaded, uploaded, wasted } =
    torrent;
  const { etaSeconds, peers, seeds, heldBackBy, quotaSpent, totals, metrics } = torrent;
  return {
    infoHash,
    state,
    have,
    size,
    wanted,
    left,
    checked,
    downloaded,
    uploaded,
    wasted,
    downRate: Math.round(torrent.downRate),
    upRate: Math.round(torrent.upRate),
    etaSeconds: etaSeconds === null ? null : Math.round(etaSeconds),
    peers,
    seeds,
    heldBackBy,
    quotaSpent: quotaSpent === undefined ? null : {
      ...quotaSpent,
      until: Math.round(quotaSpent.until / 1000),
    },
    totals,
    ratio: wanted > 0 ? toFourPlaces(totals.uploaded / wanted) : null,
    metrics,
    peerList: busiest(torrent.peerList).map(peerAsData),
  };
}

/** By what moves now, then by what has moved. */
function busiest(peers: readonly PeerSnapshot[]): PeerSnapshot[] {
  const byRate = (peer: PeerSnapshot) => peer.downRate + peer.upRate;
  const byBytes = (peer: PeerSnapshot) => peer.downloaded + peer.uploaded;
  return peers.toSorted((a, b) => byRate(b) - byRate(a) || byBytes(b) - byBytes(a))
    .slice(0, PEERS_MOST);
}

function peerAsData(peer: PeerSnapshot): PeerSnapshot {
  return {
    ...peer,
    progress: toFourPlaces(peer.progress),
    downRate: Math.round(peer.downRate),
    upRate: Math.round(peer.upRate),
    seconds: Math.round(peer.seconds),
    averageDownRate: Math.round(peer.averageDownRate),
    averageUpRate: Math.round(peer.averageUpRate),
  };
}

function toFourPlaces(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
