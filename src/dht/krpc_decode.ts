/** Reads datagrams of the DHT. They come from strangers: every fault becomes a KrpcFormatError. */
import { readUint16 } from "../util/bytes.ts";
import { ProtocolError } from "../util/errors.ts";
import { formatIp, isDialable } from "../util/ip_address.ts";
import { BDict, type BValue, decode } from "../bencode/bencode.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import {
  BLOOM_BYTES,
  type InfohashSamples,
  type KrpcError,
  KrpcFormatError,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcResponse,
  MAX_ERROR_TEXT,
  MAX_MESSAGE_BYTES,
  MAX_NODES,
  MAX_SAMPLES,
  MAX_TOKEN_BYTES,
  MAX_TRANSACTION_BYTES,
  MAX_VALUES,
  type MutablePart,
  type NodeEntry,
  type ScrapeFilters,
} from "./krpc_types.ts";

const ID_BYTES = 20, KEY_BYTES = 32, SIGNATURE_BYTES = 64;
/** Real nodes send keys in any order; no valid message is nested or split this much. */
const LIMITS = {
  allowUnsorted: true,
  maxDepth: 16,
  maxTokens: 1000,
  maxBytes: MAX_MESSAGE_BYTES,
};
const MAX_SEQ = 2n ** 63n - 1n;
/** BEP 51's upper bound in seconds. */
const MAX_SAMPLE_INTERVAL = 21_600;
const CLIENT_BYTES = 16;
const QUERY = 0x71, RESPONSE = 0x72, ERROR = 0x65;
const NONE: readonly never[] = Object.freeze([]);

/** Whether a datagram looks like a DHT message: the port is shared with other protocols. */
export function looksLikeKrpc(bytes: Uint8Array): boolean {
  return bytes.length >= 10 && bytes[0] === 0x64 && bytes[bytes.length - 1] === 0x65;
}

/** Throws only a KrpcFormatError; its `t` is set if a query can be answered with error 203. */
export function decodeKrpc(datagram: Uint8Array): KrpcMessage {
  const root = decodeRoot(datagram);
  const t = root.bytes("t");
  if (t === undefined || t.length === 0 || t.length > MAX_TRANSACTION_BYTES) {
    fail("bad-transaction", "A DHT message has no usable transaction id");
  }
  const type = root.bytes("y");
  switch (type?.length === 1 ? type[0] : undefined) {
    case QUERY:
      return answerable(t, () => decodeQuery(root, t));
    case RESPONSE:
      return decodeResponse(root, t);
    case ERROR:
      return decodeError(root, t);
    default:
      fail("bad-type", "A DHT message is no query, response or error");
  }
}

function decodeRoot(datagram: Uint8Array): BDict {
  // One copy for the whole message: a separate array for every id would take 600 bytes each.
  const bytes = datagram.length > MAX_MESSAGE_BYTES ? datagram : datagram.slice();
  let root: BValue;
  try {
    root = decode(bytes, LIMITS);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new KrpcFormatError(error.code, error.message, null, error);
  }
  if (root instanceof BDict) return root;
  fail("bad-message", "A DHT message is not a dictionary");
}

/** Faults in a query that has a transaction id can be answered. */
function answerable(t: Uint8Array, read: () => KrpcQuery): KrpcQuery {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new KrpcFormatError(error.code, error.message, t, error);
  }
}

function decodeQuery(root: BDict, t: Uint8Array): KrpcQuery {
  const args = root.dict("a"), name = root.bytes("q");
  if (args === undefined) fail("no-arguments", "A DHT query has no arguments");
  if (name === undefined || name.length > 64) fail("no-method", "A DHT query has no method");
  const method = root.text("q")!;
  const head = {
    kind: "query" as const,
    t,
    id: fixed(args, "id", ID_BYTES),
    readOnly: root.int("ro") === 1,
    client: clientOf(root),
  };
  switch (method) {
    case "ping":
      return { ...head, method };
    case "find_node":
    case "sample_infohashes":
      return { ...head, method, target: fixed(args, "target", ID_BYTES), want: wantOf(args) };
    case "get_peers":
      return {
        ...head,
        method,
        target: fixed(args, "info_hash", ID_BYTES),
        want: wantOf(args),
        noSeed: flag(args, "noseed"),
        scrape: flag(args, "scrape"),
      };
    case "announce_peer":
      return {
        ...head,
        method,
        infoHash: fixed(args, "info_hash", ID_BYTES),
        token: tokenOf(args),
        ...portOf(args),
        seed: flag(args, "seed"),
      };
    case "get":
      return {
        ...head,
        method,
        target: fixed(args, "target", ID_BYTES),
        want: wantOf(args),
        seq: sequence(args, "seq"),
      };
    case "put":
      return {
        ...head,
        method,
        token: tokenOf(args),
        value: args.raw("v") ?? fail("no-value", "A put has no value"),
        mutable: mutableOf(args),
      };
    default:
      return {
        ...head,
        method: "unknown",
        name: method,
        target: targetOf(args),
        want: wantOf(args),
      };
  }
}

