/** Trackers that lie, stall, flood and send us to strangers: the download goes on beside them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addBadTrackers, addStrangers, type BadTracker, nameTrackers } from "./bad_trackers.ts";
import { finish, honestSwarm, runSwarm } from "./half_hostile.ts";

const TIMEOUT = { timeout: 100_000 };
/** Peers that were asked to by a tracker: each may try again, and follow a few redirects, in a minute. */
const MAX_ASKED_EACH = 15;

describe("a swarm with bad trackers", () => {
  it("before the right one completes in twice the time, and hammers none", TIMEOUT, async () => {
    const honest = await honestSwarm(6);
    let trackers: BadTracker[] = [];
    const outcome = await runSwarm(6, {
      hostile: false,
      beforeLeeches: async (swarm) => {
        trackers = await addBadTrackers(swarm.world, ["huge", "slow", "redirects", "intervals"]);
        nameTrackers(swarm, trackers);
      },
    });
    const people = outcome.leeches.length + outcome.seeds.length;
    for (const { kind, deeds } of trackers) {
      assert.ok(deeds > 0, `the tracker of kind "${kind}" was asked`);
      assert.ok(deeds <= MAX_ASKED_EACH * people, `"${kind}" was asked ${deeds} times`);
    }
    // The trackers before the right one have two seconds, until it is asked beside them.
    assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
    await finish(outcome);
  });

  it(
    "that only return strangers do not prevent completion, by peers that know one of us",
    TIMEOUT,
    async () => {
      const known = { peers: ["10.0.1.1:6881"] };
      const honest = await honestSwarm(7, {
        ...known,
        beforeLeeches: (swarm) => Promise.resolve(nameTrackers(swarm, [], [])),
      });
      let trackers: BadTracker[] = [], bothered = () => 0;
      const outcome = await runSwarm(7, {
        hostile: false,
        ...known,
        beforeLeeches: async (swarm) => {
          trackers = await addBadTrackers(swarm.world, ["strangers"]);
          bothered = await addStrangers(swarm.world, 100);
          nameTrackers(swarm, trackers);
        },
      });
      assert.ok(trackers[0]!.deeds > 0 && bothered() > 0, "strangers were dialled");
      assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
      await finish(outcome);
    },
  );
});
