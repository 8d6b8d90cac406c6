/** What bencoded bytes decode to (BEP 3). Nothing here copies: byte strings are views on the input. */
import { repairUtf8 } from "./utf8.ts";

/** An integer is a bigint only beyond +-(2^53 - 1). */
export type BValue = number | bigint | Uint8Array | BValue[] | BDict;

/** Where a value is in the decoded bytes: from its first byte to the end of its last. */
export interface Span {
  /** Its first byte. */
  readonly start: number;
  /** The first byte after it. */
  readonly end: number;
}

export const ZERO = 0x30, NINE = 0x39, COLON = 0x3a, MINUS = 0x2d;
export const DICT = 0x64, END = 0x65, INTEGER = 0x69, LIST = 0x6c;

/** Up to this many keys a linear search is faster than a map. */
const WALK_LIMIT = 8;

/**
 * A dictionary in the order found. Keys are bytes: each is stored as a latin1 string (one character
 * per byte), so that binary keys, `__proto__` and the like are ordinary keys. The typed getters
 * return undefined for a missing key and for a value of another type.
 */
export class BDict {
  readonly #input: Uint8Array;
  readonly #start: number;
  readonly #keys: readonly string[];
  readonly #values: readonly BValue[];
  #index: Map<string, number> | null = null;

  /** For the decoder; `start` is the offset of the dictionary's "d" in `input`. */
  constructor(
    input: Uint8Array,
    start: number,
    keys: readonly string[],
    values: readonly BValue[],
  ) {
    this.#input = input;
    this.#start = start;
    this.#keys = keys;
    this.#values = values;
  }

  /** Number of keys. */
  get size(): number {
    return this.#keys.length;
  }

  /** The keys as Latin-1 text, in their order. */
  keys(): readonly string[] {
    return this.#keys;
  }

  /** Keys and values, in their order. */
  *entries(): Generator<[key: string, value: BValue]> {
    for (let i = 0; i < this.#keys.length; i++) yield [this.#keys[i]!, this.#values[i]!];
  }

  /** Whether it has this key. */
  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** The value of a key. */
  get(key: string): BValue | undefined {
    return this.#values[this.#find(key)];
  }

  /** A safe integer; a bigint counts as another type. */
  int(key: string): number | undefined {
    const value = this.get(key);
    return typeof value === "number" ? value : undefined;
  }

  /** The same, if it is a string. */
  bytes(key: string): Uint8Array | undefined {
    const value = this.get(key);
    return value instanceof Uint8Array ? value : undefined;
  }

  /** A byte string read as UTF-8; each sequence that is not valid shows as "_". */
  text(key: string): string | undefined {
    const value = this.bytes(key);
    return value === undefined ? undefined : repairUtf8(value);
  }

  /** The same, if it is a list. */
  list(key: string): BValue[] | undefined {
    const value = this.get(key);
    return Array.isArray(value) ? value : undefined;
  }

  /** The same, if it is a dictionary. */
  dict(key: string): BDict | undefined {
    const value = this.get(key);
    return value instanceof BDict ? value : undefined;
  }

  /**
   * Where the value is in the decoded bytes. Found by skipping everything before it, because few
   * are ever needed and recording all of them would halve the speed of decoding.
   */
  span(key: string): Span | undefined {
    const i = this.#find(key);
    if (i < 0) return undefined;
    let start = this.#start + 1;
    for (let value = 0; value < i; value++) start = skip(this.#input, skip(this.#input, start));
    start = skip(this.#input, start);
    return { start, end: skip(this.#input, start) };
  }

  /** The value's own bytes as found, for hashing: a view. */
  raw(key: string): Uint8Array | undefined {
    const span = this.span(key);
    if (span === undefined) return undefined;
    const { buffer, byteOffset } = this.#input;
    return new Uint8Array(buffer, byteOffset + span.start, span.end - span.start);
  }

  #find(key: string): number {
    if (this.#keys.length <= WALK_LIMIT) {
      for (let i = 0; i < this.#keys.length; i++) if (this.#keys[i] === key) return i;
      return -1;
    }
    // Backwards, so that the first of duplicate keys counts, as in a linear search.
    this.#index ??= new Map(this.#keys.map((name, i) => [name, i] as const).reverse());
    return this.#index.get(key) ?? -1;
  }
}

/**
 * The offset after the value at `at`, in bytes that were decoded before and are therefore valid.
 */
function skip(bytes: Uint8Array, at: number): number {
  let depth = 0;
  do {
    const byte = bytes[at]!;
    if (byte === INTEGER) {
      at = bytes.indexOf(END, at) + 1;
    } else if (byte <= NINE) {
      let length = 0;
      while (bytes[at] !== COLON) length = length * 10 + bytes[at++]! - ZERO;
      at += 1 + length;
    } else {
      depth += byte === END ? -1 : 1;
      at++;
    }
  } while (depth > 0);
  return at;
}
