/**
 * The bytes of a resume record: a bencoded dictionary around a body and the body's SHA-1, so that a
 * torn record is recognised. Readers skip keys that they do not know.
 */
import { equalBytes } from "../util/bytes.ts";
import { ProtocolError, ResumeError } from "../util/errors.ts";
import { BDict, decode } from "../bencode/bencode.ts";
import { type Encodable, encode } from "../bencode/bencode_encode.ts";
import { MAX_BANNED_PEERS, MAX_GOOD_PEERS, type ResumeData } from "./resume_data.ts";
import { packOwned, packPeers, packStamps } from "./resume_packing.ts";
import { ResumeReader } from "./resume_reader.ts";

export type Sha1 = (bytes: Uint8Array) => Uint8Array;

export const MAX_RESUME_BYTES = 32 * 1024 * 1024;
const MAX_REASON = 200;
const MAX_VALUES = 1_000_000;
/** The most keys of the outer dictionary; other versions may have a few more. */
const MAX_OUTER_VALUES = 100;
const FORMAT = "shoal resume";
/** It rises when older readers would misunderstand a record; new keys alone do not matter. */
const VERSION = 1;

/**
 * Throws a RangeError for values that cannot be written (for example fractions instead of whole
 * numbers).
 */
export function encodeResume(data: ResumeData, sha1: Sha1): Uint8Array {
  const body = encode(bodyOf(data));
  return encode({ body, check: sha1(body), format: FORMAT, version: VERSION });
}

/**
 * Throws a ResumeError if the bytes are not a complete record of a version that we understand, or
 * have more than `maxValues` values and keys, each of which needs far more memory than its bytes.
 */
export function decodeResume(
  bytes: Uint8Array,
  sha1: Sha1,
  maxValues = MAX_VALUES,
): ResumeData {
  return readBody(resumeBody(bytes, sha1, maxValues));
}

/** The fields of a record with a correct checksum, not checked further. Throws a ResumeError. */
export function resumeBody(bytes: Uint8Array, sha1: Sha1, maxValues = MAX_VALUES): BDict {
  if (bytes.length > MAX_RESUME_BYTES) {
    throw new ResumeError("too-large", `The resume file is over ${MAX_RESUME_BYTES} bytes`);
  }
  const outer = decodeDict(bytes, MAX_OUTER_VALUES);
  if (outer.text("format") !== FORMAT) {
    throw new ResumeError("damaged", "The file is not a resume file of shoal");
  }
  if (outer.int("version") !== VERSION) {
    const version = outer.int("version") ?? "none";
    throw new ResumeError("version", `The resume file's version is ${version}, not ${VERSION}`);
  }
  const body = outer.bytes("body"), check = outer.bytes("check");
  if (body === undefined || check === undefined || !equalBytes(sha1(body), check)) {
    throw new ResumeError("damaged", "The resume file is damaged: its check value does not match");
  }
  return decodeDict(body, maxValues);
}

function decodeDict(bytes: Uint8Array, maxTokens: number): BDict {
  try {
    const value = decode(bytes, { maxBytes: MAX_RESUME_BYTES, maxDepth: 8, maxTokens });
    if (value instanceof BDict) return value;
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new ResumeError("damaged", `The resume file is damaged: ${cause.message}`, { cause });
  }
  throw new ResumeError("damaged", "The resume file is damaged: it contains no dictionary");
}

function bodyOf(data: ResumeData): Encodable {
  const good = data.goodPeers.slice(0, MAX_GOOD_PEERS);
  const banned = data.bannedPeers.slice(0, MAX_BANNED_PEERS);
  return {
    "banned": {
      peers: packPeers(banned),
      reasons: banned.map(({ reason }) => reason.slice(0, MAX_REASON)),
    },
    "completed": data.completedAt,
    "dir": data.dir,
    "disk": data.disk,
    "good peers": packPeers(good),
    ...(data.identity
      ? { "identity": { id: data.identity.peerId, key: data.identity.trackerKey } }
      : {}),
    "info hash": data.infoHash,
    ...(data.moving
      ? { "moving": { dir: data.moving.dir, renamed: renamedOf(data.moving.renamed) } }
      : {}),
    "name": data.name,
    "partial": data.partial.map(({ piece, blocks }) => ({
      bits: blocks.bytes,
      blocks: blocks.length,
      piece,
    })),
    "owned": packOwned(data.owned),
    "parts": packStamps([data.partsStamp]),
    "piece count": data.have.length,
    "pieces": data.have.bytes,
    "renamed": renamedOf(data.renamed),
    "saved": Math.trunc(data.savedAtMs),
    "stamps": packStamps(data.stamps),
    "totals": {
      active: Math.trunc(data.totals.activeSeconds),
      downloaded: data.totals.downloaded,
      seeding: Math.trunc(data.totals.seedingSeconds),
      uploaded: data.totals.uploaded,
    },
  };
}

function renamedOf(renamed: ReadonlyMap<number, readonly string[]>): Encodable {
  return [...renamed].map(([file, path]) => ({ file, path }));
}

function readBody(body: BDict): ResumeData {
  const from = new ResumeReader(body);
  return {
    infoHash: from.infoHash(),
    name: from.text("name"),
    dir: from.folder("dir"),
    disk: from.text("disk"),
    renamed: from.renamed(body),
    moving: from.moving(),
    have: from.have(),
    partial: from.partial(),
    totals: from.totals(),
    completedAt: from.count("completed"),
    identity: from.identity(),
    goodPeers: from.peers("good peers", body).slice(0, MAX_GOOD_PEERS),
    bannedPeers: from.banned().slice(0, MAX_BANNED_PEERS),
    owned: from.owned(),
    stamps: from.stamps("stamps"),
    partsStamp: from.stamps("parts")[0],
    savedAtMs: from.count("saved"),
  };
}
