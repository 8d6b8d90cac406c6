import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { FloodGuard, type FloodLimits } from "../../src/dht/flood_guard.ts";
import { HandRandom } from "../harness/random.ts";

const SECOND = 1000, MINUTE = 60 * SECOND;
const guard = (limits: Partial<FloodLimits> = {}, seed: number | string = "guard") =>
  new FloodGuard(new HandRandom(seed), 0, limits);
/** How many of `count` queries at `now` are admitted. */
function admitted(subject: FloodGuard, address: string, count: number, now: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) if (subject.admit(address, now)) sum++;
  return sum;
}
const addressOf = (n: number) => `10.${n >> 16 & 255}.${n >> 8 & 255}.${n & 255}`;

describe("FloodGuard.admit", () => {
  it("accepts 50 queries at once and 5 a second for ever", () => {
    const subject = guard();
    assert.equal(admitted(subject, "192.0.2.1", 50, 0), 50);
    for (let second = 1; second < 1000; second++) {
      assert.equal(admitted(subject, "192.0.2.1", 5, second * SECOND), 5);
    }
    assert.equal(subject.isBlocked("192.0.2.1", 1000 * SECOND), false);
    assert.equal(subject.refused, 0);
  });

  it("refuses an address that exceeds the rate for 5 minutes, then accepts it again", () => {
    const subject = guard();
    assert.equal(admitted(subject, "192.0.2.1", 1000, 0), 50);
    assert.equal(subject.refused, 950);
    for (const now of [SECOND, MINUTE, 5 * MINUTE - 1]) {
      assert.equal(subject.isBlocked("192.0.2.1", now), true);
      assert.equal(admitted(subject, "192.0.2.1", 10, now), 0);
    }
    assert.equal(subject.isBlocked("192.0.2.1", 5 * MINUTE), false);
    assert.equal(admitted(subject, "192.0.2.1", 1000, 5 * MINUTE), 50);
  });

  it("a flood of one address takes nothing from 5,000 others", () => {
    for (let seed = 0; seed < 5; seed++) {
      const subject = guard({}, seed);
      admitted(subject, "192.0.2.1", 100_000, 0);
      for (let n = 0; n < 5000; n++) assert.equal(admitted(subject, addressOf(n), 10, 1), 10);
    }
  });

  it("a flood of 100 addresses takes next to nothing from 5,000 others", () => {
    const subject = guard();
    for (let n = 0; n < 100; n++) admitted(subject, `192.0.2.${n}`, 200, 0);
    let refused = 0;
    for (let n = 0; n < 5000; n++) if (!subject.admit(addressOf(n), 1)) refused++;
    assert.ok(refused <= 5, `${refused}`);
  });

  it("a /64 counts as one address, another /64 as another", () => {
    const subject = guard();
    for (let n = 0; n < 60; n++) subject.admit(`2001:db8:0:1::${n.toString(16)}`, 0);
    assert.equal(subject.isBlocked("2001:db8:0:1:ffff::1", 0), true);
    assert.equal(subject.isBlocked("2001:db8:0:2::1", 0), false);
    assert.equal(admitted(subject, "2001:db8:0:2::1", 60, 0), 50);
  });

  it("limits can be set", () => {
    const subject = guard({ perSecond: 1000, burst: 3, blockMs: 10 });
    assert.equal(admitted(subject, "192.0.2.1", 9, 0), 3);
    assert.equal(admitted(subject, "192.0.2.1", 9, 9), 0);
    assert.equal(admitted(subject, "192.0.2.1", 9, 10), 3);
  });

  it("time that goes backwards neither adds nor removes queries", () => {
    const subject = guard();
    admitted(subject, "192.0.2.1", 50, 10 * SECOND);
    assert.equal(admitted(subject, "192.0.2.1", 1, 0), 0);
  });

  it("100,000 queries a second from forged addresses do not affect others", () => {
    const subject = guard();
    for (let n = 0; n < 300_000; n++) subject.admit(addressOf(n), n / 100);
    assert.equal(subject.refused, 0);
    for (let n = 0; n < 1000; n++) {
      assert.equal(admitted(subject, `172.16.${n >> 8}.${n & 255}`, 10, 3001), 10);
    }
  });
});

describe("FloodGuard.mayAnswer", () => {
  it("answers that are about as large as their queries are free", () => {
    const subject = guard({ surplusPerSecond: 0 });
    for (let i = 0; i < 10_000; i++) assert.equal(subject.mayAnswer(60, 80, 0), true);
    assert.equal(subject.mayAnswer(60, 148, 0), true, "twice the query, headers included");
    assert.equal(subject.mayAnswer(60, 149, 0), false);
    assert.equal(subject.heldBack, 1);
  });

  it("large answers share one budget a second, with 3 s of it at once", () => {
    const subject = guard({ surplusPerSecond: 1000 });
    const query = 100, free = 2 * (query + 28) - 28;
    const count = (now: number) => {
      let sum = 0;
      while (subject.mayAnswer(query, free + 100, now)) sum++;
      return sum;
    };
    assert.equal(count(0), 30);
    assert.equal(count(0), 0);
    assert.equal(count(2 * SECOND), 20);
    assert.equal(count(MINUTE), 30);
    assert.equal(subject.mayAnswer(query, free, MINUTE), true, "small ones still pass");
  });

  it("hasBudget says beforehand that a large answer would be held back", () => {
    const subject = guard({ surplusPerSecond: 1000 });
    assert.equal(subject.hasBudget(0), true);
    while (subject.mayAnswer(0, 1000, 0)) { /* until it is spent */ }
    assert.equal(subject.hasBudget(0), false);
    assert.equal(subject.heldBack, 2);
    assert.equal(subject.hasBudget(1500), true);
  });
});
