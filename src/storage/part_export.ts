/**
 * Makes a file that is now wanted from its bytes in the part file. The file gets its name only when
 * these bytes are on the disk, so that it is never found without them, even after a crash.
 */
import type { FileSlice, Layout } from "../metainfo/layout.ts";
import { FileError } from "../util/errors.ts";
import type { FileAccess } from "./file_access.ts";
import type { PartFile } from "./part_file.ts";
import { StoredFile } from "./stored_file.ts";

/** A part of a file inside one piece. */
export interface SharedSlice {
  readonly piece: number;
  readonly slice: FileSlice;
}

/**
 * `shared`: the parts of the file that have a slot. Only for the holder of the turn, so that
 * nothing is written to them in the meantime. When it resolves, the file has its name, and its
 * bytes belong there from then on. Rejects with a FileError, and then leaves no file.
 */
export async function exportParts(
  access: FileAccess,
  parts: PartFile,
  file: StoredFile,
  shared: readonly SharedSlice[],
): Promise<void> {
  const elements = [`${parts.file.elements[0]!}.tmp`];
  const path = access.paths.join(elements);
  if (access.disk.stat(path) !== null) access.disk.remove(path);
  if (shared.length === 0) return;
  const temporary = new StoredFile(path, elements, file.length);
  temporary.checked(null);
  try {
    for (const each of shared) await copySlice(access, parts, temporary, each);
    await access.sync([temporary]);
    access.letGo(temporary);
    access.paths.makeFolders(file.elements);
    await access.paths.refuseNewLinksAway(file.path);
    // In the turn of the renaming, which would replace it.
    if (access.disk.stat(file.path) !== null) throw inTheWay(file.path);
    access.disk.rename(path, file.path);
  } catch (error) {
    access.letGo(temporary);
    if (access.disk.stat(path) !== null) access.disk.remove(path);
    throw error;
  }
  access.paths.noteNewName(file.elements);
  file.own(access.look(file));
}

function inTheWay(path: string): FileError {
  const message = `Cannot make ${path}: another file has that name. Move it away`;
  return new FileError("foreign", path, message);
}

async function copySlice(
  access: FileAccess,
  parts: PartFile,
  to: StoredFile,
  { piece, slice: { begin, length, offset } }: SharedSlice,
): Promise<void> {
  const from = parts.span(piece, begin, length);
  if (from === null) return;
  const bytes = new Uint8Array(length);
  const got = await access.read(parts.file, bytes, from.offset);
  await access.put(to, bytes.subarray(0, got), offset);
}

/** The parts of a file in pieces that have a slot. */
export function sharedSlices(parts: PartFile, layout: Layout, index: number): SharedSlice[] {
  const range = layout.piecesOf(index);
  if (range === null) return [];
  const shared: SharedSlice[] = [];
  for (const piece of parts.piecesIn(range.first, range.last)) {
    for (const slice of layout.slices(piece)) {
      if (slice.file === index) shared.push({ piece, slice });
    }
  }
  return shared;
}

/** Files with bytes in pieces that have a slot. */
export function filesInParts(parts: PartFile | null, layout: Layout): Set<number> {
  const files = new Set<number>();
  for (const piece of parts?.piecesIn(0, layout.pieceCount - 1) ?? []) {
    for (const { file } of layout.slices(piece)) files.add(file);
  }
  return files;
}

/** The part of `bytes`, which start at `begin` of a piece, that the slice is about. */
export function partOf(bytes: Uint8Array, slice: FileSlice, begin: number): Uint8Array {
  if (slice.length === bytes.length) return bytes;
  const at = slice.begin - begin;
  return bytes.subarray(at, at + slice.length);
}
