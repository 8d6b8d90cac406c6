/** The bencode vectors of ../shared/reference: what must decode, what must not, what encodes how. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BDict, type BValue, decode, decodePrefix } from "../../src/bencode/bencode.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { fromHex, toLatin1 } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import { readReferenceJson, readVectors, skip } from "./reference.ts";

interface DecodeVector {
  input_hex: string;
  ok: boolean;
  soft_error?: string | null;
  value?: unknown;
  value_str?: string;
  note?: string;
}

// deno-lint-ignore no-explicit-any
type BepVector = any;

/** Byte strings as latin1 text and dictionaries as plain objects, as the vectors have them. */
function plain(value: BValue): unknown {
  if (value instanceof Uint8Array) return toLatin1(value);
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof BDict)) return value;
  return Object.fromEntries([...value.entries()].map(([key, inner]) => [key, plain(inner)]));
}

function latin1Bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function code(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    return error.code;
  }
}

describe("decode against bdecode.json", { skip }, () => {
  const limits = (note = "") => ({
    allowUnsorted: true,
    maxDepth: 100,
    maxTokens: note.includes("limit 1000") ? 1000 : 100_000,
  });

  it("reads valid input, with the expected values", { skip }, () => {
    let read = 0;
    for (const vector of readVectors<DecodeVector>("bdecode.json")) {
      if (!vector.ok || /leading zero/.test(vector.soft_error ?? "")) continue;
      const { value } = decodePrefix(fromHex(vector.input_hex), limits(vector.note));
      if (vector.value !== undefined) assert.deepEqual(plain(value), vector.value);
      if (vector.value_str !== undefined) assert.equal(String(value), vector.value_str);
      read++;
    }
    assert.ok(read >= 10, `${read} vectors`);
  });

  it("refuses invalid input", { skip }, () => {
    let refused = 0;
    for (const vector of readVectors<DecodeVector>("bdecode.json")) {
      if (vector.ok) continue;
      const bytes = fromHex(vector.input_hex);
      assert.notEqual(code(() => decodePrefix(bytes, limits(vector.note))), null, vector.input_hex);
      refused++;
    }
    assert.ok(refused >= 15, `${refused} vectors`);
  });

  it("refuses soft errors in strict mode, and leading zeros in any", { skip }, () => {
    for (const vector of readVectors<DecodeVector>("bdecode.json")) {
      if (!vector.soft_error) continue;
      const bytes = fromHex(vector.input_hex);
      const sorting = vector.soft_error.startsWith("unsorted");
      const wanted = sorting
        ? "unsorted-key"
        : /length/.test(vector.soft_error)
        ? "bad-length"
        : "bad-integer";
      assert.equal(code(() => decode(bytes)), wanted, vector.input_hex);
      if (!sorting) assert.equal(code(() => decode(bytes, { allowUnsorted: true })), wanted);
    }
  });

  it("names the limit that a bomb ran into", { skip }, () => {
    const byNote = (note: string) => {
      const all = readVectors<DecodeVector>("bdecode.json");
      const vector = all.find((one) => one.note?.includes(note));
      assert.ok(vector, note);
      return code(() => decode(fromHex(vector.input_hex), limits(vector.note)));
    };
    assert.equal(byNote("depth limit"), "too-deep");
    assert.equal(byNote("token limit"), "too-many-tokens");
  });

  it("takes a string of 100,000,000 bytes without copying it", { skip }, () => {
    const head = latin1Bytes("100000000:");
    const bytes = new Uint8Array(head.length + 100_000_000);
    bytes.set(head);
    const value = decode(bytes, { maxBytes: 200_000_000 });
    assert.ok(value instanceof Uint8Array);
    assert.equal(value.length, 100_000_000);
    assert.equal(value.buffer, bytes.buffer);
  });
});

describe("encode against bencode.json", { skip }, () => {
  it("returns the same bytes", { skip }, () => {
    // deno-lint-ignore no-explicit-any
    for (const { value, encoded } of readVectors<{ value: any; encoded: string }>("bencode.json")) {
      assert.equal(toLatin1(encode(value)), encoded);
    }
  });
});

describe("bencode against bep_vectors.json (BEP 3, 19, 52)", { skip }, () => {
  const all = (): BepVector[] => {
    const found = readReferenceJson("vectors/bep_vectors.json");
    return Array.isArray(found) ? found : found.vectors;
  };

  it("BEP 3 and 52: the examples decode and encode to each other", { skip }, () => {
    let tried = 0;
    for (const { bep, input, expected } of all()) {
      if (bep !== 3 && bep !== 52) continue;
      const value = input.value ?? expected.value, text = expected.bencoded ?? input.bencoded;
      if (value === undefined || text === undefined) continue;
      assert.equal(toLatin1(encode(value)), text);
      assert.deepEqual(plain(decode(latin1Bytes(text))), value);
      tried++;
    }
    assert.ok(tried >= 15, `${tried} vectors`);
  });

  it("BEP 3: minus zero and leading zeros are refused", { skip }, () => {
    const invalid = all().filter(({ bep, expected }) => bep === 3 && expected.error === true);
    assert.equal(invalid.length, 2);
    for (const { input } of invalid) {
      assert.equal(code(() => decode(latin1Bytes(input.bencoded))), "bad-integer");
    }
  });

  it("BEP 3: keys must come in byte order", { skip }, () => {
    const vector = all().find(({ name }) => name === "dictionary key order");
    assert.equal(code(() => decode(latin1Bytes(vector.expected.example_valid))), null);
    assert.equal(code(() => decode(latin1Bytes(vector.expected.example_invalid))), "unsorted-key");
  });

  it("BEP 19 and 52: examples misprinted in the texts fail, their corrections do not", {
    skip,
  }, () => {
    const misprinted = all().filter(({ bep, status, corrected }) =>
      (bep === 19 || bep === 52) && status === "erratum" && corrected?.bencoded !== undefined
    );
    assert.equal(misprinted.length, 2);
    for (const { input, expected, corrected } of misprinted) {
      const printed = input.bencoded_as_printed ?? expected.bencoded_as_printed;
      assert.notEqual(code(() => decode(latin1Bytes(printed))), null, printed);
      assert.equal(code(() => decode(latin1Bytes(corrected.bencoded))), null, corrected.bencoded);
    }
  });
});
