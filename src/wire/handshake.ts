/** The 68 bytes that open a peer connection (BEP 3), and the reserved bits that we know (BEP 4). */
import { fromLatin1 } from "../util/bytes.ts";

export const HANDSHAKE_LENGTH = 68;

const PROTOCOL = fromLatin1("\x13BitTorrent protocol");

export interface Handshake {
  infoHash: Uint8Array;
  peerId: Uint8Array;
  /** BEP 10: extension messages. */
  extensions: boolean;
  /** BEP 6: fast extension. */
  fast: boolean;
  /** BEP 5: has a DHT node. */
  dht: boolean;
}

export function encodeHandshake(handshake: Handshake): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  bytes.set(PROTOCOL);
  if (handshake.extensions) bytes[25]! |= 0x10;
  if (handshake.fast) bytes[27]! |= 0x04;
  if (handshake.dht) bytes[27]! |= 0x01;
  bytes.set(handshake.infoHash, 28);
  bytes.set(handshake.peerId, 48);
  return bytes;
}

/**
 * Whether `bytes` can still become a handshake; call it with any prefix to reject strangers early.
 */
export function startsLikeHandshake(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, PROTOCOL.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PROTOCOL[i]) return false;
  return true;
}

/** Copies out of `bytes` (68 of them); null if it is another protocol. */
export function decodeHandshake(bytes: Uint8Array): Handshake | null {
  if (bytes.length !== HANDSHAKE_LENGTH || !startsLikeHandshake(bytes)) return null;
  return {
    infoHash: bytes.slice(28, 48),
    peerId: bytes.slice(48, 68),
    extensions: (bytes[25]! & 0x10) !== 0,
    fast: (bytes[27]! & 0x04) !== 0,
    dht: (bytes[27]! & 0x01) !== 0,
  };
}
