/** Why a torrent that should only seed cannot: errors that name the first file. */
import type { Metainfo } from "../metainfo/metainfo.ts";
import { FileError, IncompleteError } from "../util/errors.ts";
import { formatNumber } from "../util/format_number.ts";

/** The length of a file; null if it does not exist. */
type SizeOf = (file: number) => { size: number } | null;

/** Throws an IncompleteError if a file is missing or too short, which shows without reading any. */
export function demandFiles(meta: Metainfo, sizeOf: SizeOf): void {
  const { missing, short, links, all } = lacking(meta, sizeOf);
  if (all && links.length === 0) {
    throw new IncompleteError(
      `no files found: the folder must contain "${meta.name}"`,
    );
  }
  if (missing.length + short.length > 0) {
    throw new IncompleteError(describe(missing, short, links));
  }
}

/**
 * The same after everything was complete: throws a FileError, as the data may come back.
 * "not-found" if files are missing; "changed" if they are too short, as while they are copied back.
 * Waiting does not help files of the right size with wrong contents.
 */
export function demandReturn(meta: Metainfo, sizeOf: SizeOf, dir: string): void {
  const { missing, short, links } = lacking(meta, sizeOf);
  if (missing.length + short.length === 0) return;
  throw new FileError(
    missing.length > 0 ? "not-found" : "changed",
    dir,
    `${describe(missing, short, links)} in ${dir}: restore the files, or remove the torrent`,
  );
}

interface Lacking {
  /** Paths. */
  missing: string[];
  short: string[];
  /** Of the missing files: those with a symbolic link in their place or above it. */
  links: string[];
  /** All files are missing. */
  all: boolean;
}

function lacking({ files }: Metainfo, sizeOf: SizeOf): Lacking {
  const missing: string[] = [], short: string[] = [], links: string[] = [];
  files.forEach(({ path, length, pad }, file) => {
    const found = pad ? undefined : unlessLink(() => sizeOf(file));
    if (found === null || found === "link") missing.push(path.join("/"));
    else if (found !== undefined && found.size < length) short.push(path.join("/"));
    if (found === "link") links.push(path.join("/"));
  });
  const count = files.filter(({ pad }) => !pad).length;
  return { missing, short, links, all: count > 0 && missing.length === count };
}

/**
 * "link" if a symbolic link that may not be followed is in the way; null if a folder has the name,
 * or a file has the name of a folder above.
 */
export function unlessLink<T>(look: () => T): T | null | "link" {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.code === "symlink") return "link";
    if (error.code === "is-directory" || error.code === "not-directory") return null;
    throw error;
  }
}

function describe(missing: string[], short: string[], links: string[]): string {
  if (links.length > 0) {
    return `${links[0]} is behind a symbolic link (--follow-links reads through it)` +
      othersText(links.length - 1);
  }
  const [first = short[0], what] = [missing[0], missing.length > 0 ? "missing" : "too short"];
  return `${first} is ${what}${othersText(missing.length + short.length - 1)}`;
}

function othersText(more: number): string {
  return more === 0 ? "" : `, and so ${more === 1 ? "is 1 other" : `are ${more} others`}`;
}

/** Names the first file with a missing piece; null if there is none. */
export function wrongPieces(
  meta: Metainfo,
  has: (piece: number) => boolean,
): IncompleteError | null {
  const { pieceCount } = meta.layout;
  const bad = Array.from({ length: pieceCount }, (_, piece) => piece).filter((p) => !has(p));
  if (bad.length === 0) return null;
  const { file } = meta.layout.slices(bad[0]!).find((slice) => !slice.pad)!;
  const where = meta.files[file]!.path.join("/");
  const pieces = pieceCount === 1 ? "1 piece" : `${formatNumber(pieceCount)} pieces`;
  const verb = bad.length === 1 ? "is" : "are";
  return new IncompleteError(
    `${formatNumber(bad.length)} of ${pieces} ${verb} wrong, first in ${where}`,
  );
}
