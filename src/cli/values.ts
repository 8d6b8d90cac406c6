/** Parses the values of flags. Every function throws UsageError for invalid text. */
import type { SeedGoal } from "../client/types.ts";
import { checkPieceLength, checkUrls } from "../metainfo/create_torrent.ts";
import { TorrentFileError } from "../util/errors.ts";
import { UsageError } from "./errors.ts";

const SIZE_UNITS: Record<string, number> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};
const DURATION_UNITS: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600, d: 86400 };

/** A reader of whole numbers from `least` to `most`, both included. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new UsageError(`"${text}" is not a whole number from ${least} to ${most}`);
  };
}

export function oneOf<T extends string>(...choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw new UsageError(`"${text}" is not one of ${choices.join(", ")}`);
  };
}

export function notEmpty(text: string): string {
  if (text === "") throw new UsageError("the value is empty");
  return text;
}

/** Bytes, from "512", "64k", "64M", "1.5GiB", "2T": units of 1024. */
export function size(text: string): number {
  const bytes = bytesOf(text);
  if (bytes > 0) return bytes;
  throw new UsageError(`"${text}" is not a size such as 512k, 64M or 1.5G`);
}

/** 0 for less than a byte, NaN for invalid or too large sizes. */
function bytesOf(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  if (match === null) return NaN;
  const bytes = Math.floor(Number(match[1]) * SIZE_UNITS[match[2]!.toLowerCase()]!);
  return Number.isSafeInteger(bytes) ? bytes : NaN;
}

/** A size that is a bound: elsewhere 0 often means no bound, here nothing could pass. */
export function quota(text: string): number {
  refuseNothing(text);
  return size(text);
}

/**
 * A rate like `5M`, `500K` or `1M/s`, in bytes a second; at least 1 KiB/s, or nothing would move.
 */
export function rate(text: string): number {
  const amount = text.replace(/\/s$/i, "");
  refuseNothing(amount);
  const bytes = size(amount);
  if (bytes < 1024) throw new UsageError(`"${text}" is too slow: the minimum is 1K`);
  return bytes;
}

function refuseNothing(text: string): void {
  if (bytesOf(text) !== 0) return;
  throw new UsageError(`"${text}" would block everything; to set no limit, leave the flag out`);
}

/** Seconds, from "90", "30s", "10m", "2h", "1d". */
export function duration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)([smhd]?)$/i.exec(text);
  if (match !== null) return Number(match[1]) * DURATION_UNITS[match[2]!.toLowerCase()]!;
  throw new UsageError(`"${text}" is not a time such as 30s, 10m, 2h or 1d`);
}

/** As `duration`, or "never" for Infinity. */
export function durationOrNever(text: string): number {
  return text === "never" ? Infinity : duration(text);
}

/** "host:port", "1.2.3.4:port" or "[v6]:port", as it was given. */
export function hostAndPort(text: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:\[\]\/]+)):(\d{1,5})$/i.exec(text);
  const port = match === null ? 0 : Number(match[3]);
  if (port >= 1 && port <= 65535) return text;
  throw new UsageError(`"${text}" is not HOST:PORT (an IPv6 address goes in brackets: [::1]:6881)`);
}

/** Null for "auto", else bytes. */
export function pieceLength(text: string): number | null {
  if (text === "auto") return null;
  return refusing(size(text), checkPieceLength);
}

export function trackerUrl(text: string): string {
  return refusing(text, (url) => checkUrls({ announce: [[url]] }));
}

/** One or more, with spaces between them. */
export function trackerUrls(text: string): string[] {
  return notEmpty(text.trim()).split(/\s+/).map(trackerUrl);
}

export function webSeedUrl(text: string): string {
  return refusing(text, (url) => checkUrls({ webSeeds: [url] }));
}

/** `value`, if `check` does not throw. */
function refusing<T>(value: T, check: (value: T) => void): T {
  try {
    check(value);
    return value;
  } catch (error) {
    if (!(error instanceof TorrentFileError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** The values of `seedGoal` besides "none" and "forever", for messages. */
const SEED_GOALS = "ratio:1.5, time:2h, idle:30m";

/**
 * "none", "forever", "ratio:R" (R times the size is uploaded), "time:T" or "idle:T" (nothing was
 * uploaded for that time), T as in `duration`; several with commas: the first that is reached.
 */
export function seedGoal(text: string): SeedGoal {
  const goals = text.split(",").map((one) => singleGoal(one, text));
  if (goals.length === 1) return goals[0]!;
  if (goals.every(({ kind }) => kind !== "none" && kind !== "forever")) {
    return { kind: "any", goals };
  }
  throw new UsageError(`"${text}": none and forever stand alone`);
}

function singleGoal(text: string, whole: string): SeedGoal {
  if (text === "none" || text === "forever") return { kind: text };
  const [kind, value = ""] = text.split(/:(.*)/s, 2);
  if (kind === "ratio" && /^\d{1,6}(\.\d{1,6})?$/.test(value)) {
    return { kind, ratio: Number(value) };
  }
  if (kind === "time" || kind === "idle") return { kind, seconds: duration(value) };
  throw new UsageError(`"${whole}" is not none, forever or such as ${SEED_GOALS}`);
}
