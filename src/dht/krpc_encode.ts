/**
 * Writes messages of the DHT. A node may have to answer tens of thousands of pings a second, so
 * they are written straight into one shared buffer, keys in byte order by construction; the result
 * is a separate copy.
 */
import { writeUint16 } from "../util/bytes.ts";
import { addressBytes, type PeerAddress } from "../util/compact_address.ts";
import {
  type KrpcError,
  type KrpcQuery,
  type KrpcResponse,
  MAX_MESSAGE_BYTES,
  type MutablePart,
  type NodeEntry,
} from "./krpc_types.ts";

/**
 * The fields of an answer: `t` and `id`, and those of the others that are neither null nor absent.
 * `nodes` and `nodes6` are written even if empty, since an answer to a lookup has them.
 */
export type ResponseFields =
  & Pick<KrpcResponse, "t" | "id">
  & Partial<Omit<KrpcResponse, "t" | "id">>;

export type ErrorFields =
  & Pick<KrpcError, "t" | "code" | "message">
  & Partial<Pick<KrpcError, "client" | "ownEndpoint">>;

/** Throws a RangeError if the message is over 2048 bytes. */
export function encodeQuery(query: KrpcQuery): Uint8Array {
  start();
  text("d1:ad");
  writeArguments(query);
  text("e1:q");
  textString(query.method === "unknown" ? query.name : query.method);
  if (query.readOnly) text("2:roi1e");
  return finish(query.t, query.client, "q");
}

/** Throws a RangeError if the message is over 2048 bytes. */
export function encodeResponse(response: ResponseFields): Uint8Array {
  start();
  text("d");
  writeOwnEndpoint(response.ownEndpoint);
  text("1:rd");
  const { scrape, samples } = response;
  if (scrape) {
    field("4:BFpe", scrape.peers);
    field("4:BFsd", scrape.seeds);
  }
  field("2:id", response.id);
  if (samples) integer("8:interval", samples.interval);
  field("1:k", response.key);
  writeNodes("5:nodes", response.nodes, 26);
  writeNodes("6:nodes6", response.nodes6, 38);
  if (samples) {
    integer("3:num", samples.total);
    text("7:samples");
    length(20 * samples.infoHashes.length);
    for (const infoHash of samples.infoHashes) raw(infoHash);
  }
  integer("3:seq", response.seq);
  field("3:sig", response.signature);
  field("5:token", response.token);
  if (response.value) {
    text("1:v");
    raw(response.value);
  }
  writeValues(response.values);
  text("e");
  return finish(response.t, response.client, "r");
}

export function encodeError(error: ErrorFields): Uint8Array {
  start();
  text("d1:eli");
  text(`${error.code}e`);
  textString(error.message);
  text("e");
  writeOwnEndpoint(error.ownEndpoint);
  return finish(error.t, error.client, "e");
}

const scratch = new Uint8Array(MAX_MESSAGE_BYTES);
let at = 0;

function start(): void {
  at = 0;
}

function finish(t: Uint8Array, client: Uint8Array | null | undefined, type: string): Uint8Array {
  field("1:t", t);
  field("1:v", client);
  text("1:y1:");
  text(type);
  text("e");
  if (at > scratch.length) throw new RangeError("A DHT message is over 2048 bytes long");
  return scratch.slice(0, at);
}

function writeArguments(query: KrpcQuery): void {
  const mutable = query.method === "put" ? query.mutable : null;
  if (mutable !== null) integer("3:cas", mutable.cas);
  field("2:id", query.id);
  switch (query.method) {
    case "ping":
      return;
    case "get_peers":
      field("9:info_hash", query.target);
      if (query.noSeed) text("6:noseedi1e");
      if (query.scrape) text("6:scrapei1e");
      return writeWant(query.want);
    case "announce_peer":
      if (query.impliedPort) text("12:implied_porti1e");
      field("9:info_hash", query.infoHash);
      integer("4:port", query.port);
      if (query.seed) text("4:seedi1e");
      return field("5:token", query.token);
    case "put":
      if (mutable !== null) writeMutable(mutable);
      field("5:token", query.token);
      text("1:v");
      return raw(query.value);
    case "get":
      integer("3:seq", query.seq);
      field("6:target", query.target);
      return writeWant(query.want);
    default:
      field("6:target", query.target);
      return writeWant(query.want);
  }
}

