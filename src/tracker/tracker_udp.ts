/**
 * The packets of the UDP tracker protocol (BEP 15) with the URL option of BEP 41, both sides.
 * Decoders accept packets that are longer than needed, as BEP 15 demands, and throw a ProtocolError
 * on shorter ones; no allocation depends on an unchecked length.
 */
import { concatBytes, readUint16, readUint32, writeUint16, writeUint32 } from "../util/bytes.ts";
import { ProtocolError } from "../util/errors.ts";
import { compactPeer, parseCompactPeers, type PeerAddress } from "../util/compact_address.ts";
import {
  type AnnounceEvent,
  type AnnounceRequest,
  displayText,
  MAX_PEERS_PER_ANSWER,
  type ScrapeEntry,
} from "./tracker_message.ts";

/** The most torrents in one scrape: as many as fit into one packet without fragments. */
export const MAX_UDP_SCRAPE = 74;

const CONNECT = 0, ANNOUNCE = 1, SCRAPE = 2, ERROR = 3;
const PROTOCOL_ID = new Uint8Array([0, 0, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80]);
/** By number; libtorrent added the last one for partial seeds. */
const EVENTS: readonly AnnounceEvent[] = [null, "completed", "started", "stopped", "paused"];
const ANNOUNCE_LENGTH = 98;
const END_OF_OPTIONS = 0, NOP = 1, URL_DATA = 2;

export type UdpReply =
  | { kind: "connect"; transactionId: number; connectionId: Uint8Array }
  | {
    kind: "announce";
    transactionId: number;
    /** Seconds. */
    interval: number;
    leechers: number;
    seeders: number;
    peers: PeerAddress[];
  }
  | { kind: "scrape"; transactionId: number; entries: ScrapeEntry[] }
  | { kind: "error"; transactionId: number; message: string };

export type UdpRequest =
  | { kind: "connect"; transactionId: number }
  | {
    kind: "announce";
    transactionId: number;
    connectionId: Uint8Array;
    announce: Omit<AnnounceRequest, "trackerId">;
    /** Path and query of the tracker URL (BEP 41), empty if not sent. */
    urlData: string;
  }
  | {
    kind: "scrape";
    transactionId: number;
    connectionId: Uint8Array;
    infoHashes: Uint8Array[];
  };

export function encodeConnect(transactionId: number): Uint8Array {
  return concatBytes(PROTOCOL_ID, words(CONNECT, transactionId));
}

/** `connectionId` is 8 bytes; `urlPath` is path and query of the tracker URL, possibly empty. */
export function encodeAnnounce(
  connectionId: Uint8Array,
  transactionId: number,
  request: AnnounceRequest,
  urlPath: string,
): Uint8Array {
  const packet = new Uint8Array(ANNOUNCE_LENGTH);
  packet.set(connectionId, 0);
  packet.set(words(ANNOUNCE, transactionId), 8);
  packet.set(request.infoHash, 16);
  packet.set(request.peerId, 36);
  writeUint64(packet, 56, request.downloaded);
  writeUint64(packet, 64, request.left);
  writeUint64(packet, 72, request.uploaded);
  writeUint32(packet, 80, EVENTS.indexOf(request.event));
  // 84: our IPv4 address; zero means the sender address of the packet.
  writeUint32(packet, 88, request.key);
  writeUint32(packet, 92, request.numWant);
  writeUint16(packet, 96, request.port);
  return concatBytes(packet, encodeUrlData(urlPath));
}

/** Throws a ProtocolError for more than 74 info-hashes. */
export function encodeScrape(
  connectionId: Uint8Array,
  transactionId: number,
  infoHashes: readonly Uint8Array[],
): Uint8Array {
  if (infoHashes.length > MAX_UDP_SCRAPE) {
    throw new ProtocolError("too-many", `One scrape asks for at most ${MAX_UDP_SCRAPE} torrents`);
  }
  return concatBytes(connectionId, words(SCRAPE, transactionId), ...infoHashes);
}

/** The transaction id of a reply, or null if it is too short to have one. */
export function replyTransactionId(bytes: Uint8Array): number | null {
  return bytes.length < 8 ? null : readUint32(bytes, 4);
}

/** `family` is that of the socket; only it determines the length of a peer entry. */
export function decodeUdpReply(bytes: Uint8Array, family: 4 | 6): UdpReply {
  need(bytes, 8);
  const action = readUint32(bytes, 0);
  const transactionId = readUint32(bytes, 4);
  switch (action) {
    case CONNECT:
      need(bytes, 16);
      return { kind: "connect", transactionId, connectionId: bytes.slice(8, 16) };
    case ANNOUNCE:
      return decodeAnnounceReply(bytes, transactionId, family);
    case SCRAPE:
      return { kind: "scrape", transactionId, entries: decodeScrapeEntries(bytes) };
    case ERROR:
      return { kind: "error", transactionId, message: displayText(bytes.subarray(8)) };
    default:
      throw new ProtocolError("bad-action", `A UDP tracker sent the unknown action ${action}`);
  }
}

