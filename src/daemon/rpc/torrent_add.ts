/** torrent-add: from a magnet link, an info-hash, a URL, a file of this machine, or the bytes. */
import type { AddOptions, FileSelection } from "../../client/types.ts";
import { type Magnet, parseMagnet } from "../../metainfo/magnet.ts";
import { MAX_TORRENT_BYTES, type Metainfo } from "../../metainfo/metainfo.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { toHex } from "../../util/bytes.ts";
import { MagnetError, TorrentFileError } from "../../util/errors.ts";
import { fromBase64 } from "./base64.ts";
import { type Arguments, asSwitch, asText, asTexts, asWhole, isAbsolute } from "./coerce.ts";
import { chooseFiles, type FileLists } from "./file_lists.ts";
import type { KnownTorrents } from "./known_torrents.ts";
import type { RpcPorts } from "./ports.ts";
import { RpcError } from "./rpc_error.ts";
import { checkedFolder, type SessionMemory } from "./session_settings.ts";
import { checkedLabels, fileListsOf } from "./torrent_set.ts";

/** All that torrent-add knows. */
export const TORRENT_ADD_KEYS: readonly string[] = [
  "filename",
  "metainfo",
  "download-dir",
  "paused",
  "cookies",
];

const FETCH_TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 5;

export interface AddPorts extends RpcPorts {
  readonly known: KnownTorrents;
  readonly memory: SessionMemory;
}

/** Rejects with an RpcError. */
export async function torrentAdd(ports: AddPorts, args: Arguments): Promise<object> {
  const source = await sourceOf(ports, args);
  const options = optionsOf(ports, args, source), infoHash = toHex(source.infoHash);
  await ports.known.gone(infoHash);
  const present = ports.client.get(infoHash);
  if (present !== null) return { "torrent-duplicate": shown(ports, present) };
  const added = ports.client.add(isMagnet(source) ? magnetText(args, source) : source, options);
  void added.finished.catch(() => {});
  return { "torrent-added": shown(ports, added) };
}

function shown({ known }: AddPorts, torrent: Torrent): object {
  return { hashString: torrent.infoHash, id: known.of(torrent).id, name: torrent.status().name };
}

function isMagnet(source: Metainfo | Magnet): source is Magnet {
  return !("layout" in source);
}

/** As it came, since the client reads it again. */
function magnetText(args: Arguments, { infoHash }: Magnet): string {
  return asText(args.filename) ?? toHex(infoHash);
}

async function sourceOf(ports: AddPorts, args: Arguments): Promise<Metainfo | Magnet> {
  const metainfo = asText(args.metainfo), filename = asText(args.filename);
  if (metainfo) return parsed(ports, fromBase64(metainfo));
  if (!filename) throw new RpcError("params", "no filename or metainfo specified");
  if (/^https?:\/\//i.test(filename)) {
    return parsed(ports, await fetched(ports, filename, asText(args.cookies)));
  }
  if (isAbsolute(filename)) return parsed(ports, await fileBytes(ports, filename));
  try {
    return parseMagnet(filename);
  } catch (cause) {
    if (cause instanceof MagnetError) throw corrupt();
    throw cause;
  }
}

function corrupt(): RpcError {
  return new RpcError("corrupt", "invalid or corrupt torrent file");
}

function parsed({ parse }: AddPorts, bytes: Uint8Array | null): Metainfo {
  if (bytes === null) throw corrupt();
  try {
    return parse(bytes);
  } catch (cause) {
    if (cause instanceof TorrentFileError) throw corrupt();
    throw cause;
  }
}

/** Null for a file that cannot be read, or that the caller may not name. */
async function fileBytes({ files, mayName }: AddPorts, path: string): Promise<Uint8Array | null> {
  if (!mayName(path)) return null;
  return await files.read(path, MAX_TORRENT_BYTES, { regularOnly: true }).catch(() => null);
}

async function fetched(ports: AddPorts, url: string, cookies?: string): Promise<Uint8Array> {
  let next = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const { status, headers, body } = await requested(ports, next, cookies);
    if (status === 200) return body;
    const { location } = headers;
    if (status < 300 || status > 399 || location === undefined) {
      throw new RpcError("http-error", `Couldn't fetch torrent: HTTP error (${status})`);
    }
    next = new URL(location, next).href;
    if (!/^https?:/.test(next)) break;
  }
  throw new RpcError("http-error", "Couldn't fetch torrent: too many redirects (310)");
}

async function requested({ http }: AddPorts, url: string, cookies: string | undefined) {
  try {
    return await http.request({
      url,
      headers: cookies ? { cookie: cookies } : {},
      timeoutMs: FETCH_TIMEOUT_MS,
      maxBytes: MAX_TORRENT_BYTES,
    });
  } catch (cause) {
    throw new RpcError("http-error", `Couldn't fetch torrent: ${(cause as Error).message} (0)`);
  }
}

function optionsOf(ports: AddPorts, args: Arguments, source: Metainfo | Magnet): AddOptions {
  const { torrents } = ports.settings.present;
  const labels = asTexts(args.labels), priority = asWhole(args.bandwidthPriority);
  const peers = asWhole(args["peer-limit"]), files = fileListsOf(args);
  return {
    ...torrents,
    dir: dirOf(ports, args, labels ?? []),
    paused: asSwitch(args.paused) ?? !ports.memory.startsAdded,
    ...(labels === undefined ? {} : { labels: checkedLabels(labels) }),
    ...(priority === undefined ? {} : { priority: Math.sign(priority) }),
    ...(peers === undefined ? {} : { maxPeers: Math.max(1, peers) }),
    ...(files === null ? {} : { files: selectionOf(files, source) }),
  };
}

/** A label's folder comes before that of all torrents, but after the caller's. */
function dirOf(ports: AddPorts, args: Arguments, labels: readonly string[]): string {
  const { settings: { present }, downloadDir } = ports, given = args["download-dir"];
  if (given !== undefined && given !== "") {
    return checkedFolder(ports, given, "download directory path");
  }
  const ofLabels = labels.map((label) => present.labels?.[label]?.dir);
  return ofLabels.find((dir) => dir !== undefined) ?? present.torrents.dir ?? downloadDir;
}

type Choice = FileSelection | ((meta: Metainfo) => FileSelection);

/** Of a magnet link it is made when the files are known. Throws an RpcError. */
function selectionOf(lists: FileLists, source: Metainfo | Magnet): Choice {
  const choose = (meta: Metainfo) => {
    const numbers = meta.files.flatMap(({ pad }, index) => pad ? [] : [index]);
    return { priorities: chooseFiles(numbers, lists, new Map()) };
  };
  return isMagnet(source) ? choose : choose(source);
}
