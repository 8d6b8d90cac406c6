/**
 * Magnet links (BEP 9, 53) and bare info-hashes. Links come from web pages: their meaning is read
 * where it is certain (`pasted_link.ts`), every kind of parameter is bounded in number and length,
 * unusable ones are left out with a warning, and only a link without a usable torrent is refused
 * (MagnetError).
 */
import { MagnetError } from "../util/errors.ts";
import { equalBytes, fromHex, toHex } from "../util/bytes.ts";
import { parseIp } from "../util/ip_address.ts";
import {
  formatEndpoint,
  type HostPort,
  isUsablePeer,
  parseHostPort,
} from "../util/compact_address.ts";
import { sanitizeElement } from "./file_names.ts";
import { cleanLink, unescape, unescapeAgain } from "./pasted_link.ts";

/** File indices from `first` to `last`, both included. */
export interface IndexRange {
  /** The first index. */
  first: number;
  /** The last index. */
  last: number;
}

/** The contents of a magnet link (BEP 9, 53). */
export interface Magnet {
  /** SHA-1 of the info dictionary: 20 bytes. */
  infoHash: Uint8Array;
  /** The SHA-256 of a hybrid's info dictionary if the link has it: 32 bytes. */
  infoHashV2: Uint8Array | null;
  /** A name to show until the metadata is known; safe as a file name. */
  name: string | null;
  /** In the link's order, without duplicates; each is its own tier. */
  trackers: string[];
  /** http(s) URLs. */
  webSeeds: string[];
  /** Peers to try first ("x.pe"). */
  peers: HostPort[];
  /** Nodes to start the DHT from ("dht"). */
  nodes: HostPort[];
  /** The files to download (BEP 53): sorted, without overlap. Null if the link does not say. */
  selectOnly: IndexRange[] | null;
  /** Unusable parts of the link, each as a sentence for a person; bounded. */
  warnings: string[];
}

const MAX_LENGTH = 64 * 1024;
const MAX_PARAMETERS = 2000;
const MAX_URL_LENGTH = 2048;
const MAX_TRACKERS = 100, MAX_WEB_SEEDS = 100, MAX_PEERS = 100, MAX_NODES = 100;
const MAX_RANGES = 1000;
const MAX_WARNINGS = 20, SHOWN_LENGTH = 60;
/** Parameters of other programs: size, keywords, manifests, other places to download from. */
const FOREIGN = /^(?:xl|kt|mt|as|xs|fl|x\..*)$/;
/** Larger than the number of files of any torrent. */
const MAX_FILE_INDEX = 2 ** 21;

const HEX_HASH = /^[0-9a-f]{40}$/i;
const BASE32_HASH = /^[a-z2-7]{32}$/i;
/** SHA-256 (0x12) of 32 bytes (0x20), as a multihash. */
const MULTIHASH = /^1220([0-9a-f]{64})$/i;

/** Whether a person who typed this meant a magnet link or an info-hash instead of a file. */
export function looksLikeMagnet(text: string): boolean {
  const link = cleanLink(text.slice(0, MAX_LENGTH));
  return isLink(link) || bareHash(link) !== null;
}

/** Whether it can only be a magnet link; an info-hash may also be the name of a file. */
export function isMagnetLink(text: string): boolean {
  return isLink(cleanLink(text.slice(0, MAX_LENGTH)));
}

function isLink(link: string): boolean {
  return /^magnet:/i.test(link) || /^urn:btih:/i.test(link);
}

/**
 * Reads a magnet link, or an info-hash of 40 hexadecimal or 32 base32 digits, as people paste them.
 * Throws a MagnetError: "too-long", "not-a-magnet", "no-hash", "bad-hash", "two-torrents", "v2-only".
 */
