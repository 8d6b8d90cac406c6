/**
 * Bytes of unwanted files that share a piece with a wanted file: hashing the piece needs all of them.
 * The file is a row of slots of one length. Each has a head that names its piece (512 bytes, one
 * sector: complete or absent) and room for the piece. A slot is never reused for another piece, so a
 * crash can lose one but not exchange two.
 */
import type { FileSpan } from "../platform/types.ts";
import { equalBytes, readUint32, writeUint32 } from "../util/bytes.ts";
import { toHex } from "../util/bytes.ts";
import type { FileAccess } from "./file_access.ts";
import { StoredFile } from "./stored_file.ts";

const HEAD_BYTES = 512;
const FIELDS_BYTES = 44;
const MAGIC = new TextEncoder().encode("shoal pt");
export const PART_FILE_MARK_BYTES = MAGIC.length;
const VERSION = 1;

export interface PartShape {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly pieceLength: number;
  readonly pieceCount: number;
}

/** Bytes for a place in a file. */
export interface FileWrite {
  readonly file: StoredFile;
  readonly bytes: Uint8Array;
  readonly offset: number;
}

export class PartFile {
  file: StoredFile;
  #access: FileAccess;
  readonly #shape: PartShape;
  readonly #slots = new Map<number, number>();
  /** Slots in the file, and those with a damaged header. */
  #slotCount = 0;

  constructor(access: FileAccess, shape: PartShape) {
    this.#access = access;
    this.#shape = shape;
    this.file = this.#named(partFileName(shape.infoHash));
  }

  /** The file was moved. */
  moved(access: FileAccess, file: StoredFile): void {
    this.#access = access;
    this.file = file;
  }

  /** Reads the existing file, and determines whether the usual name is ours. Throws a FileError. */
  load(): void {
    const usual = partFileName(this.#shape.infoHash), other = otherPartFileName(usual);
    this.#use(this.#isThere(other) ? other : usual);
    this.#readHeads();
    if (this.#slots.size > 0 || !this.#isForeign()) return;
    this.#use(other);
    this.#readHeads();
  }

  #named(name: string): StoredFile {
    return new StoredFile(this.#access.paths.join([name]), [name], Infinity);
  }

  #isThere(name: string): boolean {
    return this.#access.disk.stat(this.#access.paths.join([name])) !== null;
  }

  #use(name: string): void {
    if (this.file.elements[0] === name) return;
    this.#access.letGo(this.file);
    this.file = this.#named(name);
  }

  /** It begins with data that is neither a head of ours, of any version, nor zeros. */
  #isForeign(): boolean {
    if (this.#slotCount === 0) return false;
    const begin = new Uint8Array(MAGIC.length);
    this.#access.reader(this.file).readAt(begin, 0);
    return !isPartFile(begin);
  }

  #readHeads(): void {
    const now = this.#access.look(this.file);
    this.#access.letGo(this.file);
    this.file.checked(now);
    this.#slots.clear();
    this.#slotCount = Math.ceil((now?.size ?? 0) / this.#stride);
    // More than one slot for each piece is not of our making: its heads are not worth reading.
    const readable = Math.min(this.#slotCount, 2 * this.#shape.pieceCount);
    const head = new Uint8Array(FIELDS_BYTES);
    for (let slot = 0; slot < readable; slot++) {
      const got = this.#access.reader(this.file).readAt(head, slot * this.#stride);
      const piece = got < head.length ? null : readHead(head, this.#shape);
      if (piece !== null) this.#slots.set(piece, slot);
    }
  }

  /** Those of a range of pieces that have a slot. */
  *piecesIn(first: number, last: number): Generator<number> {
    if (last - first < this.#slots.size) {
      for (let piece = first; piece <= last; piece++) if (this.#slots.has(piece)) yield piece;
      return;
    }
    for (const piece of this.#slots.keys()) if (piece >= first && piece <= last) yield piece;
  }

  has(piece: number): boolean {
    return this.#slots.has(piece);
  }

  /** The data to write for bytes of a piece, each part before the next one is requested. */
  *writes(piece: number, begin: number, bytes: Uint8Array): Generator<FileWrite> {
    const { file } = this;
    let slot = this.#slots.get(piece);
    if (slot === undefined) {
      slot = this.#slotCount++;
      yield { file, bytes: headOf(piece, this.#shape), offset: slot * this.#stride };
      this.#slots.set(piece, slot);
    }
    yield { file, bytes, offset: slot * this.#stride + HEAD_BYTES + begin };
  }

  /** The place of bytes of a piece; null if it has no slot. */
  span(piece: number, begin: number, length: number): FileSpan | null {
    const slot = this.#slots.get(piece);
    if (slot === undefined) return null;
    return { path: this.file.path, offset: slot * this.#stride + HEAD_BYTES + begin, length };
  }

  /** Nothing in it is needed any more. Throws a FileError. */
  remove(): void {
    this.#access.letGo(this.file);
    // Where it was not there and was not written to, what has its name now is not ours.
    if (!this.file.isNew && this.#access.look(this.file) !== null) {
      this.#access.disk.remove(this.file.path);
    }
    this.#slots.clear();
    this.#slotCount = 0;
    this.file.unsynced = false;
    this.file.checked(null);
  }

  get #stride(): number {
    return HEAD_BYTES + this.#shape.pieceLength;
  }
}

/** Whether the first bytes of a file are of a head of ours, of any version, or zeros. */
export function isPartFile(begin: Uint8Array): boolean {
  return equalBytes(begin, MAGIC) || begin.every((byte) => byte === 0);
}

export function partFileName(infoHash: Uint8Array): string {
  return `.${toHex(infoHash)}.parts`;
}

/** libtorrent gives its part file the usual name, and may still need it. */
export function otherPartFileName(usual: string): string {
  return usual.replace(/parts$/, "shoal.parts");
}

/** Magic, version, info-hash, piece length, piece, check; zeros up to the end of the sector. */
function headOf(piece: number, { infoHash, pieceLength }: PartShape): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  head.set(MAGIC);
  writeUint32(head, 8, VERSION);
  head.set(infoHash, 12);
  writeUint32(head, 32, pieceLength);
  writeUint32(head, 36, piece);
  writeUint32(head, 40, sumOf(head));
  return head;
}

/** The piece of the slot; null if the head is not of this torrent. */
function readHead(head: Uint8Array, shape: PartShape): number | null {
  if (!equalBytes(head.subarray(0, 8), MAGIC) || readUint32(head, 8) !== VERSION) return null;
  if (!equalBytes(head.subarray(12, 32), shape.infoHash)) return null;
  if (readUint32(head, 32) !== shape.pieceLength || readUint32(head, 40) !== sumOf(head)) {
    return null;
  }
  const piece = readUint32(head, 36);
  return piece < shape.pieceCount ? piece : null;
}

/** FNV-1a over the fields: enough to tell a head from leftovers. */
function sumOf(head: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < FIELDS_BYTES - 4; i++) sum = Math.imul(sum ^ head[i]!, 0x01000193);
  return sum >>> 0;
}
