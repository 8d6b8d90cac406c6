/**
 * The owners of paths: of all torrents of a client, of the other clients that share its state
 * folder, and of those that the folder remembers from earlier runs, only one may write to a file.
 */
import type { FileStat } from "../platform/types.ts";
import type { PathConflict, PathOwner, Placement } from "../torrent/take_over.ts";
import { parentOf } from "../storage/safe_paths.ts";
import { FileError } from "../util/errors.ts";

export interface ClaimingTorrent {
  readonly infoHash: string;
  readonly name: string;
}

/** Torrents beyond this client, running or not. */
export interface OtherOwners {
  /**
   * Announces a torrent's paths to the other running clients. Resolves to null, or to a path of
   * `written` that one of them has: then nothing is announced.
   */
  claim(
    torrent: ClaimingTorrent,
    place: Placement,
    written: readonly string[],
  ): Promise<PathConflict | null>;
  release(infoHash: string): void;
  /**
   * Those of the paths that are files of torrents from earlier runs; `except`: info-hashes.
   * `exactly`: other names of the same file do not count.
   */
  remembered(
    paths: readonly string[],
    except: (infoHash: string) => boolean,
    exactly?: boolean,
  ): Promise<PathConflict | null>;
}

/** Most torrents share no file: one empty list is enough. */
const NONE: readonly string[] = [];
const NO_PATHS: ReadonlySet<string> = new Set();

export class ClientPaths {
  /** By path: the info-hash. */
  readonly #owners = new Map<string, string>();
  readonly #torrents = new Map<
    string,
    {
      name: string;
      paths: readonly string[];
      read: readonly string[];
      written: ReadonlySet<string>;
    }
  >();
  /** By path: torrents that only read the file of another one, with their name for it. */
  readonly #readers = new Map<string, Map<string, string>>();
  readonly #aliases: Aliases;
  readonly #stat: (path: string) => FileStat | null;
  readonly #beyond: OtherOwners | null;
  readonly #isComplete: (infoHash: string) => boolean;

  /** `beyond`: null without a state folder. `isComplete`: the torrent writes no more. */
  constructor(
    stat: (path: string) => FileStat | null,
    beyond: OtherOwners | null,
    isComplete: (infoHash: string) => boolean = () => true,
  ) {
    this.#stat = stat;
    this.#isComplete = isComplete;
    this.#aliases = new Aliases(stat);
    this.#beyond = beyond;
  }

  /**
   * Claims all of a torrent's paths in place of its earlier claims; those of `written` will be
   * written to. Resolves to null, or to a path of `written` that belongs to another torrent, or to one
   * that another torrent is writing to: then nothing is changed. `overwrite`: files of torrents that
   * do not run are ignored.
   */
  async claim(
    torrent: ClaimingTorrent,
    place: Placement,
    written: readonly string[],
    overwrite = false,
  ): Promise<PathConflict | null> {
    const here = this.#conflictHere(torrent.infoHash, written) ??
      this.#writerHere(torrent.infoHash, place.paths);
    if (here !== null) return here;
    // Before any wait: of two concurrent claims, the first one wins.
    const before = this.#torrents.get(torrent.infoHash);
    this.#set(torrent, place.paths, written);
    const conflict = await this.#conflictBeyond(torrent, place, written, overwrite);
    if (conflict === null) return null;
    this.release(torrent.infoHash);
    if (before) this.#set({ ...torrent, name: before.name }, before.paths, [...before.written]);
    return conflict;
  }

  /** The torrent's paths are free again. */
  release(infoHash: string): void {
    this.#forget(infoHash);
    this.#beyond?.release(infoHash);
  }

  /** Another torrent, running or not, that owns the file; null if none is known. */
  async ownerOf(infoHash: string, path: string): Promise<PathOwner | null> {
    const here = this.#conflictHere(infoHash, [path]);
    if (here !== null) return here.owner;
    const found = await this.#beyond?.remembered([path], (other) => other === infoHash);
    return found?.owner ?? null;
  }

