import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type ExtensionHandshake,
} from "../../src/wire/extension.ts";

const decodeText = (text: string) => decodeExtensionHandshake(fromLatin1(text));

describe("encodeExtensionHandshake", () => {
  it("writes a sorted dictionary with the names of BEP 10 and its relatives", () => {
    const payload = encodeExtensionHandshake({
      messages: new Map([["lt_donthave", 7]]),
      client: "shoal",
      port: 6881,
      reqq: 500,
      yourAddress: "1.2.3.4",
      uploadOnly: true,
      metadataSize: 1000,
    });
    const expected = "d1:md11:lt_donthavei7ee13:metadata_sizei1000e1:pi6881e4:reqqi500e" +
      "11:upload_onlyi1e1:v5:shoal6:yourip4:\x01\x02\x03\x04e";
    assert.equal(toLatin1(payload), expected);
  });

  it("leaves out unknown fields", () => {
    assert.equal(toLatin1(encodeExtensionHandshake({ messages: new Map() })), "d1:mdee");
  });

  it("writes messages that are read back, including IPv6 addresses", () => {
    const full: ExtensionHandshake = {
      messages: new Map([["lt_donthave", 7], ["ut_pex", 1], ["ut_metadata", 0]]),
      client: "shøal 1",
      port: 65535,
      reqq: 1,
      yourAddress: "2001:db8::1",
      uploadOnly: false,
      metadataSize: 1,
    };
    assert.deepEqual(decodeExtensionHandshake(encodeExtensionHandshake(full)), full);
    const empty = { messages: new Map() };
    assert.deepEqual(decodeExtensionHandshake(encodeExtensionHandshake(empty)), empty);
  });
});

describe("decodeExtensionHandshake", () => {
  it("takes an empty dictionary, unknown keys and keys out of order", () => {
    assert.deepEqual(decodeText("de"), { messages: new Map() });
    const handshake = decodeText("d1:v1:x12:complete_agoi5e1:md6:ut_pexi3eee");
    assert.deepEqual(handshake, { messages: new Map([["ut_pex", 3]]), client: "x" });
  });

  it("counts fields of a wrong type or range as absent", () => {
    for (
      const text of [
        "d1:p3:abce",
        "d1:pi0ee",
        "d1:pi65536ee",
        "d1:pi-1ee",
        "d4:reqqi0ee",
        "d4:reqqi-5ee",
        "d4:reqq2:10e",
        "d4:reqqi99999999999999999999ee",
        "d13:metadata_sizei0ee",
        "d13:metadata_sizei99999999999ee",
        "d1:vi5ee",
        "d11:upload_only1:1e",
        "d6:yourip3:abce",
        "d6:youripi4ee",
        "d1:mi1ee",
        "d1:mlee",
        "d1:md1:a1:bee",
        "d1:md1:ai256eee",
        "d1:md1:ai-1eee",
      ]
    ) assert.deepEqual(decodeText(text), { messages: new Map() }, text);
  });

  it("bounds names and the client's text", () => {
    const names = Array.from({ length: 100 }, (_, i) => `3:x${String(i).padStart(2, "0")}i1e`);
    const text = `d1:md${names.join("")}e1:v200:${"c".repeat(200)}e`;
    const handshake = decodeText(text);
    assert.equal(handshake.messages.size, 64);
    assert.equal(handshake.client!.length, 64);
  });

  it("keeps hostile names as ordinary keys", () => {
    const { messages } = decodeText("d1:md9:__proto__i5e11:constructori6eee");
    assert.deepEqual([...messages], [["__proto__", 5], ["constructor", 6]]);
  });

  it("reads a value other than a dictionary as an empty one, and skips bytes after it", () => {
    for (const text of ["i1e", "le", "3:abc", "de ", "dexx"]) {
      assert.deepEqual(decodeText(text), { messages: new Map() }, text);
    }
    const messages = new Map([["ut_pex", 1]]);
    assert.deepEqual(decodeText("d1:md6:ut_pexi1eeexx"), { messages });
  });

  it("refuses damaged and long messages with a ProtocolError", () => {
    for (const text of ["", "d", "d1:p", "x", "d1:ade1:adee", "l".repeat(1000)]) {
      assert.throws(() => decodeText(text), ProtocolError, text.slice(0, 20));
    }
    const long = concatBytes(fromLatin1("d1:v70000:"), new Uint8Array(70000), fromLatin1("e"));
    assert.throws(() => decodeExtensionHandshake(long), ProtocolError);
  });

  it("throws only ProtocolErrors on random and damaged bytes", () => {
    const good = encodeExtensionHandshake({
      messages: new Map([["ut_pex", 1]]),
      client: "shoal",
      reqq: 5,
      yourAddress: "1.2.3.4",
    });
    let refused = 0;
    const tryIt = (bytes: Uint8Array) => {
      try {
        decodeExtensionHandshake(bytes);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, `${error}`);
        refused++;
      }
    };
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(good.length - 1),
        fc.nat(255),
        (bytes, at, byte) => {
          tryIt(bytes);
          const damaged = good.slice();
          damaged[at] = byte;
          tryIt(damaged);
          tryIt(good.subarray(0, at));
        },
      ),
      { numRuns: 500, seed: 3 },
    );
    assert.ok(refused > 700, `${refused}`);
  });
});
