/** The present state of a torrent, as plain data for people and scripts. */
import { DownloadLedger } from "../pieces/download_ledger.ts";
import type { Content, ContentFigures } from "./content.ts";
import { canBeHeldBack, countUseful, heldBackBy } from "./held_back.ts";
import type { TorrentPeers } from "./peers.ts";
import type { Member } from "../swarm/swarm_types.ts";
import { sourceNames } from "../peers/pool_peer.ts";
import { NotYetError, ShoalError } from "../util/errors.ts";
import { nameOfPeerId } from "../wire/peer_id.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { Bitfield } from "../util/bitfield.ts";
import { fileChoiceOptions } from "./file_priorities.ts";
import type { AddOptions } from "./options.ts";
import type {
  DownloadMetrics,
  FileSnapshot,
  HeldBackBy,
  PeerSnapshot,
  PiecesSnapshot,
  QuotaSpent,
  StreamRange,
  TorrentFile,
  TorrentState,
  TorrentStatus,
  TrackerSnapshot,
} from "./types.ts";

/** The owners of a torrent's facts. */
export interface ShownTorrent {
  readonly infoHash: string;
  readonly name: string;
  /** Of a magnet: the link. */
  readonly link: string | null;
  /** Seconds since 1970. */
  readonly addedAt: number;
  readonly options: AddOptions;
  /** Which files are wanted, with the patterns of its labels. */
  readonly choice: Pick<AddOptions, "files" | "skipFiles">;
  readonly state: TorrentState;
  readonly error: Error | null;
  readonly queue: TorrentStatus["queue"];
  readonly goalReached: boolean;
  readonly quotaSpent: QuotaSpent | null;
  /** The client's. */
  readonly dht: { nodes: number } | null;
  /** Null while it is not known. */
  readonly meta: Metainfo | null;
  /** Null while there is no content. */
  readonly content: Content | null;
  /** The last record of the files, while there is no content; null for a new torrent. */
  readonly record: ResumeData | null;
  /** Of this run of the client; null until the metadata is known. */
  readonly ledger: DownloadLedger | null;
  readonly peers: TorrentPeers;
  /** Monotonic milliseconds. */
  readonly now: number;
  stream(file: number, range: StreamRange): ReturnType<TorrentFile["stream"]>;
  /** As of Files. */
  absolute(path: string): string;
}

/** A thousand torrents are asked every second: no lists, and no part that is spread into another. */
export function statusOf(torrent: ShownTorrent): TorrentStatus {
  const { peers, meta, content, ledger, quotaSpent, error } = torrent;
  const { total, connecting, connected, banned } = peers.pool.stats();
  const run = peers.traffic.run, figures = content?.figures ?? recordedFigures(torrent);
  const metrics = metricsOf(ledger ?? NOTHING_DONE), { wasted } = metrics;
  const { downRate, upRate, seeds } = ratesOf(peers);
  const leftBytes = content?.pieces.states.leftBytes ?? 0;
  const status: TorrentStatus = {
    infoHash: torrent.infoHash,
    name: torrent.name,
    dir: shownDir(torrent),
    state: torrent.state,
    labels: torrent.options.labels ?? NO_LABELS,
    queue: torrent.queue,
    goalReached: torrent.goalReached,
    addedAt: torrent.addedAt,
    size: meta?.size ?? 0,
    wanted: figures.wanted,
    have: figures.have,
    left: figures.left,
    piecesHave: figures.piecesHave,
    completedAt: figures.completedAt,
    activeSeconds: figures.activeSeconds,
    seedingSeconds: figures.seedingSeconds,
    pieces: meta?.layout.pieceCount ?? 0,
    checked: checkedOf(torrent),
    downloaded: run.downloaded,
    uploaded: run.uploaded,
    totals: peers.traffic.ever,
    wasted: wasted.failed + wasted.duplicate + wasted.unasked,
    hashFailures: metrics.pieces.failed,
    metrics,
    downRate,
    upRate,
    etaSeconds: leftBytes > 0 && downRate > 0 ? leftBytes / downRate : null,
    peers: { connected, connecting, known: total, banned },
    unreached: peers.unreached,
    dht: meta?.private ? null : torrent.dht,
    seeds,
    heldBackBy: heldBack(torrent),
    error: error === null ? null : {
      code: error instanceof ShoalError ? error.code : "internal",
      message: error.message,
    },
  };
  const name = savedAs(torrent);
  if (name !== null) status.savedAs = name;
  if (quotaSpent !== null) status.quotaSpent = quotaSpent;
  return status;
}

