/** Turns the user's choice of files into priorities for the pieces. */
import type { Magnet } from "../metainfo/magnet.ts";
import { globPattern } from "../util/glob.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { type FileChoiceOptions, HIGHEST, isMedia, NORMAL, SKIP } from "./file_choice.ts";
import type { AddOptions, FileSelection } from "./options.ts";

/** Throws a RangeError for an invalid priority or a missing file. */
export function fileChoiceOptions(
  meta: Metainfo,
  { files, skipFiles = [] }: Pick<AddOptions, "files" | "skipFiles">,
): FileChoiceOptions {
  const selection = typeof files === "function" ? files(meta) : files ?? {};
  const { priorities = new Map<number, number>(), others = NORMAL } = selection;
  const given = new Uint8Array(meta.files.length).fill(checked(others));
  for (const file of skippedBy(meta, skipFiles)) given[file] = SKIP;
  for (const [file, priority] of priorities) {
    if (meta.files[file] === undefined) throw new RangeError(`There is no file ${file}`);
    given[file] = checked(priority);
  }
  return {
    priorities: given,
    ...(selection.sequential === undefined ? {} : { sequential: selection.sequential }),
    ...(selection.endsFirst ? { endsFirst: mediaFiles(meta) } : {}),
  };
}

/** The files that one of the patterns matches: with "/" their path, else their name. */
function skippedBy({ files }: Metainfo, patterns: readonly string[]): number[] {
  if (patterns.length === 0) return [];
  const tests = patterns.map((glob) => ({
    pattern: globPattern(glob),
    ofPath: glob.includes("/"),
  }));
  return files.flatMap(({ path, pad }, file) => {
    const whole = path.join("/"), name = path[path.length - 1]!;
    const isMeant = tests.some(({ pattern, ofPath }) => pattern.test(ofPath ? whole : name));
    return isMeant && !pad ? [file] : [];
  });
}

/** The files that a magnet link names (BEP 53); null when it names none. */
export function selectedBy({ selectOnly }: Magnet): ((meta: Metainfo) => FileSelection) | null {
  if (selectOnly === null) return null;
  return ({ files }) => {
    const priorities = new Map<number, number>();
    for (const { first, last } of selectOnly) {
      for (let file = first; file <= last && file < files.length; file++) {
        priorities.set(file, NORMAL);
      }
    }
    // A link that names only missing files counts as one that names none.
    return priorities.size === 0 ? {} : { priorities, others: SKIP };
  };
}

function mediaFiles({ files }: Metainfo): Set<number> {
  const media = new Set<number>();
  files.forEach(({ path, pad }, file) => {
    if (!pad && isMedia(path)) media.add(file);
  });
  return media;
}

function checked(priority: number): number {
  if (Number.isInteger(priority) && priority >= SKIP && priority <= HIGHEST) return priority;
  throw new RangeError(`${priority} is not a priority: they run from 0 to 7`);
}
