/** Small custom .torrent files. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Encodable, encode } from "../../src/bencode/bencode_encode.ts";
import { type Metainfo, type ParseOptions, parseTorrent } from "../../src/metainfo/metainfo.ts";
import { TorrentFileError } from "../../src/util/errors.ts";

export type Fields = Record<string, Encodable>;

export const PIECE = 16384;

export function sha1(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha1").update(bytes).digest());
}

/** An info dictionary of one file, with `changes`; a change to undefined takes the key away. */
export function infoOf(changes: Record<string, Encodable | undefined> = {}): Fields {
  const info: Record<string, Encodable | undefined> = {
    name: "sample.bin",
    length: 3 * PIECE + 1,
    "piece length": PIECE,
    ...changes,
  };
  if (!("pieces" in changes)) info.pieces = new Uint8Array(20 * Math.ceil(totalOf(info) / PIECE));
  return withoutUndefined(info);
}

function totalOf(info: Record<string, Encodable | undefined>): number {
  if (!Array.isArray(info.files)) return Number(info.length ?? 0);
  const isLink = (file: Fields) => String(file.attr ?? "").includes("l");
  return (info.files as Fields[])
    .reduce((sum, file) => sum + (isLink(file) ? 0 : Number(file.length)), 0);
}

function withoutUndefined(fields: Record<string, Encodable | undefined>): Fields {
  const kept: Fields = {};
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) kept[key] = value;
  return kept;
}

/** Multi-file: paths with "/"; `extra` goes into the file's own dictionary. */
export function fileOf(path: string | null, length: number, extra: Fields = {}): Fields {
  return { ...(path === null ? {} : { path: path.split("/") }), length, ...extra };
}

export function folderOf(files: Fields[], changes: Record<string, Encodable | undefined> = {}) {
  return infoOf({ name: "top", length: undefined, files, ...changes });
}

export function parse(info: Fields, outer: Fields = {}, options?: ParseOptions): Metainfo {
  return parseTorrent(encode({ info, ...outer }), sha1, options);
}

/** The error that `run` must throw. */
export function refusal(run: () => unknown): TorrentFileError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TorrentFileError, String(error));
    return error;
  }
  assert.fail("the torrent was taken");
}

export const pathsOf = (meta: Metainfo) => meta.files.map((file) => file.path.join("/"));
