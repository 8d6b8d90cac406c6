/**
 * Reads .torrent files (BEP 3, 12, 19, 27, 47, and 52 as far as hybrids go). Every byte is treated
 * as hostile: sizes are checked before anything is made from them, names become path elements, and
 * the only error is a TorrentFileError whose message says what is wrong.
 */
import { ProtocolError, TorrentFileError } from "../util/errors.ts";
import { toHex } from "../util/bytes.ts";
import { BDict, decode } from "../bencode/bencode.ts";
import type { DecodeOptions } from "../bencode/bencode.ts";
import { spell, type SpelledPath, type Spelling, spellPaths } from "./file_names.ts";
import { checkV2Half } from "./hybrid.ts";
import { Layout } from "./layout.ts";
import { readInfo, refuse } from "./metainfo_v1.ts";
import type { InfoV1, RawFile } from "./metainfo_v1.ts";
import { readNodes, readTrackers, readWebSeeds } from "./torrent_urls.ts";
import { asSpelled, foldName, uniqueNames } from "./unique_paths.ts";
import { nameDecoder } from "../bencode/utf8.ts";

/** A file of a torrent. */
export interface TorrentFileEntry {
  /**
   * As the torrent spells it, below the download folder: it cannot lead elsewhere, but a disk may
   * refuse it. It differs from that of every other file, perhaps only in case or Unicode form. It
   * starts with the torrent's name in a multi-file torrent; in a single-file one it is the name
   * alone.
   */
  readonly path: readonly string[];
  /**
   * For disks that refuse `path`: safe to create everywhere, and different from all others on any
   * disk.
   */
  readonly safePath: readonly string[];
  /** Bytes. */
  readonly length: number;
  /**
   * No file is created for it: padding, whose bytes are zeros (BEP 47), or a symlink of 0 bytes.
   */
  readonly pad: boolean;
}

/** A torrent as its file describes it. Byte arrays are views on that file. */
export interface Metainfo {
  /** SHA-1 of `infoBytes`: 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The info dictionary as found, never re-encoded. */
  readonly infoBytes: Uint8Array;
  /** As the torrent spells it if that is a valid file name. */
  readonly name: string;
  /** Its code page for text that is not UTF-8 (`encoding`), as found; hostile text. */
  readonly encoding: string | null;
  /** Bytes. */
  readonly pieceLength: number;
  /** SHA-1 of each piece, 20 bytes each, one after the other. */
  readonly pieceHashes: Uint8Array;
  /** Where pieces and files are. */
  readonly layout: Layout;
  /** In the torrent's order, including pads and symlinks. */
  readonly files: readonly TorrentFileEntry[];
  /** A torrent of one file without its own folder. */
  readonly singleFile: boolean;
  /** Bytes without padding. */
  readonly size: number;
  /** BEP 27: peers only come from its trackers. */
  readonly private: boolean;
  /** Tiers of tracker URLs (BEP 12); empty if there is none. */
  readonly announce: string[][];
  /** DHT nodes to begin with (BEP 5). */
  readonly nodes: { readonly host: string; readonly port: number }[];
  /** BEP 19, percent-encoded; ends in "/" if file paths are to be added. */
  readonly webSeeds: string[];
  /** The creator's comment; text from a stranger. */
  readonly comment: string | null;
  /** The program that made it; text from a stranger. */
  readonly createdBy: string | null;
  /** Seconds since 1970. */
  readonly creationDate: number | null;
  /** It also has a BitTorrent v2 half (BEP 52), which is compared with the first and not used. */
  readonly hybrid: boolean;
  /** Notes for a person about a torrent that can be used. */
  readonly warnings: string[];
}

export interface ParseOptions {
  /** Names must also suit Windows. Default false. */
  windows?: boolean;
}

/** No code page has a longer name. */
const MAX_LABEL = 100;

/** The most bytes of a .torrent. */
export const MAX_TORRENT_BYTES = 32 * 1024 * 1024;

const LIMITS: DecodeOptions = {
  maxDepth: 100,
  maxTokens: 3_000_000,
  maxBytes: MAX_TORRENT_BYTES,
  allowUnsorted: true,
  allowTrailingWhitespace: true,
};

/**
 * `bytes` is a whole .torrent file and must not change afterwards; `sha1` returns the 20-byte
 * digest. Throws a TorrentFileError; its codes: "not-a-torrent", "bad-bencode", "too-large",
 * "missing-info", "missing-name", "bad-piece-length", "bad-pieces", "too-many-pieces",
 * "bad-length", "bad-path", "empty", "merkle", "v2-only", "unknown-version", "v2-mismatch".
 */