/** A client's request; a tracker still has to check the connection id. */
export function decodeUdpRequest(bytes: Uint8Array): UdpRequest {
  need(bytes, 16);
  const action = readUint32(bytes, 8);
  const transactionId = readUint32(bytes, 12);
  const connectionId = bytes.slice(0, 8);
  switch (action) {
    case CONNECT:
      if (PROTOCOL_ID.some((byte, i) => byte !== bytes[i])) {
        throw new ProtocolError("bad-magic", "A connect packet lacks the protocol's number");
      }
      return { kind: "connect", transactionId };
    case ANNOUNCE:
      return decodeAnnounceRequest(bytes, transactionId, connectionId);
    case SCRAPE:
      return { kind: "scrape", transactionId, connectionId, infoHashes: decodeInfoHashes(bytes) };
    default:
      throw new ProtocolError("bad-action", `A UDP client sent the unknown action ${action}`);
  }
}

export function encodeConnectReply(transactionId: number, connectionId: Uint8Array): Uint8Array {
  return concatBytes(words(CONNECT, transactionId), connectionId);
}

/** The peers must all be of the family of the socket. */
export function encodeAnnounceReply(
  transactionId: number,
  reply: { interval: number; leechers: number; seeders: number; peers: readonly PeerAddress[] },
): Uint8Array {
  const head = words(ANNOUNCE, transactionId, reply.interval, reply.leechers, reply.seeders);
  return concatBytes(head, ...reply.peers.map(compactPeer));
}

export function encodeScrapeReply(
  transactionId: number,
  entries: readonly ScrapeEntry[],
): Uint8Array {
  const bodies = entries.map((entry) => words(entry.seeders, entry.downloaded, entry.leechers));
  return concatBytes(words(SCRAPE, transactionId), ...bodies);
}

export function encodeErrorReply(transactionId: number, message: string): Uint8Array {
  return concatBytes(words(ERROR, transactionId), new TextEncoder().encode(message));
}

function decodeAnnounceReply(bytes: Uint8Array, transactionId: number, family: 4 | 6): UdpReply {
  need(bytes, 20);
  const stride = family === 4 ? 6 : 18;
  const entries = bytes.length - 20;
  // A rest too short for a peer may belong to an extension: it is not an error.
  const peers = bytes.subarray(20, bytes.length - (entries % stride));
  return {
    kind: "announce",
    transactionId,
    interval: readUint32(bytes, 8),
    leechers: readUint32(bytes, 12),
    seeders: readUint32(bytes, 16),
    peers: parseCompactPeers(peers, family, MAX_PEERS_PER_ANSWER),
  };
}

function decodeScrapeEntries(bytes: Uint8Array): ScrapeEntry[] {
  const entries: ScrapeEntry[] = [];
  for (let at = 8; at + 12 <= bytes.length && entries.length < MAX_UDP_SCRAPE; at += 12) {
    entries.push({
      seeders: readUint32(bytes, at),
      downloaded: readUint32(bytes, at + 4),
      leechers: readUint32(bytes, at + 8),
      downloaders: null,
    });
  }
  return entries;
}

function decodeAnnounceRequest(
  bytes: Uint8Array,
  transactionId: number,
  connectionId: Uint8Array,
): UdpRequest {
  need(bytes, ANNOUNCE_LENGTH);
  const event = EVENTS[readUint32(bytes, 80)];
  if (event === undefined) throw new ProtocolError("bad-event", "An announce has an unknown event");
  const announce = {
    infoHash: bytes.slice(16, 36),
    peerId: bytes.slice(36, 56),
    downloaded: readUint64(bytes, 56),
    left: readUint64(bytes, 64),
    uploaded: readUint64(bytes, 72),
    event,
    key: readUint32(bytes, 88),
    numWant: readUint32(bytes, 92) | 0,
    port: readUint16(bytes, 96),
  };
  const urlData = decodeUrlData(bytes.subarray(ANNOUNCE_LENGTH));
  return { kind: "announce", transactionId, connectionId, announce, urlData };
}

function decodeInfoHashes(bytes: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 16; at + 20 <= bytes.length && hashes.length < MAX_UDP_SCRAPE; at += 20) {
    hashes.push(bytes.slice(at, at + 20));
  }
  return hashes;
}

/** Chunks of at most 255 bytes, each with its own option head. Nothing for an empty path. */
function encodeUrlData(path: string): Uint8Array {
  const text = new TextEncoder().encode(path);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += 255) {
    const chunk = text.subarray(at, at + 255);
    chunks.push(new Uint8Array([URL_DATA, chunk.length]), chunk);
  }
  return concatBytes(...chunks);
}

function decodeUrlData(options: Uint8Array): string {
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at < options.length && options[at] !== END_OF_OPTIONS) {
    const type = options[at++];
    if (type === NOP) continue;
    const length = options[at++];
    if (length === undefined || at + length > options.length) {
      throw new ProtocolError("bad-length", "An option reaches beyond the end of the packet");
    }
    if (type === URL_DATA) parts.push(options.subarray(at, at + length));
    at += length;
  }
  return new TextDecoder().decode(concatBytes(...parts));
}

function need(bytes: Uint8Array, length: number): void {
  if (bytes.length >= length) return;
  throw new ProtocolError(
    "bad-length",
    `A UDP tracker packet has ${bytes.length} bytes, fewer than ${length}`,
  );
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((value, i) => writeUint32(bytes, 4 * i, value));
  return bytes;
}

/** Numbers above 2^53 lose their low digits; these are counters, so that does no harm. */
function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4);
}

function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, Math.floor(value / 2 ** 32));
  writeUint32(bytes, at + 4, value % 2 ** 32);
}
