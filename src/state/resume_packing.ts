/** The packed lists of a resume record: file stamps and peers, in a fixed number of bytes each. */
import { concatBytes } from "../util/bytes.ts";
import { formatIp, parseIp } from "../util/ip_address.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { FileIdentity, Stamp } from "../storage/stamps.ts";

/** A kind byte, then size, time and inode as 64-bit floats, big-endian, which keep them exactly. */
const STAMP_BYTES = 25;
const UNKNOWN = 0, ABSENT = 1, PRESENT = 2;

/** The file's index, then inode and birth as 64-bit floats. */
const OWNED_BYTES = 20;

/** A length byte (4 or 16), then address and port padded to the same size for all. */
const PEER_BYTES = 19;

/** 25 bytes for each stamp, so that a torrent of 10,000 files does not need 10,000 dictionaries. */
export function packStamps(stamps: readonly Stamp[]): Uint8Array {
  const bytes = new Uint8Array(stamps.length * STAMP_BYTES);
  const view = new DataView(bytes.buffer);
  stamps.forEach((stamp, i) => {
    const at = i * STAMP_BYTES;
    bytes[at] = stamp === undefined ? UNKNOWN : stamp === null ? ABSENT : PRESENT;
    if (!stamp) return;
    view.setFloat64(at + 1, stamp.size);
    view.setFloat64(at + 9, stamp.mtimeMs);
    view.setFloat64(at + 17, stamp.inode);
  });
  return bytes;
}

/** Null if the bytes are not packed stamps. */
export function unpackStamps(bytes: Uint8Array): Stamp[] | null {
  if (bytes.length % STAMP_BYTES !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stamps: Stamp[] = [];
  for (let at = 0; at < bytes.length; at += STAMP_BYTES) {
    const kind = bytes[at];
    if (kind === UNKNOWN) stamps.push(undefined);
    else if (kind === ABSENT) stamps.push(null);
    else if (kind !== PRESENT) return null;
    else {
      const size = view.getFloat64(at + 1), mtimeMs = view.getFloat64(at + 9);
      const inode = view.getFloat64(at + 17);
      if (!Number.isSafeInteger(size) || size < 0) return null;
      if (!Number.isFinite(mtimeMs) || !Number.isFinite(inode)) return null;
      stamps.push({ size, mtimeMs, inode });
    }
  }
  return stamps;
}

/** 20 bytes a file. */
export function packOwned(owned: ReadonlyMap<number, FileIdentity>): Uint8Array {
  const bytes = new Uint8Array(owned.size * OWNED_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [file, { inode, bornMs }] of owned) {
    view.setUint32(at, file);
    view.setFloat64(at + 4, inode);
    view.setFloat64(at + 12, bornMs);
    at += OWNED_BYTES;
  }
  return bytes;
}

/** Null if the bytes are not packed identities. */
export function unpackOwned(bytes: Uint8Array): Map<number, FileIdentity> | null {
  if (bytes.length % OWNED_BYTES !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const owned = new Map<number, FileIdentity>();
  for (let at = 0; at < bytes.length; at += OWNED_BYTES) {
    const inode = view.getFloat64(at + 4), bornMs = view.getFloat64(at + 12);
    if (!Number.isFinite(inode) || !Number.isFinite(bornMs)) return null;
    owned.set(view.getUint32(at), { inode, bornMs });
  }
  return owned;
}

/** 19 bytes a peer. Throws a RangeError for an invalid IP address. */
export function packPeers(peers: readonly PeerAddress[]): Uint8Array {
  return concatBytes(...peers.map(({ address, port }) => {
    const ip = parseIp(address);
    if (ip === null) throw new RangeError(`"${address}" is not an IP address`);
    const packed = new Uint8Array(PEER_BYTES);
    packed[0] = ip.length;
    packed.set(ip, 1);
    packed[17] = port >> 8;
    packed[18] = port;
    return packed;
  }));
}

/** Null if the bytes are not packed peers. */
export function unpackPeers(bytes: Uint8Array): PeerAddress[] | null {
  if (bytes.length % PEER_BYTES !== 0) return null;
  const peers: PeerAddress[] = [];
  for (let at = 0; at < bytes.length; at += PEER_BYTES) {
    const length = bytes[at]!;
    if (length !== 4 && length !== 16) return null;
    const address = formatIp(bytes.subarray(at + 1, at + 1 + length));
    peers.push({ address, port: (bytes[at + 17]! << 8) | bytes[at + 18]! });
  }
  return peers;
}
