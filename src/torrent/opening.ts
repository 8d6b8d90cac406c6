/**
 * A torrent's first step, before any peer: finds out which of its data is on the disk. A resume
 * record spares hashing data that is unchanged.
 */
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { type Trust, trustworthy } from "../state/trust.ts";
import { FileError, type IncompleteError } from "../util/errors.ts";
import { type FileChoice, SKIP } from "./file_choice.ts";
import { goneFiles } from "./gone_files.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";
import { demandFiles, demandReturn, wrongPieces } from "./seed_only.ts";
import { conflictError, type PathClaims, takeOverFiles } from "./take_over.ts";
import type { ContentPorts } from "./content_ports.ts";
import type { Verification } from "./verification.ts";

export interface OpeningParts {
  readonly meta: Metainfo;
  readonly storage: TorrentStorage;
  readonly pieces: PieceManager;
  readonly verification: Verification;
  readonly choice: FileChoice;
  /** Existing data is only uploaded: nothing is written or created. */
  readonly seedOnly: boolean;
  /** Nothing is hashed. */
  readonly trustFiles: boolean;
  readonly record: ResumeData | null;
  readonly reuse: ContentPorts["reuse"];
  warn(message: string): void;
  /** Earlier data must not have vanished: its disk may only be missing. */
  readonly mustExist: boolean;
  /** The record's pieces are not trusted; complete files that were changed are still kept. */
  readonly anew: boolean;
  readonly overwrite: boolean;
  readonly repair: boolean;
  readonly claims: PathClaims;
  readonly targetDir: string;
}

/**
 * Afterwards the piece manager has every piece on the disk. Resolves to whether the record named
 * missing ones: then it must be replaced before they are written. Rejects with a FileError, or an
 * IncompleteError if only seeding was requested. Ends early when aborted.
 */
export async function openExisting(parts: OpeningParts, signal: AbortSignal): Promise<boolean> {
  const { meta, storage, seedOnly, trustFiles, record, anew } = parts;
  demandDisk(parts);
  if (seedOnly) storage.folder.noteDisk();
  else storage.files.look();
  let changed: ReadonlySet<number> | null = null, recordIsWrong = false;
  if (trustFiles) markAll(parts);
  else if (record !== null && !anew) {
    ({ changed, recordIsWrong } = await resume(parts, record, signal));
  } else {
    changed = record && changedFiles(record, trustworthy(record, meta.layout, storage.seen));
    recordIsWrong = record !== null;
    await checkAll(parts, signal);
  }
  if (signal.aborted) return recordIsWrong;
  if (seedOnly) await openSeed(parts);
  else await openDownload({ ...parts, changed }, signal);
  return recordIsWrong;
}

async function openSeed(parts: OpeningParts): Promise<void> {
  const lack = lackOf(parts);
  if (lack !== null) throw lack;
  const { claims, storage: { folder } } = parts;
  const taken = await claims.claim(folder.paths([folder.dir]), []);
  if (taken !== null) throw conflictError(taken);
}

/** From this step on, files may be written. */
async function openDownload(
  parts: OpeningParts & { changed: ReadonlySet<number> | null },
  signal: AbortSignal,
): Promise<void> {
  const { storage, trustFiles, record } = parts;
  await takeOverFiles(parts, signal);
  if (signal.aborted) return;
  storage.files.makeFolders();
  storage.folder.noteDisk();
  if (!trustFiles) await reuseFiles(parts, signal);
  if (signal.aborted) return;
  // Bytes of wanted files may still be in the part file.
  await storage.files.setWanted(parts.choice.wanted);
  if (record !== null && !parts.anew) restoreBlocks(parts, record);
}

/** Null if the record has another layout. */
function changedFiles({ stamps }: ResumeData, trust: Trust): ReadonlySet<number> | null {
  return stamps.length === trust.seen.length ? new Set(trust.changed) : null;
}

/** Why it cannot be seeded; null if every wanted piece is complete. */
export function lackOf(
  { meta, pieces, choice }: Pick<OpeningParts, "meta" | "pieces" | "choice">,
): IncompleteError | null {
  return wrongPieces(meta, (piece) => pieces.have.has(piece) || !choice.wantsPiece(piece));
}

/**
 * While its disk is away, nothing must be written to the folder under its mount point. What we had
 * is in the record, or all of it where that was declared or is all that we are for. Throws a
 * FileError, or an IncompleteError where it never was there.
 */
