/**
 * A resume record is input like any other. A valid one may still not fit: it may have names that
 * collide with the torrent's others, or folders that the user did not choose in this run.
 */
import type { Platform } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { toHex } from "../util/bytes.ts";
import { ResumeError } from "../util/errors.ts";
import { problemWithNames } from "./file_places.ts";
import type { StateDir } from "./state_dir.ts";
import type { AddOptions } from "./types.ts";
import type { Wish } from "./wish.ts";

type Names = ReadonlyMap<number, readonly string[]>;

/**
 * Why the record cannot be used: it has other pieces or files than the torrent, or its names cannot
 * be those of the torrent's files together.
 */
export function misfitOf(
  { process }: Platform,
  meta: Metainfo,
  record: ResumeData,
): ResumeError | null {
  const { layout: { pieceCount }, files } = meta, { have, stamps } = record;
  if (have.length !== pieceCount || stamps.length !== files.length) {
    return misfit("it has other pieces or files than the torrent");
  }
  for (const renamed of [record.renamed, record.moving?.renamed]) {
    const problem = renamed && problemWith(meta, renamed, process.os === "windows");
    if (problem) return misfit(problem);
  }
  return null;
}

function misfit(problem: string): ResumeError {
  return new ResumeError("bad-field", `The resume file cannot be used: ${problem}`);
}

function problemWith(meta: Metainfo, renamed: Names, windows: boolean): string | null {
  if (renamed.size === 0) return null;
  const texts = [...renamed].map(([file, path]) => [file, path.join("/")] as const);
  return problemWithNames(meta, new Map(texts), windows);
}

type Wished = Pick<Wish, "options" | "movesTo">;

/** Absolute: the folders that the user chose. */
function wishedDirs({ files }: Pick<Platform, "files">, { options, movesTo }: Wished): string[] {
  const { dir, incompleteDir = dir } = options;
  const chosen = [incompleteDir, dir].map((place) => files.absolute(place));
  return movesTo === null ? chosen : [...chosen, movesTo];
}

/**
 * The record of a torrent that is restored from the state folder. A record that is foreign, torn or
 * old never sends files to a folder that the user did not choose: such a folder is reported by
 * `warn` and ignored.
 */
export function recordAsWished(
  platform: Pick<Platform, "files">,
  wished: Wished,
  record: ResumeData,
  warn: (message: string) => void,
): ResumeData {
  const dirs = wishedDirs(platform, wished), { name, dir, moving } = record;
  const isMoved = moving !== null && !dirs.includes(moving.dir);
  if (!dirs.includes(dir)) warn(describeStranger(name, "has", dir, dirs[0]!));
  else if (isMoved) warn(describeStranger(name, "would move", moving.dir, dir));
  return isMoved ? { ...record, moving: null } : record;
}

function describeStranger(name: string, does: string, dir: string, chosen: string): string {
  const where = does === "has" ? "in" : "to";
  return `The resume file ${does} "${name}" ${where} ${dir}: ignored, it stays in ${chosen}, as you chose`;
}

/**
 * The options that match the files as an earlier run left them: a crash may have come between a
 * move, or a new name, and the saved options. The search for existing data in other folders is not
 * repeated.
 */
export function optionsAsLeft(
  platform: Pick<Platform, "files">,
  wished: Wished,
  { dir, renamed }: ResumeData,
): AddOptions {
  const { reuse: _, ...options } = wished.options,
    { rename, incompleteDir: __, ...others } = options;
  const names = typeof rename === "function" ? [] : rename ?? [];
  const asNow = [...names].map(([file, name]) =>
    [file, renamed.get(file)?.join("/") ?? name] as const
  );
  const isMoved = dir === wished.movesTo &&
    !wishedDirs(platform, { ...wished, movesTo: null }).includes(dir);
  return {
    ...(isMoved ? { ...others, dir } : options),
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
 * The record for a torrent that was added with these options: folders that were not chosen are
 * reported by `warn`, and a move to one continues only if files are already there.
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
