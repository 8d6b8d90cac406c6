import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { RateMeter } from "../../src/util/rate_meter.ts";

/** Adds `bytesPerSample` before each of `count` samples, `everyMs` apart; returns the last time. */
function flow(meter: RateMeter, from: number, everyMs: number, bytes: number, count: number) {
  let now = from;
  for (let i = 0; i < count; i++) {
    meter.add(bytes);
    now += everyMs;
    meter.sample(now);
  }
  return now;
}

const near = (actual: number, expected: number, share = 0.02) =>
  assert.ok(Math.abs(actual - expected) <= share * expected, `${actual} is not near ${expected}`);

describe("RateMeter", () => {
  it("is 0 before anything is known", () => {
    const meter = new RateMeter();
    assert.equal(meter.rate, 0);
    meter.add(1000);
    assert.equal(meter.rate, 0);
    meter.sample(5);
    assert.equal(meter.rate, 0);
  });

  it("knows a steady rate from the second sample on, whatever the time between samples", () => {
    for (const everyMs of [100, 500, 5000]) {
      const meter = new RateMeter();
      meter.sample(77);
      let now = 77;
      for (let i = 0; i < 5; i++) {
        now = flow(meter, now, everyMs, 20 * everyMs, 1);
        near(meter.rate, 20_000);
      }
    }
  });

  it("does not count bytes before the first sample in the time after it", () => {
    const meter = new RateMeter();
    meter.add(1_000_000);
    meter.sample(0);
    meter.add(1000);
    meter.sample(1000);
    near(meter.rate, 1000);
    assert.equal(meter.total, 1_001_000);
  });

  it("follows a change within a few seconds, in both directions", () => {
    const meter = new RateMeter(3000);
    meter.sample(0);
    let now = flow(meter, 0, 500, 5000, 40);
    near(meter.rate, 10_000);
    now = flow(meter, now, 500, 50_000, 6);
    assert.ok(meter.rate > 60_000 && meter.rate < 70_000, `${meter.rate}`); // 1 - 1/e of the step
    now = flow(meter, now, 500, 50_000, 30);
    near(meter.rate, 100_000);
    flow(meter, now, 500, 0, 36);
    assert.ok(meter.rate < 300, `${meter.rate}`);
  });

  it("ignores samples at the same time or earlier, without losing bytes", () => {
    const meter = new RateMeter();
    meter.sample(1000);
    meter.add(500);
    meter.sample(1000);
    meter.sample(900);
    meter.add(500);
    meter.sample(2000);
    near(meter.rate, 1000);
    assert.equal(meter.total, 1000);
  });
});
