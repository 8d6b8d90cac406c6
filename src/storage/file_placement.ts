/**
 * The names of a torrent's files on a disk. Finding a file and choosing its name are two questions: an
 * existing file is found as the torrent spells it, in the other Unicode form, or under a safe name of
 * this or another client; a new file gets the torrent's own spelling if the disk can store it
 * (`name_probe.ts` finds out), else a safe name.
 */
import type { Files } from "../platform/types.ts";
import { sanitizeName } from "../metainfo/file_names.ts";
import { foldName, makeUnique, uniqueNames } from "../metainfo/unique_paths.ts";
import { utf8Length } from "../bencode/utf8.ts";
import { FileError } from "../util/errors.ts";

export type Path = readonly string[];

export interface PlacedFile {
  /** The torrent's own, below the download folder. */
  readonly path: Path;
  readonly safePath: Path;
  /** Bytes. */
  readonly length: number;
  readonly pad: boolean;
}

export interface Found {
  /** By index in the torrent's list: files that have another path than the torrent's own. */
  readonly renamed: ReadonlyMap<number, Path>;
  /** Files that were searched for and exist, under any name. */
  readonly here: ReadonlySet<number>;
  /** Whether names that differ in case or form name one file there; null if unknown. */
  readonly folds: boolean | null;
}

/** How a disk treats names. */
export interface DiskRules {
  readonly folds: boolean;
  /** Elements that it refuses, each with one that it accepts instead, or null. */
  readonly refused: ReadonlyMap<string, string | null>;
}

type Looking = Pick<Files, "stat" | "list">;

