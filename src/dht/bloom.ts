/**
 * The bloom filter of BEP 33: 2048 bits, two of them set for each address. Filters of many nodes
 * are combined bit by bit, and the number of addresses in a filter can be estimated.
 */
import { BLOOM_BYTES } from "./krpc_types.ts";

const BITS = 8 * BLOOM_BYTES;
const HASHES = 2;

/**
 * An address as the filter stores it: a number, so that it is hashed only once. `digest`: SHA-1 of
 * the 4 or 16 bytes of the address.
 */
export function bloomMark(digest: Uint8Array): number {
  return (digest[0]! | (digest[1]! << 8) | (digest[2]! << 16) | (digest[3]! << 24)) >>> 0;
}

export class BloomFilter {
  readonly bytes: Uint8Array;

  /** `bytes`: 256 of them, taken over, not copied. Throws a RangeError for another length. */
  constructor(bytes: Uint8Array = new Uint8Array(BLOOM_BYTES)) {
    if (bytes.length !== BLOOM_BYTES) throw new RangeError("A bloom filter has 256 bytes");
    this.bytes = bytes;
  }

  /** `mark`: of an address, from `bloomMark`. */
  add(mark: number): void {
    this.#set(mark & 0xffff);
    this.#set(mark >>> 16);
  }

  /** Adds all addresses of the other filter. */
  merge(other: BloomFilter): void {
    for (let i = 0; i < BLOOM_BYTES; i++) this.bytes[i]! |= other.bytes[i]!;
  }

  /** Estimated number of addresses. Above 6,000 it is inaccurate. */
  estimate(): number {
    let zeros = 0;
    for (const byte of this.bytes) {
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) === 0) zeros++;
    }
    // The logarithm of 0 does not exist: a full filter counts as having one zero.
    const share = Math.min(BITS - 1, Math.max(1, zeros)) / BITS;
    if (zeros === BITS) return 0;
    return Math.log(share) / (HASHES * Math.log(1 - 1 / BITS));
  }

  #set(value: number): void {
    const bit = value % BITS;
    this.bytes[bit >> 3]! |= 1 << (bit & 7);
  }
}