function writeMutable(mutable: MutablePart): void {
  field("1:k", mutable.key);
  if (mutable.salt.length > 0) field("4:salt", mutable.salt);
  integer("3:seq", mutable.seq);
  field("3:sig", mutable.signature);
}

function writeWant(want: readonly (4 | 6)[] | null): void {
  if (want === null || want.length === 0) return;
  text("4:wantl");
  if (want.includes(4)) text("2:n4");
  if (want.includes(6)) text("2:n6");
  text("e");
}

function writeOwnEndpoint(endpoint: PeerAddress | null | undefined): void {
  if (!endpoint) return;
  text("2:ip");
  writeEndpointString(endpoint);
}

function writeNodes(key: string, nodes: readonly NodeEntry[] | undefined, stride: number): void {
  if (nodes === undefined) return;
  text(key);
  length(stride * nodes.length);
  const from = at;
  for (const node of nodes) {
    raw(node.id);
    writeEndpoint(node);
  }
  if (at !== from + stride * nodes.length) throw new RangeError("A node is of the wrong family");
}

function writeValues(values: readonly PeerAddress[] | undefined): void {
  if (values === undefined || values.length === 0) return;
  text("6:valuesl");
  for (const peer of values) writeEndpointString(peer);
  text("e");
}

function writeEndpointString(endpoint: PeerAddress): void {
  // A place for the length, which only the address tells: 6 for IPv4, 18 for IPv6.
  const start = at;
  text("6:");
  writeEndpoint(endpoint);
  if (at - start === 8) return;
  at = start;
  text("18:");
  writeEndpoint(endpoint);
}

/** 6 or 18 bytes. Throws a ProtocolError if the address is invalid. */
function writeEndpoint({ address, port }: PeerAddress): void {
  if (!writeDotted(address)) raw(addressBytes(address));
  writeUint16(scratch, at, port);
  at += 2;
}

/** An answer with peers has dozens of IPv4 addresses: this is ten times as quick as parsing. */
function writeDotted(address: string): boolean {
  let value = 0, digits = 0, dots = 0;
  const start = at;
  for (let i = 0; i < address.length; i++) {
    const digit = address.charCodeAt(i) - 0x30;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
    } else if (address[i] === "." && digits > 0 && value < 256 && dots < 3) {
      scratch[start + dots++] = value;
      value = digits = 0;
    } else {
      return false;
    }
  }
  if (dots !== 3 || digits === 0 || value > 255) return false;
  scratch[start + 3] = value;
  at = start + 4;
  return true;
}

function field(key: string, value: Uint8Array | null | undefined): void {
  if (!value) return;
  text(key);
  length(value.length);
  raw(value);
}

function integer(key: string, value: number | bigint | null | undefined): void {
  if (value === null || value === undefined) return;
  text(key);
  text(`i${value}e`);
}

function textString(value: string): void {
  length(value.length);
  text(value);
}

function length(value: number): void {
  if (value < 10) {
    scratch[at++] = 0x30 + value;
  } else if (value < 100) {
    scratch[at++] = 0x30 + (value / 10 | 0);
    scratch[at++] = 0x30 + value % 10;
  } else {
    text(String(value));
  }
  scratch[at++] = 0x3a;
}

/** ASCII alone. A write beyond the end is lost here and refused in `finish`. */
function text(value: string): void {
  for (let i = 0; i < value.length; i++) scratch[at++] = value.charCodeAt(i);
}

/** Throws a RangeError if `bytes` do not fit. */
function raw(bytes: Uint8Array): void {
  scratch.set(bytes, at);
  at += bytes.length;
}