  /**
   * Another torrent, running or not, that would miss the file if this name of it were deleted; null
   * if none is known. A file with several hard links stays under its other names.
   */
  async userOf(infoHash: string, path: string): Promise<PathOwner | null> {
    const isLinked = (lookAt(this.#stat, path)?.links ?? 1) > 1;
    const here = this.#readerOf(infoHash, path, isLinked) ??
      (isLinked ? this.#owners.get(path) : this.#ownerHere(path));
    if (here !== undefined && here !== infoHash) return this.#named(here);
    const except = (other: string) => other === infoHash;
    return (await this.#beyond?.remembered([path], except, isLinked))?.owner ?? null;
  }

  #readerOf(infoHash: string, path: string, exactly: boolean): string | undefined {
    const readers = [...this.#readers.get(path) ?? []];
    return readers.find(([other, name]) => other !== infoHash && (!exactly || name === path))?.[0];
  }

  #ownerHere(path: string): string | undefined {
    return this.#owners.get(path) ?? this.#owners.get(this.#aliases.of(path) ?? path);
  }

  #named(infoHash: string): PathOwner {
    return { name: this.#torrents.get(infoHash)!.name, process: null };
  }

  #conflictHere(infoHash: string, written: readonly string[]): PathConflict | null {
    for (const path of written) {
      const owner = this.#ownerHere(path);
      if (owner !== undefined && owner !== infoHash) return { path, owner: this.#named(owner) };
    }
    return null;
  }

  /** One of `paths` that another torrent of this client is writing to. */
  #writerHere(infoHash: string, paths: readonly string[]): PathConflict | null {
    for (const path of paths) {
      const owner = this.#owners.get(path);
      if (owner === undefined || owner === infoHash) continue;
      const isWritten = this.#torrents.get(owner)!.written.has(path);
      if (isWritten && !this.#isComplete(owner)) return { path, owner: this.#named(owner) };
    }
    return null;
  }

  async #conflictBeyond(
    torrent: ClaimingTorrent,
    place: Placement,
    written: readonly string[],
    overwrite: boolean,
  ): Promise<PathConflict | null> {
    const beyond = this.#beyond;
    if (beyond === null) return null;
    const running = await beyond.claim(torrent, place, written);
    if (running !== null) return running;
    // A missing file cannot be harmed.
    const existing = written.filter((path) => this.#stat(path) !== null);
    if (existing.length === 0 || overwrite) return null;
    return await beyond.remembered(existing, (infoHash) => this.#torrents.has(infoHash));
  }

  #set(
    { infoHash, name }: ClaimingTorrent,
    paths: readonly string[],
    written: readonly string[],
  ): void {
    this.#forget(infoHash);
    const own: string[] = [], read: string[] = [], folders = new Map<string, boolean>();
    for (const path of paths) {
      const owned = this.#owners.has(path) ? path : this.#aliases.add(path, folders);
      if (owned !== null) { // shared, for reading
        read.push(owned);
        this.#readers.set(owned, (this.#readers.get(owned) ?? new Map()).set(infoHash, path));
        continue;
      }
      this.#owners.set(path, infoHash);
      own.push(path);
    }
    this.#torrents.set(infoHash, {
      name,
      paths: own,
      read: read.length === 0 ? NONE : read,
      written: written.length === 0 ? NO_PATHS : new Set(written),
    });
  }

  #forget(infoHash: string): void {
    const { paths = [], read = [] } = this.#torrents.get(infoHash) ?? {};
    for (const path of paths) {
      this.#owners.delete(path);
      this.#aliases.delete(path);
    }
    for (const path of read) {
      const readers = this.#readers.get(path)!;
      if (readers.delete(infoHash) && readers.size === 0) this.#readers.delete(path);
    }
    this.#torrents.delete(infoHash);
  }
}

/**
 * Finds a claimed path that is the same file as another one: in another case or Unicode form on a
 * disk that treats both as one name, or through a folder that is a link.
 */
class Aliases {
  readonly #stat: (path: string) => FileStat | null;
  /** By device and inode: files that existed at the last look. */
  readonly #known = new Map<string, string>();
  /** The reverse map, so that releasing paths does not read the disk. */
  readonly #ids = new Map<string, string>();
  /** By folded name: paths of files that did not exist. */
  readonly #unmade = new Map<string, Set<string>>();

  constructor(stat: (path: string) => FileStat | null) {
    this.#stat = stat;
  }

  /**
   * Returns the other claimed path that is the same file; null if there is none: then the path is
   * added. `folders`: whether they exist, if that was asked before; a torrent's files share few.
   */
  add(path: string, folders: Map<string, boolean>): string | null {
    const folder = parentOf(path);
    const exists = folders.get(folder) ?? lookAt(this.#stat, folder) !== null;
    folders.set(folder, exists);
    const id = exists ? this.#idOf(path) : null;
    if (id === null) {
      const name = foldedName(path), paths = this.#unmade.get(name);
      if (paths === undefined) this.#unmade.set(name, new Set([path]));
      else paths.add(path);
      return null;
    }
    const other = this.#find(path, id);
    if (other !== null) return other;
    this.#known.set(id, path);
    this.#ids.set(path, id);
    return null;
  }

  delete(path: string): void {
    const name = foldedName(path), paths = this.#unmade.get(name);
    if (paths?.delete(path) && paths.size === 0) this.#unmade.delete(name);
    const id = this.#ids.get(path);
    this.#ids.delete(path);
    if (id !== undefined && this.#known.get(id) === path) this.#known.delete(id);
  }

  /** Null if no other claimed path is that file. */
  of(path: string): string | null {
    if (this.#known.size === 0 && this.#unmade.size === 0) return null;
    const id = this.#idOf(path);
    return id === null ? null : this.#find(path, id);
  }

  #find(path: string, id: string): string | null {
    const unmade = [...this.#unmade.get(foldedName(path)) ?? []];
    const made = unmade.find((each) => each !== path && this.#idOf(each) === id);
    if (made !== undefined) return made;
    const known = this.#known.get(id);
    return known !== undefined && known !== path && this.#idOf(known) === id ? known : null;
  }

  #idOf(path: string): string | null {
    const found = lookAt(this.#stat, path);
    return found === null || found.inode === 0 ? null : `${found.device} ${found.inode}`;
  }
}

/** An unreadable path is reported when it is used. */
function lookAt(stat: (path: string) => FileStat | null, path: string): FileStat | null {
  try {
    return stat(path);
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}

function foldedName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).normalize("NFC").toLowerCase();
}
