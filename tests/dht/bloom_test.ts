import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { BloomFilter, bloomMark } from "../../src/dht/bloom.ts";
import { addressBytes } from "../../src/util/compact_address.ts";
import { toHex } from "../../src/util/bytes.ts";
import { readVectors, skip } from "../conformance/reference.ts";

function filterOf(addresses: readonly string[]): BloomFilter {
  const filter = new BloomFilter();
  for (const address of addresses) {
    filter.add(bloomMark(createHash("sha1").update(addressBytes(address)).digest()));
  }
  return filter;
}

const IPV4 = Array.from({ length: 256 }, (_, i) => `192.0.2.${i}`);
const IPV6 = Array.from({ length: 1000 }, (_, i) => `2001:db8::${i.toString(16)}`);

describe("BloomFilter (BEP 33)", () => {
  it("sets two bits for an address: 1711 and 1831 for 192.168.1.1", () => {
    const { bytes } = filterOf(["192.168.1.1"]);
    const set = Array.from({ length: 2048 }, (_, i) => i)
      .filter((bit) => (bytes[bit >> 3]! & (1 << (bit & 7))) !== 0);
    assert.deepEqual(set, [1711, 1831]);
  });

  it("estimates the 1256 addresses of BEP 33's example as 1224.93", () => {
    assert.ok(Math.abs(filterOf([...IPV4, ...IPV6]).estimate() - 1224.93) < 0.001);
  });

  it("merge results in the filter of both sets; an address twice counts once", () => {
    const both = filterOf(IPV4);
    both.merge(filterOf([...IPV6, ...IPV4]));
    assert.deepEqual(both.bytes, filterOf([...IPV4, ...IPV6]).bytes);
  });

  it("estimate is 0 for an empty and finite for a full filter", () => {
    assert.equal(new BloomFilter().estimate(), 0);
    const full = new BloomFilter(new Uint8Array(256).fill(255)).estimate();
    assert.ok(full > 6000 && full < 10000, `${full}`);
    assert.throws(() => new BloomFilter(new Uint8Array(255)), RangeError);
  });

  it("reference: bep33_bloom.json", { skip }, () => {
    type Vector = { bloom: string; estimate: number; estimate_tolerance: number };
    const [both, ipv4] = readVectors<Vector>("bep33_bloom.json");
    for (const [vector, addresses] of [[both!, [...IPV4, ...IPV6]], [ipv4!, IPV4]] as const) {
      const filter = filterOf(addresses);
      assert.equal(toHex(filter.bytes), vector.bloom);
      assert.ok(Math.abs(filter.estimate() - vector.estimate) <= vector.estimate_tolerance);
    }
  });
});
