/**
 * Two ways to hash a piece that arrives in blocks: as it arrives, or all at the end, on a thread.
 */
import { createHash, type Hash } from "node:crypto";
import type { HashAlgorithm, PieceHash } from "../types.ts";

/** Up to this many bytes are hashed in one call at the end: as cheap and simpler. */
const ONE_SHOT_BYTES = 256 * 1024;

/**
 * A running hash takes this many bytes per call: few calls, and the bytes are still in the cache.
 */
const STRIDE_BYTES = 128 * 1024;

/** At once, on this thread. */
export function digestOf(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array {
  return plain(createHash(algorithm).update(bytes).digest());
}

/** Not node's Buffer, whose `slice` shares memory where Uint8Array's copies. */
export function plain(digest: Uint8Array): Uint8Array {
  return new Uint8Array(digest);
}

/** Hashes bytes while they are in the processor's cache. */
export class RunningPieceHash implements PieceHash {
  readonly #algorithm: HashAlgorithm;
  readonly #buffer: Uint8Array;
  readonly #length: number;
  #hash: Hash | null = null;
  #hashed = 0;

  constructor(algorithm: HashAlgorithm, buffer: Uint8Array, length: number) {
    this.#algorithm = algorithm;
    this.#buffer = buffer;
    this.#length = length;
  }

  // hot
  grew(to: number): void {
    if (this.#length <= ONE_SHOT_BYTES || to - this.#hashed < STRIDE_BYTES) return;
    this.#update(to);
  }

  #update(to: number): void {
    this.#hash ??= createHash(this.#algorithm);
    this.#hash.update(this.#buffer.subarray(this.#hashed, to));
    this.#hashed = to;
  }

  finish(): Uint8Array {
    if (this.#hash === null) {
      return digestOf(this.#algorithm, this.#buffer.subarray(0, this.#length));
    }
    if (this.#hashed < this.#length) this.#update(this.#length);
    return plain(this.#hash.digest());
  }
}

export type Done = Parameters<PieceHash["finish"]>[0];

/** Passes the buffer to a thread when it is full. */
export function submittedHash(submit: (done: Done) => void): PieceHash {
  return {
    grew() {},
    finish(done) {
      submit(done);
      return null;
    },
  };
}
