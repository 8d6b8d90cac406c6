/** The fields of torrent-get: one row each. A field that we cannot tell is left out, never guessed. */
import { toBase64 } from "../../util/base64.ts";
import type { TorrentFacts } from "./facts.ts";
import { fileRow, fileStatsRow, priorityOf, wantedRow } from "./file_rows.ts";
import { goalFields } from "./goal_fields.ts";
import { isDownloading, isUploading, peerRow, peersFrom } from "./peer_rows.ts";
import { errorOf, etaOf, isStalled, rateLimit, statusNumber } from "./state_fields.ts";
import { trackerRow, trackerStatsRow } from "./tracker_rows.ts";

/** Numbers of one torrent must be finite; whole ones have no fraction. */
type Read = (facts: TorrentFacts) => unknown;

const DEFAULT_PEERS = 25;

const ABOUT: Readonly<Record<string, Read>> = {
  id: ({ known }) => known.id,
  hashString: ({ status }) => status.infoHash,
  name: ({ status }) => status.savedAs ?? status.name,
  comment: ({ meta }) => meta?.comment ?? "",
  creator: ({ meta }) => meta?.createdBy ?? "",
  dateCreated: ({ meta }) => meta?.creationDate ?? 0,
  isPrivate: ({ meta }) => meta?.private ?? false,
  pieceCount: ({ status }) => status.pieces,
  pieceSize: ({ meta }) => meta?.pieceLength ?? 0,
  pieces: ({ torrent }) => toBase64(torrent.pieces()?.have ?? new Uint8Array()),
  magnetLink: ({ torrent }) => torrent.magnet,
  downloadDir: ({ status }) => status.dir,
  labels: ({ status }) => status.labels,
  group: () => "",
  webseeds: ({ meta }) => meta?.webSeeds ?? [],
  metadataPercentComplete: ({ meta }) => meta === null ? 0 : 1,
};

const STATE: Readonly<Record<string, Read>> = {
  status: statusNumber,
  error: (facts) => errorOf(facts).number,
  errorString: (facts) => errorOf(facts).text,
  eta: etaOf,
  etaIdle: () => -1,
  isFinished: ({ status }) => status.goalReached && status.state === "done",
  isStalled,
  // It changes while nothing of the torrent does.
  queuePosition: ({ torrent }) => torrent.status().queue?.position ?? 0,
  addedDate: ({ status }) => Math.floor(status.addedAt),
  doneDate: ({ status }) => Math.floor(status.completedAt ?? 0),
  startDate: ({ known }) => known.startedAt,
  activityDate: ({ known }) => known.activeAt,
  editDate: () => 0,
  manualAnnounceTime: () => -1,
  secondsDownloading: ({ status }) => {
    return Math.max(0, Math.floor(status.activeSeconds - status.seedingSeconds));
  },
  secondsSeeding: ({ status }) => Math.floor(status.seedingSeconds),
  recheckProgress: ({ status }) => status.checked ?? 0,
};

const BYTES: Readonly<Record<string, Read>> = {
  totalSize: ({ status }) => status.size,
  sizeWhenDone: ({ status }) => status.wanted,
  leftUntilDone: ({ status }) => status.left,
  haveValid: ({ status }) => status.have,
  haveUnchecked: () => 0,
  percentDone: ({ status: { wanted, left } }) => wanted === 0 ? 0 : (wanted - left) / wanted,
  percentComplete: ({ status: { size, have } }) => size === 0 ? 0 : have / size,
  desiredAvailable,
  rateDownload: ({ status }) => Math.round(status.downRate),
  rateUpload: ({ status }) => Math.round(status.upRate),
  downloadedEver: ({ status }) => status.totals.downloaded,
  uploadedEver: ({ status }) => status.totals.uploaded,
  corruptEver: ({ status }) => status.metrics.wasted.failed,
  uploadRatio: ({ status: { totals, wanted } }) => wanted === 0 ? -1 : totals.uploaded / wanted,
};

const LIMITS: Readonly<Record<string, Read>> = {
  bandwidthPriority: ({ options }) => options.priority ?? 0,
  downloadLimit: (facts) => rateLimit(facts, "down"),
  uploadLimit: (facts) => rateLimit(facts, "up"),
  downloadLimited: ({ options }) => (options.limits?.down ?? Infinity) < Infinity,
  uploadLimited: ({ options }) => (options.limits?.up ?? Infinity) < Infinity,
  honorsSessionLimits: () => true,
  "peer-limit": ({ options }) => options.maxPeers ?? DEFAULT_PEERS,
  maxConnectedPeers: ({ options }) => options.maxPeers ?? DEFAULT_PEERS,
  sequential_download: ({ options }) => options.sequential ?? false,
};

const PEERS: Readonly<Record<string, Read>> = {
  peersConnected: ({ status }) => status.peers.connected,
  peersSendingToUs: ({ peers }) => peers.filter(isDownloading).length,
  peersGettingFromUs: ({ peers }) => peers.filter(isUploading).length,
  webseedsSendingToUs: () => 0,
  peersFrom: ({ peers }) => peersFrom(peers),
  peers: ({ peers }) => peers.map(peerRow),
  trackers: ({ known, trackers }) => trackers.map((tracker) => trackerRow(known, tracker)),
  trackerStats: (facts) => facts.trackers.map((tracker) => trackerStatsRow(facts, tracker)),
  trackerList: ({ trackers }) => {
    return trackers.map(({ url, tier }, at) => {
      return at > 0 && trackers[at - 1]!.tier !== tier ? `\n${url}` : url;
    }).join("\n");
  },
};

const FILES: Readonly<Record<string, Read>> = {
  files: ({ files, status }) => files.map((file) => fileRow(file, status)),
  fileStats: ({ files }) => files.map(fileStatsRow),
  priorities: ({ files }) => files.map(priorityOf),
  wanted: (facts) => facts.files.map((file) => wantedRow(file, facts)),
  "file-count": ({ meta }) =>
    meta?.files.reduce((count, { pad }) => pad ? count : count + 1, 0) ?? 0,
  bytesCompleted: ({ files }) => files.map(({ bytesDone }) => bytesDone),
};

const RUNNING = new Set([
  ...["startDate", "activityDate", "secondsDownloading", "secondsSeeding", "isStalled"],
  ...["queuePosition", "trackerStats", "peers", "files", "fileStats", "pieces", "wanted"],
  ...["priorities", "bytesCompleted"],
]);

export const FIELDS: ReadonlyMap<string, Read> = new Map(
  Object.entries({ ...ABOUT, ...STATE, ...BYTES, ...LIMITS, ...goalFields, ...PEERS, ...FILES }),
);

/** Fields whose text is kept while a torrent is still: times and trackers' next announces go on. */
export const SETTLED: ReadonlySet<string> = new Set(
  Array.from(FIELDS.keys()).filter((name) => !RUNNING.has(name)),
);

/** At least what one peer has of the missing bytes. */
function desiredAvailable({ status: { left, size, have, seeds }, peers }: TorrentFacts): number {
  if (left === 0 || seeds > 0) return left;
  const most = peers.reduce((best, { progress }) => Math.max(best, progress), 0);
  return Math.min(left, Math.max(0, Math.floor(most * size) - have));
}
