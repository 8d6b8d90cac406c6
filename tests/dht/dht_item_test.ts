import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createEd25519 } from "../../src/platform/shared/ed25519.ts";
import {
  checkItem,
  immutableTarget,
  itemOfResponse,
  itemTarget,
  mutableTarget,
  signingBuffer,
  signItem,
} from "../../src/dht/dht_item.ts";
import { decodeKrpc, encodeResponse, type KrpcResponse } from "../../src/dht/krpc.ts";
import { fromHex, fromLatin1, toHex, toLatin1 } from "../../src/util/bytes.ts";
import { readVectors, skip } from "../conformance/reference.ts";

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const ed25519 = createEd25519();
const HELLO = fromLatin1("12:Hello World!");
const SEED = new Uint8Array(32).fill(7);
const NO_SALT = new Uint8Array(0), SALT = fromLatin1("foobar");
const KEY = fromHex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548");
/** BEP 44, tests 1 and 2. */
const SIGNED = {
  key: KEY,
  seq: 1n,
  salt: NO_SALT,
  signature: fromHex(
    "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff" +
      "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
  ),
};
const SALTED = {
  ...SIGNED,
  salt: SALT,
  signature: fromHex(
    "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d" +
      "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
  ),
};

describe("items of the DHT (BEP 44)", () => {
  it("signingBuffer is the sequence number and the value, after the salt if there is one", () => {
    const value = fromLatin1("12:Hello world!");
    assert.equal(toLatin1(signingBuffer(value, 4n, NO_SALT)), "3:seqi4e1:v12:Hello world!");
    assert.equal(
      toLatin1(signingBuffer(value, 4n, SALT)),
      "4:salt6:foobar3:seqi4e1:v12:Hello world!",
    );
  });

  it("targets of BEP 44's three tests", () => {
    assert.equal(
      toHex(mutableTarget(sha1, KEY, NO_SALT)),
      "4a533d47ec9c7d95b1ad75f576cffc641853b750",
    );
    assert.equal(toHex(mutableTarget(sha1, KEY, SALT)), "411eba73b6f087ca51a3795d9c8c938d365e32c1");
    assert.equal(toHex(immutableTarget(sha1, HELLO)), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
  });

  it("checkItem accepts BEP 44's signatures and nothing else", () => {
    assert.equal(checkItem(ed25519, HELLO, SIGNED), null);
    assert.equal(checkItem(ed25519, HELLO, SALTED), null);
    const wrong = [
      [HELLO, { ...SIGNED, seq: 2n }],
      [HELLO, { ...SIGNED, salt: SALT }],
      [HELLO, { ...SALTED, salt: NO_SALT }],
      [fromLatin1("12:Hello world!"), SIGNED],
      [HELLO, { ...SIGNED, key: ed25519.publicKey(SEED) }],
    ] as const;
    for (const [value, signed] of wrong) assert.equal(checkItem(ed25519, value, signed)?.code, 206);
  });

  it("checkItem refuses items that are too big, with the code of BEP 44 and before the signature", () => {
    const never = { verify: () => assert.fail("verified something too big") };
    const bytes = (n: number) => fromLatin1(`${n}:${"v".repeat(n)}`);
    assert.equal(checkItem(never, bytes(996), null), null, "1000 bytes altogether");
    assert.equal(checkItem(never, bytes(997), null)?.code, 205);
    assert.equal(checkItem(never, HELLO, { ...SIGNED, salt: new Uint8Array(65) })?.code, 207);
    assert.equal(checkItem(never, HELLO, { ...SIGNED, salt: new Uint8Array(1200) })?.code, 207);
  });

  it("a salt of 64 bytes can be signed and passes", () => {
    const item = signItem(ed25519, SEED, { value: HELLO, seq: 5n, salt: new Uint8Array(64) });
    assert.equal(checkItem(ed25519, item.value, item.signed), null);
  });

  it("checkItem refuses values that are not canonical bencoding", () => {
    for (const value of ["", "d1:bi1e1:ai2ee", "i01e", "3:ab", "i1ei2e", "l", "d1:a1:b1:a1:ce"]) {
      assert.equal(checkItem(ed25519, fromLatin1(value), null)?.code, 203, value);
    }
    for (const value of ["i1e", "le", "d1:ai1e1:bl1:xee", "0:"]) {
      assert.equal(checkItem(ed25519, fromLatin1(value), null), null, value);
    }
  });

  it("signItem refuses items that no node would store", () => {
    const sign = (value: string, seq: bigint, salt: Uint8Array = NO_SALT) =>
      signItem(ed25519, SEED, { value: fromLatin1(value), seq, salt });
    assert.throws(() => sign("not bencoded", 1n), RangeError);
    assert.throws(() => sign("i1e", -1n), RangeError);
    assert.throws(() => sign("i1e", 2n ** 63n), RangeError);
    assert.throws(() => sign("i1e", 1n, new Uint8Array(65)), RangeError);
    assert.deepEqual(itemTarget(sha1, sign("i1e", 1n)), sha1(ed25519.publicKey(SEED)));
  });

  it("itemOfResponse returns the item of the target and null for everything else", () => {
    const read = (
      fields: Partial<KrpcResponse>,
      target: Uint8Array,
      salt: Uint8Array = NO_SALT,
    ) => {
      const wire = encodeResponse({ t: SALT, id: new Uint8Array(20), ...fields });
      const response = decodeKrpc(wire) as KrpcResponse;
      return itemOfResponse(sha1, ed25519, response, target, salt);
    };
    const target = sha1(HELLO);
    assert.deepEqual(read({ value: HELLO }, target), { value: HELLO, signed: null });
    assert.equal(read({ value: fromLatin1("i1e") }, target), null);
    assert.equal(read({}, target), null);
    const mutable = mutableTarget(sha1, KEY, SALT);
    const { key, signature, seq } = SALTED;
    assert.deepEqual(read({ value: HELLO, key, signature, seq }, mutable, SALT), {
      value: HELLO,
      signed: SALTED,
    });
    assert.equal(read({ value: HELLO, key, signature, seq }, mutable), null, "another salt");
    assert.equal(read({ value: HELLO, key, signature, seq: 2n }, mutable, SALT), null);
    assert.equal(read({ value: HELLO, key, signature }, mutable, SALT), null, "half of it");
  });

  it("reference: bep44_dht_store.json", { skip }, () => {
    type Vector = Record<"value" | "target", string> & {
      public_key?: string;
      signature: string;
      salt: string;
      seq: number;
      signed_buffer: string;
    };
    for (const vector of readVectors<Vector>("bep44_dht_store.json")) {
      const value = fromLatin1(vector.value);
      if (vector.public_key === undefined) {
        assert.equal(toHex(immutableTarget(sha1, value)), vector.target);
        continue;
      }
      const signed = {
        key: fromHex(vector.public_key),
        signature: fromHex(vector.signature),
        seq: BigInt(vector.seq),
        salt: fromLatin1(vector.salt),
      };
      const buffer = signingBuffer(value, signed.seq, signed.salt);
      assert.equal(toLatin1(buffer), vector.signed_buffer);
      assert.equal(toHex(itemTarget(sha1, { value, signed })), vector.target);
      assert.equal(checkItem(ed25519, value, signed), null);
    }
  });
});
