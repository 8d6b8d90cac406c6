/** Web Crypto's random numbers, taken in bulk because one call costs about a microsecond. */
import type { Random } from "../types.ts";

/** getRandomValues refuses more than this in one call. */
const MAX_FILL_BYTES = 65536;
const POOL_WORDS = 1024;

export function createRandom(): Random {
  const pool = new Uint32Array(POOL_WORDS);
  let used = POOL_WORDS;
  return {
    fill(bytes) {
      for (let at = 0; at < bytes.length; at += MAX_FILL_BYTES) {
        const part = bytes.subarray(at, at + MAX_FILL_BYTES);
        crypto.getRandomValues(part as Uint8Array<ArrayBuffer>);
      }
      return bytes;
    },
    uint32() {
      if (used === POOL_WORDS) {
        crypto.getRandomValues(pool);
        used = 0;
      }
      const value = pool[used]!;
      pool[used++] = 0; // so that a used number cannot be read from memory later
      return value;
    },
  };
}
