/** Ways to cut a stream of bytes into chunks. */
import { Prng } from "./prng.ts";

export function cutEvery(bytes: Uint8Array, length: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) chunks.push(bytes.slice(at, at + length));
  return chunks;
}

/** Chunks of 1 to `most` bytes, the same ones for the same seed. */
export function cutAtRandom(bytes: Uint8Array, seed: number, most = 40): Uint8Array[] {
  const dice = new Prng(seed);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + dice.below(most);
    chunks.push(bytes.slice(at, at + length));
    at += length;
  }
  return chunks;
}
