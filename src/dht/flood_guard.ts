/**
 * Protects us from floods, and others from being flooded through us, since senders can forge the
 * addresses on their datagrams: a rate for each address (a /64 counts as one), a period of silence
 * after exceeding it, and one budget for all bytes by which our answers exceed their queries.
 *
 * The rates are in two rows of buckets, chosen by secret hashes of the address: the cost of a
 * datagram and the memory never depend on the number of addresses. An address that shares a bucket
 * with a flooder in one row still has the other; it is refused only if both are used up.
 */
import type { Random } from "../platform/types.ts";
import { parseIp } from "../util/ip_address.ts";

/** Limits on the queries of other nodes. */
export interface FloodLimits {
  /** Queries a second from one address. Default 5. */
  perSecond: number;
  /** The most queries at once. Default 50. */
  burst: number;
  /** Silence after exceeding the rate, in milliseconds. Default 5 minutes. */
  blockMs: number;
  /** Bytes a second by which answers may exceed twice their queries. Default 64 KiB. */
  surplusPerSecond: number;
  /** Buckets in a row: a power of two. Default 16,384. */
  buckets: number;
}

const DEFAULTS: FloodLimits = {
  perSecond: 5,
  burst: 50,
  blockMs: 5 * 60_000,
  surplusPerSecond: 64 * 1024,
  buckets: 16_384,
};
const ROWS = 2;
/** The most unused surplus, as time. */
const SURPLUS_BURST_MS = 3000;
/** Bytes of the IP and UDP headers, which both query and answer carry. */
const HEADER_BYTES = 28;
/** Answers up to this many times their query make us useless as an amplifier. */
const FREE_FACTOR = 2;
/** No answer is larger. */
const LARGEST_SURPLUS = 1400;

export class FloodGuard {
  /** Datagrams refused for the rate of their address, and answers held back for the budget. */
  refused = 0;
  heldBack = 0;
  readonly #limits: FloodLimits;
  readonly #seeds: readonly number[];
  /** Per bucket: queries left, when that was, and until when it is blocked. */
  readonly #left: Float32Array;
  readonly #asOf: Float64Array;
  readonly #blockedUntil: Float64Array;
  readonly #found = new Uint32Array(ROWS);
  #surplus: number;
  #surplusAsOf: number;

  constructor(random: Pick<Random, "uint32">, now: number, limits: Partial<FloodLimits> = {}) {
    this.#limits = { ...DEFAULTS, ...limits };
    this.#seeds = Array.from({ length: ROWS }, () => random.uint32());
    const count = ROWS * this.#limits.buckets;
    this.#left = new Float32Array(count).fill(this.#limits.burst);
    this.#asOf = new Float64Array(count).fill(now);
    this.#blockedUntil = new Float64Array(count).fill(-Infinity);
    this.#surplus = this.#surplusBurst;
    this.#surplusAsOf = now;
  }

  /** Whether to drop a datagram of the address undecoded; it then counts as refused. */
  isBlocked(address: string, now: number): boolean {
    this.#find(address);
    for (let row = 0; row < ROWS; row++) {
      if (this.#blockedUntil[this.#found[row]!]! <= now) return false;
    }
    this.refused++;
    return true;
  }

  /** Counts a query; false if it must not be answered. */
  admit(address: string, now: number): boolean {
    this.#find(address);
    let admitted = false;
    for (let row = 0; row < ROWS; row++) {
      if (this.#take(this.#found[row]!, now)) admitted = true;
    }
    if (!admitted) this.refused++;
    return admitted;
  }

  /** Whether an answer of this size may be sent; counts it if so. */
  mayAnswer(queryBytes: number, answerBytes: number, now: number): boolean {
    const free = FREE_FACTOR * (queryBytes + HEADER_BYTES) - HEADER_BYTES;
    if (answerBytes <= free) return true;
    this.#refill(now);
    if (this.#surplus < answerBytes - free) {
      this.heldBack++;
      return false;
    }
    this.#surplus -= answerBytes - free;
    return true;
  }

  /** Whether the budget has room for any answer; counts one as held back if not. */
  hasBudget(now: number): boolean {
    this.#refill(now);
    if (this.#surplus >= Math.min(LARGEST_SURPLUS, this.#surplusBurst / 2)) return true;
    this.heldBack++;
    return false;
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#surplusAsOf);
    const gained = this.#limits.surplusPerSecond * elapsed / 1000;
    this.#surplus = Math.min(this.#surplusBurst, this.#surplus + gained);
    this.#surplusAsOf = now;
  }

  get #surplusBurst(): number {
    return this.#limits.surplusPerSecond * SURPLUS_BURST_MS / 1000;
  }

  #take(bucket: number, now: number): boolean {
    if (this.#blockedUntil[bucket]! > now) return false;
    const elapsed = Math.max(0, now - this.#asOf[bucket]!);
    const { perSecond, burst, blockMs } = this.#limits;
    const left = Math.min(burst, this.#left[bucket]! + perSecond * elapsed / 1000);
    this.#asOf[bucket] = now;
    if (left >= 1) {
      this.#left[bucket] = left - 1;
      return true;
    }
    this.#blockedUntil[bucket] = now + blockMs;
    this.#left[bucket] = burst;
    return false;
  }

  /** Sets `#found` to the address's bucket of each row. */
  #find(address: string): void {
    const prefix = address.includes(":") ? parseIp(address) : null;
    for (let row = 0; row < ROWS; row++) {
      const seed = this.#seeds[row]!;
      const hash = prefix === null ? hashText(address, seed) : hashBytes(prefix, 8, seed);
      this.#found[row] = row * this.#limits.buckets + (hash & (this.#limits.buckets - 1));
    }
  }
}

function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
  return finish(hash);
}

function hashBytes(bytes: Uint8Array, length: number, seed: number): number {
  let hash = seed;
  for (let i = 0; i < length; i++) hash = mix(hash, bytes[i]!);
  return finish(hash);
}

/** The rotation lets the high bits of the seed reach the low ones that choose the bucket. */
function mix(hash: number, unit: number): number {
  hash = Math.imul(hash ^ unit, 0x9e3779b1);
  return (hash << 13) | (hash >>> 19);
}

function finish(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
