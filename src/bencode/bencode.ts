/**
 * The bencode decoder (BEP 3) for untrusted bytes. It makes three promises: every length is checked
 * before it is used, nothing recurses, and it only throws a ProtocolError with the byte offset in
 * its message. Unsorted keys and trailing white space pass only on request, because real .torrent
 * files have them; duplicate keys and non-canonical numbers pass only with `lenient`, as for the
 * answers of trackers.
 */
import { ProtocolError } from "../util/errors.ts";
import { toLatin1 } from "../util/bytes.ts";
import {
  BDict,
  type BValue,
  COLON,
  DICT,
  END,
  INTEGER,
  LIST,
  MINUS,
  NINE,
  ZERO,
} from "./bencode_value.ts";

export { BDict, type BValue, type Span } from "./bencode_value.ts";

/** The decoder's options. */
export interface DecodeOptions {
  /** Accepts dictionaries whose keys are not in byte order. Default false. */
  allowUnsorted?: boolean;
  /** Accepts spaces, tabs and line ends after the value. Default false. */
  allowTrailingWhitespace?: boolean;
  /**
   * Reads as much as possible: keys in any order, the first of duplicate ones, any spelling of a
   * number, a byte order mark before and anything after the value; a truncated or damaged value
   * keeps the part before the damage. An invalid number becomes an empty string. Default false.
   */
  lenient?: boolean;
  /** The most lists and dictionaries inside one another. Default 100. */
  maxDepth?: number;
  /** The most values and keys in all. Default 1,000,000. */
  maxTokens?: number;
  /** The most bytes of input. Default 32 MiB. */
  maxBytes?: number;
}

/**
 * Decodes exactly one value that fills `bytes`. Byte strings in it are views on `bytes`.
 * Codes of the ProtocolError: "too-large", "too-deep", "too-many-tokens", "truncated", "bad-token",
 * "bad-integer", "bad-length", "bad-key", "duplicate-key", "unsorted-key", "trailing-data".
 */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): BValue {
  const { value, end } = decodePrefix(bytes, options);
  let at = end;
  if (options.allowTrailingWhitespace) { while (isWhitespace(bytes[at])) at++; }
  if (at < bytes.length && !options.lenient) {
    fail("trailing-data", "There are bytes behind the value", at);
  }
  return value;
}

/** Decodes the value at the start of `bytes`; `end` is the offset after its last byte. */
export function decodePrefix(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): { value: BValue; end: number } {
  const maxBytes = options.maxBytes ?? 32 * 1024 * 1024;
  if (bytes.length > maxBytes) {
    fail("too-large", `The data is over ${maxBytes} bytes long`, maxBytes);
  }
  const decoder = new Decoder(bytes, options);
  return { value: decoder.value(), end: decoder.at };
}

/** Room for any 64-bit number, signed or not. */
const MAX_DIGITS = 20;
/** The most characters of a number that is read leniently. */
const MAX_NUMBER = 40;
/** A number of this many digits is always a safe integer. */
const SAFE_DIGITS = 15;

/** A list or dictionary that has not ended yet. */
class OpenContainer {
  readonly values: BValue[] = [];
  /** Null in a list. */
  readonly keys: string[] | null;
  sorted = true;

  constructor(readonly start: number, isDict: boolean) {
    this.keys = isDict ? [] : null;
  }
}

class Decoder {
  /** The next byte to read. */
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #allowUnsorted: boolean;
  readonly #lenient: boolean;
  readonly #maxDepth: number;
  readonly #maxTokens: number;
  #tokens = 0;
  readonly #open: OpenContainer[] = [];

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.#bytes = bytes;
    this.#lenient = options.lenient ?? false;
    this.#allowUnsorted = options.allowUnsorted ?? this.#lenient;
    if (this.#lenient) this.#skipMarks();
    this.#maxDepth = options.maxDepth ?? 100;
    this.#maxTokens = options.maxTokens ?? 1_000_000;
  }

  value(): BValue {
    try {
      return this.#whole();
    } catch (error) {
      const salvaged = this.#lenient && error instanceof ProtocolError
        ? this.#salvage(error)
        : null;
      if (salvaged === null) throw error;
      return salvaged;
    }
  }

