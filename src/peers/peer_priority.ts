/**
 * Canonical peer priority (BEP 40): a number that both ends of a possible connection compute alike,
 * so that a swarm's connections spread evenly and nobody gains a place by dialling more often.
 */
import type { Crc32c } from "../util/crc32c.ts";
import { writeUint16 } from "../util/bytes.ts";

export interface PriorityEndpoint {
  /** 4 or 16 bytes in network order. */
  readonly bytes: Uint8Array;
  readonly port: number;
}

/**
 * An unsigned 32-bit number, higher is better; null when one address is IPv4 and the other IPv6,
 * for which BEP 40 has no rule. The order of the two endpoints does not matter.
 */
export function peerPriority(
  crc32c: Crc32c,
  a: PriorityEndpoint,
  b: PriorityEndpoint,
): number | null {
  const bytes = priorityInput(a, b);
  return bytes === null ? null : crc32c(bytes);
}

/** The bytes that BEP 40 runs through CRC-32C; null for two address families. */
export function priorityInput(a: PriorityEndpoint, b: PriorityEndpoint): Uint8Array | null {
  const length = a.bytes.length;
  if (length !== b.bytes.length) return null;
  const differs = firstDifference(a.bytes, b.bytes);
  if (differs === length) return sortedPorts(a.port, b.port);
  // The first differing byte is never masked, so masking cannot change which address is lower.
  const [low, high] = a.bytes[differs]! < b.bytes[differs]! ? [a, b] : [b, a];
  const input = new Uint8Array(2 * length);
  input.set(low.bytes, 0);
  input.set(high.bytes, length);
  for (let i = firstMasked(differs, length); i < length; i++) {
    input[i]! &= 0x55;
    input[length + i]! &= 0x55;
  }
  return input;
}

/**
 * Where masking with 0x55 begins. IPv4: after the /16, one byte later for each byte shared beyond
 * it, not at all within a /24. IPv6: as libtorrent does it, since both ends have to agree and the
 * BEP's "etc." leaves room: clients that follow its text mask one byte more within a shared /40.
 */
function firstMasked(differs: number, length: number): number {
  if (length === 4) return differs < 2 ? 2 : differs + 1;
  return Math.max(differs + 1, 5) + 1;
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i;
}

function sortedPorts(a: number, b: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint16(bytes, 0, Math.min(a, b));
  writeUint16(bytes, 2, Math.max(a, b));
  return bytes;
}
