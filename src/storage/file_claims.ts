/**
 * A file that we create or take over is named in the resume record before the first write to it. So a
 * restart can tell it from a file that another program put there, even if a crash left nothing in it
 * that the hashes would recognise.
 */
import type { TorrentFiles } from "./torrent_files.ts";

type ClaimedFiles = Pick<TorrentFiles, "layout" | "newFilesOf" | "makeFiles">;

export class FileClaims {
  readonly #files: ClaimedFiles;
  readonly #save: (() => Promise<void>) | null;
  /** Created or taken over, but not yet in a record on the disk. */
  readonly #unsaved = new Set<number>();
  /** Files that a slow disk is making. */
  readonly #making = new Map<number, Promise<void>>();
  /** The save under way, and the one that follows it. */
  #current: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** `save`: a record with all that we own is on the disk when it settles; null where none is kept. */
  constructor(files: ClaimedFiles, save: (() => Promise<void>) | null) {
    this.#files = files;
    this.#save = save;
  }

  /**
   * Null if bytes of the piece may be written now, else a promise that resolves when they may.
   * Creates missing files: throws or rejects with a FileError, "exists" if a name is taken.
   */
  ready(piece: number): Promise<void> | null {
    const { layout } = this.#files;
    const missing = this.#files.newFilesOf(piece);
    if (missing.length > 0) this.make(missing.filter((file) => !this.#making.has(file)));
    if (this.#unsaved.size + this.#making.size === 0) return null;
    const files = layout.slices(piece).map(({ file }) => file);
    const making = new Set(files.flatMap((file) => this.#making.get(file) ?? []));
    if (making.size > 0) return Promise.all(making).then(() => this.pending ?? undefined);
    return files.some((file) => this.#unsaved.has(file)) ? this.pending : null;
  }

  /** Files that were taken over and are in no record on the disk. */
  tookOver(files: Iterable<number>): void {
    if (this.#save !== null) { for (const file of files) this.#unsaved.add(file); }
  }

  /** Makes files; see `pending` for when they may be written to. Throws or rejects as `ready` does. */
  make(files: readonly number[]): void | Promise<void> {
    if (files.length === 0) return;
    const making = this.#files.makeFiles(files);
    if (making === undefined) return this.tookOver(files);
    const made = making.then(() => this.tookOver(files)).finally(() => {
      for (const file of files) this.#making.delete(file);
    });
    made.catch(() => {}); // a caller that waits for one of the files gets the error
    for (const file of files) this.#making.set(file, made);
    return made;
  }

  /** All files whose creation began are in a record, or could not be created. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#making.values());
    await this.pending;
  }

  /** Resolves when all files that were made so far are in a record; null when they are. */
  get pending(): Promise<void> | null {
    if (this.#unsaved.size === 0) return null;
    return this.#next ??= this.#saveAfter(this.#current);
  }

  async #saveAfter(before: Promise<void> | null): Promise<void> {
    await before; // in any case: all files created in this turn go into one save
    this.#current = this.#next;
    this.#next = null;
    const made = [...this.#unsaved];
    await this.#save!().catch(() => {}); // it was reported, and the download continues without a record
    for (const file of made) this.#unsaved.delete(file);
    this.#current = null;
  }
}
