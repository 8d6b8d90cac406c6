/** A daemon under kill -9: `npm run kills -- --daemon` has the long run. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { runDaemonKills } from "../../scripts/kills/daemon_kills.ts";

it("a daemon that is killed four times keeps every torrent, label, limit and count", {
  timeout: 180_000,
}, async () => {
  const result = await runDaemonKills({
    kills: 4,
    torrents: 5,
    size: 2 * 1024 * 1024,
    spread: 3,
    seed: "daemon_kills_test",
  });
  assert.deepEqual(result.wrong, []);
  assert.equal(result.kills, 4);
  assert.ok(result.changes > 10, "it was told something");
  assert.ok(result.downloaded > 0 && result.ending < 10_000);
});
