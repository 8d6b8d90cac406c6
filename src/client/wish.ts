/**
 * The user's wish for a torrent, saved in `<info-hash>.json` alone. Progress is in the resume
 * record. Other programs can write to the disk, so every field is checked.
 */
import { ResumeError } from "../util/errors.ts";
import { plainOf } from "./option_kinds.ts";
import { packOptions, unpackOptions } from "./settings.ts";
import type { AddOptions } from "./types.ts";

export interface Wish {
  /** Of a magnet: the link. Null for a .torrent. */
  readonly link: string | null;
  readonly paused: boolean;
  /** Seconds since 1970. */
  readonly addedAt: number;
  readonly options: AddOptions;
  /** Its seed goal was reached. */
  readonly goalReached: boolean;
  /** It was done at the end of the last run: a restart keeps that. */
  readonly done: boolean;
  /** Its place in the queue: lower ones come first. */
  readonly rank: number;
  /** Absolute: the folder to which the files are being moved; null for none. */
  readonly movesTo: string | null;
}

/** The wish of a torrent of which only the time of adding is known, in seconds. */
export function asNew(addedAt: number): Omit<Wish, "options"> {
  const standing = { paused: false, goalReached: false, done: false };
  return { link: null, ...standing, addedAt, rank: addedAt, movesTo: null };
}

/**
 * The most bytes of such a file, without the parts that grow with the number of files in the
 * torrent.
 */
export const MAX_WISH_BYTES = 1024 * 1024;
const FORMAT = "shoal torrent", VERSION = 1;
const MAX_LINK = 64 * 1024;

/** Results of functions among the options are left out. */
export function encodeWish(wish: Wish, absolute: (path: string) => string): Uint8Array {
  const { options, ...others } = wish, packed = packOptions(options, absolute);
  const all = { format: FORMAT, version: VERSION, ...others, options: packed };
  return new TextEncoder().encode(JSON.stringify(all));
}

/** `format`: another one with the same fields. Throws a ResumeError. */
export function decodeWish(bytes: Uint8Array, format = FORMAT): Wish {
  try {
    const all = plainOf(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
    if (all["format"] !== format) bad("format");
    if (all["version"] !== VERSION) bad("version");
    const { link = null, paused = false, addedAt = 0, movesTo = null } = all;
    const { goalReached = false, done = false, rank = addedAt } = all;
    if (link !== null && !(typeof link === "string" && link.length <= MAX_LINK)) bad("link");
    if (typeof paused !== "boolean") bad("paused");
    if (typeof goalReached !== "boolean") bad("goalReached");
    if (typeof done !== "boolean") bad("done");
    if (!Number.isFinite(rank)) bad("rank");
    if (!Number.isSafeInteger(addedAt)) bad("addedAt");
    if (movesTo !== null && typeof movesTo !== "string") bad("movesTo");
    const options = unpackOptions(plainOf(all["options"]));
    const numbers = { addedAt: Number(addedAt), rank: Number(rank) };
    return { link, paused, goalReached, done, ...numbers, options, movesTo };
  } catch (cause) {
    if (cause instanceof ResumeError) throw cause;
    throw new ResumeError("damaged", `The file is damaged: ${(cause as Error).message}`, { cause });
  }
}

function bad(field: string): never {
  throw new ResumeError("bad-field", `The torrent's settings have a wrong field: ${field}`);
}
