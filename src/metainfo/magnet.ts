/**
 * Magnet links (BEP 9, 53) and bare info-hashes. A link is whatever a web page put under somebody's
 * finger: every kind of parameter is bounded in number and length, what cannot be used is left out,
 * and only a link that names no torrent, or not one that can be had, is refused (MagnetError).
 */
import { MagnetError } from "../util/errors.ts";
import { equalBytes, fromHex, toHex } from "../util/bytes.ts";
import { parseIp } from "../util/ip_address.ts";
import { formatEndpoint, isUsablePeer, parseHostPort } from "../util/compact_address.ts";
import { sanitizeElement } from "./file_names.ts";

/** A host name in lower case, or a literal address in its canonical text. */
export interface HostPort {
  host: string;
  port: number;
}

/** File indices from `first` to `last`, both included. */
export interface IndexRange {
  first: number;
  last: number;
}

export interface Magnet {
  /** SHA-1 of the info dictionary: 20 bytes. */
  infoHash: Uint8Array;
  /** Its SHA-256 if it is a hybrid's and the link says so: 32 bytes. */
  infoHashV2: Uint8Array | null;
  /** Something to show until the metadata is there; safe as a file name. */
  name: string | null;
  /** In the link's order, none twice; each is a tier of its own. */
  trackers: string[];
  /** http(s) URLs. */
  webSeeds: string[];
  /** Peers to try first ("x.pe"). */
  peers: HostPort[];
  /** Nodes to start the DHT from ("dht"). */
  nodes: HostPort[];
  /** The files to download (BEP 53): sorted, without overlap. Null when the link does not say. */
  selectOnly: IndexRange[] | null;
}

const MAX_LENGTH = 64 * 1024;
const MAX_PARAMETERS = 2000;
const MAX_URL_LENGTH = 2048;
const MAX_TRACKERS = 100, MAX_WEB_SEEDS = 100, MAX_PEERS = 100, MAX_NODES = 100;
const MAX_RANGES = 1000;
/** Beyond what any torrent has in files. */
const MAX_FILE_INDEX = 2 ** 21;

const HEX_HASH = /^[0-9a-f]{40}$/i;
const BASE32_HASH = /^[a-z2-7]{32}$/i;
/** SHA-256 (0x12) of 32 bytes (0x20), as a multihash. */
const MULTIHASH = /^1220([0-9a-f]{64})$/i;

/** Whether a person who typed this meant a magnet link or an info-hash rather than a file. */
export function looksLikeMagnet(text: string): boolean {
  return /^magnet:/i.test(text) || HEX_HASH.test(text) || BASE32_HASH.test(text);
}

/**
 * Reads a magnet link, or an info-hash of 40 hexadecimal or 32 base32 digits. Throws a MagnetError:
 * "too-long", "not-a-magnet", "no-hash", "bad-hash", "two-torrents", "v2-only".
 */
