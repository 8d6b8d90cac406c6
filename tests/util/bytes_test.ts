import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  concatBytes,
  equalBytes,
  fromHex,
  fromLatin1,
  readUint16,
  readUint32,
  toHex,
  toLatin1,
  writeUint16,
  writeUint32,
} from "../../src/util/bytes.ts";

const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i);

describe("toHex, fromHex", () => {
  it("go both ways over every byte, two lower-case digits each", () => {
    assert.equal(toHex(new Uint8Array([0, 1, 0x0f, 0xa0, 0xff])), "00010fa0ff");
    assert.deepEqual(fromHex(toHex(allBytes)), allBytes);
    assert.equal(toHex(new Uint8Array()), "");
    assert.deepEqual(fromHex(""), new Uint8Array());
    assert.deepEqual(fromHex("aAFf"), new Uint8Array([0xaa, 0xff]));
  });

  it("fromHex refuses all but pairs of hexadecimal digits", () => {
    for (
      const text of ["a", "abc", "0g", " 00", "00 ", "0x00", "-1", "+1", "1e ", "\u0660\u0660"]
    ) {
      assert.throws(() => fromHex(text), RangeError, text);
    }
  });
});

describe("equalBytes", () => {
  it("compares length and every byte, views included", () => {
    const bytes = new Uint8Array([1, 2, 3]);
    assert.equal(equalBytes(bytes, new Uint8Array([1, 2, 3])), true);
    assert.equal(equalBytes(bytes, new Uint8Array([1, 2, 4])), false);
    assert.equal(equalBytes(bytes, new Uint8Array([0, 2, 3])), false);
    assert.equal(equalBytes(bytes, new Uint8Array([1, 2])), false);
    assert.equal(equalBytes(new Uint8Array(), new Uint8Array()), true);
    assert.equal(equalBytes(bytes, new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4)), true);
  });
});

describe("concatBytes", () => {
  it("joins any number of parts into a copy", () => {
    const first = new Uint8Array([1, 2]);
    const joined = concatBytes(first, new Uint8Array(), new Uint8Array([3]));
    first[0] = 9;
    assert.deepEqual(joined, new Uint8Array([1, 2, 3]));
    assert.deepEqual(concatBytes(), new Uint8Array());
  });
});

describe("toLatin1, fromLatin1", () => {
  it("go both ways over every byte, one character each", () => {
    assert.equal(toLatin1(allBytes).length, 256);
    assert.equal(toLatin1(new Uint8Array([0x41, 0x00, 0xff])), "A\0\xff");
    assert.deepEqual(fromLatin1(toLatin1(allBytes)), allBytes);
  });

  it("toLatin1 takes a part, short or longer than its chunks", () => {
    assert.equal(toLatin1(allBytes, 65, 68), "ABC");
    assert.equal(toLatin1(allBytes, 254), "\xfe\xff");
    assert.equal(toLatin1(allBytes, 10, 10), "");
    for (const length of [63, 64, 65, 4095, 4096, 4097, 100_000]) {
      const bytes = Uint8Array.from({ length: length + 5 }, (_, i) => i % 251);
      const text = toLatin1(bytes, 5);
      assert.equal(text.length, length);
      assert.deepEqual(fromLatin1(text), bytes.subarray(5));
    }
  });

  it("fromLatin1 refuses characters that are no byte", () => {
    assert.throws(() => fromLatin1("a\u0100"), RangeError);
  });
});

describe("readUint16 and 32, writeUint16 and 32", () => {
  it("are big endian and unsigned at any offset", () => {
    const bytes = new Uint8Array(8);
    for (const value of [0, 1, 0x80, 0x12345678, 0x7fffffff, 0x80000000, 0xffffffff]) {
      writeUint32(bytes, 3, value);
      assert.equal(readUint32(bytes, 3), value);
      assert.equal(new DataView(bytes.buffer).getUint32(3), value);
    }
    for (const value of [0, 1, 0x80, 0x1234, 0x8000, 0xffff]) {
      writeUint16(bytes, 5, value);
      assert.equal(readUint16(bytes, 5), value);
      assert.equal(new DataView(bytes.buffer).getUint16(5), value);
    }
  });

  it("write only their own bytes", () => {
    const bytes = new Uint8Array(8).fill(0xee);
    writeUint32(bytes, 1, 0);
    writeUint16(bytes, 6, 0);
    assert.equal(toHex(bytes), "ee00000000ee0000");
  });
});
