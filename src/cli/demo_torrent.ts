/** A file of random bytes and the .torrent for it: the least that the demo needs of a creator. */
import type { Platform } from "../platform/types.ts";
import { encode } from "../protocol/bencode_encode.ts";

export const DEMO_PIECE_LENGTH = 256 * 1024;

/** Writes `size` random bytes and gives the SHA-1 of each piece, 20 bytes each. */
export function writeRandomFile(
  { files, random, hasher }: Pick<Platform, "files" | "random" | "hasher">,
  path: string,
  size: number,
): Uint8Array {
  const hashes = new Uint8Array(20 * Math.ceil(size / DEMO_PIECE_LENGTH));
  const file = files.open(path, "write");
  try {
    const buffer = new Uint8Array(DEMO_PIECE_LENGTH);
    for (let at = 0, piece = 0; at < size; at += DEMO_PIECE_LENGTH, piece++) {
      const bytes = random.fill(buffer.subarray(0, Math.min(DEMO_PIECE_LENGTH, size - at)));
      hashes.set(hasher.sha1(bytes), 20 * piece);
      file.writeAt(bytes, at);
    }
  } finally {
    file.close();
  }
  return hashes;
}

/** The bytes of a .torrent of one file (BEP 3) with one tracker. */
export function encodeTorrent(
  about: { name: string; size: number; pieceHashes: Uint8Array; announce: string },
): Uint8Array {
  return encode({
    announce: about.announce,
    "created by": "shoal demo",
    info: {
      length: about.size,
      name: about.name,
      "piece length": DEMO_PIECE_LENGTH,
      pieces: about.pieceHashes,
    },
  });
}
