import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concatBytes, fromHex, fromLatin1, toHex } from "../../src/util/bytes.ts";
import {
  decodeHandshake,
  encodeHandshake,
  type Handshake,
  HANDSHAKE_LENGTH,
  startsLikeHandshake,
} from "../../src/wire/handshake.ts";

const infoHash = fromHex("000102030405060708090a0b0c0d0e0f10111213");
const peerId = fromLatin1("-SH0100-abcdefghijkl");
const plain: Handshake = { infoHash, peerId, extensions: false, fast: false, dht: false };

describe("encodeHandshake", () => {
  it("writes the 68 bytes of BEP 3", () => {
    const expected = concatBytes(
      fromHex("13"),
      fromLatin1("BitTorrent protocol"),
      new Uint8Array(8),
      infoHash,
      peerId,
    );
    assert.equal(toHex(encodeHandshake(plain)), toHex(expected));
    assert.equal(HANDSHAKE_LENGTH, 68);
  });

  it("sets the reserved bits where BEP 4 has them", () => {
    const reserved = (handshake: Handshake) => toHex(encodeHandshake(handshake).subarray(20, 28));
    assert.equal(reserved({ ...plain, extensions: true }), "0000000000100000");
    assert.equal(reserved({ ...plain, fast: true }), "0000000000000004");
    assert.equal(reserved({ ...plain, dht: true }), "0000000000000001");
    const all = { ...plain, extensions: true, fast: true, dht: true };
    assert.equal(reserved(all), "0000000000100005");
  });
});

describe("decodeHandshake", () => {
  it("reads back every combination of bits", () => {
    for (let bits = 0; bits < 8; bits++) {
      const one = {
        ...plain,
        extensions: (bits & 1) !== 0,
        fast: (bits & 2) !== 0,
        dht: (bits & 4) !== 0,
      };
      assert.deepEqual(decodeHandshake(encodeHandshake(one)), one);
    }
  });

  it("does not mind reserved bits that it does not know", () => {
    const bytes = encodeHandshake(plain);
    bytes.fill(0xff, 20, 28);
    const expected = { ...plain, extensions: true, fast: true, dht: true };
    assert.deepEqual(decodeHandshake(bytes), expected);
  });

  it("copies, so that the buffer can be used again", () => {
    const bytes = encodeHandshake(plain);
    const handshake = decodeHandshake(bytes)!;
    bytes.fill(0);
    assert.deepEqual(handshake, plain);
  });

  it("answers null for a wrong length or another protocol", () => {
    const bytes = encodeHandshake(plain);
    assert.equal(decodeHandshake(bytes.subarray(0, 67)), null);
    assert.equal(decodeHandshake(concatBytes(bytes, Uint8Array.of(0))), null);
    for (let at = 0; at < 20; at++) {
      const other = bytes.slice();
      other[at]! ^= 1;
      assert.equal(decodeHandshake(other), null, `byte ${at}`);
    }
  });
});

describe("startsLikeHandshake", () => {
  it("takes every prefix of a handshake, the empty one included", () => {
    const bytes = encodeHandshake({ ...plain, extensions: true, fast: true });
    for (let n = 0; n <= 68; n++) assert.equal(startsLikeHandshake(bytes.subarray(0, n)), true);
  });

  it("turns another protocol away at its first wrong byte", () => {
    assert.equal(startsLikeHandshake(fromLatin1("GET / HTTP/1.1")), false);
    assert.equal(startsLikeHandshake(fromLatin1("\x13BitTorrent protocom")), false);
    assert.equal(startsLikeHandshake(fromLatin1("\x14")), false);
  });
});
