/**
 * What a disk does with names, found out by trying: which ones it does not take, and whether it takes
 * two that differ in case or Unicode form as one. All is tried in a folder of our own that is gone
 * afterwards, so no file of anybody is touched.
 */
import type { Files, Random } from "../platform/types.ts";
import { utf8Length } from "../protocol/utf8.ts";
import { toHex } from "../util/bytes.ts";
import { FileError } from "../util/errors.ts";
import { type DiskRules, ORDINARY_BYTES, tame, windowsName } from "./file_placement.ts";

/** In neither of the two cases and forms that are asked for. */
const BOTH = "shoal A\u00e9", OTHERS = ["shoal a\u00e9", "shoal Ae\u0301"];
const ASCII = "shoal A", OTHER_CASE = "shoal a";

/** Where nothing can be made nothing is refused: the error of the download itself says why. */
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

/** In the folder itself, or where it will be made. */
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

  /** Each name that is refused, with one that is taken in its place, or null. */
  refusedOf(names: Iterable<string>): Map<string, string | null> {
    const refused = new Map<string, string | null>();
    for (const kind of byKind(names).values()) {
      // The longest stands for all names with the same characters.
      const longest = kind.reduce((a, b) => utf8Length(b) > utf8Length(a) ? b : a);
      if (this.#takes(longest)) continue;
      for (const name of kind) {
        if (name !== longest && this.#takes(name)) continue;
        const instead = [windowsName(name), tame(name)];
        refused.set(name, instead.find((other) => this.#takes(other)) ?? null);
      }
    }
    return refused;
  }

  /** Whether a file of that name is also there under one of the others; null where it cannot be made. */
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

  /** False where the disk does not take the name. Throws a FileError for anything else. */
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

/** By the characters that some disk may refuse, and apart those that may be too long. */
function byKind(names: Iterable<string>): Map<string, string[]> {
  const kinds = new Map<string, string[]>();
  for (const name of names) {
    const odd = [...new Set(name.match(/[^\p{L}\p{M}\p{N} ]/gu))].sort().join("");
    const ending = /[. ]$/.exec(name)?.[0] ?? "";
    const isLong = utf8Length(name) > ORDINARY_BYTES;
    const key = `${isLong ? "long" : "short"} ${ending} ${odd}`, kind = kinds.get(key);
    if (kind === undefined) kinds.set(key, [name]);
    else kind.push(name);
  }
  return kinds;
}
