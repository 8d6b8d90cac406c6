/**
 * Files with seeded contents and the .torrent of them, for benchmarks and for tests against other
 * clients. Deliberately independent of src, so that it can also show src to be wrong.
 */

import { createCipheriv, createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readSync, truncateSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

export interface FileSpec {
  /** Path below the torrent's top folder, with "/"; equal to the name in a single-file torrent. */
  path: string;
  /** Bytes. */
  size: number;
}

export interface TorrentSpec {
  name: string;
  pieceLength: number;
  /** One file whose path is `name` makes a single-file torrent. */
  files: readonly FileSpec[];
  /** Tiers of trackers. */
  announce?: readonly (readonly string[])[];
  private?: boolean;
}

export interface MadeTorrent {
  /** The bytes of the .torrent. */
  bytes: Uint8Array;
  /** 40 hexadecimal digits. */
  infoHash: string;
  /** 20 bytes for each piece. */
  pieces: Uint8Array;
}

type Bencoded = number | string | Uint8Array | Bencoded[] | Map<string, Bencoded>;

const chunkBytes = 4 * 1024 * 1024;

/** Where a file of the torrent lies below the folder it is downloaded into. */
export function relativePath(spec: TorrentSpec, file: FileSpec): string {
  return isSingle(spec) ? spec.name : join(spec.name, file.path);
}

function isSingle(spec: TorrentSpec): boolean {
  return spec.files.length === 1 && spec.files[0]?.path === spec.name;
}

/**
 * Writes the files below `dir`, filled with a cipher stream of `seed`. Files of at least
 * `sparseFrom` bytes stay sparse but for their first and last megabyte.
 */
export function writeFiles(
  spec: TorrentSpec,
  dir: string,
  seed = "shoal",
  sparseFrom = Infinity,
): void {
  const key = createHash("sha256").update(seed).digest();
  const stream = createCipheriv("aes-256-ctr", key, new Uint8Array(16));
  const zeros = new Uint8Array(chunkBytes);
  const fill = (fd: number, from: number, length: number) => {
    for (let at = 0; at < length; at += chunkBytes) {
      const bytes = stream.update(zeros.subarray(0, Math.min(chunkBytes, length - at)));
      writeSync(fd, bytes, 0, bytes.length, from + at);
    }
  };
  for (const file of spec.files) {
    const path = join(dir, relativePath(spec, file));
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(path, "w");
    if (file.size < sparseFrom) fill(fd, 0, file.size);
    else {
      truncateSync(path, file.size);
      const edge = Math.min(file.size / 2, 1024 * 1024) | 0;
      fill(fd, 0, edge);
      fill(fd, file.size - edge, edge);
    }
    closeSync(fd);
  }
}

/** Reads the files below `dir` and makes their .torrent. */
export function makeTorrent(spec: TorrentSpec, dir: string): MadeTorrent {
  const info = new Map<string, Bencoded>();
  if (isSingle(spec)) info.set("length", spec.files[0]?.size ?? 0);
  else {
    info.set(
      "files",
      spec.files.map((file) =>
        new Map<string, Bencoded>([["length", file.size], ["path", file.path.split("/")]])
      ),
    );
  }
  info.set("name", spec.name).set("piece length", spec.pieceLength);
  const pieces = hashPieces(spec, dir);
  info.set("pieces", pieces);
  if (spec.private) info.set("private", 1);

  const encodedInfo = encode(info);
  const outer = new Map<string, Bencoded>();
  if (spec.announce?.[0]?.[0] !== undefined) {
    outer.set("announce", spec.announce[0][0]);
    outer.set("announce-list", spec.announce.map((tier) => [...tier]));
  }
  const head = encode(outer);
  const bytes = Buffer.concat([
    head.subarray(0, -1),
    Buffer.from("4:info"),
    encodedInfo,
    Buffer.from("e"),
  ]);
  return { bytes, infoHash: createHash("sha1").update(encodedInfo).digest("hex"), pieces };
}

function hashPieces(spec: TorrentSpec, dir: string): Uint8Array {
  const digests: Uint8Array[] = [];
  const buffer = new Uint8Array(chunkBytes);
  let hash = createHash("sha1");
  let inPiece = 0;
  const take = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + spec.pieceLength - inPiece);
      hash.update(part);
      at += part.length;
      inPiece += part.length;
      if (inPiece < spec.pieceLength) continue;
      digests.push(hash.digest());
      hash = createHash("sha1");
      inPiece = 0;
    }
  };
  for (const file of spec.files) {
    const fd = openSync(join(dir, relativePath(spec, file)), "r");
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) {
      take(buffer.subarray(0, got));
    }
    closeSync(fd);
  }
  if (inPiece > 0) digests.push(hash.digest());
  return Buffer.concat(digests);
}

/** Maps must already have their keys in order. */
function encode(value: Bencoded): Uint8Array {
  if (typeof value === "number") return Buffer.from(`i${value}e`);
  if (typeof value === "string") return encode(Buffer.from(value));
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from(`${value.length}:`), value]);
  const inside = Array.isArray(value)
    ? value.map(encode)
    : [...value].flatMap(([key, one]) => [encode(key), encode(one)]);
  const open = Buffer.from(Array.isArray(value) ? "l" : "d");
  return Buffer.concat([open, ...inside, Buffer.from("e")]);
}
