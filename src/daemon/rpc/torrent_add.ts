/** torrent-add: from a magnet link, an info-hash, a URL, a file of this machine, or the bytes. */
import type { AddOptions, FileSelection } from "../../client/types.ts";
import { type Magnet, parseMagnet } from "../../metainfo/magnet.ts";
import { MAX_TORRENT_BYTES, type Metainfo } from "../../metainfo/metainfo.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { toHex } from "../../util/bytes.ts";
import { MagnetError, TorrentFileError } from "../../util/errors.ts";
import { fetchTorrent } from "../fetch_torrent.ts";
import type { Caller } from "../http/types.ts";
import { fromBase64 } from "../../util/base64.ts";
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

type Adder = Pick<Caller, "may">;

export interface AddPorts extends RpcPorts {
  readonly known: KnownTorrents;
  readonly memory: SessionMemory;
}

/** Rejects with an RpcError. */
export async function torrentAdd(ports: AddPorts, args: Arguments, who: Adder): Promise<object> {
  const source = await sourceOf(ports, args, who);
  const options = optionsOf(ports, args, source), infoHash = toHex(source.infoHash);
  await ports.known.gone(infoHash);
  const present = ports.client.get(infoHash);
  if (present !== null) return { "torrent-duplicate": shown(ports, present) };
  const added = ports.client.add(isMagnet(source) ? source.link : source, options);
  void added.finished.catch(() => {});
  return { "torrent-added": shown(ports, added) };
}

function shown({ known }: AddPorts, torrent: Torrent): object {
  return { hashString: torrent.infoHash, id: known.of(torrent).id, name: torrent.status().name };
}

/** With the link as it came, since the client reads it again. */
interface Linked extends Magnet {
  readonly link: string;
}

function isMagnet(source: Metainfo | Linked): source is Linked {
  return "link" in source;
}

async function sourceOf(ports: AddPorts, args: Arguments, who: Adder): Promise<Metainfo | Linked> {
  const metainfo = asText(args.metainfo), filename = asText(args.filename);
  if (metainfo) return parsed(ports, fromBase64(metainfo));
  if (!filename) throw new RpcError("params", "no filename or metainfo specified");
  if (/^https?:\/\//i.test(filename)) {
    const found = await fetched(ports, filename, who, asText(args.cookies));
    return typeof found === "string" ? linked(found) : parsed(ports, found);
  }
  if (isAbsolute(filename)) return parsed(ports, await fileBytes(ports, filename));
  return linked(filename);
}

function linked(link: string): Linked {
  try {
    return { ...parseMagnet(link), link };
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
async function fileBytes({ files, roots }: AddPorts, path: string): Promise<Uint8Array | null> {
  if (!roots.mayName(path)) return null;
  return await files.read(path, MAX_TORRENT_BYTES, { regularOnly: true }).catch(() => null);
}

/** Rejects with an RpcError. */
async function fetched(ports: AddPorts, url: string, who: Adder, cookies?: string) {
  try {
    return await fetchTorrent(ports, url, { who, ...(cookies ? { cookies } : {}) });
  } catch (cause) {
    // As Transmission, which has the code of the answer behind its words, or 0.
    throw new RpcError("http-error", `Couldn't fetch torrent: ${(cause as Error).message} (0)`);
  }
}

function optionsOf(ports: AddPorts, args: Arguments, source: Metainfo | Linked): AddOptions {
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
  const { settings: { present }, roots } = ports, given = args["download-dir"];
  if (given !== undefined && given !== "") {
    return checkedFolder(ports, given, "download directory path");
  }
  const ofLabels = labels.map((label) => present.labels?.[label]?.dir);
  return ofLabels.find((dir) => dir !== undefined) ?? roots.downloadDir;
}

type Choice = FileSelection | ((meta: Metainfo) => FileSelection);

/** Of a magnet link it is made when the files are known. Throws an RpcError. */
function selectionOf(lists: FileLists, source: Metainfo | Linked): Choice {
  const choose = (meta: Metainfo) => {
    const numbers = meta.files.flatMap(({ pad }, index) => pad ? [] : [index]);
    return { priorities: chooseFiles(numbers, lists, new Map()) };
  };
  return isMagnet(source) ? choose : choose(source);
}
