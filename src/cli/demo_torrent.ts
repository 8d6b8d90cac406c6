/** A file of random bytes and the .torrent of it, for the demo. */
import { createTorrent } from "../client/create_torrent.ts";
import type { Platform } from "../platform/types.ts";

/** Small, so that the pieces of a demo come in one after the other. */
const PIECE_LENGTH = 256 * 1024;

type DemoPlatform = Pick<Platform, "files" | "random" | "hasher" | "clock" | "process">;

/** Makes the file at `path`, `size` bytes long, and gives the bytes of its .torrent. */
export async function makeRandomTorrent(
  platform: DemoPlatform,
  path: string,
  size: number,
  announce: string,
): Promise<Uint8Array> {
  writeRandomFile(platform, path, size);
  const { bytes } = await createTorrent(platform, path, {
    announce: [[announce]],
    pieceLength: PIECE_LENGTH,
    createdBy: "shoal demo",
    creationDate: null,
  });
  return bytes;
}

function writeRandomFile({ files, random }: DemoPlatform, path: string, size: number): void {
  const file = files.open(path, "write");
  try {
    const buffer = new Uint8Array(PIECE_LENGTH);
    for (let at = 0; at < size; at += PIECE_LENGTH) {
      file.writeAt(random.fill(buffer.subarray(0, Math.min(PIECE_LENGTH, size - at))), at);
    }
  } finally {
    file.close();
  }
}
