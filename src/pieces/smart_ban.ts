/**
 * Finds the peers that poisoned a piece (libtorrent's "smart ban"): the block digests of failed
 * attempts are kept with their senders until the piece passes; a block that then differs identifies
 * its sender exactly, and no other peer is harmed.
 */
import { equalBytes } from "../util/bytes.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";

/** After this many failed attempts at a piece, a peer gets no more requests for it. */
export const MAX_ATTEMPTS = 3;
/** Limits for the memory that liars can cost: attempts per piece, and pieces. */
const MAX_KEPT_ATTEMPTS = 4;
const MAX_KEPT_PIECES = 256;
/** The peers whose failed attempts at one piece are counted: the last ones. */
const MAX_COUNTED_PEERS = 256;

interface Attempt {
  senders: Int32Array;
  /** 20 bytes a block. */
  digests: Uint8Array;
}

interface Failures {
  attempts: Attempt[];
  /** Failed attempts per peer key. */
  perPeer: Map<number, number>;
}

export class SmartBan {
  readonly #sha1: (bytes: Uint8Array) => Uint8Array;
  /** By piece; null before the first. */
  #failures: Map<number, Failures> | null = null;

  constructor(sha1: (bytes: Uint8Array) => Uint8Array) {
    this.#sha1 = sha1;
  }

  /** Whether any attempt at `piece` failed and it has not passed since. */
  hasFailed(piece: number): boolean {
    return this.#failures?.has(piece) ?? false;
  }

  /** Whether `key` took part in too many failed attempts at `piece`. */
  isSetAside(piece: number, key: number): boolean {
    return (this.#failures?.get(piece)?.perPeer.get(key) ?? 0) >= MAX_ATTEMPTS;
  }

  /** Whether `key` took part in any failed attempt at `piece`. */
  isSuspect(piece: number, key: number): boolean {
    return this.#failures?.get(piece)?.perPeer.has(key) ?? false;
  }

  /** Records a failed attempt; returns the keys of peers that are certainly guilty. */
  failed(piece: number, bytes: Uint8Array, senders: Int32Array): Set<number> {
    const keys = new Set(senders);
    const failures = this.#of(piece);
    for (const key of keys) count(failures.perPeer, key);
    if (keys.size === 1) return keys;
    const attempt = { senders: senders.slice(), digests: this.#digests(bytes, senders.length) };
    const guilty = new Set<number>();
    for (const earlier of failures.attempts) {
      for (let block = 0; block < senders.length; block++) {
        const sameSender = earlier.senders[block] === senders[block];
        if (sameSender && !sameDigest(earlier, attempt, block)) guilty.add(senders[block]!);
      }
    }
    if (failures.attempts.length < MAX_KEPT_ATTEMPTS) failures.attempts.push(attempt);
    return guilty;
  }

  /** The piece passed: returns the keys of all peers that sent different blocks. */
  passed(piece: number, bytes: Uint8Array): Set<number> {
    const guilty = new Set<number>();
    const failures = this.#failures?.get(piece);
    if (failures === undefined) return guilty;
    this.#failures!.delete(piece);
    const blocks = Math.ceil(bytes.length / BLOCK_LENGTH);
    const good = { senders: new Int32Array(blocks), digests: this.#digests(bytes, blocks) };
    for (const attempt of failures.attempts) {
      for (let block = 0; block < blocks; block++) {
        if (!sameDigest(attempt, good, block)) guilty.add(attempt.senders[block]!);
      }
    }
    return guilty;
  }

  #of(piece: number): Failures {
    const all = this.#failures ??= new Map();
    let failures = all.get(piece);
    if (failures === undefined) {
      if (all.size >= MAX_KEPT_PIECES) all.delete(all.keys().next().value!);
      failures = { attempts: [], perPeer: new Map() };
      all.set(piece, failures);
    }
    return failures;
  }

  #digests(bytes: Uint8Array, blocks: number): Uint8Array {
    const digests = new Uint8Array(20 * blocks);
    for (let block = 0; block < blocks; block++) {
      const begin = block * BLOCK_LENGTH;
      digests.set(this.#sha1(bytes.subarray(begin, begin + BLOCK_LENGTH)), 20 * block);
    }
    return digests;
  }
}

function count(perPeer: Map<number, number>, key: number): void {
  const before = perPeer.get(key) ?? 0;
  perPeer.delete(key);
  perPeer.set(key, before + 1);
  if (perPeer.size <= MAX_COUNTED_PEERS) return;
  const [oldest] = perPeer.keys();
  perPeer.delete(oldest!);
}

function sameDigest(a: Attempt, b: Attempt, block: number): boolean {
  const from = 20 * block, to = from + 20;
  return equalBytes(a.digests.subarray(from, to), b.digests.subarray(from, to));
}
