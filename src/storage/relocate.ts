/**
 * Moves the files of a torrent, in use as they are, to other places. On one disk they are renamed,
 * all in one turn; between disks they are copied, writes going to both places meanwhile, and the old
 * ones stay until the caller knows that nothing points to them any more. Nobody's file is replaced.
 */
import type { FileStat } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import type { FileAccess } from "./file_access.ts";
import { StoredFile } from "./stored_file.ts";

export interface RelocateOptions {
  /** Ends a copy; the files stay where they were. Renaming is not interrupted. */
  signal?: AbortSignal;
  /** Bytes copied; not called when renaming did it. */
  progress?(done: number, total: number): void;
  /**
   * An earlier move to the same places was cut short by a crash: files may be at either place, and
   * what is at both is copied anew.
   */
  finishing?: boolean;
}

interface Move {
  readonly from: StoredFile;
  readonly to: StoredFile;
  readonly stat: FileStat | null;
}

export interface Relocated {
  /** Files in their new places, by those in the old. */
  readonly files: ReadonlyMap<StoredFile, StoredFile>;
  /** Removes what is left in the old places. Throws a FileError. */
  clean(): void;
}

const STEP_BYTES = 1024 * 1024;

/**
 * `places` gives the new elements of each file below the root of `to`. In the turn in which `settle`
 * is called the files are at both places or the new ones, and bytes belong to the new ones from then
 * on. Rejects with a FileError ("exists" where something is in the way), or with the signal's reason;
 * then everything is where it was.
 */
export async function relocate(
  from: FileAccess,
  to: FileAccess,
  places: ReadonlyMap<StoredFile, readonly string[]>,
  options: RelocateOptions,
  settle: (relocated: Relocated) => void,
): Promise<void> {
  options.signal?.throwIfAborted();
  to.paths.makeRoot();
  const moves = plan(from, to, places, options.finishing ?? false);
  let copied = false;
  if (!renameAll(from, to, moves)) {
    await copyAll(from, to, moves, options);
    copied = true;
  }
  const files = new Map<StoredFile, StoredFile>();
  for (const move of moves) {
    if (copied && move.from.isDisturbed(from.look(move.from))) move.from.distrust();
    from.letGo(move.from);
    to.letGo(move.to);
    const { path, elements } = move.to;
    files.set(move.from, move.from.movedTo(path, elements, copied ? move.to : null));
    if (move.stat !== null) to.noteNewName(move.to);
  }
  from.stopMirroring();
  settle({ files, clean: () => clean(from, moves, copied) });
  await to.syncNames();
}

function plan(
  from: FileAccess,
  to: FileAccess,
  places: ReadonlyMap<StoredFile, readonly string[]>,
  finishing: boolean,
): Move[] {
  const moves: Move[] = [], taken = new Set<string>();
  for (const [file, elements] of places) {
    const path = to.paths.join(elements), target = new StoredFile(path, elements, file.length);
    if (taken.has(path)) throw inTheWay(path);
    taken.add(path);
    const stat = from.look(file);
    if (path !== file.path && to.look(target) !== null) {
      if (!finishing) throw inTheWay(path);
      if (stat !== null) to.disk.remove(path);
    }
    moves.push({ from: file, to: target, stat: path === file.path ? null : stat });
  }
  return moves;
}

/** False, with everything where it was, when the places are on different disks. */
function renameAll(from: FileAccess, to: FileAccess, moves: readonly Move[]): boolean {
  const done: Move[] = [];
  try {
    for (const move of moves) {
      if (move.stat === null) continue;
      from.letGo(move.from);
      to.paths.makeFolders(move.to.elements);
      to.disk.rename(move.from.path, move.to.path);
      done.push(move);
    }
    return true;
  } catch (error) {
    while (done.length > 0) {
      const { from: back, to: there } = done.pop()!;
      to.disk.rename(there.path, back.path);
    }
    if (error instanceof FileError && error.code === "other-disk") return false;
    throw error;
  }
}

async function copyAll(
  from: FileAccess,
  to: FileAccess,
  moves: readonly Move[],
  { signal, progress }: RelocateOptions,
): Promise<void> {
  const total = moves.reduce((sum, { stat }) => sum + (stat?.size ?? 0), 0);
  let done = 0;
  from.mirror(to, new Map(moves.map((move) => [move.from, move.to])));
  try {
    const free = await to.disk.freeSpace(to.paths.root);
    if (free < moves.reduce((sum, { stat }) => sum + (stat?.allocated ?? 0), 0)) throw noRoom(to);
    for (const move of moves) {
      if (move.stat === null) continue;
      await copyFile(from, to, move, signal, (bytes) => progress?.(done += bytes, total));
    }
    await to.sync(moves.map((move) => move.to));
    signal?.throwIfAborted();
  } catch (error) {
    from.stopMirroring();
    for (const move of moves) remove(to, move.to, move.from);
    throw error;
  }
}

async function copyFile(
  from: FileAccess,
  to: FileAccess,
  { from: file, to: copy, stat }: Move,
  signal: AbortSignal | undefined,
  progress: (bytes: number) => void,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(STEP_BYTES, Math.max(1, stat!.size)));
  to.write(copy, buffer.subarray(0, 0), 0); // an empty file is copied too
  for (let at = 0;;) {
    signal?.throwIfAborted();
    const { writes } = file;
    let got = await from.reader(file).readAsync(buffer, at);
    // Somebody wrote while we read, to both places: what we hold may be older.
    if (writes !== file.writes) got = from.reader(file).readAt(buffer, at);
    if (got === 0) break;
    const bytes = buffer.subarray(0, got);
    // Holes stay holes; but zeros must not be left out where the copy has bytes already.
    if (!isZero(bytes) || (to.look(copy)?.size ?? 0) > at) to.write(copy, bytes, at);
    at += got;
    progress(got);
  }
  const size = from.look(file)?.size ?? 0;
  if ((to.look(copy)?.size ?? 0) < size) to.resize(copy, size);
}

function clean(from: FileAccess, moves: readonly Move[], copied: boolean): void {
  if (copied) { for (const move of moves) remove(from, move.from, move.to); }
  const folders = new Set<string>();
  for (const { from: { elements } } of moves) {
    for (let depth = elements.length - 1; depth > 0; depth--) {
      folders.add(from.paths.join(elements.slice(0, depth)));
    }
  }
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
    removeIfEmpty(from, folder);
  }
}

function remove(access: FileAccess, file: StoredFile, other: StoredFile): void {
  access.letGo(file);
  if (file.path !== other.path && access.look(file) !== null) access.disk.remove(file.path);
}

function removeIfEmpty({ disk }: FileAccess, folder: string): void {
  if (disk.stat(folder)?.kind === "directory" && disk.list(folder).length === 0) {
    disk.remove(folder);
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

function inTheWay(path: string): FileError {
  const message = `Cannot move to ${path}: something with that name is there. Move it away`;
  return new FileError("exists", path, message);
}

function noRoom({ paths: { root } }: FileAccess): FileError {
  const message = `Cannot move to ${root}: there is not enough free space. Free some first`;
  return new FileError("disk-full", root, message);
}
