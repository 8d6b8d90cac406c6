/**
 * Ensures that no two files of a torrent become one on any disk: names that differ only in case or
 * in Unicode composition are one file on some systems, and a file cannot replace a folder. One pass
 * over a tree of names, so the work is linear in the size of the list.
 */
import { utf8Length } from "../bencode/utf8.ts";

/** Bytes of a name that are kept in front of ".1": leaves room for the number and extension. */
const MAX_STEM = 224;
/** A longer "extension" is part of the name. */
const MAX_EXTENSION = 16;
/** No script stacks so many marks on one letter. */
const CROWD_OF_MARKS = /\p{M}{9}/u;
const MARKS = /\p{M}+/gu;

class Folder {
  /** Folded name -> the folder of that name, or null for a file. */
  readonly entries = new Map<string, Folder | null>();
  /** The number that the next renamed file with that stem and extension tries first. */
  readonly next = new Map<string, number>();
}

class FolderTree {
  readonly #fold: (name: string) => string;
  readonly #root = new Folder();
  /** The folders of the last path, and the path: lists are sorted by folder. */
  #way: Folder[] = [];
  #path: readonly string[] = [];

  constructor(fold: (name: string) => string) {
    this.#fold = fold;
  }

  /** The folder that contains the file at `path`; created if missing. */
  folderOf(path: readonly string[]): Folder {
    let depth = 0;
    while (
      depth < this.#way.length && depth < path.length - 1 && path[depth] === this.#path[depth]
    ) {
      depth++;
    }
    this.#way.length = depth;
    this.#path = path;
    for (; depth < path.length - 1; depth++) {
      const folder = this.#way[depth - 1] ?? this.#root, key = this.#fold(path[depth]!);
      let inner = folder.entries.get(key);
      if (!inner) folder.entries.set(key, inner = new Folder());
      this.#way.push(inner);
    }
    return this.#way[depth - 1] ?? this.#root;
  }
}

/**
 * New names (the last element of their path) for files, by index, so that all are distinct:
 * `foo.txt` becomes `foo.1.txt`, then `foo.2.txt`. The first file of a name keeps it, folders
 * always do. `fold` maps names that some disk treats as equal to the same text.
 */
export function uniqueNames(
  paths: readonly (readonly string[])[],
  fold: (name: string) => string = foldName,
): Map<number, string> {
  const tree = new FolderTree(fold);
  // All folders first: a file that comes before a folder of its name gets the new name.
  const folders = paths.map((path) => tree.folderOf(path));
  const renamed = new Map<number, string>();
  paths.forEach((path, i) => {
    const folder = folders[i]!, name = path[path.length - 1]!, key = fold(name);
    if (folder.entries.has(key)) renamed.set(i, addFreeName(folder, name, key, fold));
    else folder.entries.set(key, null);
  });
  return renamed;
}

/** Renames files in place. Returns how many were renamed. */
export function makeUnique(paths: readonly string[][], fold = foldName): number {
  const renamed = uniqueNames(paths, fold);
  for (const [i, name] of renamed) paths[i]![paths[i]!.length - 1] = name;
  return renamed.size;
}

/**
 * Adds the file under the first free name similar to `name` and returns that; `folded` is what `fold`
 * makes of `name`. Each call of `fold` costs a kilobyte that Bun is slow to collect.
 */
function addFreeName(
  folder: Folder,
  name: string,
  folded: string,
  fold: (name: string) => string,
): string {
  const dot = name.lastIndexOf(".");
  const last = dot > 0 ? name.slice(dot) : "";
  const extension = utf8Length(last) <= MAX_EXTENSION ? last : "";
  const whole = name.slice(0, name.length - extension.length), stem = cut(whole);
  const family = stem === whole ? folded : `${fold(stem)}/${fold(extension)}`;
  for (let number = folder.next.get(family) ?? 1;; number++) {
    const free = `${stem}.${number}${extension}`, key = fold(free);
    if (folder.entries.has(key)) continue;
    folder.entries.set(key, null);
    folder.next.set(family, number + 1);
    return free;
  }
}

function cut(stem: string): string {
  if (stem.length <= MAX_STEM / 3) return stem; // no unit takes more bytes
  let bytes = 0, end = 0;
  for (const character of stem) {
    bytes += utf8Length(character);
    if (bytes > MAX_STEM) return stem.slice(0, end);
    end += character.length;
  }
  return stem;
}

/** For disks on which every difference in spelling counts. */
export const asSpelled = (name: string) => name;

/** Equal for names that some file system treats as equal. */
export function foldName(name: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(name)) return name.toLowerCase();
  // The last step removes a difference that depends on a letter's place, the Greek final sigma.
  return decompose(name).toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

/**
 * NFD sorts the marks of a letter, in time quadratic in their number: names full of them would take
 * seconds. With that many marks, none counts; names that differ only in marks are then
 * distinguished by a number.
 */
function decompose(name: string): string {
  if (!CROWD_OF_MARKS.test(name)) {
    const whole = name.normalize("NFD");
    // Composed and decomposed forms of a name must give the same result.
    if (!CROWD_OF_MARKS.test(whole)) return whole;
  }
  return name.replace(MARKS, "").normalize("NFD").replace(MARKS, "");
}