export function parseMagnet(text: string): Magnet {
  if (text.length > MAX_LENGTH) refuse("too-long", "The magnet link is over 64 KiB long");
  const link = cleanLink(text), bare = bareHash(link);
  if (bare !== null) return emptyMagnet(bare);
  const query = /^magnet:\/*\?/i.exec(link);
  if (query === null) {
    refuse("not-a-magnet", 'It is neither a magnet link ("magnet:?xt=...") nor an info-hash');
  }
  const reader = new MagnetReader();
  const parts = link.slice(query[0].length).split("&");
  for (const part of parts.slice(0, MAX_PARAMETERS)) reader.read(part);
  if (parts.length > MAX_PARAMETERS) reader.warn(`The link has over ${MAX_PARAMETERS} parameters`);
  return reader.finish();
}

/** A link that parseMagnet reads back; escapes all characters that could end a parameter. */
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

/** The indices below `fileCount` in the ranges of a link, in rising order. */
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
  readonly #warnings: string[] = [];

  /** One parameter with its name, still escaped. */
  read(part: string): void {
    const equals = part.indexOf("=");
    if (equals < 0) return part.trim() === "" ? undefined : this.#drop("parameter", part);
    // "tr.1" is a second "tr" (magnet links number their parameters).
    const name = part.slice(0, equals).trim().toLowerCase().replace(/\.\d{1,4}$/, "");
    const escaped = part.slice(equals + 1);
    // Forms write a space as "+"; in a URL it is a plus sign.
    const value = unescape(name === "dn" ? escaped.replaceAll("+", " ") : escaped)?.trim();
    if (value !== undefined) {
      if (value !== "") this.#take(name, value);
    } else if (name === "tr" && escaped.includes("://")) {
      this.#take(name, escaped.trim()); // a raw URL with a percent sign in it
    } else {
      this.#drop(`parameter "${name}"`, escaped);
    }
  }

  warn(message: string): void {
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(message);
    else if (this.#warnings.length === MAX_WARNINGS) {
      this.#warnings.push("More of the link could not be used");
    }
  }

  #drop(what: string, value: string): void {
    const text = value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}...` : value;
    this.warn(`The link's ${what} "${text}" cannot be used and is left out`);
  }

  /** `value` is unescaped and not empty. */
  #take(name: string, value: string): void {
    switch (name) {
      case "xt":
        return this.#topic(unescapeAgain(value, /^urn%(?:25)*3a/i));
      case "dn":
        this.#name ??= readName(value);
        return;
      case "tr":
        return this.#addTrackers(value);
      case "ws":
        return this.#url("web seed", WEB_SEED, value, this.#webSeeds, MAX_WEB_SEEDS);
      case "x.pe":
        return this.#host("peer", value, this.#peers, MAX_PEERS);
      case "dht":
        return this.#host("DHT node", value, this.#nodes, MAX_NODES);
      case "so":
        for (const part of value.split(",", MAX_RANGES)) this.#range(part);
        return;
      default:
        if (!FOREIGN.test(name)) this.#drop(`parameter "${name}"`, value);
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
      warnings: this.#warnings,
    };
  }

  #topic(value: string): void {
    const match = /^urn:(btih|btmh):(.*)$/is.exec(value);
    if (match === null) return;
    const hash = match[2]!.trim().replace(/\/$/, "");
    if (match[1]!.toLowerCase() === "btih") this.#v1 = same(this.#v1, parseHash(hash));
    else this.#v2 = same(this.#v2, parseMultihash(hash));
  }

  /** One URL; some pages put several into one parameter. */
  #addTrackers(value: string): void {
    const urls = unescapeAgain(value, /^[a-z][a-z0-9+.-]*%(?:25)*3a/i);
    for (const url of urls.trim().split(BETWEEN_URLS)) {
      this.#url("tracker", TRACKER, url.trim(), this.#trackers, MAX_TRACKERS);
    }
  }

  #url(what: string, form: RegExp, value: string, urls: string[], limit: number): void {
    if (this.#urls.has(value)) return;
    const isGood = form.test(value) && value.length <= MAX_URL_LENGTH && !/[\p{Cc}\s]/u.test(value);
    if (!isGood || urls.length >= limit) return this.#drop(what, value);
    this.#urls.add(value);
    urls.push(value);
  }

  #host(what: string, value: string, hosts: HostPort[], limit: number): void {
    if (!addHost(value, hosts, limit)) this.#drop(what, value);
  }

  #range(text: string): void {
    const match = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(text.trim());
    const first = Number(match?.[1]), last = Math.min(Number(match?.[2] ?? first), MAX_FILE_INDEX);
    if (match === null || first > last || this.#ranges.length >= MAX_RANGES) {
      return this.#drop("file number", text);
    }
    this.#ranges.push({ first, last });
  }
}

/** Any scheme with a host; the tracker code decides which it supports. */
const TRACKER = /^[a-z][a-z0-9+.-]*:\/\/[^\s/]/i;
const WEB_SEED = /^https?:\/\/[^/]/i;
const BETWEEN_URLS = /[\s,;]+(?=(?:https?|udp|wss?):\/\/)/i;

/** Of an info-hash alone, or as a URN. */
function bareHash(text: string): Uint8Array | null {
  return parseHash(text.replace(/^urn:btih:/i, ""));
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
    warnings: [],
  };
}

/** The final hash; two different ones would be two torrents. */
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

/** False if it is not a host with a port, or one too many. */
function addHost(value: string, hosts: HostPort[], limit: number): boolean {
  const found = value.length > 300 ? null : parseHostPort(value);
  if (found === null) return false;
  const { host, port } = found;
  const good = parseIp(host) === null
    ? /^[a-z0-9_]([a-z0-9_.-]{0,252})$/.test(host) && port > 1
    : isUsablePeer({ address: host, port });
  if (hosts.some((other) => other.host === host && other.port === port)) return true;
  if (!good || hosts.length >= limit) return false;
  hosts.push(found);
  return true;
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