  #whole(): BValue {
    for (;;) {
      const container = this.#open[this.#open.length - 1];
      const ends = container !== undefined && this.#bytes[this.at] === END;
      if (!ends && container !== undefined && container.keys !== null) {
        this.#key(container, container.keys);
      }
      const done = ends ? this.#close(container) : this.#start();
      if (done === undefined) continue;
      const parent = this.#open[this.#open.length - 1];
      if (parent === undefined) return done;
      parent.values.push(done);
    }
  }

  /** The part before the damage. Null if a limit was exceeded, or if there is none. */
  #salvage({ code }: ProtocolError): BValue | null {
    if (code === "too-deep" || code === "too-many-tokens") return null;
    let inner: BValue | null = null;
    for (let open = this.#open.pop(); open !== undefined; open = this.#open.pop()) {
      if (inner !== null) open.values.push(inner);
      const { keys, values } = open;
      if (keys !== null) keys.length = values.length; // the last key may have no value
      inner = keys === null ? values : new BDict(this.#bytes, open.start, keys, values);
    }
    return inner;
  }

  #skipMarks(): void {
    const bytes = this.#bytes;
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.at = 3;
    while (isWhitespace(bytes[this.at])) this.at++;
  }

  /** Reads a whole integer or string; of a list or dictionary only the opening (undefined). */
  #start(): number | bigint | Uint8Array | undefined {
    this.#count();
    const byte = this.#bytes[this.at]!;
    if (byte >= ZERO && byte <= NINE) {
      const from = this.#string();
      return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + from, this.at - from);
    }
    if (byte === INTEGER) return this.#integer();
    if (byte !== DICT && byte !== LIST) {
      if (byte === undefined) fail("truncated", "The data ends where a value should be", this.at);
      fail("bad-token", "No value can start with this byte", this.at);
    }
    if (this.#open.length >= this.#maxDepth) {
      fail("too-deep", `More than ${this.#maxDepth} lists and dictionaries are nested`, this.at);
    }
    this.#open.push(new OpenContainer(this.at, byte === DICT));
    this.at++;
    return undefined;
  }

  #close(container: OpenContainer): BValue[] | BDict {
    this.#open.pop();
    this.at++;
    if (container.keys === null) return container.values;
    const isDoubtful = !container.sorted && !this.#lenient;
    if (isDoubtful && new Set(container.keys).size < container.keys.length) {
      fail("duplicate-key", "A key comes twice in the dictionary", container.start);
    }
    return new BDict(this.#bytes, container.start, container.keys, container.values);
  }

  #key(container: OpenContainer, keys: string[]): void {
    this.#count();
    const start = this.at, byte = this.#bytes[start]!;
    if (byte === undefined) fail("truncated", "The data ends inside a dictionary", start);
    if (byte < ZERO || byte > NINE) fail("bad-key", "A dictionary key is not a string", start);
    const key = toLatin1(this.#bytes, this.#string(), this.at);
    // One character is one byte, so comparing the strings compares the bytes.
    const last = keys.length > 0 ? keys[keys.length - 1]! : "";
    if (keys.length > 0 && key <= last && !this.#lenient) {
      if (key === last) fail("duplicate-key", "A dictionary key comes twice", start);
      if (!this.#allowUnsorted) {
        fail("unsorted-key", "A dictionary key is not in byte order", start);
      }
      container.sorted = false;
    }
    keys.push(key);
  }

  /** Skips a string; returns where its bytes start. They end at `this.at`. */
  #string(): number {
    const bytes = this.#bytes, start = this.at;
    let at = start, length = 0;
    while (bytes[at]! >= ZERO && bytes[at]! <= NINE) {
      length = length * 10 + bytes[at]! - ZERO;
      if (length > bytes.length) fail("truncated", "A string is longer than the data", start);
      at++;
    }
    if (at === bytes.length) fail("truncated", "The data ends inside a string's length", at);
    if (bytes[at] !== COLON) fail("bad-length", "A string's length has no colon after it", at);
    if (bytes[start] === ZERO && at > start + 1 && !this.#lenient) {
      fail("bad-length", "A string's length has a leading zero", start);
    }
    const from = at + 1;
    if (length > bytes.length - from) {
      fail("truncated", "A string is longer than the data", start);
    }
    this.at = from + length;
    return from;
  }

  #integer(): number | bigint | Uint8Array {
    if (this.#lenient) return this.#anyNumber();
    const bytes = this.#bytes, start = this.at;
    const negative = bytes[start + 1] === MINUS;
    const first = negative ? start + 2 : start + 1;
    let end = first;
    while (bytes[end]! >= ZERO && bytes[end]! <= NINE) end++;
    if (end === bytes.length) fail("truncated", "The data ends inside an integer", end);
    const digits = end - first;
    if (bytes[end] !== END || digits === 0) {
      fail("bad-integer", "An integer is not digits up to an e", end);
    }
    if (bytes[first] === ZERO && (digits > 1 || negative)) {
      fail("bad-integer", "An integer has a leading zero or is minus zero", start);
    }
    if (digits > MAX_DIGITS) {
      fail("bad-integer", `An integer has more than ${MAX_DIGITS} digits`, start);
    }
    this.at = end + 1;
    if (digits > SAFE_DIGITS) return bigInteger(toLatin1(bytes, start + 1, end));
    let value = 0;
    for (let i = first; i < end; i++) value = value * 10 + bytes[i]! - ZERO;
    return negative ? -value : value;
  }

  /** Reads it like a spreadsheet, without the fraction. */
  #anyNumber(): number | Uint8Array {
    const start = this.at + 1, end = this.#bytes.indexOf(END, start);
    if (end < 0 || end - start > MAX_NUMBER) fail("truncated", "An integer does not end", start);
    this.at = end + 1;
    const value = Math.trunc(Number(toLatin1(this.#bytes, start, end).trim() || NaN));
    if (Number.isNaN(value)) return new Uint8Array(0);
    return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER) + 0;
  }

  #count(): void {
    if (++this.#tokens > this.#maxTokens) {
      fail("too-many-tokens", `There are over ${this.#maxTokens} values and keys`, this.at);
    }
  }
}

function bigInteger(digits: string): number | bigint {
  const value = BigInt(digits), small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function fail(code: string, what: string, at: number): never {
  throw new ProtocolError(code, `${what} (bencode, byte ${at})`);
}
