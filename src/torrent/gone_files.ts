/**
 * Files of a torrent that have vanished: either the user deleted or moved them, or their disk is
 * away. The recorded disk tells which, or a file that is unchanged.
 */
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { Stamp } from "../storage/stamps.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import type { FileStat } from "../platform/types.ts";
import { GoneError } from "../util/errors.ts";
import { unlessLink } from "./seed_only.ts";

/** The record of the files while they existed. An empty `disk` is unknown. */
export type Remembered = Pick<ResumeData, "disk" | "stamps" | "partsStamp">;

type LookedAt = Pick<TorrentStorage, "seen" | "folder">;

/**
 * The number of files that vanished from a present disk. Throws a GoneError if the disk is away.
 */
export function goneFiles(meta: Metainfo, storage: LookedAt, was: Remembered): number {
  let gone = 0, found = 0, kept = 0;
  meta.files.forEach(({ pad, length }, file) => {
    const stamp = was.stamps[file];
    if (pad || length === 0 || stamp === null) return;
    const now = unlessLink(() => storage.seen.statFile(file));
    if (now === null) gone++;
    else found++;
    if (now !== "link" && isAsLeft(stamp, now)) kept++;
  });
  const parts = storage.seen.statParts();
  if (parts !== null) found++;
  if (isAsLeft(was.partsStamp, parts)) kept++;
  const isMissed = gone > 0 || (found === 0 && Boolean(was.partsStamp));
  if (isMissed && kept === 0 && isAway(storage, was.disk, found)) {
    throw new GoneError(meta.name, storage.folder.dir);
  }
  return gone;
}

/** Records of earlier versions name no disk: then an empty folder is taken for a mount point. */
function isAway(storage: LookedAt, disk: string, found: number): boolean {
  return disk === ""
    ? found === 0 && storage.folder.isEmpty()
    : storage.folder.diskNow().id !== disk;
}

function isAsLeft(stamp: Stamp, now: FileStat | null): boolean {
  return Boolean(stamp) && now !== null && now.size === stamp!.size &&
    Math.floor(now.mtimeMs) === Math.floor(stamp!.mtimeMs);
}
