/** Half of 40 peers is hostile, in every way we know: what that costs the honest half. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { liveMemory } from "../harness/live_memory.ts";
import type { Habits } from "./bad_peers/bad_peer.ts";
import { poisoner, refuser, repeater, silent, slowLoris } from "./bad_peers/data_liars.ts";
import { BAD_KINDS } from "./bad_peers/kinds.ts";
import { choker, flooder, hangUpper, staller } from "./bad_peers/nuisances.ts";
import { hugeLengths, wrongBitfields, wrongExtensions } from "./bad_peers/rule_breakers.ts";
import {
  banned,
  finish,
  type Finished,
  honestSwarm,
  type Outcome,
  runSwarm,
} from "./half_hostile.ts";

const MIB = 1024 * 1024;
/** Bytes a second: the download lasts for minutes, in which those that were dropped come back. */
const SLOW = 20 * 1024;
/**
 * On a narrow line, a bad peer's connections wait for each other until their victims give up, and
 * hardly anybody sees what it does.
 */
const HOSTILE = { hostile: true, badUpBytesPerSec: 1 * MIB };
const TIMEOUT = { timeout: 300_000 };

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

/** All kinds, five peers of each. */
const WORLDS: readonly (readonly Habits[])[] = [
  [poisoner, repeater, refuser, silent],
  [hugeLengths, wrongBitfields, slowLoris, choker],
  [wrongExtensions, flooder, staller, hangUpper],
];

/** Ways to send wrong data or to break the protocol, by peers that wait and by peers that dial. */
const PROVABLE = BAD_KINDS.filter(({ provable }) => provable);
const DIALLING = PROVABLE.map((habits): Habits => ({
  ...habits,
  kind: `dialling ${habits.kind}`,
  dials: true,
}));

/** Every peer of these kinds was banned by somebody, for a reason that says what it did. */
function assertBanned({ bad, told }: Outcome, kinds: readonly Habits[]): void {
  const bans = banned(told), names = new Set(kinds.map(({ kind }) => kind));
  for (const { kind, node, deeds } of bad) {
    if (!names.has(kind)) continue;
    assert.ok(deeds > 0, `the ${kind} at ${node.address} did what it is for`);
    const reasons = bans.filter(({ address }) => address === node.address)
      .map(({ reason }) => reason);
    assert.ok(reasons.length > 0, `the ${kind} at ${node.address} was banned`);
    const why = /poisoner|repeater/.test(kind)
      ? /^sent wrong data|^hash/
      : /^broke the protocol: ./;
    for (const reason of reasons) assert.match(reason, why, kind);
  }
}

/** By seed: a run is exact, so one is enough for all cases that compare with it. */
const honestRuns = new Map<number, Promise<Finished>>();

function honestOf(seed: number): Promise<Finished> {
  const run = honestRuns.get(seed) ?? honestSwarm(seed);
  honestRuns.set(seed, run);
  return run;
}

describe("a swarm of 40 of which half is hostile", () => {
  for (const seed of [1, 2]) {
    it(`completes, right, within twice the honest time (seed ${seed})`, TIMEOUT, async () => {
      const honest = await honestOf(seed);
      const outcome = await runSwarm(seed, HOSTILE);
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

  for (const [i, kinds] of WORLDS.entries()) {
    const list = kinds.map(({ kind }) => kind).join(", ");
    it(`bans those whose fault can be shown, and no other peer (${list})`, TIMEOUT, async () => {
      const outcome = await runSwarm(20 + i, { ...HOSTILE, upBytesPerSec: SLOW, kinds });
      assertBanned(outcome, kinds.filter(({ provable }) => provable));
      const names = new Set(banned(outcome.told).map(({ address }) => address));
      for (const { kind, habits, node, deeds } of outcome.bad) {
        assert.ok(deeds > 0, `the ${kind} at ${node.address} did what it is for`);
        if (!habits.provable) assert.ok(!names.has(node.address), `no proof against the ${kind}`);
      }
      await finish(outcome);
    });
  }

  it("bans those that dial us from public addresses, too", TIMEOUT, async () => {
    const shape = { ...HOSTILE, upBytesPerSec: SLOW, badNet: "45.66", kinds: DIALLING };
    const outcome = await runSwarm(8, shape);
    assertBanned(outcome, DIALLING);
    // Two for whoever dials them, four for each of the three that they dial every five seconds.
    for (const { kind, connections } of outcome.bad) {
      assert.ok(connections < 80, `the ${kind} came in ${connections} times`);
    }
    await finish(outcome);
  });

  it("every harmed peer bans each of 20 poisoners", TIMEOUT, async () => {
    const honest = await honestOf(4);
    const outcome = await runSwarm(4, { hostile: true, kinds: [poisoner] });
    assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
    const names = new Set(banned(outcome.told).map(({ address }) => address));
    for (const { node, deeds } of outcome.bad) {
      if (deeds > 0) assert.ok(names.has(node.address), `${node.address} was banned`);
    }
    assert.ok(names.size > 10, `${names.size} were met and banned`);
    await finish(outcome);
  });

  it("no honest peer is banned for pieces that 20 poisoners took part in", TIMEOUT, async () => {
    for (const seed of [6, 9]) {
      const outcome = await runSwarm(seed, {
        hostile: true,
        kinds: [{ ...poisoner, dials: true }],
      });
      assert.ok(outcome.bad.reduce((sum, { deeds }) => sum + deeds, 0) > 100, "much was poisoned");
      await finish(outcome); // looks for innocents among the banned
    }
  });

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`is not held up by 20 that send a byte a second (seed ${seed})`, TIMEOUT, async () => {
      const honest = await honestOf(seed);
      const outcome = await runSwarm(seed, { hostile: true, kinds: [slowLoris] });
      assert.ok(outcome.bad.some(({ deeds }) => deeds > 10), "bytes dripped");
      assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
      await finish(outcome);
    });
  }
});
