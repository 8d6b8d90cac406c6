import assert from "node:assert/strict";
import { describe, it } from "node:test";
// @ts-types="../../src/bencode/bencode_package.d.ts"
import bencode from "bencode";
import fc from "fast-check";
import { BDict, type BValue, decode } from "../../src/bencode/bencode.ts";
import { type Encodable, encode } from "../../src/bencode/bencode_encode.ts";
import { concatBytes, fromLatin1, toHex, toLatin1 } from "../../src/util/bytes.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (value: Encodable) => new TextDecoder().decode(encode(value));

describe("encode", () => {
  it("writes strings as UTF-8, integers, bytes, lists, maps and plain objects", () => {
    assert.equal(text("spam"), "4:spam");
    assert.equal(text("h\u00e9"), "3:h\u00e9");
    assert.equal(text(""), "0:");
    assert.equal(text(-42), "i-42e");
    assert.equal(text(-0), "i0e");
    assert.equal(text(Number.MAX_SAFE_INTEGER), "i9007199254740991e");
    assert.equal(text(7n), "i7e");
    assert.equal(text([1, ["a"], []]), "li1el1:aelee");
    assert.equal(text({ a: 1, b: { c: "d" } }), "d1:ai1e1:bd1:c1:dee");
    assert.equal(text(new Map([["a", 1]])), "d1:ai1ee");
    assert.equal(text(Object.assign(Object.create(null), { a: 1 })), "d1:ai1ee");
    const bytes = new Uint8Array([9, 0xff, 0, 9]).subarray(1, 3);
    assert.equal(toLatin1(encode(bytes)), "2:\xff\0");
  });

  it("sorts keys by bytes, whatever order they come in", () => {
    assert.equal(text({ b: 1, a: 2, B: 3, ab: 4 }), "d1:Bi3e1:ai2e2:abi4e1:bi1ee");
    assert.equal(text({ 10: 1, 9: 2, "": 3 }), "d0:i3e2:10i1e1:9i2ee");
    assert.equal(text(new Map([["\u00e9", 1], ["z", 2]])), "d1:zi2e2:\u00e9i1ee");
    assert.equal(text({ "\u{1f600}": 1, "\u{1f601}": 2 }), "d4:\u{1f600}i1e4:\u{1f601}i2ee");
  });

  it("writes __proto__ as a key like any other", () => {
    assert.equal(text(new Map([["__proto__", 1]])), "d9:__proto__i1ee");
    assert.equal(text(JSON.parse('{"__proto__":{"a":1}}')), "d9:__proto__d1:ai1eee");
  });

  it("refuses values that the package would lose or write incorrectly, with a RangeError", () => {
    const cyclic: Encodable[] = [];
    cyclic.push(cyclic);
    const holes: number[] = [1];
    holes[2] = 3;
    const wrong: unknown[] = [
      null,
      undefined,
      true,
      1.5,
      NaN,
      Infinity,
      2 ** 53,
      2n ** 53n,
      -(2n ** 53n),
      Symbol("x"),
      () => 1,
      new Date(0),
      new Set([1]),
      new ArrayBuffer(2),
      new Uint16Array(2),
      [undefined],
      [null],
      holes,
      { a: undefined },
      { a: null },
      { a: [1.5] },
      new Map<unknown, unknown>([[1, 2]]),
      new Map<unknown, unknown>([[new Uint8Array([255]), 1]]),
      "half a \ud83d pair",
      { "\ud83d": 1 },
      { "\u{1f600}": 1, "\ufffd": 2 },
      { "a\u{1f600}": 1, "a\uff00b": 2 },
      cyclic,
    ];
    for (const value of wrong) {
      assert.throws(() => encode(value as Encodable), RangeError, String(wrong.indexOf(value)));
    }
  });

  it("refuses astral keys only where UTF-16 and bytes really differ", () => {
    assert.equal(text({ "\u{1f600}": 1, "\ud7ff": 2 }), "d3:\ud7ffi2e4:\u{1f600}i1ee");
    assert.equal(text({ "a\u{1f600}": 1, "b\uff00": 2 }), "d5:a\u{1f600}i1e4:b\uff00i2ee");
  });
});

/** What `encode` takes and the package decodes rightly, too. */
const key = fc.string({ unit: "grapheme", maxLength: 8 }).filter((name) =>
  !name.includes("\ufffd") && !name.startsWith("\ufeff") && name !== "__proto__" &&
  !/[\ud800-\udfff]/.test(name)
);
const { value: encodable } = fc.letrec<{ value: Encodable }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.maxSafeInteger(),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 6 }),
  ),
}));

/** The value as hex strings for bytes, so that all three can be compared. */
function normal(value: unknown): unknown {
  if (typeof value === "string") return toHex(utf8(value));
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(normal);
  if (value instanceof BDict) {
    return normalEntries([...value.entries()].map(([k, v]) => [decodeKey(k), v]));
  }
  if (typeof value === "object" && value !== null) return normalEntries(Object.entries(value));
  return Object.is(value, -0) ? 0 : value;
}

function normalEntries(entries: [string, unknown][]): unknown {
  return { dict: new Map(entries.map(([name, value]) => [toHex(utf8(name)), normal(value)])) };
}

const decodeKey = (name: string) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(fromLatin1(name));

/** Canonical bencode by other code than the package's. */
function write(value: BValue): Uint8Array {
  if (typeof value === "number" || typeof value === "bigint") return utf8(`i${value}e`);
  if (value instanceof Uint8Array) return concatBytes(utf8(`${value.length}:`), value);
  if (Array.isArray(value)) return concatBytes(utf8("l"), ...value.map(write), utf8("e"));
  const pairs = [...value.entries()].flatMap(([k, v]) => [write(fromLatin1(k)), write(v)]);
  return concatBytes(utf8("d"), ...pairs, utf8("e"));
}

describe("encode and decode beside the npm package", () => {
  const run = { seed: 20251121, numRuns: 1000 };

  it("decode reads back what the package encodes", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(encodable, (value) => {
        const bytes = bencode.encode(value);
        assert.deepEqual(normal(decode(bytes)), normal(value));
        assert.deepEqual(encode(value), bytes);
      }),
      run,
    );
  });

  it("on canonical bytes both decoders agree", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(encodable, (value) => {
        const bytes = encode(value);
        assert.deepEqual(normal(decode(bytes)), normal(bencode.decode(bytes)));
      }),
      run,
    );
  });

  it("decoded values, encoded again, are the original bytes", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(encodable, (value) => {
        const bytes = encode(value);
        assert.deepEqual(write(decode(bytes)), bytes);
      }),
      run,
    );
  });

  it("strict decode accepts what the package writes, for values that the package reads correctly", () => {
    // A few by hand that a generator seldom finds.
    for (const value of [{}, [], "", new Uint8Array(), { "": {} }, [[[[]]]], { a: [], b: "" }]) {
      assert.deepEqual(normal(decode(encode(value))), normal(bencode.decode(encode(value))));
    }
  });
});
