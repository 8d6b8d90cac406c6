/** Small helpers on byte arrays that several layers share. */

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
const DIGITS = new TextEncoder().encode("0123456789abcdef");
/** The digits of a text that is being built. */
const scratch = new Uint8Array(128);

export function toHex(bytes: Uint8Array): string {
  if (2 * bytes.length > scratch.length) return Array.from(bytes, (byte) => HEX[byte]).join("");
  for (let i = 0; i < bytes.length; i++) {
    scratch[2 * i] = DIGITS[bytes[i]! >> 4]!;
    scratch[2 * i + 1] = DIGITS[bytes[i]! & 15]!;
  }
  // In one piece: a concatenated text keeps its parts, half a kilobyte for an info-hash.
  return latin1Of(scratch.subarray(0, 2 * bytes.length));
}

function latin1Of(codes: Uint8Array): string {
  return String.fromCharCode.apply(null, codes as unknown as number[]);
}

/** Throws a RangeError on anything but an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new RangeError(`Cannot read "${text.slice(0, 50)}" as hexadecimal`);
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Each byte as one character (U+0000 to U+00FF): a map key that keeps binary keys apart. */
export function toLatin1(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start > 64) return longToLatin1(bytes.subarray(start, end));
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/** In chunks: adding single characters would cost 32 bytes of memory for each of them. */
function longToLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += latin1Of(bytes.subarray(at, at + 4096));
  }
  return text;
}

/** The inverse of toLatin1; throws a RangeError on a character above U+00FF. */
export function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw new RangeError("Cannot turn a character above U+00FF into one byte");
    bytes[i] = code;
  }
  return bytes;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>>
    0;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
