import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeedWatch } from "../../src/torrent/seed_goal.ts";
import type { SeedGoal } from "../../src/torrent/types.ts";

/** A watch over 1,000 bytes that starts at 5,000 ms with 200 bytes given. */
function watch(goal: SeedGoal): SeedWatch {
  const made = new SeedWatch(goal);
  made.start(200, 5000);
  return made;
}

describe("SeedWatch", () => {
  it("has none reached at once and forever never", () => {
    assert.equal(watch({ kind: "none" }).reached(0, 1000, 5000), true);
    assert.equal(watch({ kind: "forever" }).reached(1e12, 1000, 1e12), false);
  });

  it("ratio: counts all uploads, including earlier runs, against the size", () => {
    const ratio = watch({ kind: "ratio", ratio: 1.5 });
    assert.equal(ratio.reached(1499, 1000, 1e9), false);
    assert.equal(ratio.reached(1500, 1000, 5000), true);
  });

  it("time: counts from the start, whatever is uploaded", () => {
    const time = watch({ kind: "time", seconds: 2 });
    assert.equal(time.reached(200, 1000, 6999), false);
    assert.equal(time.reached(999_999, 1000, 7000), true);
  });

  it("idle: restarts with every uploaded byte", () => {
    const idle = watch({ kind: "idle", seconds: 2 });
    assert.equal(idle.reached(200, 1000, 6999), false);
    assert.equal(idle.reached(201, 1000, 7000), false);
    assert.equal(idle.reached(201, 1000, 8999), false);
    assert.equal(idle.reached(201, 1000, 9000), true);
    assert.equal(
      watch({ kind: "idle", seconds: 2 }).reached(200, 1000, 7000),
      true,
      "from the start",
    );
  });
});
