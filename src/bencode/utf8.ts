/**
 * UTF-8 from hostile sources. A whole invalid sequence (its lead byte and the continuation bytes
 * that belong to it) counts once, so an overlong "/" or a truncated letter becomes a single "_".
 */

/** The smallest code point that needs this many bytes; below it a sequence is overlong. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000] as const;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Null if `bytes` are not valid UTF-8. A byte order mark stays. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  const text = decoder.decode(bytes);
  // Only a text with a replacement character can be invalid; it may also contain a real one.
  if (!text.includes("\ufffd")) return text;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceAt(bytes, at);
    if (length < 0) return null;
    at += length;
  }
  return text;
}

/** `bytes` as text, with "_" for each invalid sequence. */
export function repairUtf8(bytes: Uint8Array): string {
  const whole = decoder.decode(bytes);
  if (!whole.includes("\ufffd")) return whole;
  let text = "", goodFrom = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceAt(bytes, at);
    if (length < 0) {
      if (at > goodFrom) text += decoder.decode(bytes.subarray(goodFrom, at));
      text += "_";
      goodFrom = at - length;
    }
    at += Math.abs(length);
  }
  return text + decoder.decode(bytes.subarray(goodFrom));
}

/**
 * Reads names: as UTF-8, else in the code page `label` ("windows-1251", "gbk", ...), else repaired.
 * Any text may be passed as label; an unknown one counts as none.
 */
export function nameDecoder(label: string | null): (bytes: Uint8Array) => string {
  let codePage: TextDecoder | null | undefined;
  return (bytes) => {
    const text = decodeUtf8(bytes);
    if (text !== null) return text;
    if (codePage === undefined) codePage = codePageOf(label);
    return codePage === null ? repairUtf8(bytes) : decodeWith(codePage, bytes) ?? repairUtf8(bytes);
  };
}

function codePageOf(label: string | null): TextDecoder | null {
  if (label === null || label === "") return null;
  try {
    return new TextDecoder(label as "utf-8", { fatal: true }); // Bun's types name only a few labels
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function decodeWith(codePage: TextDecoder, bytes: Uint8Array): string | null {
  try {
    return codePage.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** The number of bytes of `text` in UTF-8. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // A surrogate pair is two units and four bytes.
    length += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3;
  }
  return length;
}

/**
 * Below, at or above 0 as the UTF-8 bytes of `a` and `b` compare, which is by code points; JavaScript's
 * own order is that of UTF-16. For well-formed text.
 */
export function compareUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  let i = 0;
  while (i < shared && a[i] === b[i]) i++;
  if (i === shared) return a.length - b.length;
  // If two texts part inside a pair, its first half is equal and the order is that of the second
  // halves.
  return a.codePointAt(i)! - b.codePointAt(i)!;
}

/** The length of the sequence at `at`, negative if it is invalid. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const expected = expectedLength(lead);
  let length = 1;
  while (length < expected && (bytes[at + length]! & 0xc0) === 0x80) length++;
  if (length < expected || expected < 2 || expected > 4) return -length;
  let point = lead & (0x7f >> expected);
  for (let i = 1; i < expected; i++) point = (point << 6) | (bytes[at + i]! & 0x3f);
  const overlong = point < SMALLEST[expected]!;
  const surrogate = point >= 0xd800 && point < 0xe000;
  return overlong || surrogate || point > 0x10ffff ? -length : length;
}

/** By the lead byte, in the original scheme of up to six bytes; 1 if it cannot lead. */
function expectedLength(lead: number): number {
  if (lead < 0xc0 || lead > 0xfd) return 1;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  if (lead < 0xf8) return 4;
  return lead < 0xfc ? 5 : 6;
}
