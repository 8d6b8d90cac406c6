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
  /** Its state after our last write or check; null: it did not exist; undefined: unknown. */
  #left: FileStat | null | undefined = undefined;
  /** Another program changed it since the last check. */
  #disturbed = false;
  #isDistrusted = false;
  /** Its state when another program's change was handled; undefined: none since `#left`. */
  #accepted: FileStat | null | undefined = undefined;
  /** The file with its name is foreign: for this torrent it does not exist. */
  foreign = false;
  /** It was complete before and is unchanged since: it is no longer written to. */
  finished = false;
  /**
   * The identity of the file that we created or took over; null if there is none, or if nothing
   * distinguishes it from others.
   */
  identity: FileIdentity | null = null;
  /** Changes at the beginning and at the end of each write. */
  writes = 0;
  /** Some written bytes may not be on the disk yet. */
  unsynced = false;
  /** The sync of bytes that were written before; rejects as it does. */
  syncing: Promise<void> | null = null;

  constructor(path: string, readonly elements: readonly string[], readonly length: number) {
    super(path);
  }

  /** A write of ours is in progress. */
  get isWriting(): boolean {
    return this.writes % 2 === 1;
  }

  /**
   * It did not exist at the check, so we write all of its contents: data that another program puts
   * there is overwritten, and there is nothing to compare with.
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
    if (this.isAnother(now) || isReborn(this.#left, now)) throw replaced(this.path);
    if (this.#left !== undefined && !isSame(this.#left, now)) this.#disturbed = true;
  }

  /** It is not the file that we created or took over, though a check may have read it since. */
  isAnother(now: FileStat | null): boolean {
    const { identity } = this;
    if (identity === null || now === null || now.inode === 0) return false;
    return now.inode !== identity.inode || now.bornMs !== identity.bornMs;
  }

  /** Remembers the file as our write left it. Throws a FileError if it no longer exists. */
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

  /** The whole file was checked; `before` is its state when that began. */
  checked(before: FileStat | null): void {
    this.#left = before;
    this.#accepted = undefined;
    this.#disturbed = this.#isDistrusted = false;
  }

  /** It was checked, and it is ours: created or taken over. */
  own(now: FileStat | null): void {
    this.checked(now);
    this.identity = identityOf(now);
  }

  /**
   * The disk may have lost our data: it must be read again before it is uploaded, or at the next
   * start.
   */
  distrust(): void {
    this.#disturbed = this.#isDistrusted = true;
  }

  /** It was distrusted and has not been read since. */
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
    moved.unsynced = this.unsynced || this.syncing !== null || (copy?.unsynced ?? false);
    // The copy of an unknown file is unknown, too.
    const known = this.#left !== undefined;
    moved.#left = copy === null || !known ? this.#left : copy.#left ?? null;
    return moved;
  }

  /**
   * Whether another program changed it since our last access or since a change was accepted. If
   * nothing is known of it, as with files that the user vouches for, the first look sets the
   * standard. A distrusted file counts as changed.
   */
  isTouched(now: FileStat | null): boolean {
    if (this.#isDistrusted) return true;
    const known = this.#accepted === undefined ? this.#left : this.#accepted;
    if (known !== undefined) return !isSame(known, now);
    this.#accepted = now;
    return false;
  }

  /** The change that `now` shows was handled. Its state after our last write stays as it was. */
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

/** Another file may have got the number of one that was deleted. */
function isReborn(left: FileStat | null | undefined, now: FileStat | null): boolean {
  return !!left && now !== null && left.bornMs !== 0 && left.bornMs !== now.bornMs;
}

function isSame(a: FileStat | null, b: FileStat | null): boolean {
  if (a === null || b === null) return a === b;
  return a.kind === b.kind && a.size === b.size && a.mtimeMs === b.mtimeMs && a.inode === b.inode;
}