export function parseMagnet(text: string): Magnet {
  if (text.length > MAX_LENGTH) refuse("too-long", "The magnet link is over 64 KiB long");
  const bare = parseHash(text);
  if (bare !== null) return emptyMagnet(bare);
  const query = /^magnet:\/*\?/i.exec(text);
  if (query === null) {
    refuse("not-a-magnet", 'It is neither a magnet link ("magnet:?xt=...") nor an info-hash');
  }
  const reader = new MagnetReader();
  for (const part of text.slice(query[0].length).split("&", MAX_PARAMETERS)) {
    const equals = part.indexOf("=");
    if (equals < 0) continue;
    // "tr.1" is a second "tr" (magnet links number their parameters).
    const name = part.slice(0, equals).toLowerCase().replace(/\.\d{1,4}$/, "");
    const escaped = part.slice(equals + 1);
    // Forms write a space as "+"; in a URL it is a plus sign.
    const value = unescape(name === "dn" ? escaped.replaceAll("+", " ") : escaped);
    if (value !== null && value !== "") reader.take(name, value);
  }
  return reader.finish();
}

/** A link that parseMagnet reads back; escapes whatever could end a parameter. */
export function formatMagnet(
  magnet: Pick<Magnet, "infoHash"> & { [Key in keyof Magnet]?: Magnet[Key] | undefined },
): string {
  let link = `magnet:?xt=urn:btih:${toHex(magnet.infoHash)}`;
  const add = (name: string, value: string) => link += `&${name}=${value}`;
  if (magnet.infoHashV2) add("xt", `urn:btmh:1220${toHex(magnet.infoHashV2)}`);
  if (magnet.name) add("dn", encodeURIComponent(magnet.name));
  for (const url of magnet.trackers ?? []) add("tr", encodeURIComponent(url));
  for (const url of magnet.webSeeds ?? []) add("ws", encodeURIComponent(url));
  for (const peer of magnet.peers ?? []) add("x.pe", formatHostPort(peer));
  for (const node of magnet.nodes ?? []) add("dht", formatHostPort(node));
  const ranges = magnet.selectOnly ?? [];
  if (ranges.length > 0) add("so", ranges.map(formatRange).join(","));
  return link;
}

/** The indices below `fileCount` that the ranges of a link name, rising. */
export function selectedIndices(ranges: readonly IndexRange[], fileCount: number): number[] {
  const indices: number[] = [];
  for (const { first, last } of ranges) {
    for (let i = first; i <= Math.min(last, fileCount - 1); i++) indices.push(i);
  }
  return indices;
}

class MagnetReader {
  readonly #urls = new Set<string>();
  #v1: Uint8Array | null = null;
  #v2: Uint8Array | null = null;
  #name: string | null = null;
  readonly #trackers: string[] = [];
  readonly #webSeeds: string[] = [];
  readonly #peers: HostPort[] = [];
  readonly #nodes: HostPort[] = [];
  readonly #ranges: IndexRange[] = [];

  /** `value` is unescaped and not empty. */
  take(name: string, value: string): void {
    switch (name) {
      case "xt":
        return this.#topic(value);
      case "dn":
        this.#name ??= readName(value);
        return;
      case "tr":
        return this.#url(value, this.#trackers, MAX_TRACKERS);
      case "ws":
        if (!/^https?:\/\/[^/]/i.test(value)) return;
        return this.#url(value, this.#webSeeds, MAX_WEB_SEEDS);
      case "x.pe":
        return addHost(value, this.#peers, MAX_PEERS);
      case "dht":
        return addHost(value, this.#nodes, MAX_NODES);
      case "so":
        for (const part of value.split(",", MAX_RANGES)) this.#range(part);
    }
  }

  finish(): Magnet {
    if (this.#v1 === null && this.#v2 !== null) {
      refuse(
        "v2-only",
        "The link is for a BitTorrent v2 torrent, which shoal does not support yet; " +
          "a link to a v1 or hybrid torrent of the same files will work",
      );
    }
    if (this.#v1 === null) {
      refuse("no-hash", 'The magnet link names no torrent: it has no "xt=urn:btih:" with a hash');
    }
    return {
      infoHash: this.#v1,
      infoHashV2: this.#v2,
      name: this.#name,
      trackers: this.#trackers,
      webSeeds: this.#webSeeds,
      peers: this.#peers,
      nodes: this.#nodes,
      selectOnly: this.#ranges.length > 0 ? mergeRanges(this.#ranges) : null,
    };
  }

  #topic(value: string): void {
    const match = /^urn:(btih|btmh):(.*)$/is.exec(value);
    if (match === null) return;
    if (match[1]!.toLowerCase() === "btih") this.#v1 = same(this.#v1, parseHash(match[2]!));
    else this.#v2 = same(this.#v2, parseMultihash(match[2]!));
  }

  #url(value: string, urls: string[], limit: number): void {
    if (urls.length >= limit || value.length > MAX_URL_LENGTH || /[\p{Cc}\s]/u.test(value)) return;
    if (this.#urls.has(value)) return;
    this.#urls.add(value);
    urls.push(value);
  }

  #range(text: string): void {
    const match = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(text);
    if (match === null || this.#ranges.length >= MAX_RANGES) return;
    const first = Number(match[1]), last = Math.min(Number(match[2] ?? first), MAX_FILE_INDEX);
    if (first <= last) this.#ranges.push({ first, last });
  }
}

function emptyMagnet(infoHash: Uint8Array): Magnet {
  return {
    infoHash,
    infoHashV2: null,
    name: null,
    trackers: [],
    webSeeds: [],
    peers: [],
    nodes: [],
    selectOnly: null,
  };
}

/** The hash to go on with; two different ones would be two torrents. */
function same(before: Uint8Array | null, found: Uint8Array | null): Uint8Array {
  if (found === null) {
    refuse("bad-hash", "The magnet link's info-hash is damaged: was the link copied completely?");
  }
  if (before !== null && !equalBytes(before, found)) {
    refuse("two-torrents", "The magnet link names two torrents: use one link for each");
  }
  return found;
}

/** Null when it is not 40 hexadecimal or 32 base32 digits. */
function parseHash(text: string): Uint8Array | null {
  if (HEX_HASH.test(text)) return fromHex(text);
  return BASE32_HASH.test(text) ? fromBase32(text) : null;
}

function parseMultihash(text: string): Uint8Array | null {
  const match = MULTIHASH.exec(text);
  return match === null ? null : fromHex(match[1]!);
}

/** 32 digits of RFC 4648 are 20 bytes. */
function fromBase32(text: string): Uint8Array {
  const bytes = new Uint8Array(20);
  let bits = 0, pending = 0, at = 0;
  for (const digit of text.toLowerCase()) {
    pending = ((pending << 5) | "abcdefghijklmnopqrstuvwxyz234567".indexOf(digit)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = pending >> bits;
  }
  return bytes;
}

function readName(value: string): string | null {
  const name = sanitizeElement(new TextEncoder().encode(value)).trim();
  return name === "" ? null : name;
}

/** Null when an escape is broken or what it stands for is no UTF-8. */
function unescape(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function addHost(value: string, hosts: HostPort[], limit: number): void {
  const found = value.length > 300 ? null : parseHostPort(value);
  if (found === null || hosts.length >= limit) return;
  const { host, port } = found;
  const good = parseIp(host) === null
    ? /^[a-z0-9_]([a-z0-9_.-]{0,252})$/.test(host) && port > 1
    : isUsablePeer({ address: host, port });
  if (good && !hosts.some((other) => other.host === host && other.port === port)) hosts.push(found);
}

function mergeRanges(ranges: IndexRange[]): IndexRange[] {
  const merged: IndexRange[] = [];
  for (const range of ranges.sort((a, b) => a.first - b.first)) {
    const before = merged[merged.length - 1];
    if (before === undefined || range.first > before.last + 1) merged.push({ ...range });
    else before.last = Math.max(before.last, range.last);
  }
  return merged;
}

/** "host:port", brackets around IPv6. */
export function formatHostPort({ host, port }: HostPort): string {
  return formatEndpoint({ address: host, port });
}

function formatRange({ first, last }: IndexRange): string {
  if (first === last) return `${first}`;
  return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
}

function refuse(code: string, message: string): never {
  throw new MagnetError(code, message);
}
