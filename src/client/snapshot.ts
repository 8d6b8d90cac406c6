/** How a torrent stands right now, as plain data for people and scripts. */
import type { DownloadLedger } from "../torrent/download_ledger.ts";
import type { Torrent } from "../torrent/torrent.ts";
import type { Member } from "../torrent/swarm.ts";
import { sourceNames } from "../torrent/pool_peer.ts";
import { ShoalError } from "../util/errors.ts";
import { toHex } from "../util/bytes.ts";
import { nameOfPeerId } from "../protocol/peer_id.ts";
import type { PeerSnapshot, TorrentSnapshot } from "./types.ts";

export function snapshotOf(torrent: Torrent): TorrentSnapshot {
  const { meta, pieces, state, error } = torrent;
  const { uploaded, downloaded, left } = torrent.totals;
  const { total, connecting, connected, banned } = torrent.pool.stats();
  const members = [...torrent.swarm.members];
  const downRate = sum(members, (member) => member.session.down.rate);
  return {
    infoHash: toHex(meta.infoHash),
    name: meta.name,
    dir: torrent.options.dir,
    state,
    size: meta.size,
    have: torrent.have,
    pieces: meta.layout.pieceCount,
    piecesHave: pieces.have.count,
    checked: state === "checking" || state === "verifying" ? torrent.checkedFraction : null,
    downloaded,
    uploaded,
    wasted: pieces.wastedBytes,
    hashFailures: pieces.hashFailures,
    metrics: metricsOf(pieces.ledger),
    downRate,
    upRate: sum(members, (member) => member.session.up.rate),
    etaSeconds: left > 0 && downRate > 0 ? left / downRate : null,
    peers: { connected, connecting, known: total, banned },
    seeds: members.filter((member) => member.session.have.full).length,
    heldBackBy: torrent.heldBackBy,
    trackers: torrent.trackers.snapshot(),
    peerList: members.map((member) => peerSnapshot(member, torrent.now)),
    error: error === null ? null : {
      code: error instanceof ShoalError ? error.code : "internal",
      message: error.message,
    },
  };
}

function metricsOf({ started, completed, failed, retried, wasted, latency }: DownloadLedger) {
  return {
    pieces: { started, completed, failed, retried },
    wasted: { ...wasted },
    blockLatency: { upToMs: [...latency.bounds], counts: latency.counts() },
  };
}

function peerSnapshot({ peer, session, incoming }: Member, now: number): PeerSnapshot {
  const seconds = (now - session.connectedAt) / 1000;
  return {
    address: peer.address,
    port: peer.port,
    client: session.client ?? nameOfPeerId(session.info.peerId),
    incoming,
    progress: session.have.count / session.have.length,
    downRate: session.down.rate,
    upRate: session.up.rate,
    seconds,
    averageDownRate: seconds > 0 ? session.down.total / seconds : 0,
    averageUpRate: seconds > 0 ? session.up.total / seconds : 0,
    downloaded: session.down.total,
    uploaded: session.up.total,
    choking: session.peerChoking,
    interested: session.interested,
    choked: session.choking,
    peerInterested: session.peerInterested,
    snubbed: session.snubbed,
    outstanding: session.window.outstanding,
    window: session.window.size,
    sources: sourceNames(peer.sources),
  };
}

function sum(members: Member[], of: (member: Member) => number): number {
  return members.reduce((total, member) => total + of(member), 0);
}
