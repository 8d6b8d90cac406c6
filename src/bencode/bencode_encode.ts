/**
 * The bencode encoder (BEP 3): checks that the npm package `bencode` writes a value correctly, and
 * lets it write. The package silently loses bigints, null and fractions and sorts keys by UTF-16
 * instead of bytes; such values are refused here with a RangeError.
 */
// @ts-types="./bencode_package.d.ts"
// @ts-ignore: other compilers than Deno's find no types of it
import bencode from "bencode";
import { compareUtf8 } from "./utf8.ts";

/** Strings and keys are written as UTF-8; numbers and bigints must be safe integers. */
export type Encodable =
  | string
  | number
  | bigint
  | Uint8Array
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable>
  | { readonly [key: string]: Encodable };

const MAX_DEPTH = 100;

/** Canonical bencode: keys in byte order, whatever order they come in. Throws a RangeError. */
export function encode(value: Encodable): Uint8Array {
  return bencode.encode(prepare(value, 0));
}

/** The same value made only of strings, numbers, byte arrays, arrays and maps. */
function prepare(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return wellFormed(value);
    case "number":
    case "bigint":
      return safeInteger(value);
    case "object":
      if (value instanceof Uint8Array) return value;
      if (depth >= MAX_DEPTH) refuse(`a value nested more than ${MAX_DEPTH} deep`);
      // Array.from, unlike map, also visits the holes, which are refused as undefined.
      if (Array.isArray(value)) return Array.from(value, (item) => prepare(item, depth + 1));
      return prepareDict(entriesOf(value), depth);
    default:
      refuse(typeof value);
  }
}

function prepareDict(entries: readonly [unknown, unknown][], depth: number): unknown {
  const dict = new Map<string, unknown>();
  for (const [key, value] of entries) {
    if (typeof key !== "string") refuse(`a key of type ${typeof key}`);
    dict.set(wellFormed(key), prepare(value, depth + 1));
  }
  const keys = [...dict.keys()].sort();
  for (let i = 1; i < keys.length; i++) {
    if (compareUtf8(keys[i - 1]!, keys[i]!) > 0) {
      refuse("keys whose UTF-16 order is not byte order");
    }
  }
  return dict;
}

function entriesOf(value: object | null): [unknown, unknown][] {
  if (value === null) refuse("null");
  if (value instanceof Map) return [...value];
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) refuse("an object that is not plain");
  return Object.entries(value);
}

function safeInteger(value: number | bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) refuse(`the number ${value}, which is no safe integer`);
  return number;
}

/** Half a surrogate pair cannot be UTF-8. */
function wellFormed(text: string): string {
  if (/\p{Surrogate}/u.test(text)) refuse("text that is not well-formed Unicode");
  return text;
}

function refuse(what: string): never {
  throw new RangeError(`Cannot bencode ${what}`);
}
