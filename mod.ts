/**
 * shoal, a BitTorrent client for Deno and Bun, as a library. Run as the main module, this file is the
 * command `shoal` (`deno run -A mod.ts --help`).
 *
 * @example Download one torrent and follow its progress
 * ```ts
 * import { createClient } from "./mod.ts";
 *
 * await using client = await createClient();
 * const torrent = client.add(torrentFileBytes, { dir: "downloads" });
 * for await (const event of torrent.events()) {
 *   if (event.type === "piece") console.log(`${event.have} of ${event.size} bytes`);
 * }
 * await torrent.finished; // throws the error if the download failed
 * ```
 *
 * @module
 */
import { runCli } from "./src/cli/main.ts";
import { Client } from "./src/client/client.ts";
import {
  type CreatedTorrent,
  type CreateOptions,
  createTorrent as createTorrentWith,
} from "./src/client/create_torrent.ts";
import type { ClientOptions } from "./src/client/types.ts";
import { checkMetainfo } from "./src/client/settings.ts";
import { verifyFiles, type VerifyOptions, type VerifyResult } from "./src/client/verify_files.ts";
import type { Platform } from "./src/platform/types.ts";
import { selectPlatform } from "./src/platform/select.ts";
import { type Metainfo, parseTorrent as parseTorrentWith } from "./src/metainfo/metainfo.ts";

export type { FileProblem, VerifyOptions, VerifyResult } from "./src/client/verify_files.ts";
export { Client } from "./src/client/client.ts";
export type { CreatedTorrent, CreateOptions } from "./src/client/create_torrent.ts";
export type { QuotaPeriod } from "./src/client/quota.ts";
export type { TorrentDetails } from "./src/metainfo/create_torrent.ts";
export type { LeavesOut } from "./src/storage/source_files.ts";
export type { AnnounceOutcome, TrackerStatus } from "./src/tracker/tracker_manager.ts";
export type { ContentPhase } from "./src/torrent/types.ts";
export type { HostPort, PeerAddress } from "./src/util/compact_address.ts";
export type { Torrent } from "./src/torrent/torrent.ts";
export type { TorrentView } from "./src/torrent/torrent_view.ts";
export type { AnnounceCounts, SourceFigures } from "./src/client/figures.ts";
export type {
  AddOptions,
  AlternativeLimits,
  AtGoal,
  ClientFigures,
  ClientOptions,
  ClientPatch,
  ClientQueue,
  DhtSettings,
  DownloadMetrics,
  FileSelection,
  FileSnapshot,
  FinalCheck,
  HeldBackBy,
  HistogramFigures,
  LabelSettings,
  NewTorrent,
  PeerSnapshot,
  PiecesSnapshot,
  QueueLimits,
  QueueTarget,
  QuotaOptions,
  QuotaSpent,
  Rates,
  RemovedData,
  SeedGoal,
  StreamRange,
  TorrentEvent,
  TorrentFile,
  TorrentHappening,
  TorrentPatch,
  TorrentSnapshot,
  TorrentState,
  TorrentStatus,
  TrackerChanges,
  TrackerSnapshot,
  TrackerTiers,
  Unreached,
  WeeklyWindow,
} from "./src/client/types.ts";
export { DHT_BOOTSTRAP } from "./src/client/types.ts";
export type { FloodLimits } from "./src/dht/flood_guard.ts";
export type { ItemStoreLimits } from "./src/dht/item_store.ts";
export type { InfohashSamples } from "./src/dht/krpc_types.ts";
export type { PeerStoreLimits } from "./src/dht/peer_store.ts";
export type { TransactionLimits } from "./src/dht/transactions.ts";
export type { Dht, FindOptions, GetOptions } from "./src/dht/dht.ts";
export type {
  AnnounceOptions,
  DhtNodeOptions,
  DhtState,
  DhtStats,
  OverlayStats,
  PeersResult,
  PingResult,
  SampleHandlers,
  ScrapeResult,
} from "./src/dht/node_types.ts";
export {
  type DhtItem,
  immutableTarget,
  mutableTarget,
  type Sha1,
  type Signed,
  type Signer,
  signItem,
} from "./src/dht/dht_item.ts";
export { type Encodable, encode as encodeBencode } from "./src/bencode/bencode_encode.ts";
export {
  type BDict,
  type BValue,
  decode as decodeBencode,
  type DecodeOptions,
  type Span,
} from "./src/bencode/bencode.ts";
export { formatMagnet, type IndexRange, type Magnet, parseMagnet } from "./src/metainfo/magnet.ts";
export type { Metainfo, TorrentFileEntry } from "./src/metainfo/metainfo.ts";
export { type FileSlice, Layout, type LayoutFile } from "./src/metainfo/layout.ts";
export {
  ClosedError,
  FileError,
  type FileErrorCode,
  GoneError,
  IncompleteError,
  MagnetError,
  NetError,
  type NetErrorCode,
  NotYetError,
  ProtocolError,
  ShoalError,
  TorrentFileError,
  TrackerError,
} from "./src/util/errors.ts";
export { selectPlatform, socketFromStream } from "./src/platform/select.ts";
export type {
  ByteStream,
  Clock,
  DatagramNet,
  DatagramSocket,
  Disk,
  Ed25519,
  FileHandle,
  FileLock,
  Files,
  FileSpan,
  FileStat,
  HashAlgorithm,
  Hasher,
  Http,
  HttpHead,
  HttpRequest,
  HttpResponse,
  HttpServer,
  HttpStream,
  Listener,
  MulticastNet,
  MulticastSocket,
  Passwords,
  PieceHash,
  Platform,
  Process,
  ProgramEnd,
  Programs,
  ProgramStart,
  Random,
  RunningProgram,
  ServeLimits,
  ServeOn,
  Socket,
  SocketInfo,
  StreamNet,
  StreamSink,
  Timer,
} from "./src/platform/types.ts";

