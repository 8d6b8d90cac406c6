/**
 * Peer end points: their text, the compact forms of BEP 23 (6 bytes, IPv4) and BEP 7 (18 bytes,
 * IPv6), and which kinds of address are local. Every address that this file returns is in its one
 * canonical text (util/ip_address), so that texts can be compared and used as keys.
 */
import { concatBytes, readUint16, writeUint16 } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import {
  canonicalIp,
  formatIp,
  isDialable,
  isLoopback as isLoopbackIp,
  parseIp,
} from "./ip_address.ts";

/** Where a peer listens: `address` is canonical text without brackets or zone. */
export interface PeerAddress {
  /** IP address. */
  address: string;
  /** TCP or UDP port. */
  port: number;
}

/** A host name in lower case, or a literal address in its canonical text. */
export interface HostPort {
  /** Name or address. */
  host: string;
  /** TCP or UDP port. */
  port: number;
}

/** 4 or 16 bytes. Throws a ProtocolError if `address` is not an IP address. */
export function addressBytes(address: string): Uint8Array {
  const bytes = parseIp(address);
  if (bytes === null) {
    throw new ProtocolError("bad-address", `"${address.slice(0, 60)}" is not an IP address`);
  }
  return bytes;
}

export function addressFamily(address: string): 4 | 6 {
  return addressBytes(address).length === 4 ? 4 : 6;
}

/** "host:port" or "[v6]:port" with any host; the name is not checked. Null if it has no port. */
export function parseHostPort(text: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, v6, name, digits] = match;
  const port = Number(digits);
  if (port > 65535) return null;
  if (v6 !== undefined) {
    const host = canonicalIp(v6);
    return host === null || !v6.includes(":") ? null : { host, port };
  }
  // A name whose last part is a number is a misspelt IPv4 address: no top-level domain is numeric.
  const host = /(^|\.)\d+\.?$/.test(name!) ? canonicalIp(name!) : name!.toLowerCase();
  return host === null ? null : { host, port };
}

/** "1.2.3.4:6881" or "[::1]:6881"; null for anything else, host names included. */
export function parseEndpoint(text: string): PeerAddress | null {
  const parsed = parseHostPort(text);
  if (parsed === null || parseIp(parsed.host) === null) return null;
  return { address: parsed.host, port: parsed.port };
}

/** The text that parseEndpoint reads. */
export function formatEndpoint(peer: PeerAddress): string {
  return peer.address.includes(":")
    ? `[${peer.address}]:${peer.port}`
    : `${peer.address}:${peer.port}`;
}

/** 6 or 18 bytes. Throws a ProtocolError if the address is not an IP address. */
export function compactPeer(peer: PeerAddress): Uint8Array {
  const port = new Uint8Array(2);
  writeUint16(port, 0, peer.port);
  return concatBytes(addressBytes(peer.address), port);
}

/**
 * Peers of a string of 6-byte (family 4) or 18-byte (family 6) entries, at most `limit`.
 * Throws a ProtocolError if `bytes` does not hold a whole number of entries.
 */
export function parseCompactPeers(
  bytes: Uint8Array,
  family: 4 | 6,
  limit = Infinity,
): PeerAddress[] {
  const stride = family === 4 ? 6 : 18;
  if (bytes.length % stride !== 0) {
    throw new ProtocolError(
      "bad-length",
      `A compact peer list of ${bytes.length} bytes is not made of entries of ${stride}`,
    );
  }
  const peers: PeerAddress[] = [];
  for (let at = 0; at < bytes.length && peers.length < limit; at += stride) {
    const end = at + stride - 2;
    peers.push({ address: formatIp(bytes.subarray(at, end)), port: readUint16(bytes, end) });
  }
  return peers;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  return isLoopbackIp(addressBytes(address));
}

/** 0.0.0.0/8 and ::, which systems treat as "this machine" when connecting. */
export function isUnspecified(address: string): boolean {
  const bytes = addressBytes(address);
  return bytes.length === 4 ? bytes[0] === 0 : bytes.every((byte) => byte === 0);
}

/** 169.254.0.0/16 and fe80::/10. */
export function isLinkLocal(address: string): boolean {
  const bytes = addressBytes(address);
  if (bytes.length === 4) return bytes[0] === 169 && bytes[1] === 254;
  return bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}

/** Not reachable over the public internet: this machine, its link, or a private network. */
export function isPrivateOrLocal(address: string): boolean {
  const bytes = addressBytes(address);
  if (isLoopbackIp(bytes)) return true;
  const a = bytes[0]!, b = bytes[1]!;
  // Unique local (fc00::/7), link-local (fe80::/10) and the older site-local (fec0::/10), and ::.
  if (bytes.length === 16) {
    return (a & 0xfe) === 0xfc || (a === 0xfe && b >= 0x80) || bytes.every((byte) => byte === 0);
  }
  return a === 0 || a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168) ||
    (a === 100 && (b & 0xc0) === 64) || (a === 169 && b === 254);
}

/**
 * Whether a peer at this address can be dialled at all. Clients that do not listen announce ports 0
 * and 1.
 */
export function isUsablePeer(peer: PeerAddress): boolean {
  const { address, port } = peer;
  const bytes = parseIp(address);
  return bytes !== null && Number.isInteger(port) && port > 1 && port < 65536 && isDialable(bytes);
}