function decodeResponse(root: BDict, t: Uint8Array): KrpcResponse {
  const body = root.dict("r");
  if (body === undefined) fail("no-response", "A DHT response is empty");
  const key = optional(body, "k", KEY_BYTES), signature = optional(body, "sig", SIGNATURE_BYTES);
  return {
    kind: "response",
    t,
    id: fixed(body, "id", ID_BYTES),
    client: clientOf(root),
    ownEndpoint: endpointOf(root.bytes("ip")),
    nodes: nodesOf(body.bytes("nodes"), 4),
    nodes6: nodesOf(body.bytes("nodes6"), 6),
    values: valuesOf(body.list("values")),
    token: body.has("token") ? tokenOf(body) : null,
    scrape: scrapeOf(body),
    samples: samplesOf(body),
    value: body.raw("v") ?? null,
    key,
    signature,
    seq: sequence(body, "seq"),
  };
}

function decodeError(root: BDict, t: Uint8Array): KrpcError {
  const [code, message] = root.list("e") ?? NONE;
  if (typeof code !== "number") fail("bad-error", "A DHT error has no code");
  const text = message instanceof Uint8Array ? printable(message) : "";
  return {
    kind: "error",
    t,
    code,
    message: text,
    client: clientOf(root),
    ownEndpoint: endpointOf(root.bytes("ip")),
  };
}

function fixed(dict: BDict, key: string, length: number): Uint8Array {
  return optional(dict, key, length) ?? fail("missing", `A DHT message has no "${key}"`);
}

function optional(dict: BDict, key: string, length: number): Uint8Array | null {
  const value = dict.get(key);
  if (value === undefined) return null;
  if (value instanceof Uint8Array && value.length === length) return value;
  fail("bad-length", `"${key}" of a DHT message is not ${length} bytes long`);
}

function flag(dict: BDict, key: string): boolean {
  const value = dict.int(key);
  return value !== undefined && value !== 0;
}

function tokenOf(dict: BDict): Uint8Array {
  const token = dict.bytes("token");
  if (token !== undefined && token.length > 0 && token.length <= MAX_TOKEN_BYTES) {
    return token;
  }
  fail("bad-token-field", "A DHT message has no usable token");
}

function portOf(args: BDict): { port: number; impliedPort: boolean } {
  const impliedPort = flag(args, "implied_port"), port = args.int("port");
  if (port !== undefined && port >= 0 && port <= 65535) return { port, impliedPort };
  if (impliedPort) return { port: 0, impliedPort };
  fail("bad-port", "An announce names no usable port");
}

function sequence(dict: BDict, key: string): bigint | null {
  const value = dict.get(key);
  if (value === undefined) return null;
  if (typeof value === "number" && value >= 0) return BigInt(value);
  if (typeof value === "bigint" && value >= 0n && value <= MAX_SEQ) return value;
  fail("bad-sequence", `"${key}" of a DHT message is no number from 0 to 2^63 - 1`);
}

/** Any one of the fields makes an item mutable, so an incomplete set is an error. */
function mutableOf(args: BDict): MutablePart | null {
  if (!args.has("k") && !args.has("sig") && !args.has("seq")) return null;
  const salt = args.get("salt");
  if (salt !== undefined && !(salt instanceof Uint8Array)) {
    fail("bad-salt", "The salt of a put is no string");
  }
  return {
    key: fixed(args, "k", KEY_BYTES),
    signature: fixed(args, "sig", SIGNATURE_BYTES),
    seq: sequence(args, "seq") ?? fail("missing", 'A DHT message has no "seq"'),
    salt: salt ?? new Uint8Array(0),
    cas: sequence(args, "cas"),
  };
}

