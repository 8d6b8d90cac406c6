/** `-o` names the folder that a torrent's top folder goes into, which people take for that one. */
import type { Files, Platform } from "../platform/types.ts";
import { type Metainfo, parseTorrent } from "../metainfo/metainfo.ts";
import { lastPart } from "../storage/source_files.ts";
import { UsageError } from "./errors.ts";

/** Read, if it can be; else the bytes, of which the client will say what is wrong. */
export function readable(
  { hasher, process }: Pick<Platform, "hasher" | "process">,
  bytes: Uint8Array,
): Metainfo | Uint8Array {
  try {
    const windows = process.os === "windows";
    return parseTorrent(bytes, (part) => hasher.digest("sha1", part), { windows });
  } catch {
    return bytes;
  }
}

/**
 * Throws a UsageError where `dir` is the torrent's own top folder with files of it inside: all would
 * be downloaded once more, into a folder in it.
 */
export function demandOtherFolder(
  files: Files,
  source: Metainfo | Uint8Array | string,
  dir: string,
): void {
  if (typeof source === "string" || source instanceof Uint8Array) return;
  const { name } = source, folder = files.absolute(dir);
  if (lastPart(folder) !== name || files.stat(`${folder}/${name}`) !== null) return;
  const hasOne = source.files.some(({ path, pad }) =>
    !pad && path.length > 1 && files.stat([folder, ...path.slice(1)].join("/")) !== null
  );
  if (!hasOne) return;
  throw new UsageError(
    `${folder} is the torrent's own folder: name the one above it, -o ${
      files.absolute(`${dir}/..`)
    }`,
  );
}
