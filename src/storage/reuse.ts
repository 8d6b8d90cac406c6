/**
 * Finds data of a torrent in another folder, under any name: by size first, then by the hash of a
 * piece. A match is a good guess for the complete file, and is checked again after it was copied; the
 * searched folder is only read.
 */
import type { Files, FileSpan, HashAlgorithm, Hasher } from "../platform/types.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { PieceVerifier } from "../metainfo/piece_verifier.ts";
import { FileError } from "../util/errors.ts";
import { lastPart } from "./source_files.ts";

/** The most names in a search, and the deepest nesting of folders. */
const MAX_NAMES = 200_000;
const MAX_DEPTH = 32;
/** The most files of one size that are tried, and combinations for one piece. */
const MAX_CANDIDATES = 32;
const MAX_WAYS = 64;

/** A file of the torrent that is looked for. */
export interface Sought {
  /** Index in the torrent's list. */
  readonly file: number;
  /** The last part of its path: files of this name are tried first. */
  readonly name: string;
}

export interface ReusePorts {
  files: Pick<Files, "list" | "stat">;
  hasher: Pick<Hasher, "hashFiles">;
  layout: Layout;
  verifier: PieceVerifier;
  /** Where a file that is not sought is; null for pads. */
  pathOf(file: number): string | null;
}

/**
 * The place of each file that was found. Links are not followed, unreadable folders are skipped.
 * Rejects with a FileError if `dir` itself cannot be read, with the signal's reason when aborted.
 */
export async function findReusable(
  ports: ReusePorts,
  dir: string,
  sought: readonly Sought[],
  signal?: AbortSignal,
): Promise<Map<number, string>> {
  const { layout } = ports;
  const sizes = new Set(sought.map(({ file }) => layout.files[file]!.length));
  sizes.delete(0);
  const bySize = findBySize(ports.files, dir, sizes);
  const candidates = new Map<number, string[]>();
  for (const { file, name } of sought) {
    const found = bySize.get(layout.files[file]!.length) ?? [];
    const rank = (path: string) => lastPart(path) === name ? 0 : 1;
    const best = found.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_CANDIDATES);
    if (best.length > 0) candidates.set(file, best);
  }
  const chosen = new Map<number, string>();
  // Files with a whole piece first: their results help with the small ones.
  for (const own of [true, false]) {
    for (const file of candidates.keys()) {
      signal?.throwIfAborted();
      const piece = pieceFor(layout, file);
      if (chosen.has(file) || piece === null || piece.own !== own) continue;
      await choose(ports, piece.piece, candidates, chosen);
    }
  }
  return chosen;
}

function findBySize(
  files: ReusePorts["files"],
  dir: string,
  sizes: ReadonlySet<number>,
): Map<number, string[]> {
  const found = new Map<number, string[]>();
  let left = MAX_NAMES;
  const walk = (folder: string, names: readonly string[], depth: number): void => {
    for (const name of names) {
      if (left-- <= 0) return;
      const path = `${folder.replace(/\/$/, "")}/${name}`,
        stat = unlessRefused(() => files.stat(path));
      if (stat?.kind === "directory" && depth < MAX_DEPTH) {
        walk(path, unlessRefused(() => files.list(path)) ?? [], depth + 1);
      } else if (stat?.kind === "file" && sizes.has(stat.size)) {
        found.set(stat.size, [...found.get(stat.size) ?? [], path]);
      }
    }
  };
  walk(dir, files.list(dir), 1);
  return found;
}

function unlessRefused<T>(what: () => T): T | null {
  try {
    return what();
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}

/** The piece that best identifies a file: one entirely inside it, else the one it begins in. */
function pieceFor(layout: Layout, file: number): { piece: number; own: boolean } | null {
  const range = layout.piecesOf(file);
  if (range === null) return null;
  for (let piece = range.first; piece <= Math.min(range.last, range.first + 1); piece++) {
    const own = layout.slices(piece).every((slice) => slice.file === file || slice.pad);
    if (own) return { piece, own };
  }
  return { piece: range.first, own: false };
}

/** Tries combinations of files until the piece's hash is right, and keeps those files. */
async function choose(
  ports: ReusePorts,
  piece: number,
  candidates: ReadonlyMap<number, readonly string[]>,
  chosen: Map<number, string>,
): Promise<void> {
  const { layout, hasher, verifier } = ports;
  const slices = layout.slices(piece);
  const open = slices.map(({ file }) => file).filter((file) =>
    candidates.has(file) && !chosen.has(file)
  );
  let ways = 0;
  const attempt = async (at: number, way: ReadonlyMap<number, string>): Promise<boolean> => {
    if (at < open.length) {
      for (const path of candidates.get(open[at]!)!) {
        if (ways >= MAX_WAYS) return false;
        if (await attempt(at + 1, new Map([...way, [open[at]!, path]]))) return true;
      }
      return false;
    }
    ways++;
    const spans = slices.map(({ file, offset, length, pad }): FileSpan => ({
      path: pad ? null : way.get(file) ?? chosen.get(file) ?? ports.pathOf(file),
      offset,
      length,
    }));
    const digest = await hashOrNull(hasher, verifier.algorithm, spans);
    if (digest === null || !verifier.matches(piece, digest)) return false;
    for (const [file, path] of way) chosen.set(file, path);
    return true;
  };
  await attempt(0, new Map());
}

async function hashOrNull(
  hasher: ReusePorts["hasher"],
  algorithm: HashAlgorithm,
  spans: readonly FileSpan[],
): Promise<Uint8Array | null> {
  try {
    return await hasher.hashFiles(algorithm, spans);
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}
