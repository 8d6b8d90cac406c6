/** What keeps a torrent that is only to be given from being given: errors that name the first file. */
import type { Metainfo } from "../protocol/metainfo.ts";
import { FileError, IncompleteError } from "../util/errors.ts";

/** Of a file; null where nothing is. */
type SizeOf = (file: number) => { size: number } | null;

/** Throws an IncompleteError when a file is missing or too short: seen without reading any. */
export function demandFiles(meta: Metainfo, sizeOf: SizeOf): void {
  const { missing, short, all } = lacking(meta, sizeOf);
  if (all) {
    throw new IncompleteError(
      `nothing is there: the folder must be the one with "${meta.name}" in it`,
    );
  }
  if (missing.length + short.length > 0) throw new IncompleteError(describe(missing, short));
}

/**
 * The same once everything had been there: throws a FileError, as it may come back. "not-found"
 * where files are missing; "changed" where they are too short, as while they are copied back. Files
 * of the right size with wrong contents are no matter of waiting.
 */
export function demandReturn(meta: Metainfo, sizeOf: SizeOf, dir: string): void {
  const { missing, short } = lacking(meta, sizeOf);
  if (missing.length + short.length === 0) return;
  throw new FileError(
    missing.length > 0 ? "not-found" : "changed",
    dir,
    `${describe(missing, short)} in ${dir}: put back what was there, or remove the torrent`,
  );
}

interface Lacking {
  /** Paths. */
  missing: string[];
  short: string[];
  /** All files are missing. */
  all: boolean;
}

function lacking({ files }: Metainfo, sizeOf: SizeOf): Lacking {
  const missing: string[] = [], short: string[] = [];
  files.forEach(({ path, length, pad }, file) => {
    const found = pad ? undefined : sizeOf(file);
    if (found === null) missing.push(path.join("/"));
    else if (found !== undefined && found.size < length) short.push(path.join("/"));
  });
  const count = files.filter(({ pad }) => !pad).length;
  return { missing, short, all: count > 0 && missing.length === count };
}

function describe(missing: string[], short: string[]): string {
  const [first = short[0], what] = [missing[0], missing.length > 0 ? "missing" : "too short"];
  const more = missing.length + short.length - 1;
  const others = more === 0 ? "" : `, and so ${more === 1 ? "is 1 other" : `are ${more} others`}`;
  return `${first} is ${what}${others}`;
}

/** Names the first file with a piece that is missing; null when none is. */
export function wrongPieces(
  meta: Metainfo,
  has: (piece: number) => boolean,
): IncompleteError | null {
  const { pieceCount } = meta.layout;
  const bad = Array.from({ length: pieceCount }, (_, piece) => piece).filter((p) => !has(p));
  if (bad.length === 0) return null;
  const { file } = meta.layout.slices(bad[0]!).find((slice) => !slice.pad)!;
  const where = meta.files[file]!.path.join("/");
  return new IncompleteError(`${bad.length} of ${pieceCount} pieces are wrong, first in ${where}`);
}
