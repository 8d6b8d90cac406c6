/** Values of DHT items for `shoal dht`, and the keys that sign them. */
import { decode } from "../bencode/bencode.ts";
import { encode } from "../bencode/bencode_encode.ts";
import { MAX_VALUE_BYTES } from "../dht/dht_item.ts";
import type { Platform } from "../platform/types.ts";
import { toHex } from "../util/bytes.ts";
import { FileError } from "../util/errors.ts";
import { UsageError } from "./errors.ts";

const SEED_BYTES = 32;

/** Text, or the bytes of a file, as a bencoded string. Throws a UsageError. */
export function stringValue(content: Uint8Array): Uint8Array {
  const value = encode(content);
  if (value.length <= MAX_VALUE_BYTES) return value;
  throw new UsageError(
    `That is ${content.length} bytes, and the DHT takes about ${MAX_VALUE_BYTES - 5} at most`,
  );
}

/**
 * `text`: of a string in UTF-8, else null. `hex`: of its bytes, or of the whole value if it is no
 * string.
 */
export function readValue(bencoded: Uint8Array): { text: string | null; hex: string } {
  const value = decode(bencoded);
  if (!(value instanceof Uint8Array)) return { text: null, hex: toHex(bencoded) };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    return { text, hex: toHex(value) };
  } catch {
    return { text: null, hex: toHex(value) };
  }
}

/**
 * The 32-byte seed of a key pair. A missing file is created, readable only by its owner. Throws a
 * UsageError for another kind of file; rejects with a FileError.
 */
export async function seedFrom(
  { files, random }: Pick<Platform, "files" | "random">,
  path: string,
): Promise<Uint8Array> {
  try {
    const seed = await files.read(path, SEED_BYTES);
    if (seed.length === SEED_BYTES) return seed;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.code !== "not-found" && error.code !== "too-large") throw error;
    if (error.code === "not-found") {
      const seed = random.fill(new Uint8Array(SEED_BYTES));
      await files.writeWhole(path, seed, { ownerOnly: true });
      return seed;
    }
  }
  throw new UsageError(`${path} is not a key: a key file has ${SEED_BYTES} bytes`);
}
