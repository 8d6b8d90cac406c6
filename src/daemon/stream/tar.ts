/** Files as a TAR (POSIX ustar with pax headers), whose length is known before its first byte. */

/** A file of an archive. */
export interface ArchiveFile {
  /** With "/" between folders. */
  readonly name: string;
  readonly size: number;
  open(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

const BLOCK = 512;
/** An octal number of 11 digits; more, and longer names, go into a pax header. */
const MOST_OCTAL = 8 ** 11 - 1, MOST_NAME = 100;
const UTF8 = new TextEncoder();

export function tarLength(files: readonly ArchiveFile[]): number {
  return files.reduce((sum, file) => sum + headOf(file, 0).length + padded(file.size), 2 * BLOCK);
}

/** `time`: seconds since 1970. */
export async function* tarOf(
  files: readonly ArchiveFile[],
  time: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const file of files) {
    yield headOf(file, time);
    for await (const bytes of await file.open()) yield bytes;
    yield new Uint8Array(padded(file.size) - file.size);
  }
  yield new Uint8Array(2 * BLOCK);
}

function headOf({ name, size }: ArchiveFile, time: number): Uint8Array<ArrayBuffer> {
  const bytes = UTF8.encode(name),
    isPlain = bytes.length <= MOST_NAME && bytes.every((b) => b < 0x80);
  if (isPlain && size <= MOST_OCTAL) return header(bytes, size, time, "0");
  const records = UTF8.encode(record("path", name) + record("size", String(size)));
  const body = new Uint8Array(padded(records.length));
  body.set(records);
  const short = bytes.slice(0, MOST_NAME).map((byte) => byte < 0x80 ? byte : 0x5f);
  const parts = [
    header(UTF8.encode("pax"), records.length, time, "x"),
    body,
    header(short, Math.min(size, MOST_OCTAL), time, "0"),
  ];
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`, bytes = UTF8.encode(rest).length;
  let length = bytes + String(bytes).length;
  length = bytes + String(length).length;
  return length + rest;
}

function header(
  name: Uint8Array,
  size: number,
  time: number,
  type: string,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => head.set(UTF8.encode(text), at);
  head.set(name);
  put(100, "0000644\0");
  put(108, "0000000\x000000000\0");
  put(124, `${size.toString(8).padStart(11, "0")}\0`);
  put(136, `${Math.floor(time).toString(8).padStart(11, "0")}\0`);
  put(148, "        ");
  put(156, type);
  put(257, "ustar\x0000");
  const sum = head.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return head;
}

function padded(length: number): number {
  return Math.ceil(length / BLOCK) * BLOCK;
}
