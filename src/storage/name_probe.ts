/**
 * Tests how a disk treats names: which ones it cannot store, and whether it takes two names that differ
 * in case or Unicode form for the same. All tests happen in a folder of our own that is removed
 * afterwards, so no other file is touched.
 */
import type { Files, Random } from "../platform/types.ts";
import { utf8Length } from "../bencode/utf8.ts";
import { toHex } from "../util/bytes.ts";
import { FileError } from "../util/errors.ts";
import { type DiskRules, ORDINARY_BYTES, tame, windowsName } from "./file_placement.ts";

/** All but letters, digits and spaces. */
const ODD = /[^\p{L}\p{M}\p{N} ]/gu;
/** The most characters tried, and how many of them in one name. */
const MAX_CHARACTERS = 4000, TOGETHER = 30;
/** The most of the torrent's own names that are tried. */
const MAX_TRIED = 32;
/** A spelling in neither of the two cases and forms that are tested. */
const BOTH = "shoal A\u00e9", OTHERS = ["shoal a\u00e9", "shoal Ae\u0301"];
const ASCII = "shoal A", OTHER_CASE = "shoal a";

/** If nothing can be created, nothing is refused: the download's own error will tell why. */
export function probeNames(
  files: Files,
  random: Random,
  root: string,
  { names, twins }: { names: ReadonlySet<string>; twins: boolean },
): DiskRules {
  const folder = makeFolder(files, random, root);
  if (folder === null) return { folds: false, refused: new Map() };
  const trial = new Trial(files, folder);
  try {
    return { folds: twins && trial.folds(), refused: trial.refusedOf(names) };
  } catch (error) {
    if (error instanceof FileError) return { folds: false, refused: new Map() };
    throw error;
  } finally {
    removeQuietly(files, folder);
  }
}

/** In the folder itself, or in the one in which it will be created. */
function makeFolder(files: Files, random: Random, root: string): string | null {
  const name = `.shoal-names-${toHex(random.fill(new Uint8Array(8)))}`;
  try {
    let above = root;
    while (files.stat(above) === null && files.absolute(`${above}/..`) !== above) {
      above = files.absolute(`${above}/..`);
    }
    const folder = `${above.replace(/\/$/, "")}/${name}`;
    if (files.stat(folder) !== null) return null;
    files.makeDir(folder);
    return folder;
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}

function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
  }
}

class Trial {
  readonly #files: Files;
  readonly #folder: string;

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  folds(): boolean {
    return this.#shows(BOTH, OTHERS) ?? this.#shows(ASCII, [OTHER_CASE]) ?? false;
  }

  /** Each refused name with an accepted one in its place, or null. */
  refusedOf(names: ReadonlySet<string>): Map<string, string | null> {
    const bad = this.#refusedCharacters(names), limit = this.#limitOf(names, bad);
    const refused = new Map<string, string | null>();
    for (const name of names) {
      const instead = replacement(name, bad, limit);
      if (instead !== name) refused.set(name, instead);
    }
    // Some of the names themselves, for rules beyond characters and length.
    for (const name of [...names].slice(0, MAX_TRIED)) {
      if (this.#takes(refused.get(name) ?? name)) continue;
      refused.set(
        name,
        [windowsName(name), tame(name)].find((other) => this.#takes(other)) ?? null,
      );
    }
    return refused;
  }

  #refusedCharacters(names: ReadonlySet<string>): Set<string> {
    const odd = new Set<string>();
    for (const name of names) {
      for (const character of name.match(ODD) ?? []) odd.add(character);
      if (odd.size > MAX_CHARACTERS) break;
    }
    const all = [...odd].slice(0, MAX_CHARACTERS), bad = new Set<string>();
    for (let at = 0; at < all.length; at += TOGETHER) {
      const some = all.slice(at, at + TOGETHER);
      if (this.#takes(`x${some.join("")}x`)) continue;
      for (const character of some) if (!this.#takes(`x${character}x`)) bad.add(character);
    }
    return bad;
  }

  /** Bytes of the longest name that is not refused for its length. */
  #limitOf(names: ReadonlySet<string>, bad: ReadonlySet<string>): number {
    const long = [...names].map((name) => without(name, bad))
      .filter((name) => utf8Length(name) > ORDINARY_BYTES)
      .sort((a, b) => utf8Length(a) - utf8Length(b));
    let taken = 0, refused = long.length;
    while (taken < refused) {
      const middle = (taken + refused) >> 1;
      if (this.#takes(long[middle]!)) taken = middle + 1;
      else refused = middle;
    }
    return taken === 0 ? ORDINARY_BYTES : utf8Length(long[taken - 1]!);
  }

  /**
   * Whether a file with that name also appears under one of the others; null if it cannot be
   * created.
   */
  #shows(name: string, others: readonly string[]): boolean | null {
    const path = `${this.#folder}/${name}`;
    if (!this.#make(path)) return null;
    const shown = others.some((other) => this.#files.stat(`${this.#folder}/${other}`) !== null);
    this.#files.remove(path);
    return shown;
  }

  #takes(name: string): boolean {
    const path = `${this.#folder}/${name}`;
    if (!this.#make(path)) return false;
    this.#files.remove(path);
    return true;
  }

  /** False if the disk refuses the name. Throws a FileError for any other problem. */
  #make(path: string): boolean {
    try {
      this.#files.open(path, "create").close();
      return true;
    } catch (error) {
      if (error instanceof FileError && error.code === "bad-name") return false;
      throw error;
    }
  }
}

function without(name: string, bad: ReadonlySet<string>): string {
  return bad.size === 0
    ? name
    : name.replace(ODD, (character) => bad.has(character) ? "_" : character);
}

/** A version of the name for a disk that refuses these characters and longer names. */
function replacement(name: string, bad: ReadonlySet<string>, limit: number): string {
  const plain = without(name, bad);
  if (utf8Length(plain) <= limit) return plain;
  const whole = windowsName(name);
  return utf8Length(whole) <= limit ? whole : tame(name);
}
