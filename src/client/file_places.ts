/**
 * The present or future place of a torrent's files: the folder and the names in it. Decided once
 * per content, before any file is opened.
 */
import type { Files, FileStat, Platform } from "../platform/types.ts";
import { isUsableElement } from "../metainfo/file_names.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { foldName } from "../metainfo/unique_paths.ts";
import type { ResumeData } from "../state/resume_data.ts";
import {
  chooseNames,
  type DiskRules,
  doubtfulNames,
  findFiles,
  type Found,
  type Path,
} from "../storage/file_placement.ts";
import { identityOf, isIdentity } from "../storage/ownership.ts";
import { probeNames } from "../storage/name_probe.ts";
import { FileError } from "../util/errors.ts";
import { fileChoiceOptions } from "../torrent/file_priorities.ts";
import type { AddOptions } from "./types.ts";

export interface FilePlaces {
  /** Absolute: the folder that holds the torrent's file or top folder. */
  readonly dir: string;
  /** By index in the torrent's list: files that have another path than the torrent's own. */
  readonly renamed: ReadonlyMap<number, Path>;
  /** The record to start with: it may now order a move of files to chosen names. */
  readonly record: ResumeData | null;
  /** Notes for the user: names that a disk refuses. */
  readonly notes: readonly string[];
}

type PlacePorts = Pick<Platform, "files" | "random" | "process">;

/**
 * Throws a RangeError for an invalid choice of names, a FileError ("bad-name") if the disk accepts
 * no name for a wanted file.
 */
export function placeFiles(
  platform: PlacePorts,
  meta: Metainfo,
  options: AddOptions,
  { record, mustExist }: { record: ResumeData | null; mustExist: boolean },
): FilePlaces {
  const { files } = platform, { dir, incompleteDir } = options;
  const places = [incompleteDir ?? dir, dir].map((place) => files.absolute(place));
  const chosen = chosenNames(meta, options, platform.process.os === "windows");
  if (record !== null && places.includes(record.dir)) {
    return { notes: [], ...placeByRecord(files, meta, options, record, chosen) };
  }
  const [first, target] = places as [string, string];
  // A torrent that is only seeded, or whose files must exist already, makes no files.
  const makes = !options.seedOnly && !options.trustFiles && !mustExist;
  const there = findFiles(files, target, meta.files, chosen, makes);
  const inTarget = first === target || hasWhole(files, meta, target, there.renamed);
  const found = inTarget ? there : findFiles(files, first, meta.files, chosen, makes);
  const at = { dir: inTarget ? target : first, record };
  if (!makes) return { ...at, renamed: found.renamed, notes: [] };
  return { ...at, ...nameNewFiles(platform, meta, options, found, new Set(places)) };
}

/** Recorded names stay; files of ours move to newly chosen names. */
function placeByRecord(
  files: Files,
  meta: Metainfo,
  { seedOnly }: AddOptions,
  record: ResumeData,
  chosen: ReadonlyMap<number, Path>,
): Omit<FilePlaces, "notes"> {
  const { dir } = record, known = new Map(record.renamed);
  const toMove = new Map<number, Path>();
  for (const [file, path] of chosen) {
    const before = known.get(file) ?? meta.files[file]!.path;
    const isHere = !seedOnly && before.join("/") !== path.join("/") &&
      isOurs(files.stat([dir, ...before].join("/")), meta, file, record);
    if (isHere) toMove.set(file, path);
    else known.set(file, path);
  }
  const { renamed } = findFiles(files, dir, meta.files, known);
  if (toMove.size === 0) return { dir, renamed, record };
  const moving = {
    dir: record.moving?.dir ?? dir,
    renamed: new Map([...renamed, ...record.moving?.renamed ?? [], ...toMove]),
  };
  return { dir, renamed, record: { ...record, moving } };
}

/** By its identity; if the disk stores none, by verified pieces in it. */
function isOurs(stat: FileStat | null, { layout }: Metainfo, file: number, record: ResumeData) {
  if (stat?.kind !== "file") return false;
  const identity = identityOf(stat), range = layout.piecesOf(file);
  if (identity !== null) return isIdentity(record.owned.get(file), identity);
  if (range === null || record.stamps[file]?.size !== stat.size) return false;
  for (let piece = range.first; piece <= range.last; piece++) {
    if (record.have.has(piece)) return true;
  }
  return false;
}