const NO_LABELS: readonly string[] = [];

function ratesOf({ swarm }: TorrentPeers): Pick<TorrentStatus, "downRate" | "upRate" | "seeds"> {
  let downRate = 0, upRate = 0, seeds = 0;
  for (const { session } of swarm.members) {
    downRate += session.source.down.rate;
    upRate += session.taker.up.rate;
    if (session.source.have.full) seeds++;
  }
  return { downRate, upRate, seeds };
}

export function trackersOf({ trackers }: TorrentPeers): TrackerSnapshot[] {
  return trackers.manager.snapshot();
}

export function peersOf({ swarm }: TorrentPeers, now: number): PeerSnapshot[] {
  return [...swarm.members].map((member) => peerSnapshot(member, now));
}

/** Of a thousand files, none has a closure of its own. */
class ShownFile implements TorrentFile {
  readonly #stream: ShownTorrent["stream"];
  index!: number;
  name!: string;
  path!: string;
  size!: number;
  bytesDone!: number;
  priority!: number;

  constructor(stream: ShownTorrent["stream"], facts: FileSnapshot) {
    this.#stream = stream;
    Object.assign(this, facts);
  }

  stream(range: StreamRange = {}): ReturnType<TorrentFile["stream"]> {
    if (this.priority === 0) {
      throw new NotYetError(`${this.name} is not chosen for downloading: choose it first`);
    }
    return this.#stream(this.index, range);
  }
}

/** Null while the metadata is unknown. It reads all pieces. */
export function filesOf(torrent: ShownTorrent): TorrentFile[] | null {
  const { meta, choice } = torrent;
  if (meta === null) return null;
  const have = haveOf(torrent), { dir, renamed } = placeOf(torrent);
  const chosen = fileChoiceOptions(meta, choice).priorities!;
  return meta.files.flatMap(({ path, length, pad }, index) => {
    if (pad) return [];
    return new ShownFile(torrent.stream, {
      index,
      name: path.join("/"),
      path: [dir, ...renamed?.get(index) ?? path].join("/"),
      size: length,
      bytesDone: have === null ? 0 : bytesOf(meta.layout, index, have),
      priority: chosen[index]!,
    });
  });
}

/** Null while the metadata is not known. */
export function piecesOf(torrent: ShownTorrent): PiecesSnapshot | null {
  const { meta } = torrent;
  if (meta === null) return null;
  const { pieceCount: count, pieceLength: length } = meta.layout;
  const have = haveOf(torrent)?.bytes.slice() ?? new Uint8Array(Math.ceil(count / 8));
  return { count, length, have };
}

function haveOf({ content, record, meta }: ShownTorrent): Bitfield | null {
  if (content !== null) return content.pieces.have;
  return record?.have.length === meta?.layout.pieceCount ? record?.have ?? null : null;
}

/**
 * The present or future place of the files: the absolute folder, and names that differ from the
 * torrent's.
 */
function placeOf({ content, record, options, absolute }: ShownTorrent): {
  dir: string;
  renamed: ReadonlyMap<number, readonly string[]> | undefined;
} {
  return {
    dir: content?.storage.folder.dir ?? record?.dir ?? absolute(options.dir),
    renamed: content?.arrangement.renamed ?? record?.renamed,
  };
}

/** Bytes of a file in verified pieces. */
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
function shownDir(torrent: ShownTorrent): string {
  const { options, absolute } = torrent, { dir } = placeOf(torrent);
  return dir === absolute(options.dir) ? options.dir : dir;
}

/** Null if it is the torrent's own name. */
function savedAs(torrent: ShownTorrent): string | null {
  const { meta } = torrent, { renamed } = placeOf(torrent);
  if (meta === null || renamed === undefined || renamed.size === 0) return null;
  const path = renamed.get(meta.files.findIndex(({ pad }) => !pad));
  if (path === undefined) return null;
  const name = meta.singleFile ? path.join("/") : path[0]!;
  return name === meta.name ? null : name;
}

/** Progress of the check under way, 0 to 1. */
function checkedOf({ content, state }: ShownTorrent): number | null {
  const fraction = content?.checked ?? null;
  if (fraction !== null) return fraction;
  return state === "checking" ? 0 : state === "verifying" ? 1 : null;
}

