/**
 * Decides, once the contents of the disk are known and before anything is written, which of the
 * existing files are the torrent's own. A file of another owner ends the torrent with an error that
 * names it; a file that the user changed after it was complete is left alone.
 */
import type { FileStat } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { identityOf, isIdentity, judgeFile, type Verdict } from "../storage/ownership.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { EditedError, FileError, ForeignFileError } from "../util/errors.ts";
import type { FileChoice } from "./file_choice.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";

/** Another torrent that uses a path. */
export interface PathOwner {
  readonly name: string;
  /** The process that runs it; null for our own, or if none does. */
  readonly process: number | null;
}

export interface PathConflict {
  readonly path: string;
  readonly owner: PathOwner;
}

/** A torrent's files as absolute paths, and the folders above them. */
export interface Placement {
  readonly dirs: readonly string[];
  readonly paths: readonly string[];
}

/** The other torrents that may use the same paths on the disk. */
export interface PathClaims {
  /**
   * Claims all of the torrent's paths in place of its earlier claims; those of `written` will be
   * written to. Resolves to null, or to a path of `written` that belongs to another torrent, or to one
   * that another torrent is writing to: then nothing is changed. `overwrite`: files of torrents that
   * do not run are ignored.
   */
  claim(
    place: Placement,
    written: readonly string[],
    overwrite?: boolean,
  ): Promise<PathConflict | null>;
  /** Another torrent, running or not, that owns the file; null if none is known. */
  ownerOf(path: string): Promise<PathOwner | null>;
}

export interface TakeOverParts {
  readonly meta: Metainfo;
  readonly storage: TorrentStorage;
  readonly pieces: PieceManager;
  readonly choice: FileChoice;
  readonly record: ResumeData | null;
  /** Files that differ from the record; without one, all files. */
  readonly changed: ReadonlySet<number> | null;
  /** The rest of the record is not trusted. */
  readonly anew: boolean;
  /** The user wants files in the way to be overwritten. */
  readonly overwrite: boolean;
  /** The user wants the torrent's own data in files that were changed. */
  readonly repair: boolean;
  readonly claims: PathClaims;
  /** The folder for the complete files. */
  readonly targetDir: string;
}

/** Rejects with a FileError, a ForeignFileError, an EditedError, or the signal's reason. */
export async function takeOverFiles(parts: TakeOverParts, signal: AbortSignal): Promise<void> {
  const { storage } = parts, { wanted } = parts.choice;
  const found = await findFiles(parts, signal);
  await demandFreeTarget(parts);
  if (!parts.repair && !parts.overwrite) demandUnedited(parts, found);
  for (const { file, stat } of found) {
    if (isFinished(parts, file)) {
      storage.files.finishFile(file);
      continue;
    }
    const verdict = await judge(parts, file, stat, signal);
    if (verdict === "ours") continue;
    if (wanted[file] || (verdict === "longer" && !hasAllWanted(parts, file))) {
      throw await foreign(parts, file, verdict);
    }
    // An unwanted file may hold pieces for other peers, if nothing is written to it.
    if (verdict === "longer") storage.files.finishFile(file);
    else storage.files.disown(file);
  }
  await claimPaths(parts, new Set(found.map(({ file }) => file)), signal);
  for (const { file } of found) {
    const rest = storage.rests.step();
    if (rest) await rest;
    const isOurs = storage.seen.statFile(file) !== null && !storage.files.isFinished(file);
    if (isOurs) await storage.files.takeOver(file, { writes: !isComplete(parts, file) });
  }
}

interface Found {
  file: number;
  stat: FileStat;
}

async function findFiles(
  { meta, storage }: TakeOverParts,
  signal: AbortSignal,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const [file, { pad }] of meta.files.entries()) {
    const rest = storage.rests.step();
    if (rest) await rest;
    signal.throwIfAborted();
    const stat = pad ? null : storage.seen.statFile(file);
    if (stat !== null) found.push({ file, stat });
  }
  return found;
}

