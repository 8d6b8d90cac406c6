/** How a torrent stands right now, as plain data for people and scripts. */
import { DownloadLedger } from "../torrent/download_ledger.ts";
import type { Torrent } from "../torrent/torrent.ts";
import type { TorrentPeers } from "../torrent/peers.ts";
import type { Member } from "../torrent/swarm.ts";
import { sourceNames } from "../torrent/pool_peer.ts";
import { ShoalError } from "../util/errors.ts";
import { nameOfPeerId } from "../protocol/peer_id.ts";
import type { TorrentState } from "../torrent/types.ts";
import type { QuotaSpent } from "./quota.ts";
import { metricsOf, type RunTotals, runTotals } from "./run_totals.ts";
import type { PeerSnapshot, TorrentSnapshot } from "./types.ts";

/** A torrent as its client sees it. */
export interface ShownTorrent {
  readonly infoHash: string;
  readonly name: string;
  readonly options: { readonly dir: string };
  readonly state: TorrentState;
  readonly error: Error | null;
  readonly quotaSpent: QuotaSpent | null;
  /** The one at work, or the last one; null while there is none yet. */
  readonly engine: Torrent | null;
  /** Of the engines before that one; null while there was none. */
  readonly earlier: RunTotals | null;
  readonly peers: TorrentPeers;
}

export function snapshotOf(life: ShownTorrent): TorrentSnapshot {
  const { infoHash, name, state, error, engine, earlier, peers, quotaSpent } = life;
  return {
    infoHash,
    name,
    ...savedAs(engine),
    dir: shownDir(life),
    state,
    ...(engine === null ? nothingYet(peers) : engineSnapshot(engine, earlier)),
    ...(quotaSpent === null ? {} : { quotaSpent }),
    error: error === null ? null : {
      code: error instanceof ShoalError ? error.code : "internal",
      message: error.message,
    },
  };
}

/** As the user wrote it, unless the files are somewhere else. */
function shownDir({ options, engine }: ShownTorrent): string {
  if (engine === null || engine.storage.dir === engine.options.absoluteDir) return options.dir;
  return engine.storage.dir;
}

function savedAs(engine: Torrent | null): { savedAs?: string } {
  if (engine === null || engine.arrangement.renamed.size === 0) return {};
  const { meta, arrangement } = engine;
  const path = arrangement.renamed.get(meta.files.findIndex(({ pad }) => !pad));
  if (path === undefined) return {};
  const name = meta.singleFile ? path.join("/") : path[0]!;
  return name === meta.name ? {} : { savedAs: name };
}

type EngineSnapshot = Omit<
  TorrentSnapshot,
  "infoHash" | "name" | "savedAs" | "dir" | "state" | "error" | "quotaSpent"
>;

function engineSnapshot(torrent: Torrent, before: RunTotals | null): EngineSnapshot {
  const { meta, pieces, state } = torrent;
  const { downloaded, uploaded, metrics } = runTotals(torrent, before), { wasted } = metrics;
  const { total, connecting, connected, banned } = torrent.pool.stats();
  const members = [...torrent.swarm.members];
  const downRate = sum(members, (member) => member.session.down.rate);
  const { leftBytes } = pieces;
  return {
    size: meta.size,
    wanted: torrent.arrangement.choice.wantedBytes,
    have: torrent.have,
    left: torrent.left,
    pieces: meta.layout.pieceCount,
    piecesHave: pieces.have.count,
    checked: torrent.checkedFraction ??
      (state === "checking" ? 0 : state === "verifying" ? 1 : null),
    downloaded,
    uploaded,
    totals: torrent.totalsEver,
    wasted: wasted.failed + wasted.duplicate + wasted.unasked,
    hashFailures: metrics.pieces.failed,
    metrics,
    downRate,
    upRate: sum(members, (member) => member.session.up.rate),
    etaSeconds: leftBytes > 0 && downRate > 0 ? leftBytes / downRate : null,
    peers: { connected, connecting, known: total, banned },
    seeds: members.filter((member) => member.session.have.full).length,
    heldBackBy: torrent.heldBackBy,
    trackers: torrent.trackers.snapshot(),
    peerList: members.map((member) => peerSnapshot(member, torrent.now)),
  };
}

function nothingYet({ pool, swarm, trackers, now }: TorrentPeers): EngineSnapshot {
  const { total, connecting, connected, banned } = pool.stats();
  return {
    size: 0,
    wanted: 0,
    have: 0,
    left: 0,
    pieces: 0,
    piecesHave: 0,
    checked: null,
    downloaded: 0,
    uploaded: 0,
    totals: { downloaded: 0, uploaded: 0 },
    wasted: 0,
    hashFailures: 0,
    metrics: metricsOf(new DownloadLedger(0)),
    downRate: 0,
    upRate: 0,
    etaSeconds: null,
    peers: { connected, connecting, known: total, banned },
    seeds: 0,
    heldBackBy: connected > 0 ? "nothing" : connecting > 0 ? "connecting" : "no-peers",
    trackers: trackers.snapshot(),
    peerList: [...swarm.members].map((member) => peerSnapshot(member, now)),
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