/** Tests doubtful names on the disks of all `places`. */
function nameNewFiles(
  { files, random }: PlacePorts,
  meta: Metainfo,
  options: AddOptions,
  found: Found,
  places: ReadonlySet<string>,
): Pick<FilePlaces, "renamed" | "notes"> {
  const doubts = doubtfulNames(meta.files, found);
  let rules: DiskRules = { folds: found.folds ?? false, refused: new Map() };
  if (doubts.names.size > 0 || doubts.twins) {
    for (const place of places) {
      rules = stricter(rules, probeNames(files, random, place, doubts));
    }
  }
  const { renamed, changed, impossible } = chooseNames(meta.files, found, rules);
  const lost = impossible.find(wantedBy(meta, options));
  if (lost !== undefined) throw badName(meta, lost, options.dir);
  return { renamed, notes: changed.length > 0 ? [noteOf(meta, renamed, changed)] : [] };
}

function stricter(a: DiskRules, b: DiskRules): DiskRules {
  const refused = new Map(a.refused);
  for (const [name, instead] of b.refused) {
    // Two disks that refuse a name: a shorter and plainer one suits both.
    const before = refused.get(name);
    const isPlainer = before === undefined || instead === null ||
      (before !== null && instead.length < before.length);
    if (isPlainer) refused.set(name, instead);
  }
  return { folds: a.folds || b.folds, refused };
}

function wantedBy(meta: Metainfo, options: AddOptions): (file: number) => boolean {
  const { priorities } = fileChoiceOptions(meta, options);
  return (file) => priorities?.[file] !== 0;
}

function hasWhole(
  files: Files,
  meta: Metainfo,
  dir: string,
  renamed: ReadonlyMap<number, Path>,
): boolean {
  return meta.files.some(({ path, pad, length }, file) => {
    if (pad || length === 0) return false;
    const found = files.stat([dir, ...renamed.get(file) ?? path].join("/"));
    return found?.kind === "file" && found.size === length;
  });
}

/** The user's names, as paths. Throws a RangeError for invalid ones. */
export function chosenNames(
  meta: Metainfo,
  { rename }: Pick<AddOptions, "rename">,
  windows: boolean,
): ReadonlyMap<number, Path> {
  const wishes = typeof rename === "function" ? rename(meta) : rename ?? new Map<number, string>();
  if (wishes.size === 0) return new Map();
  const problem = problemWithNames(meta, wishes, windows);
  if (problem !== null) throw new RangeError(problem);
  return new Map([...wishes].map(([file, text]) => [file, text.split("/")]));
}

/** Why these cannot be the paths of files, by index; null if they can. */
export function problemWithNames(
  { files }: Metainfo,
  wishes: ReadonlyMap<number, string>,
  windows: boolean,
): string | null {
  for (const [file, text] of wishes) {
    if (files[file] === undefined || files[file].pad) return `there is no file ${file} to rename`;
    const isPath = text.split("/").every((name) => isUsableElement(name, windows));
    if (!isPath) return `"${text}" cannot be the path of a file`;
  }
  return clashOf(files, wishes);
}

/**
 * Chosen names must differ in more than case, as the user may move the files to a disk that folds
 * names.
 */
function clashOf(
  files: Metainfo["files"],
  wishes: ReadonlyMap<number, string>,
): string | null {
  const fold = (path: Path) => path.map(foldName).join("/");
  const kept = new Set<string>(), folders = new Set<string>(), chosen = new Set<string>();
  files.forEach(({ path, pad }, file) => {
    if (pad) return;
    const wish = wishes.get(file)?.split("/");
    if (wish === undefined) kept.add(fold(path));
    const key = fold(wish ?? path);
    for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
      folders.add(key.slice(0, at));
    }
  });
  for (const text of wishes.values()) {
    const path = text.split("/"), key = fold(path);
    if (kept.has(key) || chosen.has(key)) return `two files would have the name "${text}"`;
    const above = path.slice(0, -1).map((_, i) => fold(path.slice(0, i + 1)));
    const isBoth = folders.has(key) || above.some((at) => kept.has(at) || chosen.has(at));
    if (isBoth) return `"${text}" would be a file and a folder`;
    chosen.add(key);
  }
  return null;
}

function noteOf(
  meta: Metainfo,
  renamed: ReadonlyMap<number, Path>,
  changed: readonly number[],
): string {
  const [first] = changed as [number], more = changed.length - 1;
  const others = more === 0 ? "" : `, and so ${more === 1 ? "is 1 other" : `are ${more} others`}`;
  return `The disk does not take the name "${
    meta.files[first]!.path.join("/")
  }": the file is saved as ` +
    `"${renamed.get(first)!.join("/")}"${others}`;
}

function badName({ files }: Metainfo, file: number, dir: string): FileError {
  const path = files[file]!.path.join("/");
  const number = files.slice(0, file + 1).filter(({ pad }) => !pad).length;
  return new FileError(
    "bad-name",
    path,
    `The disk of ${dir} cannot store the name "${path}" of file ${number}. Choose another one`,
  );
}
