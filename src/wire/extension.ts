/** The extension protocol's handshake (BEP 10): each side's abilities beyond BEP 3, by name. */
import { BDict, decodePrefix } from "../bencode/bencode.ts";
import { type Encodable, encode } from "../bencode/bencode_encode.ts";
import { addressBytes } from "../util/compact_address.ts";
import { formatIp } from "../util/ip_address.ts";

/** Extended message 0 is always the handshake. */
export const EXTENSION_HANDSHAKE = 0;

export const UT_PEX = "ut_pex", UT_METADATA = "ut_metadata", LT_DONTHAVE = "lt_donthave";

/** The messages that we know, with the numbers that we assign. */
export const EXTENSION_IDS: ReadonlyMap<string, number> = new Map([
  [UT_PEX, 1],
  [UT_METADATA, 2],
  [LT_DONTHAVE, 7],
]);

/** The name of a message by the number that we gave it. */
export function extensionName(id: number): string | undefined {
  for (const [name, each] of EXTENSION_IDS) if (each === id) return name;
  return undefined;
}

/** A handshake of a normal client is under 500 bytes; none needs more than this. */
const MAX_HANDSHAKE_BYTES = 64 * 1024;
const MAX_NAMES = 64;
const MAX_CLIENT_LENGTH = 64;

export interface ExtensionHandshake {
  /** Message ids by extension name; id 0 switches an extension off. */
  messages: Map<string, number>;
  /** Client name and version. */
  client?: string;
  /** The sender's listening port. */
  port?: number;
  /** The most requests that the sender queues. */
  reqq?: number;
  /** The receiver's address as the sender sees it. */
  yourAddress?: string;
  /** BEP 21: the sender downloads nothing. */
  uploadOnly?: boolean;
  /** BEP 9: bytes of the info dictionary. */
  metadataSize?: number;
}

export function encodeExtensionHandshake(handshake: ExtensionHandshake): Uint8Array {
  const dict = new Map<string, Encodable>([["m", handshake.messages]]);
  if (handshake.client !== undefined) dict.set("v", handshake.client);
  if (handshake.port !== undefined) dict.set("p", handshake.port);
  if (handshake.reqq !== undefined) dict.set("reqq", handshake.reqq);
  if (handshake.metadataSize !== undefined) dict.set("metadata_size", handshake.metadataSize);
  if (handshake.uploadOnly !== undefined) dict.set("upload_only", handshake.uploadOnly ? 1 : 0);
  if (handshake.yourAddress !== undefined) dict.set("yourip", addressBytes(handshake.yourAddress));
  return encode(dict);
}

/**
 * Copies what it keeps. Fields of a wrong type or range count as absent, another value than a
 * dictionary as an empty one, and bytes behind the value are skipped, as libtorrent has it.
 */
export function decodeExtensionHandshake(payload: Uint8Array): ExtensionHandshake {
  const handshake: ExtensionHandshake = { messages: new Map() };
  const { value: dict } = decodePrefix(payload, {
    allowUnsorted: true,
    maxBytes: MAX_HANDSHAKE_BYTES,
    maxDepth: 8,
    maxTokens: 4096,
  });
  if (!(dict instanceof BDict)) return handshake;
  for (const [name, id] of dict.dict("m")?.entries() ?? []) {
    if (handshake.messages.size >= MAX_NAMES) break;
    if (typeof id === "number" && id >= 0 && id <= 255) handshake.messages.set(name, id);
  }
  const client = dict.text("v");
  if (client !== undefined) handshake.client = client.slice(0, MAX_CLIENT_LENGTH);
  const port = intIn(dict, "p", 1, 65535);
  if (port !== undefined) handshake.port = port;
  const reqq = intIn(dict, "reqq", 1, 1 << 20);
  if (reqq !== undefined) handshake.reqq = reqq;
  const metadataSize = intIn(dict, "metadata_size", 1, 2 ** 31);
  if (metadataSize !== undefined) handshake.metadataSize = metadataSize;
  const uploadOnly = dict.int("upload_only");
  if (uploadOnly !== undefined) handshake.uploadOnly = uploadOnly !== 0;
  const address = dict.bytes("yourip");
  if (address?.length === 4 || address?.length === 16) {
    handshake.yourAddress = formatIp(address);
  }
  return handshake;
}

function intIn(dict: BDict, key: string, min: number, max: number): number | undefined {
  const value = dict.int(key);
  return value !== undefined && value >= min && value <= max ? value : undefined;
}
