/**
 * Makes sure that no two files of a torrent end up as one on any disk: names that differ only in
 * case or in Unicode composition are one file on some systems, and a file cannot stand where a
 * folder does. One pass over a tree of names, so the work grows with the size of the list only.
 */
import { utf8Length } from "./utf8.ts";

/** Bytes of a name that are kept in front of ".1": leaves room for the number and extension. */
const MAX_STEM = 224;
/** A longer "extension" is part of the name. */
const MAX_EXTENSION = 16;

class Folder {
  /** Folded name -> the folder of that name, or null for a file. */
  readonly entries = new Map<string, Folder | null>();
  /** The number that the next renamed file with that stem and extension tries first. */
  readonly next = new Map<string, number>();
}

/**
 * Renames files in place (the last element of their path) until all are distinct: `foo.txt` becomes
 * `foo.1.txt`, then `foo.2.txt`. The first file of a name keeps it, folders always do.
 * Returns how many were renamed.
 */
export function makeUnique(paths: readonly string[][]): number {
  const root = new Folder();
  // All folders first: a file that comes before a folder of its name is the one that gives way.
  const folders = paths.map((path) => folderOf(root, path));
  let renamed = 0;
  paths.forEach((path, i) => {
    const folder = folders[i]!, name = path[path.length - 1]!;
    if (folder.entries.has(fold(name))) {
      path[path.length - 1] = freeName(folder, name);
      renamed++;
    }
    folder.entries.set(fold(path[path.length - 1]!), null);
  });
  return renamed;
}

function folderOf(root: Folder, path: readonly string[]): Folder {
  let folder = root;
  for (let i = 0; i < path.length - 1; i++) {
    const key = fold(path[i]!);
    let inner = folder.entries.get(key);
    if (!inner) folder.entries.set(key, inner = new Folder());
    folder = inner;
  }
  return folder;
}

function freeName(folder: Folder, name: string): string {
  const dot = name.lastIndexOf(".");
  const last = dot > 0 ? name.slice(dot) : "";
  const extension = utf8Length(last) <= MAX_EXTENSION ? last : "";
  const stem = cut(name.slice(0, name.length - extension.length));
  const family = fold(`${stem}/${extension}`);
  for (let number = folder.next.get(family) ?? 1;; number++) {
    const candidate = `${stem}.${number}${extension}`;
    if (folder.entries.has(fold(candidate))) continue;
    folder.next.set(family, number + 1);
    return candidate;
  }
}

function cut(stem: string): string {
  let bytes = 0, end = 0;
  for (const character of stem) {
    bytes += utf8Length(character);
    if (bytes > MAX_STEM) return stem.slice(0, end);
    end += character.length;
  }
  return stem;
}

/** Equal for names that some file system takes as one. Upper case first, so that ß is SS is ss. */
function fold(name: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(name)) return name.toLowerCase();
  return name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFD");
}
