/**
 * Announce and scrape over HTTP: the URLs to ask (BEP 3, 7, 23, 48) and the bencoded answers (also
 * BEP 24 and 31). Answers are bounded in bytes, depth, tokens and peers; hostile bytes can only
 * cause a ProtocolError or a TrackerError.
 */
import { fromLatin1, toHex } from "../util/bytes.ts";
import { ProtocolError, TrackerError } from "../util/errors.ts";
import { canonicalIp, formatIp } from "../util/ip_address.ts";
import { BDict, type BValue, decode } from "../bencode/bencode.ts";
import { parseCompactPeers, type PeerAddress } from "../util/compact_address.ts";
import {
  type AnnounceRequest,
  type AnnounceResponse,
  displayText,
  MAX_PEERS_PER_ANSWER,
  type NamedPeer,
  type ScrapeEntry,
} from "./tracker_message.ts";
import type { TrackerUrl } from "./tracker_url.ts";

/** Body bytes, after gzip, beyond which an answer is refused. */
export const MAX_TRACKER_BODY = 816 * 1024;

const MAX_SCRAPE_ENTRIES = 1000;
const MAX_HOST_LENGTH = 253;
/** A day: without "retry in", no tracker rests for longer. */
const MAX_WAIT_S = 86_400;

/** The announce URL; the tracker URL's own query stays in front. */
export function announceUrl(url: TrackerUrl, request: AnnounceRequest): string {
  const args = [
    `info_hash=${percentEncode(request.infoHash)}`,
    `peer_id=${percentEncode(request.peerId)}`,
    `port=${request.port}`,
    `uploaded=${request.uploaded}`,
    `downloaded=${request.downloaded}`,
    `left=${request.left}`,
    `key=${request.key.toString(16).padStart(8, "0").toUpperCase()}`,
    `numwant=${request.numWant}`,
    "compact=1",
    "no_peer_id=1",
  ];
  if (request.event !== null) args.push(`event=${request.event}`);
  if (request.trackerId !== null) args.push(`trackerid=${percentEncode(request.trackerId)}`);
  return withArguments(url.text, args);
}

/** `url` is a scrape URL (`scrapeUrl`); one argument for each info-hash of 20 bytes. */
export function scrapeRequestUrl(url: TrackerUrl, infoHashes: readonly Uint8Array[]): string {
  return withArguments(url.text, infoHashes.map((hash) => `info_hash=${percentEncode(hash)}`));
}

/**
 * Reads the answer to an announce. Throws a TrackerError "failure" with the tracker's message (and
 * `retryInMs` if it gave one), or a ProtocolError if the bytes are no answer. Unreadable fields
 * count as missing; a failure beside peers counts as a warning.
 */
export function parseAnnounceResponse(body: Uint8Array): AnnounceResponse {
  const answer = decodeAnswer(body), interval = count(answer, "interval");
  const { peers, namedPeers, listed } = readPeers(answer);
  const failed = answer.has("failure reason");
  if (failed && peers.length + namedPeers.length === 0) throw failureOf(answer);
  if (interval === null && !listed) {
    throw new ProtocolError("bad-response", "The tracker's answer has neither interval nor peers");
  }
  const warning = answer.bytes(failed ? "failure reason" : "warning message");
  const externalIp = answer.bytes("external ip");
  return {
    interval,
    minInterval: count(answer, "min interval"),
    peers,
    namedPeers,
    seeders: count(answer, "complete"),
    leechers: count(answer, "incomplete"),
    downloaded: count(answer, "downloaded"),
    warning: warning === undefined ? null : displayText(warning) || null,
    trackerId: answer.bytes("tracker id")?.slice(0, 256) ?? null,
    externalAddress: externalIp?.length === 4 || externalIp?.length === 16
      ? formatIp(externalIp)
      : null,
  };
}

/** Entries by info-hash as 40 hexadecimal digits. Throws as parseAnnounceResponse does. */
export function parseScrapeResponse(body: Uint8Array): Map<string, ScrapeEntry> {
  const answer = decodeAnswer(body), files = answer.dict("files");
  if (answer.has("failure reason")) throw failureOf(answer);
  if (files === undefined) {
    throw new ProtocolError("bad-response", "The tracker's scrape answer has no files");
  }
  const entries = new Map<string, ScrapeEntry>();
  for (const [key, value] of files.entries()) {
    if (entries.size >= MAX_SCRAPE_ENTRIES) break;
    if (key.length !== 20 || !(value instanceof BDict)) continue;
    entries.set(toHex(fromLatin1(key)), {
      seeders: count(value, "complete") ?? 0,
      leechers: count(value, "incomplete") ?? 0,
      downloaded: count(value, "downloaded") ?? 0,
      downloaders: count(value, "downloaders"),
    });
  }
  return entries;
}

