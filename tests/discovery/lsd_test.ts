import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { fromHex, fromLatin1, toHex, toLatin1 } from "../../src/util/bytes.ts";
import { decodeLsd, encodeLsd, LSD_GROUPS, MAX_LSD_HASHES } from "../../src/discovery/lsd.ts";
import { readReferenceJson, skip } from "../conformance/reference.ts";
import { mutate } from "../harness/mutate.ts";

const HASH = "c9e15763f722f23e98a29decdfae341b98d53056";
const hashes = (count: number) =>
  Array.from({ length: count }, (_, i) => new Uint8Array(20).fill(i + 1));
const announce = { port: 6881, infoHashes: [fromHex(HASH)], cookie: "abc" };
const decodeText = (text: string) => decodeLsd(fromLatin1(text));

describe("encodeLsd", () => {
  it("writes BEP 14's lines for either group", () => {
    assert.equal(
      toLatin1(encodeLsd(announce, 4)),
      "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
        `Infohash: ${HASH}\r\ncookie: abc\r\n\r\n\r\n`,
    );
    const six = toLatin1(encodeLsd({ ...announce, cookie: null }, 6));
    assert.match(six, /\r\nHost: \[ff15::efc0:988f\]:6771\r\n/);
    assert.doesNotMatch(six, /cookie/);
  });

  it("stays below 1400 bytes at its most, and is read back", () => {
    const full = { port: 65535, infoHashes: hashes(MAX_LSD_HASHES), cookie: "x".repeat(16) };
    for (const family of [4, 6] as const) {
      const bytes = encodeLsd(full, family);
      assert.ok(bytes.length < 1400, `${bytes.length}`);
      assert.deepEqual(decodeLsd(bytes), full);
    }
  });
});

describe("decodeLsd", () => {
  it("takes headers in any case and order, unknown ones, and bare line feeds", () => {
    const text = `BT-SEARCH * HTTP/1.1\nX-Other: y\nINFOHASH:${HASH.toUpperCase()}\n` +
      `infohash: ${HASH}\nInfohash: xyz\nport:  7000 \n`;
    const found = decodeText(text)!;
    assert.deepEqual(found.infoHashes.map(toHex), [HASH]);
    assert.deepEqual([found.port, found.cookie], [7000, null]);
  });

  it("returns null for an invalid announce, without a port or without a hash", () => {
    const good = `BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ${HASH}\r\n\r\n`;
    assert.notEqual(decodeText(good), null);
    for (
      const bad of [
        "",
        "BT-SEARCH * HTTP/1.1",
        "BT-SEARCH * HTTP/1.1\r\n\r\n\r\n",
        good.replace("Port: 1", "Port: 0"),
        good.replace("Port: 1", "Port: 65536"),
        good.replace("Port: 1", "Port: -1"),
        good.replace("Port: 1", "Port: 1e3"),
        good.replace("Port", "Pore"),
        good.replace(HASH, HASH.slice(1)),
        good.replace("BT-SEARCH", "M-SEARCH"),
        good + "x".repeat(1500),
      ]
    ) assert.equal(decodeText(bad), null, bad.slice(0, 60));
  });

  it("keeps its bounds on 30,000 damaged announces, and never throws", { timeout: 30_000 }, () => {
    const dice = new Prng("lsd");
    const samples = [encodeLsd(announce, 4), encodeLsd({ ...announce, infoHashes: hashes(3) }, 6)];
    let read = 0;
    for (let i = 0; i < 30_000; i++) {
      const found = decodeLsd(mutate(dice.pick(samples), dice));
      if (found === null) continue;
      read++;
      assert.ok(found.port >= 1 && found.port <= 65535);
      assert.ok(found.infoHashes.length >= 1 && found.infoHashes.length <= MAX_LSD_HASHES);
      assert.ok(found.infoHashes.every((hash) => hash.length === 20));
      assert.ok((found.cookie ?? "").length <= 64);
    }
    assert.ok(read > 1000 && read < 29_000, `${read}`);
  });
});

describe("BEP 14's vectors of ../shared/reference", { skip }, () => {
  it("name our groups", { skip }, () => {
    const all: { bep: number; name: string; expected: { groups?: string[] } }[] = readReferenceJson(
      "vectors/bep_vectors.json",
    );
    const format = all.find(({ bep, name }) => bep === 14 && name === "announce format")!;
    const ours = LSD_GROUPS.map(({ family, address, port }) =>
      family === 4 ? `${address}:${port}` : `[${address}]:${port}`
    );
    assert.deepEqual(ours, format.expected.groups);
  });
});
