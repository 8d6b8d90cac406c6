/**
 * Whether two resume records of a torrent agree in everything that must not be lost. Counters,
 * times and peers are left out: without them, a crash costs a little, but nothing is wrong.
 */
import type { ResumeData } from "../state/resume_data.ts";
import { Bitfield } from "../util/bitfield.ts";
import { equalBytes } from "../util/bytes.ts";

type Told = Omit<ResumeData, (typeof LEFT_OUT)[number]>;
const LEFT_OUT = [
  "totals",
  "identity",
  "goodPeers",
  "bannedPeers",
  "savedAtMs",
] as const satisfies readonly (keyof ResumeData)[];

export function tellsTheSame(a: Told, b: Told): boolean {
  const omitted: readonly string[] = LEFT_OUT;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) =>
    omitted.includes(key) || isSame(a[key as keyof Told], b[key as keyof Told])
  );
}

/** Compares plain data, of which records are made. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b);
  if (a instanceof Bitfield) {
    return b instanceof Bitfield && a.length === b.length && equalBytes(a.bytes, b.bytes);
  }
  if (a instanceof Map) return b instanceof Map && isSame([...a], [...b]);
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => isSame(a[key as keyof typeof a], b[key as keyof typeof b]));
}