function demandDisk(parts: OpeningParts): void {
  const { meta, storage, record, mustExist, seedOnly } = parts;
  const gone = record === null || parts.anew || !recordsDataIn(storage.folder.dir, record)
    ? 0
    : goneFiles(meta, storage, record);
  if (gone > 0 && !seedOnly) parts.warn(describeGone(gone, meta, storage.folder.dir));
  const find = (file: number) => sizeOf(parts, file);
  if (mustExist && (seedOnly || parts.trustFiles)) demandReturn(meta, find, storage.folder.dir);
  else if (seedOnly) demandFiles(meta, find);
}

function recordsDataIn(dir: string, { have, partial, moving, ...record }: ResumeData): boolean {
  return (dir === record.dir || dir === moving?.dir) && have.count + partial.length > 0;
}

function describeGone(gone: number, { name, files }: Metainfo, dir: string): string {
  const count = files.filter(({ pad, length }) => !pad && length > 0).length;
  const what = gone === count ? `"${name}" is` : `${gone} of ${count} files of "${name}" are`;
  return `${what} no longer in ${dir}: deleted or moved files are downloaded again`;
}

/** What other folders have of it already is copied and checked. */
async function reuseFiles(parts: OpeningParts, signal: AbortSignal): Promise<void> {
  const { meta, storage, reuse, choice } = parts;
  if (reuse === null) return;
  const sought = meta.files.flatMap(({ path, pad, length }, file) => {
    const isMissing = !pad && length > 0 && choice.priorities[file] !== SKIP &&
      storage.seen.statFile(file) === null;
    return isMissing ? [{ file, name: path[path.length - 1]! }] : [];
  });
  if (sought.length === 0) return;
  const found = await reuse(sought, signal);
  if (found.size === 0) parts.warn("No reusable files were found: everything is downloaded");
  for (const [file, path] of found) {
    if (signal.aborted) return;
    await storage.files.takeCopy(file, path);
  }
  await checkFiles(parts, [...found.keys()], signal);
}

/** Pieces of files that just came. */
async function checkFiles(
  { meta: { layout }, pieces, verification }: OpeningParts,
  files: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const touched = new Set<number>();
  for (const file of files) {
    const range = layout.piecesOf(file);
    for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) {
      if (!pieces.have.has(piece)) touched.add(piece);
    }
  }
  await verification.check(signal, (piece, ok) => {
    if (ok) pieces.states.markHave(piece);
  }, [...touched].sort((a, b) => a - b));
}

/** Unwanted pieces count as existing. */
function sizeOf({ storage, choice, meta }: OpeningParts, file: number): { size: number } | null {
  const isWanted = choice.priorities[file] !== SKIP;
  return isWanted ? storage.seen.statFile(file) : { size: meta.files[file]!.length };
}

function markAll({ meta, choice, pieces }: OpeningParts): void {
  for (let piece = 0; piece < meta.layout.pieceCount; piece++) {
    if (choice.wantsPiece(piece)) pieces.states.markHave(piece);
  }
}

async function checkAll({ pieces, verification }: OpeningParts, signal: AbortSignal) {
  await verification.check(signal, (piece, ok) => {
    if (ok) pieces.states.markHave(piece);
  });
}

async function resume(
  parts: OpeningParts,
  record: ResumeData,
  signal: AbortSignal,
): Promise<{ changed: ReadonlySet<number> | null; recordIsWrong: boolean }> {
  const { meta: { layout }, storage, pieces, verification } = parts;
  const trust = trustworthy(record, layout, storage.seen);
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    if (trust.trusted.has(piece)) pieces.states.markHave(piece);
  }
  const doubtful = [...trust.suspect, ...trust.unclaimed];
  if (doubtful.length > 0) {
    await verification.check(signal, (piece, ok) => {
      if (ok) pieces.states.markHave(piece);
    }, doubtful);
  }
  if (!signal.aborted) storage.seen.adopt(trust);
  return {
    changed: changedFiles(record, trust),
    recordIsWrong: trust.suspect.some((piece) => !pieces.have.has(piece)),
  };
}

/** Blocks of pieces that were not whole yet: their piece's hash will judge them. */
function restoreBlocks({ meta: { layout }, storage, pieces }: OpeningParts, record: ResumeData) {
  for (const { piece, blocks } of record.partial) {
    if (piece >= layout.pieceCount || blocks.length !== layout.blocksIn(piece)) continue;
    try {
      pieces.restore(piece, blocks, (begin, into) => storage.data.readInto(piece, begin, into));
    } catch (error) {
      // It can be fetched again.
      if (!(error instanceof FileError)) throw error;
    }
  }
}
