/**
 * Node ids: the XOR metric of Kademlia (BEP 5) and ids that are tied to the sender's address, so
 * that a node cannot choose its place in the key space freely (BEP 42).
 */
import type { Random } from "../platform/types.ts";
import type { Crc32c } from "../util/crc32c.ts";
import { toLatin1 } from "../util/bytes.ts";
import { addressBytes, isPrivateOrLocal } from "../util/compact_address.ts";

export const ID_BYTES = 20;
export const ID_BITS = 160;

/** Bits of an address that go into an id (BEP 42). */
const MASK_V4 = [0x03, 0x0f, 0x3f, 0xff];
const MASK_V6 = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];

/** Below 0 if `a` is nearer to `target` than `b`, above 0 if farther, 0 if they are the same id. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const x = a[i]!, y = b[i]!;
    if (x !== y) return (x ^ target[i]!) - (y ^ target[i]!);
  }
  return 0;
}

/** `a` XOR `b`: 20 bytes. */
export function distance(a: Uint8Array, b: Uint8Array): Uint8Array {
  const result = new Uint8Array(ID_BYTES);
  for (let i = 0; i < ID_BYTES; i++) result[i] = a[i]! ^ b[i]!;
  return result;
}

/** How many leading bits are equal: 0 to 160. */
export function commonPrefixLength(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_BYTES; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return ID_BITS;
}

export function randomId(random: Pick<Random, "fill">): Uint8Array {
  return random.fill(new Uint8Array(ID_BYTES));
}

/** A random id whose common prefix with `id` is exactly `bits` long: a place in that bucket. */
export function randomIdAt(
  id: Uint8Array,
  bits: number,
  random: Pick<Random, "fill">,
): Uint8Array {
  if (bits >= ID_BITS) return id.slice();
  const result = randomId(random);
  const byte = bits >> 3, flip = 0x80 >> (bits & 7);
  result.set(id.subarray(0, byte));
  const above = 0xff & ~(2 * flip - 1);
  result[byte] = (id[byte]! & above) | (~id[byte]! & flip) | (result[byte]! & (flip - 1));
  return result;
}

/**
 * An id that BEP 42 allows at `address`: the first 21 bits come from it and from three bits of the
 * last byte, the rest is random. Throws a ProtocolError if `address` is no IP address.
 */
export function generateId(
  crc32c: Crc32c,
  address: string,
  random: Pick<Random, "fill">,
): Uint8Array {
  const id = randomId(random);
  const checksum = addressChecksum(crc32c, address, id[19]!);
  id[0] = checksum >>> 24;
  id[1] = checksum >>> 16;
  id[2] = ((checksum >>> 8) & 0xf8) | (id[2]! & 0x07);
  return id;
}

/** Whether BEP 42 allows `id` at `address`. Any id does on local networks, which are exempt. */
export function isIdAllowed(crc32c: Crc32c, id: Uint8Array, address: string): boolean {
  return isPrivateOrLocal(address) || matchesAddress(crc32c, id, address);
}

/** As isIdAllowed, without the exemption of local networks. */
export function matchesAddress(crc32c: Crc32c, id: Uint8Array, address: string): boolean {
  const checksum = addressChecksum(crc32c, address, id[19]!);
  const prefix = ((id[0]! << 24) | (id[1]! << 16) | (id[2]! << 8)) >>> 0;
  return ((prefix ^ checksum) & 0xfffff800) === 0;
}

/**
 * The unit that counts as one network when nodes or votes must come from distinct ones: the /24 of
 * an IPv4, the /64 of an IPv6 address. A map key, not for display.
 */
export function networkOf(address: string): string {
  const bytes = addressBytes(address);
  return bytes.length === 4 ? toLatin1(bytes, 0, 3) : toLatin1(bytes, 0, 8);
}

function addressChecksum(crc32c: Crc32c, address: string, dice: number): number {
  const bytes = addressBytes(address);
  const mask = bytes.length === 4 ? MASK_V4 : MASK_V6;
  const input = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) input[i] = bytes[i]! & mask[i]!;
  input[0]! |= (dice & 7) << 5;
  return crc32c(input);
}
