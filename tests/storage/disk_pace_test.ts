import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DiskPace } from "../../src/storage/disk_pace.ts";

class Bench {
  now = 1000;
  waited = 0;
  readonly pace = new DiskPace({ now: () => this.now, waited: () => this.waited });

  /** Writes off the loop's thread that take so long each. */
  async away(count: number, ms: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.pace.away(() => {
        this.now += ms;
        return Promise.resolve();
      });
    }
  }

  /** A write on the loop's thread. */
  held(ms: number): void {
    const begun = this.now;
    this.now += ms;
    this.pace.held(begun);
  }

  async proven(): Promise<this> {
    await this.away(4, 1);
    return this;
  }
}

describe("DiskPace", () => {
  it("keeps the first writes off the thread, until four in a row were fast", async () => {
    const bench = new Bench();
    await bench.away(3, 1);
    assert.equal(bench.pace.isQuick, false);
    await bench.away(1, 30);
    await bench.away(3, 1);
    assert.equal(bench.pace.isQuick, false, "one between them was not");
    await bench.away(1, 1);
    assert.equal(bench.pace.isQuick, true);
    assert.equal(bench.pace.isSlow, false);
  });

  it("asks for proof again after a pause", async () => {
    const bench = await new Bench().proven();
    bench.now += 4000;
    assert.equal(bench.pace.isQuick, true);
    bench.now += 2000;
    assert.equal(bench.pace.isQuick, false);
    await bench.away(1, 1);
    assert.equal(bench.pace.isQuick, true);
  });

  it("is slow after one write of over 50 ms, or when writes take most of the time", async () => {
    const one = await new Bench().proven();
    one.held(50);
    assert.equal(one.pace.isQuick, true);
    one.now += 1000;
    one.held(51);
    assert.deepEqual([one.pace.isQuick, one.pace.isSlow], [false, true]);
    for (const [pauseMs, isSlow] of [[25, false], [15, true]] as const) {
      const many = await new Bench().proven();
      for (let i = 0; i < 100 && !many.pace.isSlow; i++) {
        many.held(20);
        many.now += pauseMs;
      }
      assert.equal(many.pace.isSlow, isSlow, `${pauseMs} ms between writes of 20 ms`);
    }
  });

  it("is quick again after five seconds of quick writes, then after ten", async () => {
    const bench = await new Bench().proven();
    for (const seconds of [10, 20]) {
      bench.held(100);
      await bench.away(100 * (seconds - 1), 10);
      assert.equal(bench.pace.isQuick, false);
      await bench.away(101, 10);
      assert.equal(bench.pace.isQuick, true, `${seconds} s`);
    }
  });

  it("a write that was slow off the thread starts that time again", async () => {
    const bench = await new Bench().proven();
    bench.held(100);
    await bench.away(900, 10);
    await bench.away(1, 51);
    await bench.away(900, 10);
    assert.equal(bench.pace.isQuick, false);
  });

  it("makes no write on the thread during a sync, however long it takes", async () => {
    const bench = await new Bench().proven(), { pace } = bench;
    const sync = Promise.withResolvers<void>();
    const syncing = pace.sync(() => sync.promise);
    assert.equal(pace.isQuick, false);
    await bench.away(1, 1);
    bench.now += 3000;
    sync.resolve();
    await syncing;
    assert.deepEqual([pace.isQuick, pace.isSlow], [true, false]);
  });

  it("a slow disk gets one call after the other, syncs included", async () => {
    const bench = await new Bench().proven(), { pace } = bench;
    bench.held(100);
    let underWay = 0, most = 0;
    const work = async () => {
      most = Math.max(most, ++underWay);
      await Promise.resolve();
      underWay--;
    };
    await Promise.all([pace.away(work), pace.sync(work), pace.away(work), pace.sync(work)]);
    assert.equal(most, 1);
  });

  it("a failure only affects its own caller, and the next write has its turn", async () => {
    const { pace } = new Bench();
    const failing = pace.away(() => Promise.reject(new Error("no")));
    const next = pace.away(() => Promise.resolve(5));
    await assert.rejects(failing, /no/);
    assert.equal(await next, 5);
  });

  it("time that the thread waited for a processor is not the disk's", async () => {
    const bench = await new Bench().proven(), { pace } = bench;
    for (let i = 0; i < 100; i++) {
      bench.waited += 70;
      bench.held(80);
      bench.now += 80;
    }
    assert.deepEqual([pace.isQuick, pace.isSlow], [true, false]);
    bench.waited += 30;
    bench.held(100);
    assert.deepEqual([pace.isQuick, pace.isSlow], [false, true]);
  });

  it("waiting of the thread long before a slow write does not excuse it", async () => {
    const bench = await new Bench().proven(), { pace } = bench;
    bench.waited += 1000;
    bench.now += 2000;
    bench.held(1);
    bench.held(60);
    assert.equal(pace.isSlow, true);
  });

  it("a write off the thread that waited for a processor does not make the disk slow", async () => {
    const bench = await new Bench().proven(), { pace } = bench;
    await pace.away(() => {
      bench.now += 80;
      bench.waited += 60;
      return Promise.resolve();
    });
    assert.deepEqual([pace.isQuick, pace.isSlow], [true, false]);
  });

  it("counts as quick without a clock", () => {
    assert.equal(new DiskPace(null).isQuick, true);
  });
});
