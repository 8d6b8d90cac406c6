/** Peers and their sources, as torrent-get shows them. */
import type { PeerSnapshot } from "../../client/types.ts";

export function peerRow(peer: PeerSnapshot): Record<string, unknown> {
  const { address, port, client, incoming, progress } = peer;
  return {
    address,
    port,
    clientName: client,
    clientIsChoked: peer.choking,
    clientIsInterested: peer.interested,
    peerIsChoked: peer.choked,
    peerIsInterested: peer.peerInterested,
    flagStr: flagsOf(peer),
    isDownloadingFrom: isDownloading(peer),
    isUploadingTo: isUploading(peer),
    isEncrypted: false,
    isIncoming: incoming,
    isUTP: false,
    progress,
    rateToClient: Math.round(peer.downRate),
    rateToPeer: Math.round(peer.upRate),
    bytes_to_client: peer.downloaded,
    bytes_to_peer: peer.uploaded,
  };
}

/** The peer sends us data. */
export function isDownloading(peer: PeerSnapshot): boolean {
  return peer.interested && !peer.choking && peer.downRate >= 1;
}

/** We send the peer data. */
export function isUploading(peer: PeerSnapshot): boolean {
  return peer.peerInterested && !peer.choked && peer.upRate >= 1;
}

/** Letters in the order of Transmission. */
function flagsOf(peer: PeerSnapshot): string {
  const { choking, interested, choked, peerInterested, sources, incoming } = peer;
  const flags: [boolean, string][] = [
    [isDownloading(peer), "D"],
    [!isDownloading(peer) && interested, "d"],
    [isUploading(peer), "U"],
    [!isUploading(peer) && peerInterested, "u"],
    [!choking && !interested, "K"],
    [!choked && !peerInterested, "?"],
    [sources.includes("dht"), "H"],
    [sources.includes("pex"), "X"],
    [incoming, "I"],
  ];
  return flags.filter(([has]) => has).map(([, letter]) => letter).join("");
}

/** The names of Transmission for our sources; the one that told first counts. */
const SOURCE_FIELDS: Readonly<Record<string, string>> = {
  tracker: "fromTracker",
  dht: "fromDht",
  pex: "fromPex",
  lsd: "fromLpd",
  manual: "fromLtep",
  incoming: "fromIncoming",
};

export function peersFrom(peers: readonly PeerSnapshot[]): Record<string, number> {
  const counts: Record<string, number> = {
    fromCache: 0,
    fromDht: 0,
    fromIncoming: 0,
    fromLpd: 0,
    fromLtep: 0,
    fromPex: 0,
    fromTracker: 0,
  };
  for (const { sources: [first = ""], incoming } of peers) {
    const field = incoming ? "fromIncoming" : SOURCE_FIELDS[first] ?? "fromCache";
    counts[field] = counts[field]! + 1;
  }
  return counts;
}
