/** A real download under kill -9: `npm run kills` has the long run. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { runKills } from "../../scripts/kills/run_kills.ts";

it("a download that is killed three times is right and loses 5 s at most", {
  timeout: 180_000,
}, async () => {
  const { kills, downloads, wrong } = await runKills({
    kills: 3,
    size: 24 * 1024 * 1024,
    spread: 8,
    lanes: 1,
    seed: "kills_test",
  });
  assert.deepEqual(wrong, []);
  assert.ok(kills.length >= 3 && downloads >= 1);
  assert.ok(kills.some(({ reported }) => reported > 0), "some were killed half-way");
});
