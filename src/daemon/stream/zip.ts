/**
 * Files as a ZIP without compression, whose length is known before its first byte. The sums (CRC-32) are
 * behind each file, since nothing is read twice; sizes are in the ZIP64 form wherever they need it.
 */
import type { ArchiveFile } from "./tar.ts";

const UTF8 = new TextEncoder();
const MOST_32 = 0xffffffff;
/** Bit 3: the sum follows the data; bit 11: the name is UTF-8. */
const FLAGS = 0x0808;

interface Entry {
  readonly name: Uint8Array;
  readonly size: number;
  /** Of its head in the archive. */
  readonly at: number;
}

/** Behind a file's data: sums and sizes. */
const DESCRIPTOR_LENGTH = 24;

export function zipLength(files: readonly ArchiveFile[]): number {
  let at = 0;
  const entries = files.map(({ name, size }) => {
    const entry = { name: UTF8.encode(name), size, at };
    at += localHead(entry).length + size + DESCRIPTOR_LENGTH;
    return entry;
  });
  return at + directory(entries, entries.map(() => 0), at, 0).length;
}

/** `time`: seconds since 1970. */
export async function* zipOf(
  files: readonly ArchiveFile[],
  time: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const entries: Entry[] = [], sums: number[] = [];
  let at = 0;
  for (const file of files) {
    const entry: Entry = { name: UTF8.encode(file.name), size: file.size, at };
    const head = localHead(entry, time);
    yield head;
    let crc = 0;
    for await (const bytes of await file.open()) {
      crc = crc32(bytes, crc);
      yield bytes;
    }
    yield descriptor(crc, file.size);
    entries.push(entry);
    sums.push(crc);
    at += head.length + file.size + DESCRIPTOR_LENGTH;
  }
  yield directory(entries, sums, at, time);
}

/** With a ZIP64 field for each file, since a data descriptor has 8-byte sizes only then. */
function localHead({ name }: Entry, time = 0): Uint8Array<ArrayBuffer> {
  const out = new Packer();
  out.u32(0x04034b50).u16(45).u16(FLAGS).u16(0).u32(dosTime(time));
  out.u32(0).u32(MOST_32).u32(MOST_32).u16(name.length).u16(20).raw(name);
  return out.u16(1).u16(16).u64(0).u64(0).bytes;
}

function descriptor(crc: number, size: number): Uint8Array<ArrayBuffer> {
  return new Packer().u32(0x08074b50).u32(crc).u64(size).u64(size).bytes;
}

function directory(
  entries: readonly Entry[],
  sums: readonly number[],
  start: number,
  time: number,
): Uint8Array<ArrayBuffer> {
  const out = new Packer();
  entries.forEach(({ name, size, at }, i) => {
    out.u32(0x02014b50).u16(45 | 3 << 8).u16(45).u16(FLAGS).u16(0).u32(dosTime(time)).u32(sums[i]!);
    out.u32(MOST_32).u32(MOST_32).u16(name.length).u16(28).u16(0).u16(0).u16(0);
    out.u32(0o100644 * 0x10000).u32(MOST_32).raw(name);
    out.u16(1).u16(24).u64(size).u64(size).u64(at);
  });
  const length = out.length, count = entries.length;
  out.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(count).u64(count);
  out.u64(length).u64(start);
  out.u32(0x07064b50).u32(0).u64(start + length).u32(1);
  const few = Math.min(count, 0xffff);
  out.u32(0x06054b50).u16(0).u16(0).u16(few).u16(few);
  return out.u32(Math.min(length, MOST_32)).u32(MOST_32).u16(0).bytes;
}

/** UTC, from 1980 on. */
function dosTime(seconds: number): number {
  const date = new Date(Math.max(seconds, 315_532_800) * 1000);
  const day = (date.getUTCFullYear() - 1980) << 9 | (date.getUTCMonth() + 1) << 5 |
    date.getUTCDate();
  const time = date.getUTCHours() << 11 | date.getUTCMinutes() << 5 | date.getUTCSeconds() >> 1;
  return day * 0x10000 + time;
}

/** Little-endian numbers, one after the other. */
class Packer {
  readonly #out: number[] = [];

  get length(): number {
    return this.#out.length;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#out);
  }

  u16(value: number): this {
    this.#out.push(value & 255, value >>> 8 & 255);
    return this;
  }

  u32(value: number): this {
    return this.u16(value).u16(value >>> 16);
  }

  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.#out.push(byte);
    return this;
  }
}

/** By tables for eight bytes at a time. */
const TABLES = ((): Uint32Array[] => {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1;
    tables[0]![i] = crc;
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const before = tables[t - 1]![i]!;
      tables[t]![i] = before >>> 8 ^ tables[0]![before & 255]!;
    }
  }
  return tables;
})();

/** CRC-32 of ISO 3309; `before`: that of the bytes before these. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = ~before, i = 0;
  for (; i + 8 <= bytes.length; i += 8) {
    crc ^= bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24;
    crc = t7[crc & 255]! ^ t6[crc >>> 8 & 255]! ^ t5[crc >>> 16 & 255]! ^ t4[crc >>> 24]! ^
      t3[bytes[i + 4]!]! ^ t2[bytes[i + 5]!]! ^ t1[bytes[i + 6]!]! ^ t0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]!) & 255]! ^ crc >>> 8;
  return ~crc >>> 0;
}
