/**
 * Makes a file that became wanted out of what the part file has of it. It gets its name only when
 * those bytes are on the disk, so that whoever finds the file finds them in it, after a crash too.
 */
import type { FileSlice } from "../protocol/layout.ts";
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
 * `shared`: the file's parts that have a slot now. While it syncs, the torrent goes on and may write
 * to slots; then it copies again. `done` is called in the turn in which the file gets its name: from
 * then on bytes belong there. Rejects with a FileError, and leaves no file then.
 */
export async function exportParts(
  access: FileAccess,
  parts: PartFile,
  file: StoredFile,
  shared: () => readonly SharedSlice[],
  done: () => void,
): Promise<void> {
  const elements = [`${parts.file.elements[0]!}.tmp`];
  const path = access.paths.join(elements);
  if (access.disk.stat(path) !== null) access.disk.remove(path);
  if (shared().length === 0) return done();
  const temporary = new StoredFile(path, elements, file.length);
  temporary.checked(null);
  try {
    for (let version = NaN; version !== parts.version;) {
      version = parts.version;
      for (const each of shared()) copySlice(access, parts, temporary, each);
      await access.sync([temporary]);
    }
    access.letGo(temporary);
    access.paths.makeFolders(file.elements);
    // In the turn of the renaming, which would replace it.
    if (access.disk.stat(file.path) !== null) throw inTheWay(file.path);
    access.disk.rename(path, file.path);
  } catch (error) {
    access.letGo(temporary);
    if (access.disk.stat(path) !== null) access.disk.remove(path);
    throw error;
  }
  access.noteNewName(file);
  file.own(access.look(file));
  done();
}

function inTheWay(path: string): FileError {
  const message =
    `Cannot make ${path}: a file that is not this torrent's has that name. Move it away`;
  return new FileError("foreign", path, message);
}

function copySlice(
  access: FileAccess,
  parts: PartFile,
  to: StoredFile,
  { piece, slice: { begin, length, offset } }: SharedSlice,
): void {
  const from = parts.span(piece, begin, length);
  if (from === null) return;
  const bytes = new Uint8Array(length);
  const got = access.reader(parts.file).readAt(bytes, from.offset);
  access.write(to, bytes.subarray(0, got), offset);
}
