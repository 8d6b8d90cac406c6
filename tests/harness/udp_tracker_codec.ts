/**
 * A UDP tracker's side of the packets of BEP 15 and BEP 41, as `src/tracker/tracker_udp.ts` has the
 * client's: decodes requests and encodes replies.
 */
import type {
  AnnounceEvent,
  AnnounceRequest,
  ScrapeEntry,
} from "../../src/tracker/tracker_message.ts";
import { MAX_UDP_SCRAPE, need, words } from "../../src/tracker/tracker_udp.ts";
import { concatBytes, readUint16, readUint32 } from "../../src/util/bytes.ts";
import { compactPeer, type PeerAddress } from "../../src/util/compact_address.ts";
import { ProtocolError } from "../../src/util/errors.ts";

const CONNECT = 0, ANNOUNCE = 1, SCRAPE = 2, ERROR = 3;
const PROTOCOL_ID = new Uint8Array([0, 0, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80]);
const EVENTS: readonly AnnounceEvent[] = [null, "completed", "started", "stopped", "paused"];
const ANNOUNCE_LENGTH = 98;
const END_OF_OPTIONS = 0, NOP = 1, URL_DATA = 2;

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

/** Numbers above 2^53 lose their low digits; these are counters, so that does no harm. */
function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4);
}
