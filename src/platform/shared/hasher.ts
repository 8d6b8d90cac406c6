/** Hashing: small inputs and running hashes here, whole files on threads (src/DECISIONS.md 4). */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import type { HashAlgorithm, Hasher } from "../types.ts";
import { HashPool, MOST_AT_ONCE } from "./hash_pool.ts";
import { type HashEngine, webName } from "./hash_worker.ts";
import { digestOf, type Done, RunningPieceHash, submittedHash } from "./piece_hash.ts";

/** Beyond this number the disk, not the processor, is the bottleneck. */
const MAX_THREADS = 4;

/**
 * Below this many bytes a second, hashing is most of a download's work and goes to threads; above
 * it, a running hash on bytes that are still in the cache is the cheapest.
 */
const QUICK_ENOUGH = 1e9;
/** Smaller pieces cost more to transfer than to hash. */
const MIN_THREAD_BYTES = 128 * 1024;
/**
 * Pieces at longer intervals are no load: they are hashed on this thread, and no other one waits.
 */
const BUSY_MS = 100;
/** If the two are close, as on Bun, noise must not decide: lanes do not pay there. */
const CLEARLY = 1.5;
const SAMPLE_BYTES = 128 * 1024;
const SAMPLE_ROUNDS = 6;

export function createHasher(): Hasher {
  const pool = new HashPool(Math.min(availableParallelism(), MAX_THREADS));
  let threaded = false;
  let lastSubmit = -Infinity;
  let ready = false;
  let calibrated: Promise<void> | null = null;
  const calibrate = () =>
    calibrated ??= measure().then((speeds) => {
      pool.engine = speeds.node * CLEARLY >= speeds.webcrypto ? "node" : "lanes";
      const quick = speeds.node >= QUICK_ENOUGH;
      const alone = pool.engine === "node" && pool.size === 1;
      threaded = !quick && !alone;
      ready = true;
    });
  const submit = (algorithm: HashAlgorithm, bytes: Uint8Array, length: number, done: Done) => {
    const now = performance.now();
    const quiet = now - lastSubmit > BUSY_MS;
    lastSubmit = now;
    const result = quiet || length < MIN_THREAD_BYTES
      ? hashHere(algorithm, bytes, length, pool.engine)
      : pool.hashBytes(algorithm, bytes, length);
    result.then((r) => done(r.digest, r.bytes), () => done(null, null));
  };
  return {
    digest: digestOf,
    allocate: (length) =>
      threaded ? new Uint8Array(new SharedArrayBuffer(length)) : new Uint8Array(length),
    begin: (algorithm, buffer, length) =>
      threaded
        ? submittedHash((done) => submit(algorithm, buffer, length, done))
        : new RunningPieceHash(algorithm, buffer, length),
    calibrate,
    concurrency: pool.size * MOST_AT_ONCE,
    hashFiles: (algorithm, spans) =>
      ready
        ? pool.hashFiles(algorithm, spans)
        : calibrate().then(() => pool.hashFiles(algorithm, spans)),
    close: () => pool.close(),
  };
}

async function hashHere(
  algorithm: HashAlgorithm,
  bytes: Uint8Array,
  length: number,
  engine: HashEngine,
): Promise<{ digest: Uint8Array; bytes: Uint8Array }> {
  const part = bytes.subarray(0, length);
  const digest = engine === "node"
    ? digestOf(algorithm, part)
    : new Uint8Array(await crypto.subtle.digest(webName(algorithm), part.slice()));
  return { digest, bytes };
}

/**
 * Bytes a second of both: the best round counts, since a busy machine can only slow one down.
 * Deno's createHash is quick on processors with SHA instructions and four times slower than its Web
 * Crypto on others; Bun's is never the slower one. Where Web Crypto wins clearly, lanes win again:
 * that is not measured here, as V8 optimizes their code only after some 20 ms of work.
 */
async function measure(): Promise<{ node: number; webcrypto: number }> {
  const sample = new Uint8Array(SAMPLE_BYTES);
  let node = Infinity, webcrypto = Infinity;
  for (let round = 0; round < SAMPLE_ROUNDS; round++) {
    const start = performance.now();
    createHash("sha1").update(sample).digest();
    const middle = performance.now();
    await crypto.subtle.digest("SHA-1", sample);
    node = Math.min(node, middle - start);
    webcrypto = Math.min(webcrypto, performance.now() - middle);
  }
  return { node: SAMPLE_BYTES * 1000 / node, webcrypto: SAMPLE_BYTES * 1000 / webcrypto };
}