function heldBack({ state, content, peers }: ShownTorrent): HeldBackBy {
  if (!canBeHeldBack(state)) return "nothing";
  const { pool, trackers, limits, swarm } = peers;
  return heldBackBy({
    state,
    pool: pool.stats(),
    trackersFailing: trackers.manager.failing,
    ...countUseful(swarm.members),
    ...content?.load ?? { writing: 0, hashing: 0 },
    limited: limits.holdsBack,
  });
}

const NOTHING_DONE = new DownloadLedger(0);

/** What most torrents of a client that has many have; nobody can change it. */
const NO_METRICS = frozen(metricsOfAny(NOTHING_DONE));

function metricsOf(ledger: DownloadLedger): DownloadMetrics {
  return ledger.isUnused ? NO_METRICS : metricsOfAny(ledger);
}

function frozen(metrics: DownloadMetrics): DownloadMetrics {
  const { pieces, wasted, blockLatency } = metrics;
  const parts = [pieces, wasted, blockLatency, blockLatency.upToMs, blockLatency.counts, metrics];
  parts.forEach(Object.freeze);
  return metrics;
}

function metricsOfAny(ledger: DownloadLedger): DownloadMetrics {
  const { started, completed, failed, retried, wasted, latency } = ledger;
  return {
    pieces: { started, completed, failed, retried },
    wasted: { ...wasted },
    blockLatency: { upToMs: [...latency.bounds], counts: latency.counts() },
  };
}

/** Figures of records, with the choice of files that they apply to: at rest, neither changes. */
const recorded = new WeakMap<
  ResumeData,
  { choice: Choice; figures: ContentFigures }
>();
/** Not the options themselves, which change. */
interface Choice {
  readonly files: AddOptions["files"] | undefined;
  readonly skipFiles: AddOptions["skipFiles"] | undefined;
}

/** The figures of the last record, or zeros. */
export function recordedFigures(torrent: ShownTorrent): ContentFigures {
  const { record, choice: { files, skipFiles } } = torrent, choice = { files, skipFiles };
  const known = record === null ? undefined : recorded.get(record);
  if (known !== undefined && isSame(known.choice, choice)) return known.figures;
  const figures = figuresOf(torrent);
  if (record !== null) recorded.set(record, { choice, figures });
  return figures;
}

function isSame(a: Choice, b: Choice): boolean {
  return a.files === b.files && a.skipFiles === b.skipFiles;
}

function figuresOf(torrent: ShownTorrent): ContentFigures {
  const { record } = torrent, files = chosenFiles(torrent);
  const sum = (of: (file: FileSnapshot) => number) =>
    files.reduce((all, file) => all + of(file), 0);
  const wanted = sum(({ size, priority }) => priority > 0 ? size : 0);
  return {
    wanted,
    have: sum(({ bytesDone }) => bytesDone),
    left: wanted - sum(({ bytesDone, priority }) => priority > 0 ? bytesDone : 0),
    piecesHave: haveOf(torrent)?.count ?? 0,
    completedAt: record?.completedAt || null,
    activeSeconds: record?.totals.activeSeconds ?? 0,
    seedingSeconds: record?.totals.seedingSeconds ?? 0,
  };
}

/** None if the choice of files is invalid, which ends the torrent when it begins. */
function chosenFiles(torrent: ShownTorrent): readonly FileSnapshot[] {
  try {
    return filesOf(torrent) ?? [];
  } catch {
    return [];
  }
}

function peerSnapshot({ peer, session, incoming }: Member, now: number): PeerSnapshot {
  const seconds = (now - session.taker.connectedAt) / 1000;
  return {
    address: peer.address,
    port: peer.port,
    client: session.extension.client ?? nameOfPeerId(session.info.peerId),
    incoming,
    progress: session.source.have.count / session.source.have.length,
    downRate: session.source.down.rate,
    upRate: session.taker.up.rate,
    seconds,
    averageDownRate: seconds > 0 ? session.source.down.total / seconds : 0,
    averageUpRate: seconds > 0 ? session.taker.up.total / seconds : 0,
    downloaded: session.source.down.total,
    uploaded: session.taker.up.total,
    choking: session.source.choked,
    interested: session.source.interested,
    choked: session.taker.choking,
    peerInterested: session.taker.peerInterested,
    snubbed: session.source.snubbed,
    outstanding: session.source.window.outstanding,
    window: session.source.window.size,
    sources: sourceNames(peer.sources),
  };
}
