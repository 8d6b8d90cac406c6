/**
 * Moves the files of a torrent, which stay in use, to another folder. On one disk they are renamed, all
 * in one turn. Between disks they are copied under temporary names of ours, while writes go to both
 * places, and renamed in one turn; the old files stay until the caller knows that nothing refers to
 * them. No file of another program is replaced or removed, whenever it appears and whenever we crash:
 * a file under a temporary name of ours is ours; any other file only if our mark says that copies were
 * being renamed and its temporary name is gone.
 */
import { FileError } from "../util/errors.ts";
import type { FileAccess } from "./file_access.ts";
import { makeMissing } from "./many_files.ts";
import { replaced, StoredFile } from "./stored_file.ts";

export interface RelocateOptions {
  /** Ends a copy; the files stay where they were. Renaming is not interrupted. */
  signal?: AbortSignal;
  /** Bytes copied; not called if the files could be renamed. */
  progress?(done: number, total: number): void;
  /** An earlier move to the same places was cut short by a crash: files may be at either place. */
  finishing?: boolean;
}

/** The final place of each file: its new elements below the root of the other access. */
export type Places = ReadonlyMap<StoredFile, readonly string[]>;

export interface Relocated {
  /** Files in their new places, by those in the old. */
  readonly files: ReadonlyMap<StoredFile, StoredFile>;
  /** Removes the remaining files in the old places. Throws a FileError. */
  clean(): void;
}

interface Move {
  readonly from: StoredFile;
  readonly to: StoredFile;
  /** The name of ours under which it is copied, in the folder of `to`. */
  readonly via: StoredFile;
}

const STEP_BYTES = 1024 * 1024;

export class Relocation {
  readonly #from: FileAccess;
  readonly #to: FileAccess;
  /** The files that change their place. */
  readonly #moves: Move[] = [];
  readonly #unmoved: StoredFile[] = [];
  /** Exists while copies get their names: some files at the new places are ours then. */
  readonly #mark: StoredFile;

  /**
   * `name` makes names that no other program uses. Throws a FileError if two files would become
   * one.
   */
  constructor(from: FileAccess, to: FileAccess, places: Places, name: string) {
    this.#from = from;
    this.#to = to;
    const fileAt = (elements: readonly string[], length: number) =>
      new StoredFile(to.paths.join(elements), elements, length);
    this.#mark = fileAt([`.${name}.moving`], 0);
    const taken = new Set<string>();
    let index = 0;
    for (const [file, elements] of places) {
      const target = fileAt(elements, file.length);
      if (taken.has(target.path)) throw inTheWay(target.path);
      taken.add(target.path);
      const ours = [...elements.slice(0, -1), `.${name}.moving.${index++}`];
      if (target.path === file.path) this.#unmoved.push(file);
      else this.#moves.push({ from: file, to: target, via: fileAt(ours, file.length) });
    }
  }

  /**
   * To be called before a move is announced. Rejects with a FileError ("exists") if a new place is
   * taken. Files that an earlier move left under names of ours are removed.
   */
  async check(): Promise<void> {
    this.#demandRoom(false);
    await this.#removeOurs();
  }