/** Windows' reserved characters, which its file systems also refuse on other systems. */
// deno-lint-ignore no-control-regex
const RESERVED = /["*:<>?\\|\x01-\x1f]/g;
/** Bytes of a safe name. */
const MAX_SAFE_BYTES = 240;
/** The most spellings of one folder that are searched. */
const MAX_SPELLINGS = 4;
/** Characters with a single Unicode form. */
const PLAIN = /^[ -~]*$/;
/** Letters of all scripts, and characters without a special meaning on any file system. */
const ORDINARY = /^[\p{L}\p{M}\p{N} \-_.,;'()[\]{}!@#$%^&+=~`]+$(?<![. ])/u;
/** The longest name on encrypted disks (eCryptfs), in bytes. */
export const ORDINARY_BYTES = 143;

/**
 * Looks for each file below `root`; writes nothing. `known`: recorded or chosen names, which are
 * not searched for. `wholeOnly`: under another name than its own, a file counts only at its full
 * length, if nothing else tells that it is not another person's.
 */
export function findFiles(
  files: Looking,
  root: string,
  entries: readonly PlacedFile[],
  known: ReadonlyMap<number, Path> = new Map(),
  wholeOnly = false,
): Found {
  const search = new Search(files, root, entries, wholeOnly);
  const renamed = new Map(known), here = new Set<number>();
  entries.forEach(({ pad, path, safePath }, file) => {
    if (pad || known.has(file) || (path === safePath && path.every(hasOneSpelling))) return;
    const found = search.find(file);
    if (found === null) return;
    here.add(file);
    if (found !== path) renamed.set(file, found);
  });
  const twins = twinsOf(entries);
  const folds = foldsNames(files, root, entries, twins, here, renamed);
  // On such a disk the second of two names that are one there shows the first one's file.
  if (folds) {
    for (const [file, path] of twins) {
      placeTwin(search, file, path, renamed, here, known);
    }
  }
  return { renamed, here, folds };
}

function placeTwin(
  search: Search,
  file: number,
  path: Path,
  renamed: Map<number, Path>,
  here: Set<number>,
  known: ReadonlyMap<number, Path>,
): void {
  if (known.has(file)) return;
  renamed.set(file, path);
  if (search.exists(path)) here.add(file);
  else here.delete(file);
}

/**
 * What must still be tested before the files that are not `here` are created: names that some disk
 * refuses, and whether the disk folds names so that two of the torrent's would become one.
 */
export function doubtfulNames(
  entries: readonly PlacedFile[],
  { renamed, here, folds }: Found,
): { names: Set<string>; twins: boolean } {
  const names = new Set<string>();
  entries.forEach(({ pad, path }, file) => {
    if (pad || renamed.has(file) || here.has(file)) return;
    for (const name of path) if (!isOrdinary(name)) names.add(name);
  });
  return { names, twins: folds === null && twinsOf(entries).size > 0 };
}

/**
 * The names that all files will get on disks with these rules: `renamed` as in `Found`, the files
 * that get another name than their own, and those for which the disk accepts none.
 */
export function chooseNames(
  entries: readonly PlacedFile[],
  { renamed, here }: Pick<Found, "renamed" | "here">,
  { folds, refused }: DiskRules,
): { renamed: ReadonlyMap<number, Path>; changed: number[]; impossible: number[] } {
  const paths = entries.map(({ path }, file) => [...renamed.get(file) ?? path]);
  const isFree = (file: number) => {
    return !entries[file]!.pad && !renamed.has(file) && !here.has(file);
  };
  const impossible: number[] = [];
  paths.forEach((path, file) => {
    if (!isFree(file)) return;
    if (path.some((name) => refused.get(name) === null)) impossible.push(file);
    else path.forEach((name, i) => path[i] = refused.get(name) ?? name);
  });
  if (folds || refused.size > 0) {
    const made = paths.map((_, file) => file).filter((file) => !entries[file]!.pad);
    // Existing files choose first, then those that keep their own name.
    const rank = (file: number) =>
      !isFree(file) ? 0 : isSame(paths[file]!, entries[file]!.path) ? 1 : 2;
    const ordered = made.toSorted((a, b) => rank(a) - rank(b));
    makeUnique(ordered.map((file) => paths[file]!));
  }
  const chosen = new Map(renamed), changed: number[] = [];
  paths.forEach((path, file) => {
    if (!isFree(file) || isSame(path, entries[file]!.path)) return;
    chosen.set(file, path);
    changed.push(file);
  });
  return { renamed: chosen, changed, impossible };
}

export function windowsName(name: string): string {
  return sanitizeName(name, true) || "_";
}

/** Room for a number that distinguishes equal names. */
const NUMBER_BYTES = 8;

/** A name that the strictest disk accepts, even with a number: Windows' rules, 143 bytes. */
export function tame(name: string): string {
  const safe = windowsName(name);
  const most = ORDINARY_BYTES - NUMBER_BYTES;
  if (utf8Length(safe) <= most) return safe;
  const dot = safe.lastIndexOf("."), end = dot > 0 && safe.length - dot <= 9 ? safe.slice(dot) : "";
  let head = "", room = most - utf8Length(end);
  for (const character of safe.slice(0, safe.length - end.length)) {
    room -= utf8Length(character);
    if (room < 0) break;
    head += character;
  }
  return `${head.replace(/[. ]+$/, "")}${end}`;
}

/** The spelling that any disk stores. */
function hasOneSpelling(name: string): boolean {
  return PLAIN.test(name) && isOrdinary(name);
}

function isOrdinary(name: string): boolean {
  return ORDINARY.test(name) && utf8Length(name) <= ORDINARY_BYTES;
}

/** The files that must be renamed on a disk that folds names, and their new names. */
function twinsOf(entries: readonly PlacedFile[]): Map<number, Path> {
  // Safe names differ on any disk.
  if (entries.every(({ path, safePath }) => path === safePath)) return new Map();
  const made = entries.map((_, file) => file).filter((file) => !entries[file]!.pad);
  const names = uniqueNames(made.map((file) => entries[file]!.path));
  return new Map([...names].map(([i, name]) => {
    const file = made[i]!;
    return [file, [...entries[file]!.path.slice(0, -1), name]];
  }));
}

/**
 * Existing files show it: if two names both find a file, a disk that distinguishes them has two
 * entries in its folder list, another disk has one.
 */
function foldsNames(
  files: Looking,
  root: string,
  entries: readonly PlacedFile[],
  twins: ReadonlyMap<number, Path>,
  here: ReadonlySet<number>,
  renamed: ReadonlyMap<number, Path>,
): boolean | null {
  if (twins.size === 0) return null;
  const firsts = new Map<string, Path>();
  entries.forEach(({ path, pad }, file) => {
    if (pad || twins.has(file)) return;
    for (let end = 1; end <= path.length; end++) {
      const key = keyOf(path.slice(0, end));
      if (!firsts.has(key)) firsts.set(key, path.slice(0, end));
    }
  });
  for (const file of twins.keys()) {
    const { path } = entries[file]!, first = firsts.get(keyOf(path));
    if (first === undefined || !here.has(file) || renamed.has(file)) continue;
    const depth = first.findIndex((name, i) => name !== path[i]);
    const folder = [root, ...path.slice(0, depth)].join("/"), key = foldName(path[depth]!);
    const alike = unlessRefused(() => files.list(folder), []).filter((name) => {
      return foldName(name) === key;
    });
    const shows = (name: string) => exists(files, `${folder}/${name}`);
    if (shows(first[depth]!) && alike.length > 0) return alike.length === 1;
  }
  return null;
}

function keyOf(path: Path): string {
  return path.map(foldName).join("/");
}

/** Walks the torrent's folders as they are on the disk. */
class Search {
  readonly #files: Looking;
  readonly #root: string;
  readonly #entries: readonly PlacedFile[];
  readonly #wholeOnly: boolean;
  /** The spellings of existing folders, by the torrent's own. */
  readonly #folders = new Map<string, Path[]>();
  /** The files' own paths: no other file can be found at them. */
  #own: Set<string> | null = null;
  readonly #taken = new Set<string>();
  /** Our own paths for all files on disks that do not accept all names. */
  #given: Path[][] | null = null;

  constructor(files: Looking, root: string, entries: readonly PlacedFile[], wholeOnly: boolean) {
    this.#files = files;
    this.#root = root;
    this.#entries = entries;
    this.#wholeOnly = wholeOnly;
  }

  /** The path of an existing file, which may be its own one; null if there is none. */
  find(file: number): Path | null {
    const { path, length } = this.#entries[file]!, last = path.length - 1;
    for (const folder of this.#spellings(file, last)) {
      for (const name of this.#names(file, last)) {
        const found = [...folder, name], stat = this.#look(found);
        if (stat === null || stat.kind === "directory") continue;
        if (isSame(found, path)) return path;
        if (this.#wholeOnly && stat.size !== length) continue;
        if (this.#isTaken(found)) continue;
        this.#taken.add(found.join("/"));
        return found;
      }
    }
    return null;
  }

  exists(path: Path): boolean {
    return this.#look(path) !== null;
  }

  #isTaken(path: Path): boolean {
    this.#own ??= new Set(this.#entries.map((entry) => entry.path.join("/")));
    const key = path.join("/");
    return this.#own.has(key) || this.#taken.has(key);
  }

  /** The existing folders that the first `depth` elements of a path may mean. */
  #spellings(file: number, depth: number): readonly Path[] {
    if (depth === 0) return [[]];
    const key = this.#entries[file]!.path.slice(0, depth).join("/"), known = this.#folders.get(key);
    if (known !== undefined) return known;
    const found: Path[] = [];
    for (const above of this.#spellings(file, depth - 1)) {
      for (const name of this.#names(file, depth - 1)) {
        const folder = [...above, name], kind = this.#look(folder)?.kind;
        const isFolder = kind === "directory" || kind === "link";
        if (isFolder && !found.some((other) => isSame(other, folder))) found.push(folder);
      }
    }
    this.#folders.set(key, found.slice(0, MAX_SPELLINGS));
    return this.#folders.get(key)!;
  }

  /** The possible names of one element of a path, likeliest first. */
  *#names(file: number, depth: number): Generator<string> {
    const { path, safePath } = this.#entries[file]!, own = path[depth]!, safe = safePath[depth]!;
    yield own;
    if (own === safe && hasOneSpelling(own)) return;
    for (const name of new Set([own.normalize("NFC"), own.normalize("NFD"), safe])) {
      if (name !== own) yield name;
    }
    if (depth === path.length - 1) {
      this.#given ??= givenPaths(this.#entries);
      for (const paths of this.#given) yield paths[file]![depth]!;
    } else if (!isOrdinary(own)) {
      yield* [own.replace(RESERVED, "_"), windowsName(own), tame(own)];
    }
  }

  #look(path: Path) {
    return unlessRefused(() => this.#files.stat([this.#root, ...path].join("/")), null);
  }
}

/** As `chooseNames` spells it for exFAT and NTFS, and for disks with shorter names. */
function givenPaths(entries: readonly PlacedFile[]): Path[][] {
  const dos = new Map<string, string>(), cut = new Map<string, string>(), short = new Map(cut);
  for (const { path, pad } of entries) {
    for (const name of pad ? [] : path) {
      if (isOrdinary(name)) continue;
      const length = utf8Length(name);
      dos.set(name, name.replace(RESERVED, "_"));
      if (length > MAX_SAFE_BYTES) cut.set(name, windowsName(name));
      if (length > ORDINARY_BYTES) short.set(name, tame(name));
    }
  }
  const none = { renamed: new Map(), here: new Set<number>() };
  const rules = [
    { folds: true, refused: dos },
    ...[cut, short].flatMap((refused) => {
      return refused.size > 0 ? [{ folds: false, refused }] : [];
    }),
  ];
  return rules.map((rule) => {
    const { renamed } = chooseNames(entries, none, rule);
    return entries.map(({ path }, file) => renamed.get(file) ?? path);
  });
}

function isSame(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function exists(files: Looking, path: string): boolean {
  return unlessRefused(() => files.stat(path), null) !== null;
}

/** A name that the disk refuses does not exist; other problems show when it is opened. */
function unlessRefused<T>(what: () => T, otherwise: T): T {
  try {
    return what();
  } catch (error) {
    if (error instanceof FileError) return otherwise;
    throw error;
  }
}
