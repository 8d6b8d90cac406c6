/** The same `length` bytes for the same `seed` (xorshift), for tests with hostile bytes. */
export function randomBytes(seed: number, length: number): Uint8Array {
  let state = (seed + 1) * 2654435761 >>> 0 || 1;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
