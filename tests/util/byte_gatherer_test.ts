import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ByteGatherer } from "../../src/util/byte_gatherer.ts";

describe("ByteGatherer", () => {
  it("puts parts of any length together, in order", () => {
    const gatherer = new ByteGatherer(), all: number[] = [];
    assert.equal(gatherer.bytes.length, 0);
    for (let length = 0; length < 300; length += 7) {
      const part = Uint8Array.from({ length }, (_, i) => length + i);
      gatherer.add(part);
      all.push(...part);
      part.fill(0); // it was copied
    }
    assert.equal(gatherer.length, all.length);
    assert.deepEqual(gatherer.bytes, Uint8Array.from(all));
  });
});
