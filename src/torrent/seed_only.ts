/** What keeps a torrent that is only to be given from being given: errors that name the first file. */
import type { Metainfo } from "../protocol/metainfo.ts";
import { IncompleteError } from "../util/errors.ts";

/** Throws when a file is missing or too short: seen without reading any. Or a FileError. */
export function demandFiles(
  meta: Metainfo,
  sizeOf: (file: number) => { size: number } | null,
): void {
  const missing: string[] = [], short: string[] = [];
  meta.files.forEach(({ path, length, pad }, file) => {
    const found = pad ? undefined : sizeOf(file);
    if (found === null) missing.push(path.join("/"));
    else if (found !== undefined && found.size < length) short.push(path.join("/"));
  });
  if (missing.length + short.length === 0) return;
  if (missing.length === meta.files.filter(({ pad }) => !pad).length) {
    throw new IncompleteError(
      `nothing is there: the folder must be the one with "${meta.name}" in it`,
    );
  }
  const [first = short[0], what] = [missing[0], missing.length > 0 ? "missing" : "too short"];
  const more = missing.length + short.length - 1;
  const others = more === 0 ? "" : `, and so ${more === 1 ? "is 1 other" : `are ${more} others`}`;
  throw new IncompleteError(`${first} is ${what}${others}`);
}

/** Throws when pieces are missing. */
export function demandPieces(meta: Metainfo, has: (piece: number) => boolean): void {
  const { pieceCount } = meta.layout;
  const bad = Array.from({ length: pieceCount }, (_, piece) => piece).filter((p) => !has(p));
  if (bad.length === 0) return;
  const { file } = meta.layout.slices(bad[0]!).find((slice) => !slice.pad)!;
  const where = meta.files[file]!.path.join("/");
  throw new IncompleteError(`${bad.length} of ${pieceCount} pieces are wrong, first in ${where}`);
}