/** Files in the way in the final folder are refused at the start. */
async function demandFreeTarget(parts: TakeOverParts): Promise<void> {
  const { meta, storage, choice, claims, targetDir } = parts;
  if (storage.folder.dir === targetDir) return;
  for (const [file, { pad }] of meta.files.entries()) {
    const moves = !pad && (choice.wanted[file]! || storage.seen.statFile(file) !== null);
    const path = moves ? storage.folder.pathIn(targetDir, file) : null;
    if (path === null || !storage.folder.isTaken(path)) continue;
    const owner = await claims.ownerOf(path);
    const what = owner === null ? "a file or folder with this name" : `a file of "${owner.name}"`;
    const message = `Cannot move to ${path} when the download is complete: ${what} is there. ` +
      "Move it away, or choose another folder or another name for it";
    throw new FileError("exists", path, message);
  }
}

/** Throws an EditedError if complete files were changed after the download. */
function demandUnedited(
  parts: TakeOverParts,
  found: readonly Found[],
): void {
  const { meta, pieces, choice, changed, record } = parts;
  if (record === null || changed === null) return;
  const { wanted } = choice, edited: string[] = [], different = new Set<number>();
  for (const { file, stat } of found) {
    const range = meta.layout.piecesOf(file);
    if (!changed.has(file) || !wasComplete(parts, file)) continue;
    let isEdited = wanted[file]! && stat.size > meta.files[file]!.length;
    for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) {
      if (pieces.have.has(piece) || !choice.wantsPiece(piece)) continue;
      isEdited = true;
      different.add(piece);
    }
    if (isEdited) edited.push(parts.storage.folder.pathOf(file)!);
  }
  if (edited.length > 0) {
    throw new EditedError(describeChange(edited, different.size, meta.layout.pieceCount));
  }
}

function describeChange(paths: readonly string[], different: number, pieces: number): string {
  const more = paths.length - 1;
  const others = more === 0 ? "" : ` and ${more} other file${more === 1 ? "" : "s"}`;
  const change = different === 0
    ? "longer than in the torrent"
    : `different from the torrent in ${different} of ${pieces} pieces`;
  return `${paths[0]}${others} ${
    more === 0 ? "was" : "were"
  } changed after the download: now ${change}`;
}

/** All of it was verified and synced when the record was written. */
function wasComplete({ meta, record }: TakeOverParts, file: number): boolean {
  if (record === null || !record.stamps[file]) return false;
  const range = meta.layout.piecesOf(file);
  if (range === null) return false;
  for (let piece = range.first; piece <= range.last; piece++) {
    if (!record.have.has(piece)) return false;
  }
  return true;
}

/** It was complete and is unchanged. */
function isFinished(parts: TakeOverParts, file: number): boolean {
  return !parts.anew && parts.changed !== null && !parts.changed.has(file) &&
    wasComplete(parts, file);
}

/** No wanted data would be written to it. */
function hasAllWanted({ meta, pieces, choice }: TakeOverParts, file: number): boolean {
  const range = meta.layout.piecesOf(file);
  for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) {
    if (choice.wantsPiece(piece) && !pieces.have.has(piece)) return false;
  }
  return true;
}

function isComplete({ meta, pieces }: TakeOverParts, file: number): boolean {
  const range = meta.layout.piecesOf(file);
  for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) {
    if (!pieces.have.has(piece)) return false;
  }
  return true;
}

