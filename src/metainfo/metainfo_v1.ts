/**
 * The info dictionary of BitTorrent v1 (BEP 3, 47): reads it and checks that its numbers fit
 * together. Names stay raw bytes here.
 */
import { MAX_PIECES } from "./layout.ts";
import { TorrentFileError } from "../util/errors.ts";
import { toLatin1 } from "../util/bytes.ts";
import { BDict } from "../bencode/bencode.ts";
import type { BValue } from "../bencode/bencode.ts";

/** One file as found. Padding and symlinks are entries of the list as well. */
export interface RawFile {
  /** Elements below the torrent's folder; empty for padding without a path. */
  readonly path: readonly Uint8Array[];
  /** Bytes; 0 for a symlink whatever it claims. */
  readonly length: number;
  readonly pad: boolean;
  readonly symlink: boolean;
}

export interface InfoV1 {
  readonly name: Uint8Array;
  readonly files: readonly RawFile[];
  readonly singleFile: boolean;
  readonly pieceLength: number;
  readonly pieceHashes: Uint8Array;
  /** Bytes with padding, and without. */
  readonly totalLength: number;
  readonly size: number;
  readonly private: boolean;
  /** It also has a v2 half, which is not checked here. */
  readonly hybrid: boolean;
}

const MAX_PIECE_LENGTH = 512 * 1024 * 1024;
/** The most elements of a path. Operating systems refuse fewer. */
const MAX_PATH_DEPTH = 100;
/** Letters in `attr` (BEP 47). */
export const ATTR_SYMLINK = 0x6c, ATTR_PAD = 0x70;
/** BitComet marks padding by its name alone. */
const PAD_NAME = "_____padding_file_";

/** Throws a TorrentFileError. */
export function readInfo(info: BDict): InfoV1 {
  const hybrid = checkVersion(info);
  const name = info.bytes("name.utf-8") ?? info.bytes("name");
  if (!name) refuse("missing-name", "The torrent has no name");
  const pieceLength = info.int("piece length");
  if (pieceLength === undefined || pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    refuse("bad-piece-length", "The torrent's piece length is missing or not 1 byte to 512 MiB");
  }
  const list = info.list("files");
  const files = list ? list.map(readFile) : [readSingleFile(info)];
  const { totalLength, size } = addUp(files);
  return {
    name,
    files,
    singleFile: list === undefined,
    pieceLength,
    pieceHashes: readPieceHashes(info, Math.ceil(totalLength / pieceLength)),
    totalLength,
    size,
    private: (info.int("private") ?? 0) !== 0,
    hybrid,
  };
}

/** True for a hybrid. Checked first: a newer kind of torrent is not a broken old one. */
function checkVersion(info: BDict): boolean {
  const version = info.int("meta version") ?? 1;
  if (version > 2) {
    refuse(
      "unknown-version",
      `The torrent has version v${version}, which shoal does not support`,
    );
  }
  if (version === 2 && !info.has("pieces")) {
    refuse(
      "v2-only",
      "The torrent is for BitTorrent v2 only, which shoal does not support yet; " +
        "a v1 or hybrid torrent of the same files will work",
    );
  }
  if ((version === 2) !== info.has("file tree")) {
    refuse("v2-mismatch", "The torrent is half v1, half v2: 'meta version' and 'file tree' differ");
  }
  return version === 2;
}

function readSingleFile(info: BDict): RawFile {
  return { path: [], length: checkedLength(info.int("length")), pad: false, symlink: false };
}

function readFile(entry: BValue): RawFile {
  if (!(entry instanceof BDict)) refuse("bad-path", "The torrent's file list is broken");
  const path = entry.list("path.utf-8") ?? entry.list("path") ?? [];
  if (path.length > MAX_PATH_DEPTH) {
    refuse("bad-path", `A file of the torrent is over ${MAX_PATH_DEPTH} folders deep`);
  }
  if (!isPath(path)) refuse("bad-path", "A file name of the torrent is not text");
  const attributes = entry.bytes("attr");
  const symlink = attributes?.includes(ATTR_SYMLINK) ?? false;
  const pad = (attributes?.includes(ATTR_PAD) ?? false) || hasPadName(path);
  if (path.length === 0 && !pad) refuse("bad-path", "A file of the torrent has no name");
  const length = symlink ? 0 : checkedLength(entry.int("length"));
  return { path, length, pad, symlink };
}

function isPath(path: readonly BValue[]): path is readonly Uint8Array[] {
  for (const element of path) if (!(element instanceof Uint8Array)) return false;
  return true;
}

function hasPadName(path: readonly Uint8Array[]): boolean {
  const last = path[path.length - 1];
  return last !== undefined && last.length >= PAD_NAME.length && last[0] === 0x5f &&
    toLatin1(last, 0, PAD_NAME.length) === PAD_NAME;
}

function checkedLength(length: number | undefined): number {
  if (length === undefined || length < 0) {
    refuse("bad-length", "The size of a file is missing, negative or beyond 2^53 bytes");
  }
  return length;
}

function addUp(files: readonly RawFile[]): { totalLength: number; size: number } {
  let totalLength = 0, size = 0;
  for (const file of files) {
    totalLength += file.length;
    if (!file.pad) size += file.length;
    if (totalLength > Number.MAX_SAFE_INTEGER) {
      refuse("bad-length", "The torrent claims more than 2^53 bytes");
    }
  }
  if (size === 0) refuse("empty", "The torrent has no data: all its files are empty");
  return { totalLength, size };
}

function readPieceHashes(info: BDict, count: number): Uint8Array {
  const hashes = info.bytes("pieces");
  if (!hashes && info.has("root hash")) {
    refuse("merkle", "The torrent is a Merkle torrent (BEP 30), a format that is no longer used");
  }
  if (count > MAX_PIECES) {
    refuse("too-many-pieces", `The torrent has ${count} pieces; ${MAX_PIECES} are the most`);
  }
  if (hashes?.length !== 20 * count) {
    refuse("bad-pieces", "The torrent's piece hashes are missing or do not fit its size");
  }
  return hashes;
}

export function refuse(code: string, message: string): never {
  throw new TorrentFileError(code, message);
}
