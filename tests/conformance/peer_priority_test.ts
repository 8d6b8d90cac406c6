import { describe, it, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { peerPriority, priorityInput } from "../../src/peers/peer_priority.ts";
import { fromHex, toHex } from "../../src/util/bytes.ts";
import { parseIp } from "../../src/util/ip_address.ts";

const VECTORS = new URL("../../../shared/reference/vectors/", import.meta.url);
const skip = existsSync(VECTORS) ? false : "no ../shared here";

interface PriorityVector {
  a: [string, number];
  b: [string, number];
  hashed_buffer: string;
  priority: string;
  note: string;
}

function vectors<T>(name: string): T[] {
  return skip ? [] : JSON.parse(readFileSync(new URL(name, VECTORS), "utf8")).vectors;
}

function endpoint([address, port]: [string, number]) {
  return { bytes: parseIp(address)!, port };
}

/** The examples in the BEP's own text, which are always here. */
const BEP_EXAMPLES: [string, string, string, number][] = [
  ["123.213.32.10", "98.76.54.32", "624c14007bd50000", 0xec2d7224],
  ["123.213.32.10", "123.213.32.234", "7bd5200a7bd520ea", 0x99568189],
];

describe("peerPriority (BEP 40)", () => {
  for (const [a, b, input, priority] of BEP_EXAMPLES) {
    it(`returns the BEP's number for ${a} and ${b}`, async () => {
      const one = endpoint([a, 1000]), other = endpoint([b, 2000]);
      assert.equal(toHex(priorityInput(one, other)!), input);
      const crc32c = await createCrc32c();
      assert.equal(peerPriority(crc32c, one, other), priority);
      assert.equal(peerPriority(crc32c, other, one), priority);
    });
  }

  it("has no number for two address families", async () => {
    const crc32c = await createCrc32c();
    assert.equal(peerPriority(crc32c, endpoint(["192.0.2.1", 1]), endpoint(["2001::1", 1])), null);
  });

  test("matches every vector of bep40_peer_priority.json", { skip }, async () => {
    const crc32c = await createCrc32c();
    const all = vectors<PriorityVector>("bep40_peer_priority.json");
    assert.ok(all.length >= 7);
    for (const vector of all) {
      const a = endpoint(vector.a), b = endpoint(vector.b);
      for (const [one, other] of [[a, b], [b, a]] as const) {
        assert.equal(toHex(priorityInput(one, other)!), vector.hashed_buffer, vector.note);
        const priority = peerPriority(crc32c, one, other)!;
        assert.equal(priority.toString(16).padStart(8, "0"), vector.priority, vector.note);
      }
    }
  });
});

describe("createCrc32c", () => {
  it("returns the checksum of RFC 3720 for 32 zeros, repeatedly", async () => {
    const crc32c = await createCrc32c();
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  });

  test("matches every vector of crc32c.json", { skip }, async () => {
    const crc32c = await createCrc32c();
    const all = vectors<{ hex: string; crc32c: string }>("crc32c.json");
    assert.ok(all.length >= 4);
    for (const { hex, crc32c: expected } of all) {
      assert.equal(crc32c(fromHex(hex)).toString(16).padStart(8, "0"), expected);
    }
  });
});
