import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { memoryAtRest } from "../harness/live_memory.ts";
import { PassingPeers } from "../harness/passing_peers.ts";

/** A minute of a quiet machine is several of a busy one. */
const PATIENT = { timeout: 300_000 };
const FIRST = 3000, LATER = 8000;
/** Whatever is kept of a peer takes more than this: 820 before it was bounded. */
const LEAST_BYTES = 100;
/** Of one that was blamed; the bans and names that are kept fill up later than the rest. */
const LEAST_BLAMED_BYTES = 400;

describe("a leech that is sent wrong blocks for years", () => {
  it("forgets whom it blamed", PATIENT, async () => {
    const peers = new PassingPeers({ leech: true });
    await peers.open();
    await peers.pass(FIRST);
    const before = await memoryAtRest(4);
    await peers.pass(LATER);
    const grown = await memoryAtRest(4) - before;
    const { failed, banned, came } = peers.seen;
    assert.ok(failed > came / 2 && banned > came / 2, JSON.stringify(peers.seen));
    assert.ok(grown < LEAST_BLAMED_BYTES * LATER, `${grown} bytes more after ${LATER} peers`);
    await peers.close();
  });
});

describe("a seed that peers pass by for years", () => {
  it("forgets all peers that left beyond the last few thousand", PATIENT, async () => {
    const peers = new PassingPeers();
    await peers.open();
    await peers.pass(FIRST);
    const before = await memoryAtRest(4);
    await peers.pass(LATER);
    const grown = await memoryAtRest(4) - before;
    const { came, connected, banned, dialled, answered } = peers.seen;
    assert.equal(came, FIRST + LATER);
    assert.ok(connected > came, `${connected} of ${came} were connected`);
    assert.ok(
      banned > came / 100 && dialled > came && answered > came / 4,
      JSON.stringify(peers.seen),
    );
    assert.ok(grown < LEAST_BYTES * LATER, `${grown} bytes more after ${LATER} peers`);
    await peers.close();
  });
});
