/** Worlds of `npm run sim` repeat to the last event, whatever runs them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { run } from "../../scripts/lib/run.ts";
import { findRuntime, thisRuntime } from "../../scripts/lib/runtimes.ts";
import { runWorld, type WorldResult } from "../../scripts/sim/run_world.ts";
import { scenarioNamed } from "../../scripts/sim/scenarios.ts";

const TIMEOUT = { timeout: 60_000 };

/** The worlds that the script plays, in its own process, on the other runtime. */
async function elsewhere(args: string[]): Promise<WorldResult[]> {
  const other = thisRuntime === "deno" ? "bun" : "deno";
  const start = other === "deno" ? ["run", "-A", "--no-check"] : [];
  const command = [...start, "scripts/sim.ts", "--json", ...args];
  const { code, stdout, stderr } = await run(findRuntime(other), command, { timeoutMs: 55_000 });
  assert.equal(code, 0, stderr);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

describe("npm run sim", () => {
  it("produces one log of events for one seed, on both runtimes", TIMEOUT, async () => {
    const there = [
      ...await elsewhere(["--scenario", "swarms", "--seed", "1003", "--worlds", "4"]),
      ...await elsewhere(["--scenario", "mounts", "--seed", "1003", "--worlds", "3"]),
    ];
    assert.equal(there.length, 7);
    for (const { seed, scenario, digest, virtualMs } of there) {
      const here = await runWorld(seed, scenarioNamed(scenario));
      assert.equal(here.digest, digest, `${scenario} ${seed}`);
      assert.equal(here.virtualMs, virtualMs);
    }
    const digests = new Set(there.map(({ digest }) => digest));
    assert.equal(digests.size, 7, "other seeds give other logs");
  });
});
