import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeQuota, encodeQuota, Quota } from "../../src/client/quota.ts";

const NOON = Date.UTC(2026, 10, 30, 12);
const DAY = 24 * 3600 * 1000;

describe("the state of a quota", () => {
  it("comes back from its bytes, and nothing else does", () => {
    const state = { period: "2026-11", down: 5e12, up: 0 };
    assert.deepEqual(decodeQuota(encodeQuota(state)), state);
    for (const text of ["", "de", "i5e", "d4:downi-1e6:period1:x2:upi0ee", "x".repeat(2000)]) {
      assert.equal(decodeQuota(new TextEncoder().encode(text)), null, text);
    }
  });
});

describe("Quota", () => {
  it("is spent when its bytes have passed, each way by itself", () => {
    const quota = new Quota({ down: 100, up: 50, period: "day" }, null, NOON);
    quota.update({ down: 99, up: 50 }, NOON);
    assert.equal(quota.downSpent, false);
    assert.equal(quota.upSpent, true);
    quota.update({ down: 100, up: 50 }, NOON);
    assert.equal(quota.downSpent, true);
  });

  it("never ends a direction without a limit", () => {
    const quota = new Quota({ down: 1, period: "day" }, null, NOON);
    quota.update({ down: 0, up: 1e15 }, NOON);
    assert.equal(quota.upSpent, false);
  });

  it("begins anew with each period, counting from there", () => {
    const quota = new Quota({ down: 100, period: "month" }, null, NOON);
    quota.update({ down: 100, up: 0 }, NOON);
    assert.equal(quota.downSpent, true);
    quota.update({ down: 130, up: 7 }, NOON + DAY);
    assert.deepEqual(quota.state, { period: "2026-12", down: 30, up: 7 });
    assert.equal(quota.downSpent, false);
  });

  it("goes on where an earlier run of the same period ended", () => {
    const saved = { period: "2026-11-30", down: 90, up: 0 };
    const quota = new Quota({ down: 100, period: "day" }, saved, NOON);
    quota.update({ down: 10, up: 0 }, NOON);
    assert.equal(quota.downSpent, true);
    const later = new Quota({ down: 100, period: "day" }, saved, NOON + DAY);
    assert.equal(later.state.down, 0);
  });
});
