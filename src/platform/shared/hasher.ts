/** SHA-1: small inputs and running hashes here, whole files on threads (src/DECISIONS.md 3). */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Hasher, RunningHash } from "../types.ts";
import { HashPool } from "./hash_pool.ts";

/** Beyond this a disk, not the processor, sets the pace. */
const MAX_THREADS = 4;

export function createHasher(): Hasher {
  const pool = new HashPool(Math.min(availableParallelism(), MAX_THREADS));
  return {
    sha1: (bytes) => plain(createHash("sha1").update(bytes).digest()),
    running,
    concurrency: pool.size,
    hashFiles: (spans) => pool.run(spans),
    close: () => pool.close(),
  };
}

export function running(): RunningHash {
  const hash = createHash("sha1");
  return {
    update(bytes) {
      hash.update(bytes);
    },
    digest: () => plain(hash.digest()),
  };
}

/** Not node's Buffer, whose `slice` shares memory where Uint8Array's copies. */
function plain(digest: Uint8Array): Uint8Array {
  return new Uint8Array(digest);
}
