import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createEd25519 } from "../../src/platform/shared/ed25519.ts";
import { fromHex, toHex } from "../../src/util/bytes.ts";
import { readVectors, skip } from "../conformance/reference.ts";

const ed25519 = createEd25519();
/** RFC 8032, 7.1, test 2. */
const RFC = {
  seed: fromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
  public: fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
  message: fromHex("72"),
  signature: fromHex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ),
};

describe("ed25519", () => {
  it("sign, verify and publicKey do what RFC 8032 says", () => {
    assert.deepEqual(ed25519.publicKey(RFC.seed), RFC.public);
    assert.deepEqual(ed25519.sign(RFC.seed, RFC.message), RFC.signature);
    assert.equal(ed25519.verify(RFC.public, RFC.message, RFC.signature), true);
  });

  it("verify is false after any change, and for wrong lengths and junk, but never throws", () => {
    for (const index of [0, 31, 32, 63]) {
      const signature = RFC.signature.slice();
      signature[index]! ^= 1;
      assert.equal(ed25519.verify(RFC.public, RFC.message, signature), false);
    }
    const { message, signature } = RFC;
    assert.equal(ed25519.verify(RFC.public, new Uint8Array([0x73]), signature), false);
    assert.equal(ed25519.verify(RFC.public.subarray(1), message, signature), false);
    assert.equal(ed25519.verify(RFC.public, message, signature.subarray(1)), false);
    for (let byte = 2; byte < 256; byte++) {
      const junk = new Uint8Array(32).fill(byte);
      assert.equal(ed25519.verify(junk, message, signature), false);
    }
  });

  it("sign and publicKey refuse a seed of another length", () => {
    assert.throws(() => ed25519.sign(new Uint8Array(64), RFC.message), RangeError);
    assert.throws(() => ed25519.publicKey(new Uint8Array(31)), RangeError);
  });

  it("reference: ed25519.json", { skip }, () => {
    type Vector = { seed: string; public: string; message: string; signature: string };
    for (const vector of readVectors<Vector>("ed25519.json")) {
      const seed = fromHex(vector.seed), message = fromHex(vector.message);
      assert.equal(toHex(ed25519.publicKey(seed)), vector.public);
      assert.equal(toHex(ed25519.sign(seed, message)), vector.signature);
      const [key, signature] = [fromHex(vector.public), fromHex(vector.signature)];
      assert.equal(ed25519.verify(key, message, signature), true);
    }
  });
});
