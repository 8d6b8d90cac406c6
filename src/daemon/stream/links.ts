/**
 * Links to files for players, which cannot sign in: signed under a key of this daemon, and only good for
 * one file and for a while. The key is kept, so that a link survives a restart.
 */
import type { Files, Hasher, Random } from "../../platform/types.ts";
import { concatBytes, fromHex, toHex } from "../../util/bytes.ts";
import { FileError } from "../../util/errors.ts";

/** A film, its pauses, and a night's sleep. */
export const LINK_SECONDS = 24 * 3600;

const KEY_BYTES = 64, SIGNATURE_DIGITS = 40;
const UTF8 = new TextEncoder();

interface LinkPorts {
  readonly files: Files;
  readonly hasher: Pick<Hasher, "digest">;
  readonly random: Random;
}

export class Links {
  readonly #hasher: Pick<Hasher, "digest">;
  readonly #key: Uint8Array;

  constructor(hasher: Pick<Hasher, "digest">, key: Uint8Array) {
    this.#hasher = hasher;
    this.#key = key;
  }

  /** With the key of the state folder, which is made at the first time. Rejects with a FileError. */
  static async open({ files, hasher, random }: LinkPorts, stateDir: string): Promise<Links> {
    const path = `${stateDir}/stream.key`, kept = await keptKey(files, path);
    if (kept !== null) return new Links(hasher, kept);
    const key = random.fill(new Uint8Array(KEY_BYTES));
    await files.writeWhole(path, UTF8.encode(toHex(key)), { ownerOnly: true });
    return new Links(hasher, key);
  }

  /** "EXPIRES-SIGNATURE"; `now`: seconds since 1970. */
  sign(infoHash: string, file: number, now: number): string {
    const expires = Math.floor(now) + LINK_SECONDS;
    return `${expires}-${this.#signature(infoHash, file, expires)}`;
  }

  isGood(seal: string, infoHash: string, file: number, now: number): boolean {
    const [, digits = "", signature = ""] = /^(\d{1,12})-([0-9a-f]+)$/.exec(seal) ?? [];
    const right = this.#signature(infoHash, file, Number(digits));
    return isSame(signature, right) && now < Number(digits);
  }

  #signature(infoHash: string, file: number, expires: number): string {
    return hmac(this.#hasher, this.#key, `${infoHash}/${file}/${expires}`);
  }
}

async function keptKey(files: Files, path: string): Promise<Uint8Array | null> {
  try {
    const text = new TextDecoder().decode(await files.read(path, 2 * KEY_BYTES));
    return text.length === 2 * KEY_BYTES ? fromHex(text) : null;
  } catch (error) {
    if (error instanceof FileError && error.code === "not-found") return null;
    throw error;
  }
}

/** HMAC-SHA-256 (RFC 2104) of a key of one block, shortened. */
function hmac(hasher: Pick<Hasher, "digest">, key: Uint8Array, text: string): string {
  const inner = hasher.digest(
    "sha256",
    concatBytes(key.map((byte) => byte ^ 0x36), UTF8.encode(text)),
  );
  const outer = hasher.digest("sha256", concatBytes(key.map((byte) => byte ^ 0x5c), inner));
  return toHex(outer).slice(0, SIGNATURE_DIGITS);
}

/** In the same time wherever they differ. */
function isSame(a: string, b: string): boolean {
  let differs = a.length ^ b.length;
  for (let i = 0; i < b.length; i++) differs |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return differs === 0;
}
