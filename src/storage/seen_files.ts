/** The files of a torrent as they are on the disk, and as our last write or check left them. */
import type { FileHandle, FileSpan, FileStat } from "../platform/types.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { FileSet } from "./file_set.ts";
import type { Stamp } from "./stamps.ts";
import type { StoredFile } from "./stored_file.ts";

export class SeenFiles {
  readonly layout: Layout;
  readonly #set: FileSet;

  constructor(set: FileSet) {
    this.layout = set.layout;
    this.#set = set;
  }

  /** The file parts of a piece, for `Hasher.hashFiles`. */
  spans(piece: number): FileSpan[] {
    return this.layout.slices(piece).map(({ file, offset, begin, length }) => {
      const apart = this.#set.apart.has(file) ? this.#set.parts!.span(piece, begin, length) : null;
      return apart ?? { path: this.#set.files[file]?.path ?? null, offset, length };
    });
  }

  /**
   * The state of the file with this name; null if there is none, and for pads. Throws a FileError
   * for a link or a folder, in its place or above it.
   */
  statFile(file: number): FileStat | null {
    const stored = this.#set.files[file];
    return stored ? this.#set.access.look(stored) : null;
  }

  /** The part file; null if there is none. */
  statParts(): FileStat | null {
    return this.#set.parts && this.#set.access.look(this.#set.parts.file);
  }

  /** Whether the part file has a place for bytes of that piece. */
  hasPart(piece: number): boolean {
    return this.#set.parts?.has(piece) ?? false;
  }

  /** How often we wrote to a file. */
  writesTo(file: number): number {
    return this.#set.files[file]?.writes ?? 0;
  }

  /** The file's bytes of a piece are in the part file. */
  isApart(file: number, piece: number): boolean {
    return this.#set.apart.has(file) && this.hasPart(piece);
  }

  /** A whole file was checked; `before` is its `statFile` from before the check. */
  noteChecked(file: number, before: FileStat | null): void {
    const stored = this.#set.files[file];
    if (!stored) return;
    this.#note(stored, before);
    if (before !== null) this.#set.mayBeUnsynced(stored);
  }

  /** The change that `now` shows was handled: only another one counts as a change. */
  acceptChange(file: number, now: FileStat | null): void {
    const stored = this.#set.files[file];
    if (!stored) return;
    this.#set.access.letGo(stored); // an open handle may hold a file that was replaced
    stored.accept(now);
  }

  /** After a start with a resume record, once what its Trust suspects was hashed. */
  adopt(
    { seen, changed }: { seen: readonly (FileStat | null)[]; changed: readonly number[] },
  ): void {
    seen.forEach((before, file) => {
      const stored = this.#set.files[file];
      if (stored) this.#note(stored, before);
    });
    for (const file of changed) if (seen[file]) this.#set.mayBeUnsynced(this.#set.files[file]!);
  }

  /** Each file's state after our last write or check, for the resume record. */
  stamps(): Stamp[] {
    return this.#set.files.map((file) => file?.stamp);
  }

  partsStamp(): Stamp {
    return this.#set.parts === null ? null : this.#set.parts.file.stamp;
  }

  /**
   * Indices of the files that changed since our last write or check, or are wanted and shorter than
   * they should be: the final check must read them again.
   */
  changedFiles(): number[] {
    const changed: number[] = [];
    this.#set.files.forEach((stored, file) => {
      if (!stored || stored.length === 0) return;
      const now = this.#set.access.look(stored);
      const isShort = this.#set.wanted[file] && now?.size !== stored.length;
      const isChanged = isShort || stored.isDisturbed(now);
      if (isChanged || (this.#set.apart.has(file) && this.#arePartsDisturbed())) changed.push(file);
    });
    return changed;
  }

  #note(stored: StoredFile, before: FileStat | null): void {
    // The check used the name; an open handle may still hold a file that was replaced.
    this.#set.access.letGo(stored);
    stored.checked(before);
  }

  #arePartsDisturbed(): boolean {
    const { file } = this.#set.parts!;
    return file.isDisturbed(this.#set.access.look(file));
  }

  /** Opens a file that exists for a read; use the handle before the next call. */
  reader(file: number): FileHandle {
    return this.#set.access.reader(this.#set.files[file]!);
  }
}
