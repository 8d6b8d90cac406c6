/** Reads all files of a torrent again and says which of them are missing or damaged. */
import type { Platform } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { verifierOf } from "../metainfo/piece_verifier.ts";
import { type CheckedStorage, checkPieces } from "../storage/checker.ts";
import { HandlePool } from "../storage/handle_pool.ts";
import { findFiles } from "../storage/file_placement.ts";
import { TorrentStorage } from "../storage/torrent_storage.ts";
import { unlessLink } from "../torrent/seed_only.ts";
import { FileError } from "../util/errors.ts";
import { chosenNames } from "./file_places.ts";
import type { AddOptions } from "./types.ts";

/** A file that is missing, has another length, or has wrong contents. */
export interface FileProblem {
  /** Below the folder, joined by "/". */
  path: string;
  /** "link": the file, or a folder above it, is a symbolic link that was not followed. */
  kind: "missing" | "short" | "long" | "damaged" | "link";
}

/** What `verifyTorrent` has found. */
export interface VerifyResult {
  /** Absolute path of the checked folder. */
  dir: string;
  /** Pieces that are missing or do not match, in rising order. */
  bad: number[];
  /** In the torrent's order; empty if all files are right. */
  problems: FileProblem[];
  /** Number of checked pieces. */
  checked: number;
  /** Bytes that were read and hashed. */
  checkedBytes: number;
  /**
   * Pieces of the chosen files that cannot be checked: they extend into files that are not on the disk,
   * nor in the part file that a download of some files leaves.
   */
  unknown: number[];
}

/** How `verifyTorrent` checks. */
export interface VerifyOptions {
  /** Indices in `Metainfo.files` of the files to check. Default: all. */
  files?: ReadonlySet<number>;
  /** Other names of files: see AddOptions. */
  rename?: AddOptions["rename"];
  /** Reads through symbolic links in place of files and folders. Default false. */
  followLinks?: boolean;
  /** Called with the checked fraction, 0 to 1. */
  onProgress?(fraction: number): void;
  /** Ends the check; it then rejects with the reason. */
  signal?: AbortSignal;
}

/**
 * Hashes on all cores and writes nothing. When aborted, it resolves early with the result so far.
 * Files are found as `Client.add` finds them. Rejects with a FileError if `dir` is not a folder or a
 * file cannot be read, with a RangeError for invalid names.
 */
export async function verifyFiles(
  platform: Pick<Platform, "files" | "hasher" | "process">,
  meta: Metainfo,
  dir: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const { files } = platform, root = files.absolute(dir);
  requireFolder(files, root);
  const pool = new HandlePool(files, 1);
  try {
    return await check(platform, meta, storageOf(platform, pool, meta, root, options), options);
  } finally {
    pool.close();
  }
}

/** Only the part file is opened through it: the hasher reads by path. */
function storageOf(
  { files, process }: Pick<Platform, "files" | "process">,
  pool: HandlePool,
  meta: Metainfo,
  root: string,
  { rename, followLinks }: VerifyOptions,
): TorrentStorage {
  const chosen = chosenNames(
    meta,
    rename === undefined ? {} : { rename },
    process.os === "windows",
  );
  const { renamed } = findFiles(files, root, meta.files, chosen);
  const entries = meta.files.map((entry, file) => {
    return { ...entry, path: renamed.get(file) ?? entry.path };
  });
  const { infoHash, layout } = meta;
  const storage = new TorrentStorage(files, pool, root, entries, layout, {
    infoHash,
    follow: followLinks ? "all" : "top folder",
  });
  storage.files.useParts();
  return storage;
}

async function check(
  { hasher }: Pick<Platform, "hasher">,
  meta: Metainfo,
  storage: TorrentStorage,
  { files: chosen, onProgress, signal }: VerifyOptions,
): Promise<VerifyResult> {
  const bad: number[] = [];
  const { wanted, unknown } = choosePieces(meta, storage, chosen);
  await checkPieces(hasher, readable(storage), wanted, verifierOf(meta), {
    piece(piece, ok) {
      if (!ok) bad.push(piece);
    },
    progress: (done, total) => onProgress?.(done / total),
  }, signal);
  bad.sort((a, b) => a - b);
  const problems = findProblems(meta, storage, bad, chosen);
  const checkedBytes = wanted.reduce((sum, piece) => sum + meta.layout.lengthOf(piece), 0);
  return { dir: storage.folder.dir, bad, problems, checked: wanted.length, checkedBytes, unknown };
}

/** Those that have a byte of a chosen file. */
function choosePieces(meta: Metainfo, storage: TorrentStorage, chosen?: ReadonlySet<number>) {
  const wanted: number[] = [], unknown: number[] = [];
  for (let piece = 0; piece < meta.layout.pieceCount; piece++) {
    const files = meta.layout.slices(piece).flatMap(({ pad, file }) => pad ? [] : [file]);
    if (chosen !== undefined && !files.some((file) => chosen.has(file))) continue;
    const isLacking = chosen !== undefined && files.some((file) => {
      return !chosen.has(file) && !isHere(meta, storage, file, piece);
    });
    (isLacking ? unknown : wanted).push(piece);
  }
  return { wanted, unknown };
}

/** Whether a file has its part of a piece, in its place or in the part file. */
function isHere(
  { files }: Metainfo,
  storage: TorrentStorage,
  file: number,
  piece: number,
): boolean {
  if (storage.seen.isApart(file, piece)) return true;
  const found = unlessLink(() => storage.seen.statFile(file));
  return found !== "link" && (found?.size ?? -1) >= files[file]!.length;
}

/** A link that is not followed counts as missing. */
function readable(storage: TorrentStorage): CheckedStorage {
  return {
    layout: storage.layout,
    spans: (piece) => storage.seen.spans(piece),
    isApart: (file, piece) => storage.seen.isApart(file, piece),
    statFile(file) {
      const found = unlessLink(() => storage.seen.statFile(file));
      return found === "link" ? null : found;
    },
    noteChecked() {},
  };
}

function requireFolder(files: Platform["files"], root: string): void {
  const kind = files.stat(root)?.kind;
  if (kind === "directory" || kind === "link") return;
  const code = kind === undefined ? "not-found" : "not-directory";
  const what = kind === undefined ? "there is no such folder" : "the path is not a folder";
  throw new FileError(code, root, `Cannot read ${root}: ${what}`);
}

/** If a piece spans several files: those with a wrong size are to blame, else all. */
function findProblems(
  meta: Metainfo,
  storage: TorrentStorage,
  bad: readonly number[],
  chosen?: ReadonlySet<number>,
): FileProblem[] {
  const kinds = new Map<number, FileProblem["kind"]>();
  meta.files.forEach(({ pad, length }, file) => {
    if (pad || chosen?.has(file) === false) return;
    const found = unlessLink(() => storage.seen.statFile(file));
    if (found === "link") kinds.set(file, "link");
    else if (found === null) kinds.set(file, "missing");
    else if (found.size < length) kinds.set(file, "short");
    else if (found.size > length) kinds.set(file, "long");
  });
  const suspects = new Set([...kinds.keys()].filter((file) => kinds.get(file) !== "long"));
  for (const piece of bad) {
    const parts = meta.layout.slices(piece).filter((slice) => !slice.pad);
    if (parts.some(({ file }) => suspects.has(file))) continue;
    for (const { file } of parts) if (chosen?.has(file) !== false) kinds.set(file, "damaged");
  }
  const inOrder = [...kinds].sort(([a], [b]) => a - b);
  return inOrder.map(([file, kind]) => ({ path: meta.files[file]!.path.join("/"), kind }));
}
