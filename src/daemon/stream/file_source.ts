/** The bytes of a torrent's file: as it comes while the torrent runs, from the disk when it rests. */
import type { TorrentFile } from "../../client/types.ts";
import type { Files } from "../../platform/types.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { FileError, NotYetError } from "../../util/errors.ts";
import type { ByteRange } from "./byte_range.ts";

type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

const CHUNK_BYTES = 256 * 1024;
const AT_REST: ReadonlySet<string> = new Set(["paused", "done", "stopped", "failed", "queued"]);

/** Rejects with a NotYetError for an unfinished file of a torrent at rest, or with a FileError. */
export async function bytesOf(
  files: Files,
  torrent: Torrent,
  file: TorrentFile,
  range: ByteRange,
): Promise<Bytes> {
  if (!AT_REST.has(torrent.status().state)) return file.stream(range);
  if (file.bytesDone < file.size) {
    throw new NotYetError(`${file.name} is not complete, and its torrent is not running: start it`);
  }
  return await fromDisk(files, file, range);
}

/** A file of another size was changed since. */
async function fromDisk(
  files: Files,
  file: TorrentFile,
  { start, end }: ByteRange,
): Promise<Bytes> {
  const handle = await files.openAsync(file.path, "read");
  let at = start;
  const { size } = await handle.statAsync();
  if (size !== file.size) {
    handle.close();
    throw new FileError("changed", file.path, `${file.path} was changed by another program`);
  }
  return new ReadableStream({
    async pull(controller) {
      const bytes = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
      const read = bytes.length === 0 ? 0 : await handle.readAsync(bytes, at);
      at += read;
      if (read > 0) controller.enqueue(bytes.subarray(0, read));
      if (at < end && read > 0) return;
      handle.close();
      if (at < end) throw new FileError("changed", file.path, `${file.path} became shorter`);
      controller.close();
    },
    cancel: () => handle.close(),
  }, { highWaterMark: 0 });
}
