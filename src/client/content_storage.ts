/** The files of a torrent on the disk, and those of other folders that it can reuse. */
import type { Platform } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { verifierOf } from "../metainfo/piece_verifier.ts";
import type { HandlePool } from "../storage/handle_pool.ts";
import { findReusable } from "../storage/reuse.ts";
import type { FollowedLinks } from "../storage/safe_paths.ts";
import { TorrentStorage } from "../storage/torrent_storage.ts";
import type { ContentOptions, ContentPorts, ContentStart } from "../torrent/content_ports.ts";
import { FileChoice } from "../torrent/file_choice.ts";
import { placeFiles } from "./file_places.ts";
import type { AddOptions } from "./types.ts";

type Stored = Pick<ContentPorts, "storage" | "record" | "renamed" | "reuse"> & {
  notes: readonly string[];
};

/** Throws a RangeError for invalid names, a FileError for names that the disk refuses. */
export function openStorage(
  platform: Platform,
  handles: HandlePool,
  meta: Metainfo,
  { options, contentOptions, start }: {
    options: AddOptions;
    contentOptions: ContentOptions;
    start: ContentStart;
  },
): Stored {
  const { layout, infoHash } = meta, { preallocate } = contentOptions;
  const { wanted } = new FileChoice(layout, contentOptions.files);
  const { dir, renamed, record, notes } = placeFiles(platform, meta, options, start);
  const entries = meta.files.map((entry, file) => {
    return { ...entry, path: renamed.get(file) ?? entry.path };
  });
  const { files, clock } = platform;
  const storage = new TorrentStorage(files, handles, dir, entries, layout, {
    preallocate,
    infoHash,
    wanted,
    follow: followedBy(options),
    rest: () => new Promise<void>((resolve) => void clock.after(0, resolve)),
  });
  const { reuse: dirs } = options;
  const reuse = dirs === undefined ? null : finderIn(platform, meta, dirs, storage);
  return { storage, record, renamed, notes, reuse };
}

function finderIn(
  { files, hasher }: Platform,
  meta: Metainfo,
  dirs: readonly string[],
  storage: TorrentStorage,
): NonNullable<ContentPorts["reuse"]> {
  const { layout } = meta, verifier = verifierOf(meta);
  const pathOf = (file: number) => storage.folder.pathOf(file);
  return async (sought, signal) => {
    const found = new Map<number, string>();
    for (const dir of dirs) {
      const left = sought.filter(({ file }) => !found.has(file));
      const ports = { files, hasher, layout, verifier, pathOf };
      const more = await findReusable(ports, files.absolute(dir), left, signal);
      for (const [file, path] of more) found.set(file, path);
    }
    return found;
  };
}

/** Links are not followed if anything may be written. */
function followedBy({ seedOnly, followLinks }: AddOptions): FollowedLinks {
  if (!seedOnly) return "none";
  return followLinks ? "all" : "top folder";
}
