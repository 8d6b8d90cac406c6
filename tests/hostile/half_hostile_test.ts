/** Half of 40 peers is hostile, in every way we know: what that costs the honest half. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TorrentEvent } from "../../src/client/types.ts";
import { liveMemory } from "../doubles/live_memory.ts";
import { BAD_KINDS } from "./bad_peers/kinds.ts";
import { poisoner, slowLoris } from "./bad_peers/data_liars.ts";
import { addBadTrackers, addStrangers, type BadTracker, nameTrackers } from "./bad_trackers.ts";
import { type Outcome, runSwarm, type Shape } from "./half_hostile.ts";

const MIB = 1024 * 1024;
const TIMEOUT = { timeout: 100_000 };
/** As PeerPoolConfig has it. */
const MAX_KNOWN = 1000;

interface Finished {
  ms: number;
  bytes: number;
}

async function honestSwarm(seed: number, shape: Partial<Shape> = {}): Promise<Finished> {
  const outcome = await runSwarm(seed, { hostile: false, ...shape });
  const bytes = await liveMemory();
  await finish(outcome);
  return { ms: outcome.ms, bytes };
}

/** All is right on every disk, and nobody honest came to harm. */
async function finish({ swarm, leeches, bad, told }: Outcome): Promise<void> {
  for (const leech of leeches) {
    swarm.assertHasAll(leech);
    assert.ok(leech.torrent.snapshot().peers.known <= MAX_KNOWN);
  }
  const hostile = new Set(bad.map(({ node }) => node.address));
  const innocent = banned(told).filter(({ address }) => !hostile.has(address));
  assert.deepEqual(innocent, [], "no honest peer is banned");
  await swarm.close();
}

function banned(told: ReadonlyMap<string, TorrentEvent[]>) {
  return [...told.values()].flat().filter((event) => event.type === "peer-banned")
    .filter(({ reason }) => reason !== "connection-failures");
}

/** Whoever met one whose wrong-doing can be shown, banned it or ended the connection for it. */
function assertPunished({ bad, told }: Outcome): void {
  for (const { kind, habits, node, deeds } of bad) {
    if (!habits.provable || deeds === 0) continue;
    const about = [...told.values()].flat().filter((event) =>
      (event.type === "peer-banned" || event.type === "peer-disconnected") &&
      event.address === node.address && event.reason !== "closed"
    );
    assert.ok(about.length > 0, `nobody minded the ${kind} at ${node.address}`);
  }
}

describe("a swarm of 40 of which half is hostile", () => {
  for (const seed of [1, 2, 3]) {
    it(`completes, right, within twice the honest time (seed ${seed})`, TIMEOUT, async () => {
      const honest = await honestSwarm(seed);
      const outcome = await runSwarm(seed, { hostile: true });
      const bytes = await liveMemory();
      for (const { kind } of BAD_KINDS) {
        const deeds = outcome.bad.filter((each) => each.kind === kind)
          .reduce((sum, each) => sum + each.deeds, 0);
        assert.ok(deeds > 0, `the ${kind} did what it is for`);
      }
      assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
      assert.ok(bytes - honest.bytes < 100 * MIB, `${bytes} bytes instead of ${honest.bytes}`);
      assertPunished(outcome);
      assert.ok(banned(outcome.told).length > 0, "poisoners were banned");
      await finish(outcome);
    });
  }

  it("bans each of 20 poisoners by everybody whom it harmed", TIMEOUT, async () => {
    const honest = await honestSwarm(4);
    const outcome = await runSwarm(4, { hostile: true, kinds: [poisoner] });
    assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
    const names = new Set(banned(outcome.told).map(({ address }) => address));
    for (const { node, deeds } of outcome.bad) {
      if (deeds > 0) assert.ok(names.has(node.address), `${node.address} was banned`);
    }
    assert.ok(names.size > 10, `${names.size} were met and banned`);
    await finish(outcome);
  });

  it("is not held up by 20 that send a byte a second", TIMEOUT, async () => {
    const honest = await honestSwarm(5);
    const outcome = await runSwarm(5, { hostile: true, kinds: [slowLoris] });
    assert.ok(outcome.bad.some(({ deeds }) => deeds > 10), "bytes dripped");
    assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
    await finish(outcome);
  });
});

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
    // The trackers before the right one have 5 s each before it is asked, too.
    assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
    await finish(outcome);
  });

  it(
    "that send everybody to strangers completes by those who know one of us",
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
