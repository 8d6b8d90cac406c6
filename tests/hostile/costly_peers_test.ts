/** Peers that make much work with few bytes, in the simulator: each one alone, all at once, again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { flapper, turncoat } from "./bad_peers/nuisances.ts";
import { finish, honestSwarm, runSwarm } from "./half_hostile.ts";

const COSTLY = [turncoat, flapper];
const TIMEOUT = { timeout: 100_000 };

describe("a swarm of 40 of which half cause as much work as they can", () => {
  it("shuts them out, and completes in nearly the honest time", TIMEOUT, async () => {
    const honest = await honestSwarm(7);
    const outcome = await runSwarm(7, { hostile: true, kinds: COSTLY });
    for (const { kind, deeds, connections } of outcome.bad) {
      if (connections > 0) assert.ok(deeds > 0, `the ${kind} did what it is for`);
    }
    const ends = [...outcome.told.values()].flat().filter((e) => e.type === "peer-disconnected");
    for (const { kind } of COSTLY) {
      const addresses = outcome.bad.filter((each) => each.kind === kind)
        .map(({ node }) => node.address);
      const shut = ends.filter(({ address, reason }) =>
        addresses.includes(address) && /cost too much work/.test(reason)
      );
      assert.ok(shut.length >= addresses.length, `${shut.length} times the ${kind} was shut out`);
    }
    assert.ok(outcome.ms < 1.25 * honest.ms, `${outcome.ms} ms, ${honest.ms} without them`);
    await finish(outcome);
  });
});
