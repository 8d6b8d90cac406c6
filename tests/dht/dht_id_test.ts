import { before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromHex, toHex } from "../../src/util/bytes.ts";
import { type Crc32c, createCrc32c } from "../../src/util/crc32c.ts";
import { Prng } from "../harness/prng.ts";
import {
  commonPrefixLength,
  compareDistance,
  distance,
  generateId,
  isIdAllowed,
  matchesAddress,
  networkOf,
  randomIdAt,
} from "../../src/dht/dht_id.ts";
import { readVectors, skip } from "../conformance/reference.ts";

const A = fromHex("6162636465666768696a30313233343536373839");
const M = fromHex("6d6e6f707172737475767778797a313233343536");

describe("XOR metric (BEP 5)", () => {
  it("distance of BEP 5's two example ids", () => {
    assert.equal(toHex(distance(A, M)), "0c0c0c141414141c1c1c47494b49050705030d0f");
  });

  it("compareDistance orders as the distances do", () => {
    const dice = new Prng("order");
    const id = () => dice.fill(new Uint8Array(20));
    for (let i = 0; i < 2000; i++) {
      const target = id(), a = id(), b = dice.chance(0.3) ? a.slice() : id();
      if (dice.chance(0.5)) b[dice.below(20)]! ^= 1 << dice.below(8);
      const [left, right] = [toHex(distance(a, target)), toHex(distance(b, target))];
      const expected = left < right ? -1 : left > right ? 1 : 0;
      assert.equal(Math.sign(compareDistance(target, a, b)), expected);
    }
  });

  it("commonPrefixLength counts bits from the first, 160 for the same id", () => {
    assert.equal(commonPrefixLength(A, A), 160);
    for (let bit = 0; bit < 160; bit++) {
      const other = A.slice();
      other[bit >> 3]! ^= 0x80 >> (bit & 7);
      assert.equal(commonPrefixLength(A, other), bit);
    }
  });

  it("randomIdAt shares exactly the bits asked for", () => {
    const dice = new Prng("bucket");
    for (let bits = 0; bits <= 160; bits++) {
      for (let i = 0; i < 5; i++) {
        assert.equal(commonPrefixLength(A, randomIdAt(A, bits, dice)), bits);
      }
    }
  });

  it("reference: distance exponents and networks", { skip }, () => {
    type Vector = { fn: string; a: string; b: string; result: number | boolean };
    for (const { fn, a, b, result } of readVectors<Vector>("dht_misc.json")) {
      if (fn === "distance_exp") {
        assert.equal(Math.max(0, 159 - commonPrefixLength(fromHex(a), fromHex(b))), result);
      } else if (fn === "same_cidr") {
        assert.equal(networkOf(a) === networkOf(b), result, `${a} ${b}`);
      }
    }
  });
});

describe("ids tied to an address (BEP 42)", () => {
  let crc32c: Crc32c;
  before(async () => {
    crc32c = await createCrc32c();
  });

  it("matchesAddress: the five examples of BEP 42, and none of them at another's address", () => {
    const examples = [
      ["124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"],
      ["21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"],
      ["65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"],
      ["84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"],
      ["43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"],
    ];
    for (const [address] of examples) {
      for (const [other, id] of examples) {
        assert.equal(matchesAddress(crc32c, fromHex(id!), address!), address === other);
      }
    }
  });

  it("only the first 21 bits and three bits of the last byte count", () => {
    const id = fromHex("5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401");
    for (let bit = 0; bit < 160; bit++) {
      const other = id.slice();
      other[bit >> 3]! ^= 0x80 >> (bit & 7);
      assert.equal(matchesAddress(crc32c, other, "124.31.75.21"), bit >= 21 && bit < 157, `${bit}`);
    }
  });

  it("generateId makes ids that are allowed, for both families, and all different", () => {
    const dice = new Prng("ids"), seen = new Set<string>();
    for (const address of ["124.31.75.21", "2001:b829:2123:be84:e16c:d6ae:5290:49f1"]) {
      for (let i = 0; i < 50; i++) {
        const id = generateId(crc32c, address, dice);
        assert.equal(isIdAllowed(crc32c, id, address), true);
        assert.equal(isIdAllowed(crc32c, id, "8.8.8.8"), false);
        seen.add(toHex(id));
      }
    }
    assert.equal(seen.size, 100);
  });

  it("local networks are exempt: any id is allowed there", () => {
    const locals = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1", "::1"];
    for (const address of [...locals, "fe80::1", "fd00::1"]) {
      assert.equal(isIdAllowed(crc32c, A, address), true, address);
      assert.equal(matchesAddress(crc32c, A, address), false, address);
    }
    for (const address of ["172.32.0.1", "11.0.0.1", "2001:db8::1"]) {
      assert.equal(isIdAllowed(crc32c, A, address), false, address);
    }
  });

  it("reference: bep42_node_id.json", { skip }, () => {
    type Vector = { ip: string; example_id: string; valid: boolean };
    for (const { ip, example_id, valid } of readVectors<Vector>("bep42_node_id.json")) {
      assert.equal(matchesAddress(crc32c, fromHex(example_id), ip), valid, `${ip} ${example_id}`);
    }
  });
});