  /** Whether some file exists only at its new place. */
  get hasBegun(): boolean {
    return this.#moves.some(({ from, to }) => {
      return this.#from.look(from) === null && this.#to.look(to) !== null;
    });
  }

  /**
   * In the turn of the call of `settle`, the files are at both places or at the new ones, and bytes
   * belong to the new ones from then on. Rejects with a FileError ("exists" if a new place is
   * taken) or with the signal's reason; then nothing has moved.
   */
  async run(options: RelocateOptions, settle: (relocated: Relocated) => void): Promise<void> {
    const to = this.#to;
    options.signal?.throwIfAborted();
    to.paths.makeRoot();
    if (options.finishing) await this.#takeCopiesBack();
    this.#demandRoom(options.finishing ?? false);
    this.#demandOurs();
    const isDone = await this.#alone(() => {
      if (!this.#renameHere()) return false;
      settle(this.#relocated(false));
      return true;
    });
    if (!isDone) await this.#copyAll(options, settle);
    await to.paths.syncNames();
  }

  #demandRoom(finishing: boolean): void {
    for (const { from, to } of this.#moves) {
      if (this.#to.look(to) === null) continue;
      if (!finishing || this.#from.look(from) !== null) throw inTheWay(to.path);
    }
  }

  /** A foreign file in the place of ours stays there. Throws a FileError. */
  #demandOurs(): void {
    for (const { from } of this.#moves) {
      if (from.isAnother(this.#from.look(from))) throw replaced(from.path);
    }
  }

  /** Copies that a crash caught while they got their names have names of ours again. */
  async #takeCopiesBack(): Promise<void> {
    const to = this.#to;
    if (to.look(this.#mark) !== null) {
      for (const move of this.#moves) {
        // If our name still exists, the other one is foreign.
        if (this.#from.look(move.from) === null || to.look(move.via) !== null) continue;
        if (to.look(move.to) === null) continue;
        to.disk.rename(move.to.path, move.via.path);
        to.paths.noteNewName(move.via.elements);
      }
      await to.paths.syncNames();
    }
    await this.#removeOurs();
  }

  /**
   * The mark comes first, and must survive a crash: without it, only files under names of ours are
   * ours.
   */
  async #removeOurs(): Promise<void> {
    const to = this.#to;
    if (this.#remove(to, this.#mark)) {
      to.paths.noteNewName(this.#mark.elements);
      await to.paths.syncNames();
    }
    for (const { via } of this.#moves) this.#remove(to, via);
  }

  /** False, and nothing has moved, if the places are on different disks. */
  #renameHere(): boolean {
    try {
      this.#renameAll("from");
      return true;
    } catch (error) {
      if (error instanceof FileError && error.code === "other-disk") return false;
      throw error;
    }
  }

  /** All or none. Throws a FileError. */
  #renameAll(now: "from" | "via"): void {
    const from = now === "from" ? this.#from : this.#to, to = this.#to;
    const done: Move[] = [];
    try {
      for (const move of this.#moves) {
        from.paths.refuseNewLinks(move[now].path);
        if (from.look(move[now]) === null) continue;
        from.letGo(move[now]);
        to.paths.makeFolders(move.to.elements);
        to.paths.refuseNewLinks(move.to.path);
        // In the same turn, as the system's renaming would replace it.
        if (to.look(move.to) !== null) throw inTheWay(move.to.path);
        to.disk.rename(move[now].path, move.to.path);
        to.paths.noteNewName(move.to.elements);
        done.push(move);
      }
    } catch (error) {
      while (done.length > 0) {
        const move = done.pop()!;
        to.disk.rename(move.to.path, move[now].path);
      }
      throw error;
    }
  }

  async #copyAll(
    { signal, progress }: RelocateOptions,
    settle: (relocated: Relocated) => void,
  ): Promise<void> {
    const from = this.#from, to = this.#to;
    const stats = this.#moves.map((move) => from.look(move.from));
    const total = stats.reduce((sum, stat) => sum + (stat?.size ?? 0), 0);
    const allocated = stats.reduce((sum, stat) => sum + (stat?.allocated ?? 0), 0);
    let done = 0;
    const onBytes = (bytes: number) => progress?.(done += bytes, total);
    from.mirror = { to, files: new Map(this.#moves.map((move) => [move.from, move.via])) };
    try {
      if (await to.disk.freeSpace(to.paths.root) < allocated) throw noRoom(to);
      for (const [i, move] of this.#moves.entries()) {
        if (stats[i]) await copyFile(from, to, move, stats[i].size, signal, onBytes);
      }
      await to.sync(this.#moves.map(({ via }) => via));
      makeMissing(to, this.#mark);
      await to.paths.syncNames();
      await this.#alone(() => {
        signal?.throwIfAborted();
        this.#renameAll("via");
        from.mirror = null;
        settle(this.#relocated(true));
      });
    } catch (error) {
      from.mirror = null;
      await this.#removeOurs().catch(() => {}); // the next move tries again
      throw error;
    }
  }

  /** While nothing is being written. */
  #alone<T>(what: () => T): Promise<T> {
    return this.#from.turns.take(() => Promise.resolve().then(what));
  }

  #relocated(copied: boolean): Relocated {
    return { files: this.#newFiles(copied), clean: () => this.#clean(copied) };
  }

  #newFiles(copied: boolean): Map<StoredFile, StoredFile> {
    const files = new Map<StoredFile, StoredFile>();
    for (const file of this.#unmoved) {
      files.set(file, file);
      this.#to.paths.noteNewName(file.elements); // it may be new, which the old access alone knows
    }
    for (const { from, to, via } of this.#moves) {
      if (copied && from.isDisturbed(this.#from.look(from))) from.distrust();
      this.#from.letGo(from);
      this.#to.letGo(via);
      files.set(from, from.movedTo(to.path, to.elements, copied ? via : null));
    }
    return files;
  }

  #clean(copied: boolean): void {
    const from = this.#from;
    if (copied) {
      for (const { from: file } of this.#moves) {
        // Later changes by other programs exist nowhere else.
        if (!file.isDisturbed(from.look(file))) this.#remove(from, file);
      }
      this.#remove(this.#to, this.#mark);
    }
    const folders = new Set<string>();
    for (const { from: { elements } } of this.#moves) {
      for (let depth = elements.length - 1; depth > 0; depth--) {
        folders.add(from.paths.join(elements.slice(0, depth)));
      }
    }
    for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
      removeIfEmpty(from, folder);
    }
  }

  /** Whether it was there. */
  #remove(access: FileAccess, file: StoredFile): boolean {
    access.letGo(file);
    if (access.look(file) === null) return false;
    access.disk.remove(file.path);
    return true;
  }
}

async function copyFile(
  from: FileAccess,
  to: FileAccess,
  { from: file, via: copy }: Move,
  size: number,
  signal: AbortSignal | undefined,
  progress: (bytes: number) => void,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(STEP_BYTES, Math.max(1, size)));
  await to.put(copy, buffer.subarray(0, 0), 0); // an empty file is copied too
  // In its turn, since what the torrent writes meanwhile goes to both places.
  const copyStep = async (at: number) => {
    const got = await from.read(file, buffer, at), bytes = buffer.subarray(0, got);
    // Holes stay holes; but zeros must not be left out where the copy has bytes already.
    if (!isZero(bytes) || (to.look(copy)?.size ?? 0) > at) await to.put(copy, bytes, at);
    return got;
  };
  for (let at = 0;;) {
    signal?.throwIfAborted();
    const got = await from.turns.take(() => copyStep(at));
    if (got === 0) break;
    at += got;
    progress(got);
  }
  const end = from.look(file)?.size ?? 0;
  if ((to.look(copy)?.size ?? 0) < end) to.resize(copy, end);
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
  const message = `Cannot move to ${path}: a file or folder has that name. Move it away`;
  return new FileError("exists", path, message);
}

function noRoom({ paths: { root } }: FileAccess): FileError {
  const message = `Cannot move to ${root}: there is not enough free space. Free some first`;
  return new FileError("disk-full", root, message);
}
