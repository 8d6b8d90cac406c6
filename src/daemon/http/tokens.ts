/** Tokens of the API: 32 random bytes, of which only the hash is kept. */
import type { Hasher, Random } from "../../platform/types.ts";
import { toHex } from "../../util/bytes.ts";
import type { Access } from "./types.ts";

export interface KeptToken {
  /** For people. */
  readonly name: string;
  /** SHA-256 of the token, in hexadecimal. */
  readonly hash: string;
  readonly may: Access;
}

const PREFIX = "shoal_";

/** `text` is shown once. */
export function makeToken(random: Random, hasher: Pick<Hasher, "digest">) {
  const text = PREFIX + toHex(random.fill(new Uint8Array(32)));
  return { text, hash: hashOfToken(hasher, text) };
}

export function isToken(text: string): boolean {
  return text.startsWith(PREFIX);
}

export function hashOfToken(hasher: Pick<Hasher, "digest">, text: string): string {
  return toHex(hasher.digest("sha256", new TextEncoder().encode(text.slice(0, 1000))));
}
