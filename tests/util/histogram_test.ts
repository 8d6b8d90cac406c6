import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Histogram } from "../../src/util/histogram.ts";

describe("Histogram", () => {
  it("counts values up to each bound, and larger ones", () => {
    const histogram = new Histogram([1, 10, 100]);
    for (const value of [0, 1, 1.5, 10, 99, 100, 101, 1e9]) histogram.add(value);
    assert.deepEqual(histogram.counts(), [2, 2, 2, 2]);
    const sum = new Histogram([1, 10, 100]);
    sum.add(5);
    sum.addAll(histogram);
    assert.deepEqual(sum.counts(), [2, 3, 2, 2]);
    assert.equal(sum.sum, histogram.sum + 5);
  });
});