/**
 * Opens a client on the present runtime: `Client.open(selectPlatform(), options)`.
 * Close it (or hold it with `await using`), so that trackers learn that it has left.
 *
 * Rejects with a NetError ("address-in-use", "permission") if it cannot listen on `options.port`.
 */
export function createClient(options: ClientOptions = {}): Promise<Client> {
  return Client.open(selectPlatform(), options);
}

/**
 * Reads the bytes of a .torrent (BEP 3, 12, 19, 27, 47; the v1 half of BEP 52 hybrids) without
 * starting anything. Throws a TorrentFileError whose message describes the problem.
 * `bytes` must not change while the result is in use.
 */
export function parseTorrent(bytes: Uint8Array): Metainfo {
  const { hasher, process } = here ??= selectPlatform();
  const windows = process.os === "windows";
  return parseTorrentWith(bytes, (part) => hasher.digest("sha1", part), { windows });
}

/**
 * Makes a .torrent of the file or folder at `path`, hashing on all cores. Writes nothing: the caller
 * saves `bytes`. Hidden and empty files are included; symbolic links and empty folders are left out.
 * For the same choices, the info-hash equals that of mktorrent and libtorrent.
 *
 * Rejects with a FileError (a file cannot be read, or changed during hashing), a TorrentFileError
 * (the options do not make a valid torrent) or the reason of `options.signal`.
 *
 * @example Share a folder
 * ```ts
 * import { createClient, createTorrent } from "./mod.ts";
 *
 * const { bytes } = await createTorrent("/data/holiday", {
 *   announce: [["https://tracker.example/announce"]],
 *   onProgress: (hashed, total) => console.log(`${hashed} of ${total} bytes`),
 * });
 * await using client = await createClient({ port: 6881 });
 * client.add(bytes, { dir: "/data", trustFiles: true, seedGoal: { kind: "forever" } });
 * ```
 */
export function createTorrent(path: string, options: CreateOptions = {}): Promise<CreatedTorrent> {
  return createTorrentWith(here ??= selectPlatform(), path, options);
}

/**
 * Checks the files of a torrent in `dir`, the folder that contains its file or top folder, hashing on
 * all cores. Writes nothing and needs no client.
 *
 * `torrent` is the bytes of a .torrent or the result of `parseTorrent`. Rejects with a FileError if `dir`
 * is not a folder or a file cannot be read, with a TorrentFileError for bytes of no torrent.
 */
export async function verifyTorrent(
  torrent: Uint8Array | Metainfo,
  dir: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  checkMetainfo(torrent);
  const meta = torrent instanceof Uint8Array ? parseTorrent(torrent) : torrent;
  return await verifyFiles(here ??= selectPlatform(), meta, dir, options);
}

let here: Platform | null = null;

// A worker started from this very file would otherwise start the command line again: in a Deno
// worker `import.meta.main` is true, too.
if (import.meta.main && !insideWorker()) {
  void runCli(selectPlatform(), (platform, options) => Client.open(platform, options));
}

function insideWorker(): boolean {
  const scope = (globalThis as { WorkerGlobalScope?: new () => unknown }).WorkerGlobalScope;
  return scope !== undefined && globalThis instanceof scope;
}
