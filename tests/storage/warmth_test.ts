import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { PROOF, Warmth } from "../../src/storage/warmth.ts";
import { HandClock } from "../harness/clock.ts";

function scene() {
  const clock = new HandClock(), gauge = { clock, files: { diskReads: () => disk.count } };
  const disk: { count: number | null } = { count: 5 };
  const warmth = new Warmth(gauge);
  const away = (times: number) => {
    for (let i = 0; i < times; i++) warmth.readAway(1);
  };
  /** A read at once that takes `ms`. */
  const atOnce = (ms: number) => warmth.readAtOnce(clock.now() - ms, clock.now());
  const isWarm = () => warmth.isWarm(clock.now());
  return { clock, disk, warmth, away, atOnce, isWarm };
}

/** The first look only tells what the count was. */
const TO_WARM = PROOF + 1;

describe("Warmth", () => {
  it("is not warm before enough consecutive windows came without the disk", () => {
    const { away, isWarm, disk } = scene();
    assert.equal(isWarm(), false);
    away(TO_WARM - 1);
    assert.equal(isWarm(), false);
    disk.count!++;
    away(TO_WARM - 1);
    assert.equal(isWarm(), false, "one came from the disk, so it is counted from there");
    away(1);
    assert.equal(isWarm(), true);
  });

  it("a read at once that took long and needed the disk was the last", () => {
    const { away, atOnce, isWarm, disk } = scene();
    away(TO_WARM);
    atOnce(3);
    assert.equal(isWarm(), true, "long, but the disk had no part in it");
    disk.count!++;
    atOnce(3);
    assert.equal(isWarm(), false);
    away(PROOF);
    assert.equal(isWarm(), true);
  });

  it("quick reads from a disk are noticed after a few", () => {
    const { away, atOnce, isWarm, disk } = scene();
    away(TO_WARM);
    let reads = 0;
    for (; isWarm() && reads < 1000; reads++) {
      disk.count!++;
      atOnce(0.3);
    }
    assert.ok(reads > 1 && reads <= 32, `${reads} reads`);
  });

  it("a read too slow for memory came from a disk, whatever the count", () => {
    const { away, atOnce, isWarm } = scene();
    away(TO_WARM);
    atOnce(51);
    assert.equal(isWarm(), false);
  });

  it("trusts nothing after a pause: the disk may sleep", () => {
    const { away, clock, isWarm } = scene();
    away(TO_WARM);
    clock.pass(4900);
    assert.equal(isWarm(), true);
    clock.pass(200);
    assert.equal(isWarm(), false);
  });

  it("is never warm where the system does not count", () => {
    const { away, isWarm, disk } = scene();
    disk.count = null;
    away(10 * TO_WARM);
    assert.equal(isWarm(), false);
  });
});
