import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import { Prng } from "../harness/prng.ts";
import { CLIENT_NAME, makePeerId, nameOfPeerId, VERSION } from "../../src/wire/peer_id.ts";
import { HandRandom } from "../harness/random.ts";
import { readFileSync } from "node:fs";

const nameOf = (text: string) => nameOfPeerId(fromLatin1(text.padEnd(20, "x")));

describe("makePeerId", () => {
  it("makes 20 bytes with our prefix (BEP 20), the rest at random", () => {
    const random = new HandRandom(1);
    const first = makePeerId(random), second = makePeerId(random);
    assert.equal(first.length, 20);
    assert.equal(toLatin1(first.subarray(0, 8)), "-SH0100-");
    assert.notDeepEqual(first, second);
    assert.ok(new Set(first.subarray(8)).size > 6);
  });

  it("has the version of package.json", () => {
    const file = new URL("../../package.json", import.meta.url);
    assert.equal(JSON.parse(readFileSync(file, "utf8")).version, VERSION);
    assert.equal(CLIENT_NAME, `shoal ${VERSION}`);
    assert.equal(nameOfPeerId(makePeerId(new HandRandom(2))), "shoal 0.1");
  });
});

describe("nameOfPeerId", () => {
  it("reads the usual ids", () => {
    assert.equal(nameOf("-LT20B0-"), "libtorrent 2.0.B");
    assert.equal(nameOf("-qB4520-"), "qBittorrent 4.5.2");
    assert.equal(nameOf("-TR3000-"), "Transmission 3");
    assert.equal(nameOf("-lt0D60-"), "rTorrent 0.D.6");
    assert.equal(nameOf("-XY1234-"), "XY 1.2.3.4");
    assert.equal(nameOf("-UT0000-"), "µTorrent 0");
  });

  it("reads aria2's own way", () => {
    assert.equal(nameOf("A2-1-37-"), "aria2 1.37");
    assert.equal(nameOf("A2-1-8-0"), "aria2 1.8.0");
  });

  it("says unknown for all else", () => {
    for (const text of ["", "exbc\x01\x02LORD", "-LT20B0", "-L120B0-", "M7-9-2--", "\0\0\0\0"]) {
      assert.equal(nameOf(text), "unknown", text);
    }
  });

  it("shows only harmless characters of any id", () => {
    const harmless = /^[A-Za-z0-9µ. ]+$/;
    assert.match(nameOf("A2-\x1b[2J-"), harmless);
    assert.match(nameOf("A2-\u009b31m"), harmless);
    assert.match(nameOf("A2------"), harmless);
    const dice = new Prng(1);
    for (let i = 0; i < 2000; i++) {
      const id = dice.fill(new Uint8Array(20));
      if (i % 2 === 0) id.set(fromLatin1("A2-"));
      assert.match(nameOfPeerId(id), harmless);
    }
  });
});
