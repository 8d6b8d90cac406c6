/** What all parts of a torrent's storage know: its files, which of them are wanted, and the part file. */
import type { Files, FileStat } from "../platform/types.ts";
import type { FileSlice, Layout } from "../metainfo/layout.ts";
import { assert } from "../util/assert.ts";
import { toHex } from "../util/bytes.ts";
import type { FileError } from "../util/errors.ts";
import { Rests } from "../util/rests.ts";
import { FileAccess } from "./file_access.ts";
import type { HandlePool } from "./handle_pool.ts";
import { PartFile } from "./part_file.ts";
import type { FollowedLinks } from "./safe_paths.ts";
import { StoredFile } from "./stored_file.ts";

export interface StorageEntry {
  /** Elements that cannot lead out of the download folder. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** A pad, which has no file: its bytes are zeros. */
  readonly pad: boolean;
}

/** More files than this are created or written with pauses between them. */
export const FILES_AT_ONCE = 500;

export interface StorageOptions {
  /** Makes `reserve` take the space of all wanted files before the download. Default false. */
  preallocate?: boolean;
  /** 20 bytes: names the part file. Needed where files may be unwanted. */
  infoHash?: Uint8Array;
  /** Symbolic links that are followed: only where nothing is written. Default "none". */
  follow?: FollowedLinks;
  /** One for each file; default: all. */
  wanted?: readonly boolean[];
  /** Resolves when other work had its turn, for loops over all files. */
  rest?: () => Promise<void>;
}

export class FileSet {
  readonly layout: Layout;
  /** For loops over its files. */
  readonly rests: Rests;
  readonly options: StorageOptions;
  /** After `close`, reads and writes throw. */
  closed = false;
  /** Another one after a move. */
  access: FileAccess;
  readonly parts: PartFile | null;
  /** By the index in the torrent's file list; null for pads. */
  readonly files: (StoredFile | null)[];
  wanted: readonly boolean[];
  /** Files that do not exist because they are unwanted: their bytes are in the part file. */
  readonly apart = new Set<number>();

  constructor(
    files: Files,
    pool: HandlePool,
    dir: string,
    entries: readonly StorageEntry[],
    layout: Layout,
    options: StorageOptions = {},
  ) {
    assert(entries.length === layout.files.length, "layout and file list belong together");
    this.layout = layout;
    this.rests = new Rests(options.rest);
    this.options = options;
    this.access = new FileAccess(files, pool, dir, options.follow);
    this.files = entries.map(({ path, length, pad }) =>
      pad ? null : new StoredFile(this.access.paths.place(path), path, length)
    );
    const { infoHash, wanted } = options, { pieceLength, pieceCount } = layout;
    this.parts = infoHash ? new PartFile(this.access, { infoHash, pieceLength, pieceCount }) : null;
    this.wanted = this.flags(wanted);
  }

  loadParts(): void {
    if (this.parts === null) return;
    this.parts.load();
    if (this.access.look(this.parts.file) !== null) this.mayBeUnsynced(this.parts.file);
  }

  /**
   * The program that wrote it, perhaps ours before it was killed, may not have synced it: the data
   * that was read came from memory then, and a record that names it must wait for the disk.
   */
  mayBeUnsynced(stored: StoredFile): void {
    stored.unsynced = true;
    this.access.paths.noteNewName(stored.elements);
  }

  /** For names that no other program uses. */
  get name(): string {
    const { infoHash } = this.options;
    return infoHash ? toHex(infoHash) : "torrent";
  }

  flags(wanted: readonly boolean[] | undefined): readonly boolean[] {
    const flags = this.files.map((_, file) => wanted?.[file] ?? true);
    const { length } = flags.filter((flag) => !flag);
    assert(length === 0 || this.parts !== null, "unwanted files take an info-hash");
    return flags;
  }

  /** An existing file is used, wanted or not. */
  setApart(index: number, file: StoredFile, onlyReads = !this.wanted[index]): void {
    const now = onlyReads ? lookPast(this.access, file) : this.access.look(file);
    if (now !== null || file.length === 0 || this.apart.has(index)) return;
    this.access.letGo(file);
    file.checked(null);
    this.apart.add(index);
  }

  /** Null where the bytes are zeros. */
  placeOf(piece: number, slice: FileSlice): { file: StoredFile; offset: number } | null {
    const stored = this.files[slice.file];
    if (!stored) return null;
    const { offset, begin, length } = slice;
    const apart = this.apart.has(slice.file) ? this.parts!.span(piece, begin, length) : null;
    return apart ? { file: this.parts!.file, offset: apart.offset } : { file: stored, offset };
  }

  *real(): Generator<StoredFile> {
    for (const file of this.files) if (file) yield file;
  }

  *all(): Generator<StoredFile> {
    yield* this.real();
    if (this.parts) yield this.parts.file;
  }

  /** Wanted files; `apart`: also those whose bytes are still in the part file. */
  *wantedFiles(apart = true): Generator<StoredFile> {
    for (const [index, file] of this.files.entries()) {
      if (file && this.wanted[index] && (apart || !this.apart.has(index))) yield file;
    }
  }

  letGo(): void {
    for (const file of this.all()) this.access.letGo(file);
  }
}

/**
 * As `FileAccess.look`, for paths that are not written: a folder or link in its place counts as a
 * foreign file.
 */
function lookPast(access: FileAccess, file: StoredFile): FileStat | null {
  try {
    return access.look(file);
  } catch (error) {
    const { code } = error as Partial<FileError>;
    if (code !== "is-directory" && code !== "not-directory" && code !== "symlink") throw error;
    file.foreign = true;
    return null;
  }
}