function targetOf(args: BDict): Uint8Array | null {
  for (const key of ["target", "info_hash"]) {
    const value = args.bytes(key);
    if (value?.length === ID_BYTES) return value;
  }
  return null;
}

function wantOf(args: BDict): readonly (4 | 6)[] | null {
  const list = args.list("want");
  if (list === undefined) return null;
  const wants = (digit: number) =>
    list.some((item) =>
      item instanceof Uint8Array && item.length === 2 && item[0] === 0x6e && item[1] === digit
    );
  const families: (4 | 6)[] = [];
  if (wants(0x34)) families.push(4);
  if (wants(0x36)) families.push(6);
  return families.length > 0 ? families : null;
}

function clientOf(root: BDict): Uint8Array | null {
  const client = root.bytes("v");
  return client === undefined ? null : client.subarray(0, CLIENT_BYTES);
}

/** 6 or 18 bytes; null for anything else, since it is only an unverified claim. */
function endpointOf(bytes: Uint8Array | undefined): PeerAddress | null {
  if (bytes === undefined || (bytes.length !== 6 && bytes.length !== 18)) return null;
  const end = bytes.length - 2;
  return { address: formatIp(bytes.subarray(0, end)), port: readUint16(bytes, end) };
}

/** As endpointOf; also null for an end point that cannot be reached. */
function usablePeer(bytes: Uint8Array): PeerAddress | null {
  const peer = endpointOf(bytes);
  // Ports 0 and 1 are announced by clients that do not listen.
  if (peer === null || peer.port < 2) return null;
  if (!isDialable(bytes.subarray(0, bytes.length - 2))) return null;
  // An IPv4-mapped address is invalid here.
  return bytes.length === 18 && !peer.address.includes(":") ? null : peer;
}

/** A rest that is too short for an entry is ignored, as other clients do. */
function nodesOf(bytes: Uint8Array | undefined, family: 4 | 6): readonly NodeEntry[] {
  const stride = family === 4 ? 26 : 38;
  if (bytes === undefined || bytes.length < stride) return NONE;
  const nodes: NodeEntry[] = [];
  for (let at = 0; at + stride <= bytes.length && nodes.length < MAX_NODES; at += stride) {
    const peer = usablePeer(bytes.subarray(at + ID_BYTES, at + stride));
    if (peer === null) continue;
    nodes.push({ id: bytes.subarray(at, at + ID_BYTES), address: peer.address, port: peer.port });
  }
  return nodes;
}

function valuesOf(list: BValue[] | undefined): readonly PeerAddress[] {
  if (list === undefined) return NONE;
  const peers: PeerAddress[] = [];
  for (const item of list) {
    if (peers.length === MAX_VALUES) break;
    const peer = item instanceof Uint8Array ? usablePeer(item) : null;
    if (peer !== null) peers.push(peer);
  }
  return peers;
}

function scrapeOf(body: BDict): ScrapeFilters | null {
  const seeds = body.bytes("BFsd"), peers = body.bytes("BFpe");
  if (seeds?.length !== BLOOM_BYTES || peers?.length !== BLOOM_BYTES) return null;
  return { seeds, peers };
}

function samplesOf(body: BDict): InfohashSamples | null {
  const joined = body.bytes("samples");
  if (joined === undefined) return null;
  const infoHashes: Uint8Array[] = [];
  for (let at = 0; at + ID_BYTES <= joined.length && infoHashes.length < MAX_SAMPLES;) {
    infoHashes.push(joined.subarray(at, at += ID_BYTES));
  }
  const interval = Math.min(MAX_SAMPLE_INTERVAL, Math.max(0, body.int("interval") ?? 0));
  const total = Math.max(infoHashes.length, body.int("num") ?? 0);
  return { infoHashes, total, interval };
}

/** ASCII without control characters: it may be shown in a log or on a terminal. */
function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, MAX_ERROR_TEXT)) {
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
  }
  return text;
}

function fail(code: string, message: string): never {
  throw new KrpcFormatError(code, message, null);
}
