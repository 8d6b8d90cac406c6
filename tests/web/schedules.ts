/** Random weeks of hours. */
import { Prng } from "../harness/prng.ts";

export function fuzz(count: number): boolean[][] {
  const random = new Prng(7), bytes = new Uint8Array(7 * 24);
  return Array.from({ length: count }, () => [...random.fill(bytes)].map((byte) => byte % 3 === 0));
}
