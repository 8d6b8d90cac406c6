/**
 * A resume record is input as any other, and one that is sound in itself may still not fit: names
 * that collide with the torrent's others, or folders that nobody asked for in this run.
 */
import type { Platform } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { toHex } from "../util/bytes.ts";
import { ResumeError } from "../util/errors.ts";
import { problemWithNames } from "./file_places.ts";
import type { StateDir } from "./state_dir.ts";
import type { AddOptions } from "./types.ts";

type Names = ReadonlyMap<number, readonly string[]>;

/** Why the record cannot be used: names that the files of this torrent cannot have together. */
export function misfitOf(
  { process }: Platform,
  meta: Metainfo,
  record: ResumeData,
): ResumeError | null {
  for (const renamed of [record.renamed, record.moving?.renamed]) {
    const problem = renamed && problemWith(meta, renamed, process.os === "windows");
    if (problem) return new ResumeError("bad-field", `The resume file cannot be used: ${problem}`);
  }
  return null;
}

function problemWith(meta: Metainfo, renamed: Names, windows: boolean): string | null {
  if (renamed.size === 0) return null;
  const texts = [...renamed].map(([file, path]) => [file, path.join("/")] as const);
  return problemWithNames(meta, new Map(texts), windows);
}

/**
 * The options for a torrent as an earlier run left its files: a crash may have come between a move, or
 * a new name, and the options that tell of it. What was to be found elsewhere was found then.
 */
export function optionsAsLeft(
  { files }: Pick<Platform, "files">,
  { reuse: _, ...options }: AddOptions,
  { dir, renamed }: ResumeData,
): AddOptions {
  const { rename, incompleteDir, ...others } = options;
  const isKnown = [options.dir, incompleteDir ?? options.dir].some((place) => {
    return files.absolute(place) === dir;
  });
  const names = typeof rename === "function" ? [] : rename ?? [];
  const asNow = [...names].map(([file, name]) =>
    [file, renamed.get(file)?.join("/") ?? name] as const
  );
  return {
    ...(isKnown ? options : { ...others, dir }),
    ...(asNow.length > 0 ? { rename: new Map(asNow) } : {}),
  };
}

/** The record for a torrent that was added in this run; null without one. Rejects with a ResumeError. */
export async function recordFor(
  platform: Platform,
  state: StateDir,
  meta: Metainfo,
  options: AddOptions,
  warn: (message: string) => void,
): Promise<ResumeData | null> {
  const record = await state.loadRecord(toHex(meta.infoHash));
  if (record === null) return null;
  const misfit = misfitOf(platform, meta, record);
  if (misfit !== null) throw misfit;
  return asAsked(platform, meta, options, record, warn);
}

/**
 * The record for a torrent that somebody added with these options: what it says of folders that were
 * not asked for is told by `warn`, and a move to one only goes on where files are there already.
 */
function asAsked(
  { files }: Pick<Platform, "files">,
  meta: Metainfo,
  { dir, incompleteDir }: AddOptions,
  record: ResumeData,
  warn: (message: string) => void,
): ResumeData {
  const asked = [incompleteDir ?? dir, dir].map((place) => files.absolute(place));
  const { moving } = record;
  if (!asked.includes(record.dir) && record.dir !== moving?.dir) {
    warn(
      `"${meta.name}" was in ${record.dir} in an earlier run. Now it is in ${asked[
        0
      ]!}, as you chose`,
    );
  }
  if (moving === null || moving.dir === record.dir || asked.includes(moving.dir)) return record;
  const hasBegun = meta.files.some(({ path, pad }, file) =>
    !pad && files.stat([moving.dir, ...moving.renamed.get(file) ?? path].join("/")) !== null
  );
  if (hasBegun) {
    warn(
      `An earlier run was moving "${meta.name}" to ${moving.dir}: the remaining files are moved there, too`,
    );
    return record;
  }
  warn(
    `The resume file would move "${meta.name}" to ${moving.dir}: ignored, it stays in ${asked[0]!}`,
  );
  return { ...record, moving: null };
}