async function judge(
  parts: TakeOverParts,
  file: number,
  stat: FileStat,
  signal: AbortSignal,
): Promise<Verdict> {
  const { meta, storage, pieces, record, changed, overwrite, repair } = parts;
  if (overwrite || (repair && wasComplete(parts, file))) return "ours";
  const range = meta.layout.piecesOf(file);
  let matches = false;
  for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1) && !matches; piece++) {
    matches = pieces.have.has(piece);
  }
  const known = record?.owned.get(file) ?? null, now = identityOf(stat);
  const isUnchanged = changed !== null && !changed.has(file) && !!record?.stamps[file];
  // A file that took the place of ours is unchanged, too, since a check read it.
  const recorded = known !== null && now !== null ? isIdentity(known, now) : isUnchanged;
  const { length } = meta.files[file]!;
  return await judgeFile(
    { stat, length, matches, recorded },
    () => storage.seen.reader(file),
    signal,
  );
}

async function foreign(
  parts: TakeOverParts,
  file: number,
  verdict: "foreign" | "longer",
): Promise<ForeignFileError> {
  const { meta, storage, claims } = parts, path = storage.folder.pathOf(file)!;
  const owner = await claims.ownerOf(path);
  const reason = owner === null && verdict === "foreign" && isUnknown(parts, file)
    ? "none of its pieces can be checked, as each needs other files that are missing"
    : reasonOf(verdict, owner);
  return new ForeignFileError(path, numberOf(meta, file), reason);
}

/** It has the right size, and none of its pieces is complete, so that it cannot be checked. */
function isUnknown({ meta: { layout, files }, storage }: TakeOverParts, file: number): boolean {
  const sizeOf = (index: number) => storage.seen.statFile(index)?.size ?? 0;
  const range = layout.piecesOf(file);
  if (range === null || sizeOf(file) !== files[file]!.length) return false;
  for (let piece = range.first; piece <= range.last; piece++) {
    const isHere = layout.slices(piece).every(({ file: other, offset, length }) =>
      files[other]!.pad || sizeOf(other) >= offset + length
    );
    if (isHere) return false;
  }
  return true;
}

/** The number of a file, as people count them. */
function numberOf({ files }: Metainfo, file: number): number {
  return files.slice(0, file + 1).filter(({ pad }) => !pad).length;
}

function reasonOf(verdict: "foreign" | "longer", owner: PathOwner | null): string {
  if (owner !== null) return `the file belongs to the torrent "${owner.name}"`;
  return verdict === "foreign"
    ? "the file is not part of this torrent (no piece matches)"
    : "the file is longer than the torrent's, and the rest is not empty";
}

/** Complete files are only read, which is harmless. */
async function claimPaths(
  parts: TakeOverParts,
  found: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<void> {
  const { meta, storage, choice, claims, targetDir } = parts;
  const { wanted } = choice, written: { path: string; file: number }[] = [];
  meta.files.forEach(({ pad }, file) => {
    const isThere = found.has(file) && storage.seen.statFile(file) !== null;
    if (pad || !(wanted[file] || isThere) || (isComplete(parts, file) && isThere)) return;
    written.push({ path: storage.folder.pathOf(file)!, file });
    if (storage.folder.dir !== targetDir) {
      written.push({ path: storage.folder.pathIn(targetDir, file)!, file });
    }
  });
  const place = storage.folder.paths([storage.folder.dir, targetDir]);
  const taken = await claims.claim(place, written.map(({ path }) => path), parts.overwrite);
  signal.throwIfAborted();
  if (taken === null) return;
  const clash = written.find(({ path }) => path === taken.path);
  throw conflictError(taken, clash === undefined ? null : numberOf(meta, clash.file));
}

/** `number`: as of ForeignFileError. */
export function conflictError(
  { path, owner }: PathConflict,
  number: number | null = null,
): FileError {
  if (owner.process !== null) return inUse(path, owner);
  return new ForeignFileError(path, number, reasonOf("foreign", owner));
}

/** Another shoal process works on the torrent, or on a file with that path; it will end. */
export function inUse(path: string | null, { name, process }: PathOwner): FileError {
  const what = path === null
    ? `"${name}" is in use by another shoal (process ${process})`
    : `${path} is in use by another shoal (process ${process}) for "${name}"`;
  return new FileError("in-use", path ?? "", `${what}: waiting for that process to end`);
}
