import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeQuota, encodeQuota, Quota, spentMessage } from "../../src/client/quota.ts";

const NOON = Date.UTC(2026, 10, 30, 12);
const DAY = 24 * 3600 * 1000;

describe("the state of a quota", () => {
  it("is read back from its bytes, and from nothing else", () => {
    const state = { period: "2026-11", down: 5e12, up: 0 };
    assert.deepEqual(decodeQuota(encodeQuota(state)), state);
    for (const text of ["", "de", "i5e", "d4:downi-1e6:period1:x2:upi0ee", "x".repeat(2000)]) {
      assert.equal(decodeQuota(new TextEncoder().encode(text)), null, text);
    }
  });
});

describe("Quota", () => {
  it("is used up when its bytes have passed, separately for each direction", () => {
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

  it("restarts with each period", () => {
    const quota = new Quota({ down: 100, period: "month" }, null, NOON);
    quota.update({ down: 100, up: 0 }, NOON);
    assert.equal(quota.downSpent, true);
    quota.update({ down: 130, up: 7 }, NOON + DAY);
    assert.deepEqual(quota.state, { period: "2026-12", down: 30, up: 7 });
    assert.equal(quota.downSpent, false);
  });

  it("continues the count of an earlier run of the same period", () => {
    const saved = { period: "2026-11-30", down: 90, up: 0 };
    const quota = new Quota({ down: 100, period: "day" }, saved, NOON);
    quota.update({ down: 10, up: 0 }, NOON);
    assert.equal(quota.downSpent, true);
    const later = new Quota({ down: 100, period: "day" }, saved, NOON + DAY);
    assert.equal(later.state.down, 0);
  });

  it("adds its own bytes, once, to counts by other clients meanwhile", () => {
    const options = { down: 100, period: "day" } as const;
    const [a, b] = [new Quota(options, null, NOON), new Quota(options, null, NOON)];
    a.update({ down: 50, up: 1 }, NOON);
    assert.deepEqual(a.merge(null, NOON), { down: 50, up: 1 });
    let file = a.state;
    b.update({ down: 0, up: 0 }, NOON);
    b.merge(file, NOON);
    assert.deepEqual(b.state, { period: "2026-11-30", down: 50, up: 1 });
    b.update({ down: 30, up: 0 }, NOON);
    b.merge(file, NOON);
    file = b.state;
    a.update({ down: 70, up: 1 }, NOON);
    a.merge(file, NOON);
    assert.deepEqual(a.state, { period: "2026-11-30", down: 100, up: 1 });
    assert.equal(a.downSpent, true);
    assert.equal(b.downSpent, false);
    b.merge(a.state, NOON);
    assert.equal(b.downSpent, true);
    assert.deepEqual(b.merge(b.state, NOON), { down: 0, up: 0 });
  });

  it("starts a new period once, whichever client is first", () => {
    const options = { down: 100, period: "day" } as const, old = "2026-11-30", next = NOON + DAY;
    const quota = new Quota(options, { period: old, down: 90, up: 0 }, NOON);
    quota.update({ down: 5, up: 0 }, NOON);
    quota.update({ down: 7, up: 0 }, next);
    quota.merge({ period: "2026-12-01", down: 40, up: 0 }, next);
    assert.deepEqual(quota.state, { period: "2026-12-01", down: 42, up: 0 });
    const late = new Quota(options, { period: old, down: 90, up: 0 }, NOON);
    late.merge({ period: "2026-12-01", down: 40, up: 0 }, next);
    assert.equal(late.state.down, 40);
    late.update({ down: 1, up: 0 }, next);
    late.merge({ period: old, down: 99, up: 0 }, next);
    assert.equal(late.state.down, 41, "what is of an earlier period counts for nothing");
  });

  it("adds an unsaved count the next time, in the same period only", () => {
    const options = { down: 100, period: "day" } as const;
    const quota = new Quota(options, null, NOON);
    quota.update({ down: 10, up: 0 }, NOON);
    quota.unsave(quota.merge(null, NOON), NOON);
    quota.update({ down: 15, up: 0 }, NOON);
    const added = quota.merge(null, NOON);
    assert.deepEqual(added, { down: 15, up: 0 });
    quota.unsave(added, NOON + DAY);
    assert.deepEqual(quota.merge(null, NOON + DAY), { down: 0, up: 0 });
  });

  it("reports which direction rests and when its period ends, by UTC", () => {
    const of = (period: "day" | "month", wallTime: number) => {
      const quota = new Quota({ up: 5, down: 9, period }, null, wallTime);
      assert.equal(quota.spentAt(wallTime), null);
      quota.update({ down: 8, up: 5 }, wallTime);
      assert.deepEqual(quota.left, { down: 1, up: 0 });
      return quota.spentAt(wallTime);
    };
    const ends = { down: false, up: true, until: Date.UTC(2026, 11, 1) };
    assert.deepEqual(of("day", NOON), ends);
    assert.deepEqual(of("month", NOON), ends);
    assert.equal(of("month", Date.UTC(2026, 11, 31, 23, 59))?.until, Date.UTC(2027, 0, 1));
    const message = "The upload quota is used up: nothing is uploaded until 2026-12-01 00:00 UTC";
    assert.equal(spentMessage("up", ends.until), message);
  });
});