/** Every byte outside A-Z a-z 0-9 - . _ ~ as %XX; works on bytes, so binary hashes survive. */
export function percentEncode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-._~]/.test(character)
      ? character
      : `%${byte.toString(16).padStart(2, "0").toUpperCase()}`;
  }
  return text;
}

function withArguments(url: string, args: readonly string[]): string {
  const joint = !url.includes("?") ? "?" : /[?&]$/.test(url) ? "" : "&";
  return `${url}${joint}${args.join("&")}`;
}

/** The top dictionary, read as leniently as other clients read it. */
function decodeAnswer(body: Uint8Array): BDict {
  const answer = decode(body, {
    lenient: true,
    maxDepth: 8,
    maxTokens: 100_000,
    maxBytes: MAX_TRACKER_BODY,
  });
  if (answer instanceof BDict) return answer;
  throw new ProtocolError("bad-response", "The tracker's answer is not a dictionary");
}

function failureOf(answer: BDict): TrackerError {
  const reason = displayText(answer.bytes("failure reason") ?? "");
  const retryInMs = waitAfterFailure(answer);
  return new TrackerError(
    "failure",
    reason === "" ? "The tracker refused without a reason" : reason,
    retryInMs > 0 ? { retryInMs } : {},
  );
}

/** The tracker's wait before the next announce: "retry in", or its intervals. 0: none. */
function waitAfterFailure(answer: BDict): number {
  const interval = count(answer, "min interval") ?? count(answer, "interval") ?? 0;
  return Math.max(retryIn(answer.get("retry in")) ?? 0, Math.min(interval, MAX_WAIT_S) * 1000);
}

/** BEP 31: minutes, as a number or as text, or "never". In milliseconds, null if not given. */
function retryIn(value: BValue | undefined): number | null {
  if (typeof value === "number") return value > 0 ? value * 60_000 : null;
  if (!(value instanceof Uint8Array)) return null;
  const text = displayText(value);
  if (text === "never") return Infinity;
  return /^\d{1,9}$/.test(text) && Number(text) > 0 ? Number(text) * 60_000 : null;
}

/** `listed`: the answer had a list of either kind, even an empty one. */
function readPeers(
  answer: BDict,
): { peers: PeerAddress[]; namedPeers: NamedPeer[]; listed: boolean } {
  const peers: PeerAddress[] = [], namedPeers: NamedPeer[] = [];
  let listed = false;
  for (const [key, family] of [["peers", 4], ["peers6", 6]] as const) {
    const value = answer.get(key);
    if (value instanceof Uint8Array) peers.push(...compactPeers(value, family));
    else if (Array.isArray(value)) readPeerList(value, peers, namedPeers);
    else continue;
    listed = true;
  }
  return { peers, namedPeers, listed };
}

/** Dictionaries, or compact peers one by one. A bad entry does not affect the others. */
function readPeerList(entries: BValue[], peers: PeerAddress[], namedPeers: NamedPeer[]): void {
  for (const entry of entries.slice(0, MAX_PEERS_PER_ANSWER)) {
    if (entry instanceof Uint8Array) {
      peers.push(...compactPeers(entry, entry.length === 18 ? 6 : 4));
    }
    const peer = entry instanceof BDict ? readDictionaryPeer(entry) : null;
    if (peer === null) continue;
    const address = canonicalIp(peer.host);
    if (address === null) namedPeers.push(peer);
    else peers.push({ address, port: peer.port });
  }
}

/** Bytes left over at the end are skipped, as with UDP. */
function compactPeers(bytes: Uint8Array, family: 4 | 6): PeerAddress[] {
  const whole = bytes.length - bytes.length % (family === 4 ? 6 : 18);
  return parseCompactPeers(bytes.subarray(0, whole), family, MAX_PEERS_PER_ANSWER);
}

function readDictionaryPeer(entry: BDict): NamedPeer | null {
  const host = entry.text("ip"), port = entry.int("port") ?? Number(entry.text("port") ?? NaN);
  if (host === undefined || !(Number.isInteger(port) && port >= 0 && port <= 65535)) return null;
  if (host.length > MAX_HOST_LENGTH || !/^[A-Za-z0-9_.:-]+$/.test(host)) return null;
  const peerId = entry.bytes("peer id");
  return { host, port, peerId: peerId?.length === 20 ? peerId.slice() : null };
}

/** A number that is zero or more; anything else counts as missing. */
function count(answer: BDict, key: string): number | null {
  const value = answer.int(key);
  return value === undefined || value < 0 ? null : value;
}
