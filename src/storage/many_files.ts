/** Loops over the files of a torrent, possibly hundreds of thousands: they yield to other work. */
import type { Rests } from "../util/rests.ts";
import type { FileAccess } from "./file_access.ts";
import type { StoredFile } from "./stored_file.ts";

/** Creates missing files. Only for the holder of the turn. Rejects with a FileError. */
export async function makeInTurn(
  access: FileAccess,
  files: Iterable<StoredFile>,
  rests: Rests,
): Promise<void> {
  for (const file of files) {
    const rest = rests.step();
    if (rest) await rest;
    if (!file.isNew) continue;
    if (access.isQuick) access.make(file);
    else await access.makeAway(file);
  }
}

/** Creates the missing empty files until it is `over`. Rejects with a FileError. */
export async function makeEmpty(
  access: FileAccess,
  files: Iterable<StoredFile>,
  rests: Rests,
  over: () => boolean,
): Promise<void> {
  for (const file of files) {
    if (file.length > 0) continue;
    const rest = rests.step();
    if (rest) await rest;
    if (over()) return;
    makeMissing(access, file);
  }
}

/** Creates a missing file, empty. Throws a FileError. */
export function makeMissing(access: FileAccess, file: StoredFile): void {
  if (access.look(file) !== null) return;
  access.make(file);
  access.letGo(file);
}

/** Bytes that these files still need on the disk. */
export async function unallocated(
  access: FileAccess,
  files: Iterable<StoredFile>,
  rests: Rests,
): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    if (file.length === 0) continue;
    const rest = rests.step();
    if (rest) await rest;
    bytes += Math.max(0, file.length - (access.look(file)?.allocated ?? 0));
  }
  return bytes;
}

/** Files as `reserveSpace` grows them. */
export function* growable(access: FileAccess, files: Iterable<StoredFile>) {
  for (const file of files) {
    yield {
      path: file.path,
      length: file.length,
      size: () => access.look(file)?.size ?? 0,
      write: (bytes: Uint8Array, offset: number) => {
        return access.turns.take(async () => await access.put(file, bytes, offset));
      },
    };
  }
}
