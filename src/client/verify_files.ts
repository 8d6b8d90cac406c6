/** Reads everything of a torrent again and says which of its files are not right. */
import type { Platform } from "../platform/types.ts";
import { type Metainfo, pieceHash } from "../protocol/metainfo.ts";
import { checkPieces } from "../storage/checker.ts";
import { HandlePool } from "../storage/handle_pool.ts";
import { TorrentStorage } from "../storage/torrent_storage.ts";
import { FileError } from "../util/errors.ts";

export interface FileProblem {
  /** Below the folder, joined by "/". */
  path: string;
  kind: "missing" | "short" | "damaged";
}

export interface VerifyResult {
  /** Absolute path of the folder that was looked into. */
  dir: string;
  /** Pieces that are missing or do not match, in rising order. */
  bad: number[];
  /** In the torrent's order; empty when everything is there. */
  problems: FileProblem[];
  /** Pieces that were looked at, and their bytes. */
  checked: number;
  checkedBytes: number;
  /** Pieces of the chosen files that cannot be told, since the rest of them is in files that are not here. */
  unknown: number[];
}

export interface VerifyOptions {
  /** Indices in `Metainfo.files`: only these are looked at. Default: all. */
  files?: ReadonlySet<number>;
  /** The checked fraction. */
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/**
 * Hashes on all cores; writes nothing. When aborted it resolves early with what was found so far.
 * Rejects with a FileError: `dir` is no folder, a file cannot be read, a symbolic link stands in a
 * file's place.
 */
export async function verifyFiles(
  { files, hasher }: Pick<Platform, "files" | "hasher">,
  meta: Metainfo,
  dir: string,
  { files: chosen, onProgress, signal }: VerifyOptions = {},
): Promise<VerifyResult> {
  const root = files.absolute(dir);
  requireFolder(files, root);
  // Nothing is opened through the storage here: the hasher reads by path.
  const storage = new TorrentStorage(
    files,
    new HandlePool(files, 1),
    root,
    meta.files,
    meta.layout,
  );
  const bad: number[] = [];
  const { wanted, unknown } = choosePieces(meta, storage, chosen);
  await checkPieces(hasher, storage, wanted, (piece) => pieceHash(meta, piece), {
    piece(piece, ok) {
      if (!ok) bad.push(piece);
    },
    progress: (done, total) => onProgress?.(done / total),
  }, signal);
  bad.sort((a, b) => a - b);
  const problems = findProblems(meta, storage, bad, chosen);
  const checkedBytes = wanted.reduce((sum, piece) => sum + meta.layout.lengthOf(piece), 0);
  return { dir: root, bad, problems, checked: wanted.length, checkedBytes, unknown };
}

/** Those that have a byte of a chosen file. */
function choosePieces(meta: Metainfo, storage: TorrentStorage, chosen?: ReadonlySet<number>) {
  const wanted: number[] = [], unknown: number[] = [];
  for (let piece = 0; piece < meta.layout.pieceCount; piece++) {
    const files = meta.layout.slices(piece).flatMap(({ pad, file }) => pad ? [] : [file]);
    if (chosen !== undefined && !files.some((file) => chosen.has(file))) continue;
    const lacking = files.some((file) => {
      return chosen !== undefined && !chosen.has(file) && !isWhole(meta, storage, file);
    });
    (lacking ? unknown : wanted).push(piece);
  }
  return { wanted, unknown };
}

function isWhole({ files }: Metainfo, storage: TorrentStorage, file: number): boolean {
  return (storage.statFile(file)?.size ?? -1) >= files[file]!.length;
}

function requireFolder(files: Platform["files"], root: string): void {
  const kind = files.stat(root)?.kind;
  if (kind === "directory" || kind === "link") return;
  const code = kind === undefined ? "not-found" : "not-directory";
  const what = kind === undefined ? "there is no such folder" : "that is not a folder";
  throw new FileError(code, root, `Cannot look into ${root}: ${what}`);
}

/** A piece goes through several files: those whose size tells that they are to blame, else all. */
function findProblems(
  meta: Metainfo,
  storage: TorrentStorage,
  bad: readonly number[],
  chosen?: ReadonlySet<number>,
): FileProblem[] {
  const kinds = new Map<number, FileProblem["kind"]>();
  meta.files.forEach(({ pad, length }, file) => {
    if (pad || chosen?.has(file) === false) return;
    const found = storage.statFile(file);
    if (found === null) kinds.set(file, "missing");
    else if (found.size < length) kinds.set(file, "short");
  });
  const suspects = new Set(kinds.keys());
  for (const piece of bad) {
    const parts = meta.layout.slices(piece).filter((slice) => !slice.pad);
    if (parts.some(({ file }) => suspects.has(file))) continue;
    for (const { file } of parts) if (chosen?.has(file) !== false) kinds.set(file, "damaged");
  }
  const inOrder = [...kinds].sort(([a], [b]) => a - b);
  return inOrder.map(([file, kind]) => ({ path: meta.files[file]!.path.join("/"), kind }));
}
