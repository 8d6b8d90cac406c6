/**
 * Reads the fields of a resume record's body. Although its SHA-1 matched, nothing is trusted: every
 * field is checked for type and range before it is used.
 */
import { Bitfield } from "../util/bitfield.ts";
import { ResumeError } from "../util/errors.ts";
import { BDict, type BValue } from "../bencode/bencode.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import { isUsableElement } from "../metainfo/file_names.ts";
import type { KeptIdentity, PartialPiece, ResumeTotals } from "./resume_data.ts";
import type { FileIdentity, Stamp } from "../storage/stamps.ts";
import { unpackOwned, unpackPeers, unpackStamps } from "./resume_packing.ts";
import { repairUtf8 } from "../bencode/utf8.ts";

/** Peers that another version may have written; ours keep fewer. */
const MAX_PEERS_READ = 10_000;
const MAX_TEXT_BYTES = 65536;

/** A missing field takes its neutral value; one of the wrong type or range is a ResumeError. */
export class ResumeReader {
  readonly #body: BDict;

  constructor(body: BDict) {
    this.#body = body;
  }

  infoHash(): Uint8Array {
    const hash = this.#body.bytes("info hash");
    if (hash?.length !== 20) bad("info hash");
    return hash.slice();
  }

  text(key: string): string {
    return textOf(this.#body.get(key) ?? new Uint8Array(0), key, MAX_TEXT_BYTES);
  }

  /** An integer from 0. */
  count(key: string, from: BDict = this.#body): number {
    const value = from.get(key) ?? 0;
    if (typeof value !== "number" || value < 0) bad(key);
    return value;
  }

  have(): Bitfield {
    const bytes = this.#body.bytes("pieces");
    const field = bytes && Bitfield.fromBytes(bytes, this.count("piece count"));
    return field ?? bad("pieces");
  }

  partial(): PartialPiece[] {
    const pieces = this.count("piece count"), seen = new Set<number>();
    return this.#dicts("partial").map((entry) => {
      const piece = this.count("piece", entry);
      const bits = entry.bytes("bits");
      const blocks = bits && Bitfield.fromBytes(bits, this.count("blocks", entry));
      if (!blocks || piece >= pieces || seen.has(piece)) bad("partial");
      seen.add(piece);
      return { piece, blocks };
    });
  }

  /** An absolute path without detours; empty if there is none. */
  folder(key: string, from: BDict = this.#body): string {
    const path = textOf(from.get(key) ?? new Uint8Array(0), key, MAX_TEXT_BYTES);
    return path === "" || isAbsoluteFolder(path) ? path : bad(key);
  }

  moving(): { dir: string; renamed: Map<number, string[]> } | null {
    const from = this.#dict("moving");
    if (from === undefined) return null;
    const dir = this.folder("dir", from);
    return dir === "" ? bad("moving") : { dir, renamed: this.renamed(from) };
  }

  /** Each path is one that a torrent's file may have, and no two files have the same. */
  renamed(from: BDict): Map<number, string[]> {
    const windows = isWindowsPath(this.text("dir"));
    const renamed = new Map<number, string[]>(), taken = new Set<string>();
    for (const entry of this.#dicts("renamed", from)) {
      const parts = entry.list("path") ?? bad("renamed");
      if (parts.length === 0 || parts.length > 1000) bad("renamed");
      const path = parts.map((part) => textOf(part, "renamed", MAX_TEXT_BYTES));
      if (!path.every((part) => isUsableElement(part, windows))) bad("renamed");
      const file = this.count("file", entry);
      if (renamed.has(file) || taken.has(path.join("/"))) bad("renamed");
      renamed.set(file, path);
      taken.add(path.join("/"));
    }
    return renamed;
  }

  totals(): ResumeTotals {
    const from = this.#dict("totals");
    return {
      uploaded: from ? this.count("uploaded", from) : 0,
      downloaded: from ? this.count("downloaded", from) : 0,
      seedingSeconds: from ? this.count("seeding", from) : 0,
      activeSeconds: from ? this.count("active", from) : 0,
    };
  }

  /** Null if it is missing or damaged: a new one costs little. */
  identity(): KeptIdentity | null {
    const from = this.#body.dict("identity"), peerId = from?.bytes("id"), key = from?.int("key");
    const isSound = peerId?.length === 20 && key !== undefined && key >>> 0 === key;
    return isSound ? { peerId: peerId.slice(), trackerKey: key } : null;
  }

  peers(key: string, from: BDict): PeerAddress[] {
    const bytes = from.get(key) ?? new Uint8Array(0);
    if (!(bytes instanceof Uint8Array)) bad(key);
    const peers = unpackPeers(bytes);
    if (peers === null || peers.length > MAX_PEERS_READ) bad(key);
    return peers;
  }

  banned(): (PeerAddress & { reason: string })[] {
    const from = this.#dict("banned");
    if (from === undefined) return [];
    const reasons = from.list("reasons") ?? [];
    return this.peers("peers", from).map((peer, i) => ({
      ...peer,
      reason: textOf(reasons[i] ?? new Uint8Array(0), "banned", MAX_TEXT_BYTES),
    }));
  }

  owned(): Map<number, FileIdentity> {
    return unpackOwned(this.#bytes("owned")) ?? bad("owned");
  }

  stamps(key: string): Stamp[] {
    return unpackStamps(this.#bytes(key)) ?? bad(key);
  }

  #bytes(key: string): Uint8Array {
    const value = this.#body.get(key) ?? new Uint8Array(0);
    return value instanceof Uint8Array ? value : bad(key);
  }

  #dict(key: string): BDict | undefined {
    const value = this.#body.get(key);
    if (value !== undefined && !(value instanceof BDict)) bad(key);
    return value;
  }

  #list(key: string, from = this.#body): BValue[] {
    const value = from.get(key) ?? [];
    return Array.isArray(value) ? value : bad(key);
  }

  #dicts(key: string, from = this.#body): BDict[] {
    return this.#list(key, from).map((entry) => entry instanceof BDict ? entry : bad(key));
  }
}

/** An absolute path without detours. */
export function isAbsoluteFolder(path: string): boolean {
  const parts = path.split(isWindowsPath(path) ? /[\\/]/ : "/");
  const strays = parts.some((part) => part === "." || part === ".." || part.includes("\0"));
  return !strays && (isWindowsPath(path) || path.startsWith("/"));
}

/** The record's folder shows on which system it was written. */
function isWindowsPath(path: string): boolean {
  return /^(?:[A-Za-z]:[\\/]|\\\\)/.test(path);
}

function textOf(value: BValue, key: string, maxBytes: number): string {
  if (!(value instanceof Uint8Array) || value.length > maxBytes) bad(key);
  return repairUtf8(value);
}

function bad(key: string): never {
  throw new ResumeError("bad-field", `The resume file cannot be used: its "${key}" is not valid`);
}
