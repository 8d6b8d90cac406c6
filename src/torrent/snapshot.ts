/** How a torrent stands right now, as plain data for people and scripts. */
import { DownloadLedger } from "../pieces/download_ledger.ts";
import type { Torrent } from "./torrent.ts";
import type { TorrentPeers } from "./peers.ts";
import type { Member } from "../swarm/swarm.ts";
import { sourceNames } from "../peers/pool_peer.ts";
import { ShoalError } from "../util/errors.ts";
import { nameOfPeerId } from "../wire/peer_id.ts";
import { metricsOf, type RunTotals, runTotals } from "./run_totals.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { Bitfield } from "../util/bitfield.ts";
import { fileChoiceOptions } from "./file_priorities.ts";
import type { AddOptions } from "./options.ts";
import type {
  FileSnapshot,
  PeerSnapshot,
  PiecesSnapshot,
  QuotaSpent,
  TorrentState,
  TorrentStatus,
  TrackerSnapshot,
} from "./types.ts";

/** A torrent as its client sees it. */
export interface ShownTorrent {
  readonly infoHash: string;
  readonly name: string;
  readonly options: Pick<AddOptions, "dir" | "files" | "rename">;
  readonly state: TorrentState;
  readonly error: Error | null;
  readonly quotaSpent: QuotaSpent | null;
  /** Null while it is not known. */
  readonly meta: Metainfo | null;
  /** The one at work, or the last one; null while there is none yet. */
  readonly engine: Torrent | null;
  /** Of the engines before that one; null while there was none. */
  readonly earlier: RunTotals | null;
  /** Of an earlier run, while there was no engine. */
  readonly restored: ResumeData | null;
  readonly peers: TorrentPeers;
}

/** `addedAt` in seconds since 1970; `absolute` as of Files. */
export function statusOf(
  life: ShownTorrent,
  addedAt: number,
  absolute: (path: string) => string,
): TorrentStatus {
  const { infoHash, name, state, error, engine, earlier, quotaSpent } = life;
  return {
    infoHash,
    name,
    ...savedAs(engine),
    dir: shownDir(life),
    state,
    addedAt,
    ...(engine === null ? withoutEngine(life, absolute) : engineStatus(engine, earlier)),
    ...(quotaSpent === null ? {} : { quotaSpent }),
    error: error === null ? null : {
      code: error instanceof ShoalError ? error.code : "internal",
      message: error.message,
    },
  };
}

export function trackersOf({ peers }: ShownTorrent): TrackerSnapshot[] {
  return peers.trackers.snapshot();
}

export function peersOf({ peers: { swarm, now } }: ShownTorrent): PeerSnapshot[] {
  return [...swarm.members].map((member) => peerSnapshot(member, now));
}

/** Null while the metadata is not known. It looks at all pieces. */
export function filesOf(
  life: ShownTorrent,
  absolute: (path: string) => string,
): FileSnapshot[] | null {
  const { meta, engine, options, restored } = life;
  if (meta === null) return null;
  const have = haveOf(life), dir = engine?.storage.dir ?? restored?.dir ?? absolute(options.dir);
  const renamed = engine?.arrangement.renamed ?? restored?.renamed;
  const chosen = fileChoiceOptions(meta, options.files).priorities!;
  return meta.files.flatMap(({ path, length, pad }, index) => {
    if (pad) return [];
    return {
      index,
      name: path.join("/"),
      path: [dir, ...renamed?.get(index) ?? path].join("/"),
      size: length,
      bytesDone: have === null ? 0 : bytesOf(meta.layout, index, have),
      priority: chosen[index]!,
    };
  });
}

/** Null while the metadata is not known. */
export function piecesOf(life: ShownTorrent): PiecesSnapshot | null {
  const { meta } = life;
  if (meta === null) return null;
  const { pieceCount: count, pieceLength: length } = meta.layout;
  const have = haveOf(life)?.bytes.slice() ?? new Uint8Array(Math.ceil(count / 8));
  return { count, length, have };
}

function haveOf({ engine, restored, meta }: ShownTorrent): Bitfield | null {
  if (engine !== null) return engine.pieces.have;
  return restored?.have.length === meta?.layout.pieceCount ? restored?.have ?? null : null;
}

/** Bytes of a file in pieces that are there. */
function bytesOf(layout: Layout, file: number, have: Bitfield): number {
  const range = layout.piecesOf(file), start = layout.fileStart(file);
  if (range === null) return 0;
  let bytes = 0;
  for (let piece = range.first; piece <= range.last; piece++) {
    if (!have.has(piece)) continue;
    const begin = piece * layout.pieceLength, end = begin + layout.lengthOf(piece);
    bytes += Math.min(end, start + layout.files[file]!.length) - Math.max(begin, start);
  }
  return bytes;
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

type Figures = Omit<
  TorrentStatus,
  "infoHash" | "name" | "savedAs" | "dir" | "state" | "error" | "quotaSpent" | "addedAt"
>;

function engineStatus(torrent: Torrent, before: RunTotals | null): Figures {
  const { meta, pieces, state } = torrent;
  const { downloaded, uploaded, metrics } = runTotals(torrent, before), { wasted } = metrics;
  const { total, connecting, connected, banned } = torrent.pool.stats();
  const members = [...torrent.swarm.members];
  const downRate = sum(members, (member) => member.session.down.rate);
  const { leftBytes } = pieces, { completedAt, activeSeconds, seedingSeconds } = torrent.times;
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
    completedAt: completedAt || null,
    activeSeconds,
    seedingSeconds,
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
  };
}

/** As an earlier run left it, or nothing yet. */
function withoutEngine(life: ShownTorrent, absolute: (path: string) => string): Figures {
  const { meta, restored, peers: { pool } } = life;
  const { total, connecting, connected, banned } = pool.stats();
  const files = chosenFiles(life, absolute), have = haveOf(life);
  const sum = (of: (file: FileSnapshot) => number) =>
    files.reduce((all, file) => all + of(file), 0);
  const wanted = sum(({ size, priority }) => priority > 0 ? size : 0);
  return {
    size: meta?.size ?? 0,
    wanted,
    have: sum(({ bytesDone }) => bytesDone),
    left: wanted - sum(({ bytesDone, priority }) => priority > 0 ? bytesDone : 0),
    pieces: meta?.layout.pieceCount ?? 0,
    piecesHave: have?.count ?? 0,
    checked: null,
    completedAt: restored?.completedAt || null,
    activeSeconds: restored?.totals.activeSeconds ?? 0,
    seedingSeconds: restored?.totals.seedingSeconds ?? 0,
    downloaded: 0,
    uploaded: 0,
    totals: {
      downloaded: restored?.totals.downloaded ?? 0,
      uploaded: restored?.totals.uploaded ?? 0,
    },
    wasted: 0,
    hashFailures: 0,
    metrics: metricsOf(new DownloadLedger(0)),
    downRate: 0,
    upRate: 0,
    etaSeconds: null,
    peers: { connected, connecting, known: total, banned },
    seeds: 0,
    heldBackBy: connected > 0 ? "nothing" : connecting > 0 ? "connecting" : "no-peers",
  };
}

/** None where the choice of files cannot be: that ends the torrent when it begins. */
function chosenFiles(life: ShownTorrent, absolute: (path: string) => string): FileSnapshot[] {
  try {
    return filesOf(life, absolute) ?? [];
  } catch {
    return [];
  }
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
