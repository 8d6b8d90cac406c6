/** Reads one file of a watch folder and adds its torrent. */
import type { Files } from "../../platform/types.ts";
import type { Client } from "../../client/client.ts";
import type { AddOptions } from "../../client/types.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { parentOf } from "../../storage/safe_paths.ts";
import { FileError, TorrentFileError } from "../../util/errors.ts";

/** Bytes of a .torrent, as the client takes at most; a link is far shorter. */
const MOST: Readonly<Record<string, number>> = { torrent: 64 * 1024 * 1024, magnet: 64 * 1024 };

/** "torrent" or "magnet"; null for a file that is not watched for. */
export function kindOf(name: string): "torrent" | "magnet" | null {
  if (name.startsWith(".")) return null;
  const extension = /\.(torrent|magnet)$/i.exec(name)?.[1]?.toLowerCase();
  return extension === "torrent" || extension === "magnet" ? extension : null;
}

/**
 * Null if the client has it already. Throws a FileError, also for a symbolic link; a TorrentFileError
 * or MagnetError for content that is not usable, perhaps because it is not written completely; a
 * RangeError for wrong options.
 */
export function addFile(
  files: Pick<Files, "open">,
  client: Pick<Client, "add">,
  path: string,
  options: AddOptions,
): Torrent | null {
  const kind = kindOf(path.slice(path.lastIndexOf("/") + 1))!;
  const bytes = bytesOf(files, path, MOST[kind]!);
  try {
    return client.add(kind === "torrent" ? bytes : linkIn(bytes), options);
  } catch (error) {
    if (error instanceof TorrentFileError && error.code === "duplicate") return null;
    throw error;
  }
}

/** Unlike `Files.read`, `Files.open` refuses a link. */
function bytesOf(files: Pick<Files, "open">, path: string, most: number): Uint8Array {
  const file = files.open(path, "read");
  try {
    const { size } = file.stat();
    if (size > most) {
      throw new FileError("too-large", path, `Cannot add ${path}: it has more than ${most} bytes`);
    }
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, file.readAt(bytes, 0));
  } finally {
    file.close();
  }
}

/** The first line that is not empty. */
function linkIn(bytes: Uint8Array): string {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/).map((line) => line.trim());
  return lines.find((line) => line !== "") ?? "";
}

/**
 * The name of the torrent whose content the file is, where a watch folder is a download folder, too;
 * null if there is none.
 */
export function contentIn(
  { files, client }: { files: Pick<Files, "realPath">; client: Pick<Client, "torrents"> },
  path: string,
): string | null {
  const name = path.slice(path.lastIndexOf("/") + 1), real = files.realPath(parentOf(path));
  return client.torrents().find((torrent) => {
    if (torrent.metainfo?.files.length !== 1) return false;
    const [file] = torrent.files() ?? [];
    return file?.path.endsWith(`/${name}`) && files.realPath(parentOf(file.path)) === real;
  })?.status().name ?? null;
}
