/**
 * The flags that name files: `1-3,8`, `*.mkv`, `>100M` (numbers of `shoal show`, patterns of the
 * path or name, sizes; joined by commas, and any match counts) and `3=film.mkv` for another name.
 * Write a comma in a name as `\,`, except if the text is a whole name or path.
 */
import type { AddOptions, FileSelection } from "../client/types.ts";
import type { Metainfo, TorrentFileEntry } from "../metainfo/metainfo.ts";
import { globPattern } from "../util/glob.ts";
import { UsageError } from "./errors.ts";
import { formatCount } from "./render/format.ts";
import { size } from "./values.ts";
import type { Flag } from "./args.ts";
import { problemWithNames } from "../client/file_places.ts";
import type { Process } from "../platform/types.ts";

/** A file as the user sees it. */
interface CountedFile {
  /** From 1; pads are not counted. */
  readonly number: number;
  readonly path: string;
  readonly name: string;
  readonly size: number;
}

type Means = (file: CountedFile) => boolean;

export interface FileSpec {
  readonly text: string;
  readonly means: Means;
}

/** Throws a UsageError for invalid text. */
export function fileSpec(text: string): FileSpec {
  const items = text.split(/(?<!\\),/).map((item) => item.replaceAll("\\,", ",").trim())
    .filter((item) => item !== "");
  if (items.length === 0) throw new UsageError("the list of files is empty");
  const means = [...items.map(readItem), isCalled(text.trim())];
  return { text, means: (file) => means.some((each) => each(file)) };
}

/** Of a flag that is given several times: files that match any of them. */
export function eitherSpec(before: FileSpec | null, also: FileSpec): FileSpec {
  if (before === null) return also;
  return {
    text: `${before.text},${also.text}`,
    means: (file) => before.means(file) || also.means(file),
  };
}

function isCalled(text: string): Means {
  return ({ path, name }) => name === text || path === text;
}

function readItem(item: string): Means {
  const range = /^(\d{1,7})(?:-(\d{1,7})?)?$/.exec(item);
  if (range !== null) {
    const first = Number(range[1]);
    const last = range[2] !== undefined ? Number(range[2]) : item.endsWith("-") ? Infinity : first;
    if (first < 1 || last < first) throw new UsageError(`"${item}" is not a range of file numbers`);
    return ({ number }) => number >= first && number <= last;
  }
  const bySize = /^([<>])\s*(.*)$/.exec(item);
  if (bySize !== null) {
    const limit = size(bySize[2]!);
    return bySize[1] === ">" ? (file) => file.size > limit : (file) => file.size < limit;
  }
  const pattern = globPattern(item);
  return item.includes("/") ? ({ path }) => pattern.test(path) : ({ name }) => pattern.test(name);
}

export interface FileWishes {
  /** Only these files; null for all. */
  only: FileSpec | null;
  /** These before all others. */
  first: FileSpec | null;
  /** The ends of media files before the rest. */
  endsFirst: boolean;
}

/** Undefined if no flag is given. The function throws a UsageError if no file matches. */
export function selectionBy(
  { only, first, endsFirst }: FileWishes,
): ((meta: Metainfo) => FileSelection) | undefined {
  if (only === null && first === null && !endsFirst) return undefined;
  return (meta) => {
    const priorities = new Map<number, number>();
    const meant = only === null ? null : indicesOf(meta, only);
    for (const file of meant ?? []) priorities.set(file, NORMAL);
    for (const file of first === null ? [] : indicesOf(meta, first)) {
      if (meant === null || meant.includes(file)) priorities.set(file, HIGHEST);
    }
    return { priorities, endsFirst, ...(meant === null ? {} : { others: 0 }) };
  };
}

const NORMAL = 4, HIGHEST = 7;

/** Indices in `Metainfo.files`. */
export function indicesOf(
  meta: { readonly files: readonly Pick<TorrentFileEntry, "path" | "length" | "pad">[] },
  { text, means }: FileSpec,
): number[] {
  let number = 0;
  const found = meta.files.flatMap(({ path, length, pad }, index) => {
    if (pad) return [];
    const name = path[path.length - 1]!;
    return means({ number: ++number, path: path.join("/"), name, size: length }) ? [index] : [];
  });
  if (found.length === 0) {
    throw new UsageError(
      `"${text}" matches none of the torrent's ${formatCount(number, "file")}; ` +
        "shoal show lists them with their numbers",
    );
  }
  return found;
}

/** A flag that names files of a torrent; given again, it adds more. */
export function fileList(help: string): Flag<FileSpec | null> {
  return {
    placeholder: "LIST",
    help,
    initial: null,
    accept: (text, before) => eitherSpec(before, fileSpec(text)),
  };
}

export interface RenameWish {
  /** From 1; pads are not counted. */
  readonly number: number;
  /** A name, or a path with "/". */
  readonly name: string;
}

/** `INDEX=NAME`: another name for a file, by its number in `shoal show`. Throws a UsageError. */
export function renameWish(text: string): RenameWish {
  const parts = /^(\d{1,7})=(.+)$/su.exec(text);
  if (parts === null) {
    throw new UsageError(`"${text}" is not of the form INDEX=NAME, as 3=film.mkv`);
  }
  return { number: Number(parts[1]), name: parts[2]! };
}

/** Undefined if no flag is given. The function throws a UsageError for an impossible choice. */
export function renameBy(
  wishes: readonly RenameWish[],
  { os }: Pick<Process, "os">,
): NonNullable<AddOptions["rename"]> | undefined {
  if (wishes.length === 0) return undefined;
  return (meta) => {
    const indices = meta.files.flatMap(({ pad }, file) => pad ? [] : [file]);
    const chosen = new Map<number, string>();
    for (const { number, name } of wishes) {
      const file = indices[number - 1];
      if (file === undefined) {
        throw new UsageError(
          `--rename: there is no file ${number}; the torrent has ${indices.length}`,
        );
      }
      chosen.set(file, pathOf(meta, file, name));
    }
    const problem = problemWithNames(meta, chosen, os === "windows");
    if (problem !== null) throw new UsageError(`--rename: ${problem}`);
    return chosen;
  };
}

function pathOf({ name: top, files, singleFile }: Metainfo, file: number, name: string): string {
  if (name.includes("/")) return singleFile ? name : `${top}/${name}`;
  return [...files[file]!.path.slice(0, -1), name].join("/");
}
