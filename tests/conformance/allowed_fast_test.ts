import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, test } from "node:test";
import { allowedFastSet } from "../../src/wire/allowed_fast.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { parseIp } from "../../src/util/ip_address.ts";
import { readVectors, skip } from "./reference.ts";

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const HASH = new Uint8Array(20).fill(0xaa);

interface Vector {
  ip: string;
  infohash: string;
  num_pieces: number;
  k: number;
  result: number[];
}

describe("allowedFastSet (BEP 6)", () => {
  it("returns the set in the BEP's own text", () => {
    const set = allowedFastSet(sha1, HASH, parseIp("80.4.4.200")!, 1313, 7);
    assert.deepEqual(set, [1059, 431, 808, 1217, 287, 376, 1188]);
  });

  test("matches every vector of bep6_allowed_fast.json", { skip }, () => {
    const all = readVectors<Vector>("bep6_allowed_fast.json");
    assert.ok(all.length >= 2);
    for (const { ip, infohash, num_pieces, k, result } of all) {
      assert.deepEqual(
        allowedFastSet(sha1, fromHex(infohash), parseIp(ip)!, num_pieces, k),
        result,
      );
    }
  });

  it("is one set per network, of either family", () => {
    const set = (ip: string) => allowedFastSet(sha1, HASH, parseIp(ip)!, 5000, 10).join();
    assert.equal(set("80.4.4.1"), set("80.4.4.99"));
    assert.notEqual(set("80.4.4.1"), set("80.4.5.1"));
    assert.equal(set("2001:db8:0:1::1"), set("2001:db8:0:1:ffff::2"));
    assert.notEqual(set("2001:db8:0:1::1"), set("2001:db8:0:2::1"));
  });

  it("is all pieces if there are no more", () => {
    const set = allowedFastSet(sha1, HASH, parseIp("80.4.4.200")!, 4, 10);
    assert.deepEqual(set.sort(), [0, 1, 2, 3]);
    assert.deepEqual(allowedFastSet(sha1, HASH, parseIp("80.4.4.200")!, 0, 10), []);
  });
});