export function parseTorrent(
  bytes: Uint8Array,
  sha1: (bytes: Uint8Array) => Uint8Array,
  options: ParseOptions = {},
): Metainfo {
  const root = decodeRoot(bytes);
  const info = root.dict("info"), infoBytes = root.raw("info");
  if (!info || !infoBytes) {
    refuse("missing-info", "The file has no 'info' dictionary, so it does not describe a torrent");
  }
  const v1 = readInfo(info);
  if (v1.hybrid) {
    checkedDecode(infoBytes, { ...LIMITS, allowUnsorted: false });
    checkV2Half(info, v1);
  }
  const infoHash = sha1(infoBytes);
  const warnings: string[] = [];
  const windows = options.windows ?? false;
  const encoding = root.text("encoding")?.slice(0, MAX_LABEL) ?? null;
  const decode = nameDecoder(encoding);
  const top = spell(decode(v1.name), windows, toHex(infoHash));
  const files = nameFiles(v1, top, decode, windows, warnings);
  return {
    infoHash,
    infoBytes,
    name: top.own,
    encoding,
    pieceLength: v1.pieceLength,
    pieceHashes: v1.pieceHashes,
    layout: new Layout(v1.pieceLength, files),
    files,
    singleFile: v1.singleFile,
    size: v1.size,
    private: v1.private,
    announce: readTrackers(root, warnings),
    nodes: readNodes(root),
    webSeeds: readWebSeeds(root, files.length > 1, warnings),
    comment: readText(root, "comment", decode),
    createdBy: readText(root, "created by", decode),
    creationDate: readDate(root),
    hybrid: v1.hybrid,
    warnings,
  };
}

function decodeRoot(bytes: Uint8Array): BDict {
  if (bytes[0] === 0x3c) refuse("not-a-torrent", "The file looks like a web page, not a .torrent");
  const root = checkedDecode(bytes, LIMITS);
  if (!(root instanceof BDict)) refuse("not-a-torrent", "The file does not contain a dictionary");
  return root;
}

function checkedDecode(bytes: Uint8Array, options: DecodeOptions): unknown {
  try {
    return decode(bytes, options);
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    const code = cause.code === "too-large" ? "too-large" : "bad-bencode";
    throw new TorrentFileError(
      code,
      `This is not a .torrent file, or a broken one: ${cause.message}`,
      { cause },
    );
  }
}

function nameFiles(
  v1: InfoV1,
  top: Spelling,
  decode: (bytes: Uint8Array) => string,
  windows: boolean,
  warnings: string[],
): TorrentFileEntry[] {
  if (v1.singleFile) {
    return [{ path: [top.own], safePath: [top.safe], length: v1.size, pad: false }];
  }
  const paths = spellPaths(v1.files.map((file) => file.path), top, decode, windows);
  const renamed = tellApart(paths, (file) => isMade(v1.files[file]!), windows);
  if (renamed > 0) warnings.push(`${renamed} file(s) renamed: their names clash with others`);
  const symlinks = v1.files.filter((file) => file.symlink).length;
  if (symlinks > 0) warnings.push(`${symlinks} symbolic link(s) left out: shoal never creates any`);
  return v1.files.map((file, i) => {
    // Only padding may lack a path (BEP 47); it is shown under the customary one.
    const pad = [".pad", String(file.length)];
    const { own, safe } = file.path.length > 0 ? paths[i]! : { own: pad, safe: pad };
    return { path: own, safePath: safe, length: file.length, pad: !isMade(file) };
  });
}

/** Makes names distinct: all safe ones on any disk, all own ones in spelling. */
function tellApart(
  paths: SpelledPath[],
  isMade: (file: number) => boolean,
  windows: boolean,
): number {
  const made = paths.map((_, file) => file).filter(isMade);
  const safe = uniqueNames(made.map((file) => paths[file]!.safe));
  // Equal own paths have equal safe ones.
  if (safe.size === 0) return 0;
  const own = uniqueNames(made.map((file) => paths[file]!.own), windows ? foldName : asSpelled);
  for (const i of new Set([...safe.keys(), ...own.keys()])) {
    const file = made[i]!, before = paths[file]!;
    const renamed = {
      own: renameLast(before.own, own.get(i)),
      safe: renameLast(before.safe, safe.get(i)),
    };
    const isSafe = renamed.own.join("/") === renamed.safe.join("/");
    paths[file] = isSafe ? { own: renamed.own, safe: renamed.own } : renamed;
  }
  return own.size;
}

function renameLast(path: readonly string[], name: string | undefined): readonly string[] {
  return name === undefined ? path : [...path.slice(0, -1), name];
}

function isMade(file: RawFile): boolean {
  return !file.pad && !file.symlink;
}

/** Only times that a Date can hold. */
function readDate(root: BDict): number | null {
  const seconds = root.int("creation date");
  return seconds !== undefined && seconds >= 0 && seconds <= 8.64e12 ? seconds : null;
}

function readText(
  root: BDict,
  key: string,
  decode: (bytes: Uint8Array) => string,
): string | null {
  const bytes = root.bytes(`${key}.utf-8`) ?? root.bytes(key);
  return bytes === undefined ? null : decode(bytes) || null;
}
