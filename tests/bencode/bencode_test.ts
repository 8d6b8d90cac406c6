import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import {
  BDict,
  type BValue,
  decode,
  type DecodeOptions,
  decodePrefix,
} from "../../src/bencode/bencode.ts";
import { concatBytes, fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import { randomBytes } from "../harness/random_bytes.ts";

/** The bytes of a text of characters up to U+00FF. */
const b = fromLatin1;

function dict(text: string, options?: DecodeOptions): BDict {
  const value = decode(b(text), options);
  assert.ok(value instanceof BDict);
  return value;
}

function refusal(input: string | Uint8Array, options?: DecodeOptions): ProtocolError {
  try {
    decode(typeof input === "string" ? b(input) : input, options);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    return error;
  }
  assert.fail(`${input} was taken`);
}

/** [input, code, offset in the message]. */
function assertRefused(cases: [input: string, code: string, at?: number][], o?: DecodeOptions) {
  for (const [input, code, at] of cases) {
    const error = refusal(input, o);
    assert.equal(error.code, code, input);
    if (at !== undefined) assert.match(error.message, new RegExp(`byte ${at}\\)`), input);
  }
}

describe("decode: integers", () => {
  it("reads them exactly, as bigint only beyond the safe ones", () => {
    const cases: [string, number | bigint][] = [
      ["0", 0],
      ["-1", -1],
      ["42", 42],
      ["999999999999999", 999999999999999],
      ["9007199254740991", Number.MAX_SAFE_INTEGER],
      ["-9007199254740991", Number.MIN_SAFE_INTEGER],
      ["9007199254740992", 9007199254740992n],
      ["9007199254740993", 9007199254740993n],
      ["-9223372036854775808", -9223372036854775808n],
      ["18446744073709551615", 18446744073709551615n],
    ];
    for (const [digits, value] of cases) assert.equal(decode(b(`i${digits}e`)), value);
    assert.ok(Object.is(decode(b("i0e")), 0));
  });

  it("refuses every other way to write them", () => {
    assertRefused([
      ["ie", "bad-integer", 1],
      ["i-e", "bad-integer", 2],
      ["i.e", "bad-integer", 1],
      ["i-0e", "bad-integer", 0],
      ["i00e", "bad-integer", 0],
      ["i007e", "bad-integer", 0],
      ["i-07e", "bad-integer", 0],
      ["i+5e", "bad-integer", 1],
      ["i 5e", "bad-integer", 1],
      ["i--5e", "bad-integer", 2],
      ["i1.5e", "bad-integer", 2],
      ["i1e3e", "trailing-data", 3],
      ["i1.xyze", "bad-integer", 2],
      ["i0x10e", "bad-integer", 2],
      ["i", "truncated", 1],
      ["i-", "truncated", 2],
      ["i12", "truncated", 3],
    ]);
  });

  it("bounds their digits, so a long one costs nothing", () => {
    assertRefused([
      [`i${"9".repeat(21)}e`, "bad-integer"],
      [`i-${"9".repeat(400)}e`, "bad-integer"],
      [`i${"1".repeat(1_000_000)}e`, "bad-integer"],
    ]);
  });
});

describe("decode: strings", () => {
  it("returns views on the input, without copies", () => {
    const bytes = b("xx4:spamxx").subarray(2, 8);
    const value = decode(bytes);
    assert.ok(value instanceof Uint8Array);
    assert.equal(toLatin1(value), "spam");
    assert.equal(value.buffer, bytes.buffer);
    assert.equal(value.byteOffset, bytes.byteOffset + 2);
    assert.deepEqual(decode(b("0:")), new Uint8Array());
  });

  it("returns plain Uint8Arrays, whatever kind of array is decoded", () => {
    const value = decode(Buffer.from("d1:a1:xe"));
    assert.equal((value as BDict).get("a")!.constructor, Uint8Array);
    assert.equal((value as BDict).raw("a")!.constructor, Uint8Array);
  });

  it("refuses lengths that are wrong, ambiguous or beyond the data", () => {
    assertRefused([
      ["5:abc", "truncated", 0],
      ["4:abc", "truncated", 0],
      ["03:abc", "bad-length", 0],
      ["00:", "bad-length", 0],
      ["-1:abc", "bad-token", 0],
      ["+3:abc", "bad-token", 0],
      [":abc", "bad-token", 0],
      ["-:x", "bad-token", 0],
      ["1.9:abc", "bad-length", 1],
      ["1", "truncated", 1],
      ["3abc", "bad-length", 1],
      ["99999999999999999999:a", "truncated", 0],
      ["4294967299:abc", "truncated", 0],
      [`${"9".repeat(400)}:a`, "truncated", 0],
      ["l9007199254740993:ae", "truncated", 1],
    ]);
  });

  it("l-3: and d-3:, which hang or exhaust the npm package, are refused at once", () => {
    assertRefused([
      ["l-3:", "bad-token", 1],
      ["d-3:", "bad-key", 1],
      ["d1:a-3:e", "bad-token", 4],
    ]);
  });
});

describe("decode: lists and dictionaries", () => {
  it("nests them in any way", () => {
    const value = decode(b("ld1:al1:x0:d1:bi1eeeelee"), { allowUnsorted: false }) as BValue[];
    assert.equal(value.length, 2);
    assert.deepEqual(value[1], []);
    const inner = value[0] as BDict;
    assert.deepEqual([...inner.keys()], ["a"]);
    assert.equal(inner.list("a")!.length, 3);
  });

  it("refuses missing ends, keys and values", () => {
    assertRefused([
      ["", "truncated", 0],
      ["l", "truncated", 1],
      ["li1e", "truncated", 4],
      ["d", "truncated", 1],
      ["d1:a", "truncated", 4],
      ["d1:ai1e", "truncated", 7],
      ["d1:ae", "bad-token", 4],
      ["di1ei2ee", "bad-key", 1],
      ["dle1:ae", "bad-key", 1],
      ["e", "bad-token", 0],
      ["x", "bad-token", 0],
      ["lle", "truncated", 3],
    ]);
  });

  it("refuses duplicate keys, neighbours or not, also when keys need no order", () => {
    assertRefused([["d1:ai1e1:ai2ee", "duplicate-key", 7]]);
    const unsorted: DecodeOptions = { allowUnsorted: true };
    assertRefused([
      ["d1:ai1e1:ai2ee", "duplicate-key"],
      ["d1:bi1e1:ai2e1:bi3ee", "duplicate-key"],
      ["d0:i1e1:ai2e0:i3ee", "duplicate-key"],
      ["d9:__proto__i1e1:ai1e9:__proto__i2ee", "duplicate-key"],
    ], unsorted);
  });

  it("refuses bytes after the value", () => {
    assertRefused([
      ["i1ei2e", "trailing-data", 3],
      ["i1e\n", "trailing-data", 3],
      ["4:spam\0", "trailing-data", 6],
      ["dee", "trailing-data", 2],
    ]);
  });
});

describe("decode: leniencies, each on request only", () => {
  it("allowUnsorted accepts keys in any order and keeps that order", () => {
    assertRefused([["d1:bi1e1:ai2ee", "unsorted-key", 7]]);
    assertRefused([["d1:\xffi1e1:ai2ee", "unsorted-key", 7], ["d1:ai1e0:i2ee", "unsorted-key", 7]]);
    const value = dict("d1:bi1e1:ai2e2:aai3ee", { allowUnsorted: true });
    assert.deepEqual([...value.entries()], [["b", 1], ["a", 2], ["aa", 3]]);
    assert.equal(value.int("a"), 2);
  });

  it("allowTrailingWhitespace accepts spaces, tabs and line ends after the value, nothing else", () => {
    const lenient: DecodeOptions = { allowTrailingWhitespace: true };
    assert.equal(decode(b("i1e\n"), lenient), 1);
    assert.equal(decode(b("i1e \t\r\n\n"), lenient), 1);
    assertRefused([
      ["i1e\nx", "trailing-data", 4],
      ["i1e\0", "trailing-data", 3],
      ["i1e i2e", "trailing-data", 4],
      [" i1e", "bad-token", 0],
      ["l i1ee", "bad-token", 1],
    ], lenient);
  });
});

describe("decode: limits", () => {
  it("maxDepth counts lists and dictionaries inside one another", () => {
    assert.deepEqual(decode(b("llee"), { maxDepth: 2 }), [[]]);
    assertRefused([["lllee", "too-deep", 2]], { maxDepth: 2 });
    assertRefused([["i1e", "too-many-tokens"]], { maxTokens: 0 });
    assert.equal(decode(b("i1e"), { maxDepth: 0 }), 1);
  });

  it("does not recurse: a million open lists are refused, or read if one insists", () => {
    const deep = "l".repeat(1_000_000) + "e".repeat(1_000_000);
    assert.equal(refusal(deep).code, "too-deep");
    assert.ok(Array.isArray(decode(b(deep), { maxDepth: 1_000_000 })));
  });

  it("maxTokens counts values and keys", () => {
    const text = "d1:ali1ei2eee";
    assert.ok(decode(b(text), { maxTokens: 5 }));
    assertRefused([[text, "too-many-tokens"]], { maxTokens: 4 });
  });

  it("maxBytes is of the whole input", () => {
    assert.ok(decode(b("4:spam"), { maxBytes: 6 }));
    assertRefused([["4:spam", "too-large", 5]], { maxBytes: 5 });
  });
});

describe("decodePrefix", () => {
  it("returns the first value and its end, for payloads followed by data", () => {
    const bytes = b("d8:msg_typei1e5:piecei0eeRAW ee DATA");
    const { value, end } = decodePrefix(bytes);
    assert.equal((value as BDict).int("msg_type"), 1);
    assert.equal(toLatin1(bytes, end), "RAW ee DATA");
    assert.deepEqual(decodePrefix(b("i7e")), { value: 7, end: 3 });
  });
});

describe("BDict", () => {
  const sample = "d1:bd1:xi1ee4:bigsi9007199254740993e1:ii-5e1:lli1ee1:s5:h\xc3\xa9lle";

  it("typed getters return undefined for a missing key or another type", () => {
    const value = dict(sample);
    assert.equal(value.int("i"), -5);
    assert.equal(value.int("bigs"), undefined);
    assert.equal(value.get("bigs"), 9007199254740993n);
    assert.equal(value.text("s"), "h\u00e9ll");
    assert.equal(value.bytes("s")!.length, 5);
    assert.equal(value.list("l")!.length, 1);
    assert.equal(value.dict("b")!.int("x"), 1);
    for (const key of ["none", "i"]) {
      assert.equal(value.text(key), undefined);
      assert.equal(value.bytes(key), undefined);
      assert.equal(value.list(key), undefined);
      assert.equal(value.dict(key), undefined);
    }
    assert.equal(value.int("s"), undefined);
    assert.deepEqual([value.has("i"), value.has("none"), value.size], [true, false, 5]);
  });

  it("text repairs invalid UTF-8", () => {
    assert.equal(dict("d1:a3:x\xff\x79e").text("a"), "x_y");
  });

  it("keys such as __proto__ and binary ones are keys as any other", () => {
    const value = dict("d9:__proto__i1e11:constructori2e8:toStringi3ee", { allowUnsorted: true });
    assert.deepEqual([...value.entries()], [["__proto__", 1], ["constructor", 2], ["toString", 3]]);
    assert.equal(value.get("__proto__"), 1);
    assert.equal(value.get("hasOwnProperty"), undefined);
    assert.equal((value as unknown as { isAdmin?: number }).isAdmin, undefined);
    const binary = dict("d2:\x00\xffi1e4:\xef\xbb\xbfai2e2:\xff\xfei3e3:\xff\xfe\x00i4ee");
    assert.deepEqual([...binary.keys()], ["\x00\xff", "\xef\xbb\xbfa", "\xff\xfe", "\xff\xfe\x00"]);
    assert.equal(binary.get("a"), undefined);
    assert.equal(binary.get("\xff\xfe"), 3);
  });

  it("finds keys the same way in small and in large dictionaries", () => {
    for (const count of [1, 8, 9, 500]) {
      const names = Array.from({ length: count }, (_, i) => String(1000 + i));
      const value = dict(`d${names.map((name) => `4:${name}i${name}e`).join("")}e`);
      for (const name of names) assert.equal(value.int(name), Number(name));
      assert.equal(value.get("0999"), undefined);
      assert.deepEqual(value.raw("1000"), b("i1000e"));
    }
  });

  it("span and raw return each value's own bytes", () => {
    const text = "d1:ad1:xl0:i-3eee2:bbi12e1:c3:e:e1:dlld0:leeeee";
    const bytes = b(`prefix${text}`).subarray(6);
    const value = decodePrefix(bytes, { allowUnsorted: true }).value as BDict;
    const found = value.keys().map((key) => toLatin1(value.raw(key)!));
    assert.deepEqual(found.slice(0, 3), ["d1:xl0:i-3eee", "i12e", "3:e:e"]);
    assert.equal(found[3], "lld0:leeee");
    assert.equal(value.size, 4);
    assert.deepEqual(value.span("bb"), { start: 21, end: 25 });
    assert.equal(value.span("zz"), undefined);
    assert.equal(value.raw("zz"), undefined);
    assert.equal(toLatin1(value.dict("a")!.raw("x")!), "l0:i-3ee");
    assert.equal(value.raw("a")!.buffer, bytes.buffer);
  });
});

/** Decodes `value` again from its spans and compares: spans are right at every level. */
function assertSpans(value: BValue): void {
  if (Array.isArray(value)) return value.forEach(assertSpans);
  if (!(value instanceof BDict)) return;
  for (const [key, inner] of value.entries()) {
    assert.deepEqual(decode(value.raw(key)!, { allowUnsorted: true }), inner);
    assertSpans(inner);
  }
}

describe("decode: hostile bytes by seed", () => {
  const valid = b(
    "d4:infod5:filesld6:lengthi425e4:pathl3:foo7:bar.txteee4:name4:temp6:pieces4:\xff\x00\x01\x02e" +
      "8:url-listl1:a2:bbee",
  );

  it("every cut of a valid value is refused as truncated", () => {
    for (let length = 0; length < valid.length; length++) {
      assert.equal(refusal(valid.subarray(0, length)).code, "truncated", `${length} bytes`);
    }
    assertSpans(decode(valid));
  });

  it("changed bytes result in a value or a ProtocolError, quickly, with correct spans", () => {
    let taken = 0, refused = 0;
    for (let seed = 0; seed < 3000; seed++) {
      const bytes = valid.slice(), dice = randomBytes(seed, 8);
      for (let i = 0; i < 1 + dice[0]! % 3; i++) {
        const with_ = "0123456789:-deil"[dice[i + 4]! % 16]!;
        bytes[dice[i + 1]! % bytes.length] = with_.charCodeAt(0);
      }
      try {
        assertSpans(decode(bytes, { allowUnsorted: true }));
        taken++;
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
        refused++;
      }
    }
    assert.ok(taken > 50 && refused > 500, `${taken} taken, ${refused} refused`);
  });

  it("random bytes, plain or of bencode's own letters, only throw ProtocolErrors", () => {
    let refused = 0;
    for (let seed = 0; seed < 3000; seed++) {
      const letters = "dlie0123456789:-";
      const noise = randomBytes(seed, seed % 200);
      const bytes = seed % 2 ? noise : noise.map((byte) => letters.charCodeAt(byte % 16));
      try {
        decode(concatBytes(b("d"), bytes));
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
        refused++;
      }
    }
    assert.ok(refused > 2900);
  });
});

describe("decode leniently", () => {
  const lenient = { lenient: true };

  it("takes the first of equal keys, whatever their order and number", () => {
    assert.equal(dict("d1:bi1e1:ai2e1:bi3ee", lenient).int("b"), 1);
    const many = Array.from({ length: 20 }, (_, i) => `2:k${i % 10}i${i}e`).join("");
    const value = dict(`d${many}e`, lenient);
    for (let i = 0; i < 10; i++) assert.equal(value.int(`k${i}`), i);
  });

  it("reads numbers in any spelling, and takes others as empty strings", () => {
    const read = (text: string) => decode(b(text), lenient);
    const spelt = ["03", "-0", "1.9", "-1.9", " 7 ", "1" + "0".repeat(30)];
    assert.deepEqual(spelt.map((text) => read(`i${text}e`)), [3, 0, 1, -1, 7, 2 ** 53 - 1]);
    assert.deepEqual(["", "x", "5x"].map((text) => read(`i${text}e`)), [b(""), b(""), b("")]);
    assert.equal(Object.is(read("i-0e"), 0), true);
  });

  it("skips bytes before and after the value", () => {
    for (const text of ["\xef\xbb\xbfi5e", " \r\ni5e", "i5e\n", "i5e<!-- -->", "i5e1:x"]) {
      assert.equal(decode(b(text), lenient), 5, text);
    }
  });

  it("keeps everything before the end or the damage", () => {
    const whole = "d1:ali1ei2ee1:bd1:ci3e1:di4ee1:ei5ee";
    for (let length = 1; length < whole.length; length++) {
      const value = dict(whole.slice(0, length), lenient);
      assert.equal(value.int("e"), length >= 35 ? 5 : undefined);
      if (length >= 28) assert.equal(value.dict("b")?.int("d"), 4, `${length}`);
      if (length >= 11) assert.deepEqual(value.list("a"), [1, 2], `${length}`);
    }
    assert.equal(dict("d1:ai1e1:b?", lenient).int("a"), 1);
    assert.equal(dict("d1:ai1ei2ei3ee", lenient).int("a"), 1);
  });

  it("still refuses bytes without a value, and values over a limit", () => {
    for (const text of ["", "<html>", "e", "9:abc", "\xef\xbb\xbf"]) refusal(text, lenient);
    const deep = { ...lenient, maxDepth: 3, maxTokens: 10, maxBytes: 100 };
    assert.equal(refusal("llllee", deep).code, "too-deep");
    assert.equal(refusal(`l${"i1e".repeat(12)}e`, deep).code, "too-many-tokens");
    assert.equal(refusal(`l${"i1e".repeat(40)}e`, deep).code, "too-large");
  });
});
