import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Layout } from "../../src/metainfo/layout.ts";
import { FileWatch } from "../../src/storage/file_watch.ts";
import { Rests } from "../../src/util/rests.ts";

const FILES = 2000;

/** One piece of two thousand files of one byte, whose loops go on when the test says so. */
class Crowd {
  now = 0;
  looks = 0;
  woken = 0;
  readonly touched = new Set<number>();
  readonly changed: number[] = [];
  readonly watch: FileWatch;
  #resume: (() => void)[] = [];

  constructor() {
    const files = Array.from({ length: FILES }, () => ({ length: 1, pad: false }));
    const rests = new Rests(() => new Promise((resolve) => void this.#resume.push(resolve)));
    const isTouched = (file: number) => {
      this.looks++;
      return this.touched.has(file);
    };
    const layout = new Layout(FILES, files);
    this.watch = new FileWatch({ layout, rests, isTouched }, () => this.now, (file) => {
      this.changed.push(file);
    });
  }

  wait(): void {
    this.watch.wait({ loaded: () => this.woken++, failed: () => assert.fail() });
  }

  async goOn(): Promise<void> {
    while (this.#resume.length > 0) {
      this.now++;
      this.#resume.shift()!();
      await Promise.resolve();
      await Promise.resolve();
    }
  }
}

describe("the watch over a piece of thousands of files", () => {
  it("looks at a few hundred at a time, and wakes those that wait", async () => {
    const crowd = new Crowd(), { watch } = crowd;
    assert.equal(watch.mayServe(0, crowd.now), false);
    crowd.wait();
    assert.ok(crowd.looks < 300, `${crowd.looks} in one go`);
    assert.equal(watch.mayServe(0, crowd.now), false);
    assert.ok(crowd.looks < 300, "one look at a time");
    await crowd.goOn();
    assert.equal(crowd.looks, FILES);
    assert.equal(crowd.woken, 1);
    assert.equal(watch.mayServe(0, crowd.now), true);
    crowd.now += 600;
    assert.equal(watch.mayServe(0, crowd.now), false, "it looks again");
  });

  it("serves nothing of it while a file is changed, and all once that was checked", async () => {
    const crowd = new Crowd(), { watch } = crowd;
    crowd.touched.add(1500);
    watch.mayServe(0, crowd.now);
    crowd.wait();
    await crowd.goOn();
    assert.deepEqual(crowd.changed, [1500]);
    assert.equal(watch.mayServe(0, crowd.now), false);
    assert.equal(crowd.looks, FILES, "no further look before the check");
    crowd.touched.clear();
    crowd.wait();
    watch.release([1500], false);
    assert.equal(crowd.woken, 2);
    assert.equal(watch.mayServe(0, crowd.now), false);
    await crowd.goOn();
    assert.equal(watch.mayServe(0, crowd.now), true);
  });

  it("stops at the end", async () => {
    const crowd = new Crowd();
    crowd.watch.mayServe(0, crowd.now);
    crowd.watch.close();
    await crowd.goOn();
    assert.ok(crowd.looks < 300);
  });
});
