/** Half of 40 peers is hostile, in every way we know: what that costs the honest half. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { liveMemory } from "../harness/live_memory.ts";
import type { Habits } from "./bad_peers/bad_peer.ts";
import { BAD_KINDS } from "./bad_peers/kinds.ts";
import { poisoner, slowLoris } from "./bad_peers/data_liars.ts";
import { banned, finish, honestSwarm, type Outcome, runSwarm } from "./half_hostile.ts";

const MIB = 1024 * 1024;
/** Bytes a second: the download lasts for minutes, in which those that were dropped come back. */
const SLOW = 10 * 1024;
const TIMEOUT = { timeout: 100_000 };

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

/** Ways to send wrong data or to break the protocol, by peers that wait and by peers that dial. */
const PROVABLE = BAD_KINDS.filter(({ provable }) => provable);
const DIALLING = PROVABLE.map((habits): Habits => ({
  ...habits,
  kind: `dialling ${habits.kind}`,
  dials: true,
}));

/** Whether somebody ended two connections to one port of a bad peer for what it did. */
function metTwice(told: Outcome["told"], addresses: ReadonlySet<string>): boolean {
  return [...told.values()].some((events) => {
    const ports = events.flatMap((event) =>
      event.type === "peer-disconnected" && event.reason !== "closed" &&
        addresses.has(event.address)
        ? [`${event.address} ${event.port}`]
        : []
    );
    return new Set(ports).size < ports.length;
  });
}

/**
 * Every provable kind that did its deeds was banned, for a reason that says what they were; one that
 * dials from a private address, only if somebody met it twice where it listens.
 */
function assertBanned(
  { bad, told }: Outcome,
  kinds: readonly Habits[],
  from: "public" | "private",
) {
  const bans = banned(told);
  for (const { kind } of kinds) {
    const peers = bad.filter((each) => each.kind === kind);
    assert.ok(peers.some(({ deeds }) => deeds > 0), `the ${kind} did what it is for`);
    const reasons = bans.filter(({ address }) => peers.some(({ node }) => node.address === address))
      .map(({ reason }) => reason);
    const why = /poisoner|repeater/.test(kind)
      ? /^sent wrong data|^hash/
      : /^broke the protocol: ./;
    const addresses = new Set(peers.map(({ node }) => node.address));
    const escapes = from === "private" && peers.every(({ habits }) => habits.dials) &&
      !metTwice(told, addresses);
    assert.ok(reasons.length > 0 || escapes, `the ${kind} was banned`);
    for (const reason of reasons) assert.match(reason, why, kind);
  }
}

describe("a swarm of 40 of which half is hostile", () => {
  for (const seed of [1, 2]) {
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

  it("bans every kind whose fault can be shown, and no other peer", TIMEOUT, async () => {
    const outcome = await runSwarm(3, { hostile: true, upBytesPerSec: SLOW });
    assertBanned(outcome, PROVABLE, "private");
    const names = new Set(banned(outcome.told).map(({ address }) => address));
    for (const { kind, habits, node } of outcome.bad) {
      if (!habits.provable) assert.ok(!names.has(node.address), `no proof against the ${kind}`);
    }
    await finish(outcome);
  });

  it("bans those that dial us from public addresses, too", TIMEOUT, async () => {
    const shape = { hostile: true, upBytesPerSec: SLOW, badNet: "45.66", kinds: DIALLING };
    const outcome = await runSwarm(8, shape);
    assertBanned(outcome, DIALLING, "public");
    // Two for whoever dials them, four for each of the three that they dial every five seconds.
    for (const { kind, connections } of outcome.bad) {
      assert.ok(connections < 80, `the ${kind} came in ${connections} times`);
    }
    await finish(outcome);
  });

  it("every harmed peer bans each of 20 poisoners", TIMEOUT, async () => {
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

  it("is not held up by 20 that send a byte a second", TIMEOUT, async () => {
    const honest = await honestSwarm(5);
    const outcome = await runSwarm(5, { hostile: true, kinds: [slowLoris] });
    assert.ok(outcome.bad.some(({ deeds }) => deeds > 10), "bytes dripped");
    assert.ok(outcome.ms < 2 * honest.ms, `${outcome.ms} ms instead of ${honest.ms}`);
    await finish(outcome);
  });
});
