/**
 * The packets of the UDP tracker protocol (BEP 15) with the URL option of BEP 41.
 * Decoders accept packets that are longer than needed, as BEP 15 demands, and throw a ProtocolError
 * on shorter ones; no allocation depends on an unchecked length.
 */
import { concatBytes, readUint32, writeUint16, writeUint32 } from "../util/bytes.ts";
import { ProtocolError } from "../util/errors.ts";
import { parseCompactPeers, type PeerAddress } from "../util/compact_address.ts";
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
const URL_DATA = 2;

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

/** Throws a ProtocolError if a packet is shorter than `length`. */
export function need(bytes: Uint8Array, length: number): void {
  if (bytes.length >= length) return;
  throw new ProtocolError(
    "bad-length",
    `A UDP tracker packet has ${bytes.length} bytes, fewer than ${length}`,
  );
}

/** 32-bit words, the highest byte first. */
export function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((value, i) => writeUint32(bytes, 4 * i, value));
  return bytes;
}

/** Numbers above 2^53 have lost their low digits; these are counters, so that does no harm. */
function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, Math.floor(value / 2 ** 32));
  writeUint32(bytes, at + 4, value % 2 ** 32);
}
