/**
 * One file of a torrent, and its state after our last write or check. Changes by other programs show
 * in size, time or inode (0 where the disk does not keep it). A change of the same size within one
 * tick of the disk's clock, 1 to 4 ms, cannot be seen; the full final check finds it.
 */
import type { FileStat } from "../platform/types.ts";
import type { FileIdentity, Stamp } from "./stamps.ts";
import { FileError } from "../util/errors.ts";
import { PooledFile } from "./handle_pool.ts";
import { identityOf } from "./ownership.ts";

export class StoredFile extends PooledFile {
  /** As our last write or check left it; null: it was not there; undefined: never looked. */
  #left: FileStat | null | undefined = undefined;
  /** Another program's change was seen since the last check. */
  #disturbed = false;
  #isDistrusted = false;
  /** Its state when another program's change was handled; undefined: none since `#left`. */
  #accepted: FileStat | null | undefined = undefined;
  /** The file with its name is foreign: for this torrent it does not exist. */
  foreign = false;
  /** It was complete before, and is unchanged since: it is no longer written to. */
  finished = false;
  /** Of the file that we made or took over; null where it is none, or cannot be told from others. */
  identity: FileIdentity | null = null;
  /** Changes at the begin and at the end of each write. */
  writes = 0;
  /** Bytes were written that may not be on the disk yet. */
  unsynced = false;
  /** Bytes that were written before are being brought onto the disk. */
  syncing = false;

  constructor(path: string, readonly elements: readonly string[], readonly length: number) {
    super(path);
  }

  /** A write of ours is under way. */
  get isWriting(): boolean {
    return this.writes % 2 === 1;
  }

  /**
   * It was not there when it was checked, so all that it will hold is written by us: what somebody
   * puts there meanwhile is written over, and there is nothing to compare with.
   */
  get isNew(): boolean {
    return this.#left === null;
  }

  /**
   * Compares the file as it is now with how we left it, before we write to it. A change is noted
   * for the final check. Throws a FileError when what we wrote is no longer under this name.
   */
  compare(now: FileStat | null): void {
    if (this.#left) this.#expectHere(now, this.#left.inode);
    if (this.isAnother(now)) throw replaced(this.path);
    if (this.#left !== undefined && !isSame(this.#left, now)) this.#disturbed = true;
  }

  /** It is not the file that we made or took over, though a check may have read it since. */
  isAnother(now: FileStat | null): boolean {
    const { identity } = this;
    if (identity === null || now === null || now.inode === 0) return false;
    return now.inode !== identity.inode || now.bornMs !== identity.bornMs;
  }

  /** Remembers the file as our write left it. Throws a FileError when it is not there any more. */
  leave(now: FileStat | null): void {
    this.#expectHere(now, this.#left?.inode ?? now?.inode);
    this.#left = now;
    this.#accepted = undefined;
    this.identity = identityOf(now);
  }

  #expectHere(now: FileStat | null, inode: number | undefined): asserts now is FileStat {
    if (now === null) {
      throw new FileError(
        "not-found",
        this.path,
        `${this.path} was removed during the download. Start again to download it again`,
      );
    }
    if (now.kind !== "file" || now.inode !== inode) throw replaced(this.path);
  }

  /** All of it was checked; `before` is its state when that began. */
  checked(before: FileStat | null): void {
    this.#left = before;
    this.#accepted = undefined;
    this.#disturbed = this.#isDistrusted = false;
  }

  /** It is checked, and ours: we made it or took it over. */
  own(now: FileStat | null): void {
    this.checked(now);
    this.identity = identityOf(now);
  }

  /**
   * The disk may have lost what we wrote: it is to be read again, before it is uploaded from or at
   * the next start.
   */
  distrust(): void {
    this.#disturbed = this.#isDistrusted = true;
  }

  /** It was distrusted, and not read since. */
  get isDistrusted(): boolean {
    return this.#isDistrusted;
  }

  /**
   * Its state after our last write, for the resume record; undefined if its contents are unknown.
   */
  get stamp(): Stamp {
    const left = this.#left;
    if (this.#disturbed || left === undefined) return undefined;
    if (left === null) return null;
    // Numbers beyond 2^53 are not exact, and so tell nothing apart.
    const inode = Number.isSafeInteger(left.inode) ? left.inode : 0;
    // Deno gives no fractions of milliseconds, Bun does: a record must be the same by both.
    return { size: left.size, mtimeMs: Math.floor(left.mtimeMs), inode };
  }

  /**
   * The same file under another name, as it was left; `copy` is what we wrote there, null when it
   * was renamed. Looks at neither, so that a change by others meanwhile still shows.
   */
  movedTo(path: string, elements: readonly string[], copy: StoredFile | null): StoredFile {
    const moved = new StoredFile(path, elements, this.length);
    moved.#disturbed = this.#disturbed;
    moved.foreign = this.foreign;
    moved.finished = this.finished;
    moved.identity = copy === null ? this.identity : copy.identity;
    moved.unsynced = this.unsynced || this.syncing || (copy?.unsynced ?? false);
    // Unknown stays unknown: a copy is not known any better.
    const known = this.#left !== undefined;
    moved.#left = copy === null || !known ? this.#left : copy.#left ?? null;
    return moved;
  }

  /**
   * Whether somebody changed it since we left it or a change was accepted. Where nothing is known of
   * it, as of files that a user vouches for, the first look is the measure. A distrusted file counts
   * as changed.
   */
  isTouched(now: FileStat | null): boolean {
    if (this.#isDistrusted) return true;
    const known = this.#accepted === undefined ? this.#left : this.#accepted;
    if (known !== undefined) return !isSame(known, now);
    this.#accepted = now;
    return false;
  }

  /** The change that shows in `now` was dealt with. How we left it stays as it was. */
  accept(now: FileStat | null): void {
    this.#accepted = now;
    this.#isDistrusted = false;
  }

  /** Whether another program changed it since our last write. */
  isDisturbed(now: FileStat | null): boolean {
    return this.#disturbed || (this.#left !== undefined && !isSame(this.#left, now));
  }
}

export function replaced(path: string): FileError {
  return new FileError(
    "changed",
    path,
    `${path} was replaced by another file during the download. ` +
      "Start again to check it and download the missing data",
  );
}

export function grew(path: string): FileError {
  const message = `Something was written to ${path} past the end of the torrent's file while it ` +
    "was downloaded. Move that file away, then start again";
  return new FileError("foreign", path, message);
}

export function tooShort(path: string): FileError {
  return new FileError(
    "changed",
    path,
    `Cannot read ${path}: the file has become shorter. Start again to check it and download the rest`,
  );
}

function isSame(a: FileStat | null, b: FileStat | null): boolean {
  if (a === null || b === null) return a === b;
  return a.kind === b.kind && a.size === b.size && a.mtimeMs === b.mtimeMs && a.inode === b.inode;
}
