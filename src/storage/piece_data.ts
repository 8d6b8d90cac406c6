/**
 * The data of a torrent, piece by piece: pieces in, blocks out, each at its place in its file.
 *
 * A piece is written with one positional write per file, synchronously on a fast disk: nothing can
 * interleave, and nothing is buffered here. On a slow disk, writes and all other changes of files take
 * turns.
 */
import type { Rests } from "../util/rests.ts";
import type { Layout } from "../metainfo/layout.ts";
import { assert } from "../util/assert.ts";
import { FILES_AT_ONCE, type FileSet } from "./file_set.ts";
import { partOf } from "./part_export.ts";
import type { FileWrite } from "./part_file.ts";
import { tooShort } from "./stored_file.ts";

export class PieceData {
  readonly layout: Layout;
  readonly #set: FileSet;

  constructor(set: FileSet) {
    this.layout = set.layout;
    this.#set = set;
  }

  /**
   * Writes a whole verified piece: at once, or by the time the promise resolves if the disk is slow
   * or the piece is in many files. `bytes` must not change until then. Throws or rejects with a
   * FileError that names the file and the reason.
   */
  writePiece(piece: number, bytes: Uint8Array): void | Promise<void> {
    assert(bytes.length === this.layout.lengthOf(piece), "a piece is written as a whole");
    const isSpread = this.#set.files.length > FILES_AT_ONCE &&
      this.layout.slices(piece).length > FILES_AT_ONCE;
    return isSpread ? this.#writeInTurn(piece, 0, bytes) : this.writeAt(piece, 0, bytes);
  }

  /** Writes bytes of a piece at `begin`, verified or not, as `writePiece` does. */
  writeAt(piece: number, begin: number, bytes: Uint8Array): void | Promise<void> {
    if (!this.writesAtOnce) return this.#writeInTurn(piece, begin, bytes);
    for (const { file, bytes: part, offset } of this.#writes(piece, begin, bytes)) {
      this.#set.access.write(file, part, offset);
    }
  }

  /** Whether the disk is quick, so that `writeAt` has written everything when it returns. */
  get writesAtOnce(): boolean {
    return this.#set.access.isQuick;
  }

  /** Resolves when no write is in progress. */
  async written(): Promise<void> {
    await this.#set.access.turns.over;
  }

  #writeInTurn(piece: number, begin: number, bytes: Uint8Array): Promise<void> {
    return this.#set.access.turns.take(async () => {
      for (const { file, bytes: part, offset } of this.#writes(piece, begin, bytes)) {
        const rest = this.#set.rests.step();
        if (rest) await rest;
        // As the pace allows, or the queue of a disk that is quick again would never end.
        await this.#set.access.put(file, part, offset);
      }
    });
  }

  /** The places of bytes of a piece, at the time of each call. */
  *#writes(piece: number, begin: number, bytes: Uint8Array): Generator<FileWrite> {
    for (const slice of this.layout.slices(piece, begin, bytes.length)) {
      const file = this.#set.files[slice.file];
      if (!file || file.finished) continue;
      const part = partOf(bytes, slice, begin);
      if (this.#set.apart.has(slice.file)) yield* this.#set.parts!.writes(piece, slice.begin, part);
      else yield { file, bytes: part, offset: slice.offset };
    }
  }

  /**
   * Fills `into` from `begin` of a piece; pads are zeros. Throws a FileError: "not-found" or
   * "changed" when the data is not there (any more).
   */
  readInto(piece: number, begin: number, into: Uint8Array): void {
    for (const slice of this.layout.slices(piece, begin, into.length)) {
      const part = partOf(into, slice, begin), place = this.#set.placeOf(piece, slice);
      if (place === null) part.fill(0);
      else if (this.#set.access.reader(place.file).readAt(part, place.offset) < part.length) {
        throw tooShort(place.file.path);
      }
    }
  }

  /** The same off this thread, for long reads that may have to wait for the disk. */
  async readAsync(piece: number, begin: number, into: Uint8Array): Promise<void> {
    for (const slice of this.layout.slices(piece, begin, into.length)) {
      const part = partOf(into, slice, begin), place = this.#set.placeOf(piece, slice);
      if (place === null) part.fill(0);
      else if (
        await this.#set.access.read(place.file, part, place.offset) < part.length
      ) {
        throw tooShort(place.file.path);
      }
    }
  }

  get rests(): Rests {
    return this.#set.rests;
  }

  /** As `FileAccess.isTouched`. */
  isTouched(file: number): boolean | Promise<boolean> {
    const stored = this.#set.apart.has(file) ? null : this.#set.files[file];
    return stored ? this.#set.access.isTouched(stored) : false;
  }

  /** Whether the disk may have lost some of it since it was last read. */
  isDistrusted(file: number): boolean {
    return this.#set.files[file]?.isDistrusted ?? false;
  }

  /** Resolves when all earlier writes are on the disk. Rejects with a FileError. */
  async sync(): Promise<void> {
    await this.#set.access.sync(this.#set.all());
  }

  /** Unsynced writes may be lost: those files must be read again. */
  distrustUnsynced(): void {
    for (const file of this.#set.all()) {
      if (file.unsynced || file.syncing !== null) file.distrust();
    }
  }
}
