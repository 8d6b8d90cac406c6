import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { answer, ManagerWorld as World, NAMES } from "./manager_world.ts";
import { never, text } from "./tracker_fakes.ts";

describe("TrackerManager and hostile trackers", () => {
  it("shows refused URLs as disabled and never looks them up", async () => {
    const tiers = [["ftp://a.test/x", "http://a.test/announce?info_hash=1"], ["wss://b.test/"]];
    const world = await new World(tiers).start();
    assert.deepEqual(world.lookups, []);
    assert.deepEqual(world.manager.snapshot().map(({ state, tier }) => [state, tier]), [
      ["disabled", 0],
      ["disabled", 0],
      ["disabled", 1],
    ]);
    assert.match(world.manager.snapshot()[1]!.message!, /info_hash/);
    assert.equal(world.manager.failing, true);
    await world.manager.stop(100);
    assert.equal(new World([]).manager.failing, false, "no trackers is no failure");
  });

  it("asks each URL once, however often and in whatever spelling it is listed", () => {
    const url = "http://a.test/announce";
    const tiers = [[url, url, "HTTP://A.test/announce"], [url, "ftp://x/", "ftp://x/"]];
    assert.equal(new World(tiers).manager.snapshot().length, 2);
  });

  it("takes a hundred trackers at most", () => {
    const tiers = [Array.from({ length: 5000 }, (_, i) => `http://t${i}.test/announce`)];
    assert.equal(new World(tiers).manager.snapshot().length, 100);
  });

  it("drops peers that cannot be dialled, and loopback from a tracker that is not local", async () => {
    const bad = "d2:ip7:0.0.0.04:porti5eed2:ip9:224.0.0.14:porti5eed2:ip7:1.2.3.44:porti0ee";
    const loop = "d2:ip9:127.0.0.14:porti22eed2:ip3:::14:porti22ee";
    const body = text(`d8:intervali900e5:peersl${bad}${loop}ee`);
    const world = await new World([["http://a.test/announce"]], () => ({ body })).start();
    assert.deepEqual(world.peers, []);
    const local = await new World([["http://lan.test/announce"]], () => ({ body })).start();
    assert.deepEqual(local.peers, ["127.0.0.1", "::1"]);
  });

  it("resolves the names of peers, ten at most, and trusts the result no more", async () => {
    const named = "d2:ip9:peer.test4:porti6881ee" + "d2:ip6:x.test4:porti6881ee".repeat(50);
    const body = text(`d8:intervali900e5:peersl${named}ee`);
    const world = await new World([["http://a.test/announce"]], () => ({ body })).start();
    assert.deepEqual(world.peers, ["5.5.5.5"], "not 127.0.0.1");
    assert.equal(world.lookups.length, 1 + 10);
    assert.equal(world.outcomes[0]!.peers, 51);
  });

  it("refuses a name that turns out to be this machine, unless it is asked for /announce", async () => {
    NAMES["turned.test"] = ["127.0.0.1"];
    const world = await new World([["http://turned.test/admin"]]).start();
    assert.equal(world.http.requests.length, 0);
    assert.match(world.outcomes[0]!.message!, /must have a path that starts with \/announce/);
  });

  it("survives any answer, and continues to announce", async () => {
    const dice = new Prng(1);
    const whole = answer(5).body;
    const world = await new World([["http://a.test/announce"], ["udp://b.test:1"]], () => {
      const body = dice.chance(0.3)
        ? dice.fill(new Uint8Array(dice.below(200)))
        : whole.slice(0, dice.below(whole.length + 1));
      if (body.length > 0 && dice.chance(0.5)) body[dice.below(body.length)] = dice.below(256);
      return { status: dice.pick([200, 200, 404, 302, 0]), body, headers: { location: "/%" } };
    }).start();
    world.datagrams.hosts.set("8.8.8.2:1", (bytes, reply) => {
      const noise = dice.fill(new Uint8Array(dice.below(60)));
      // With a right transaction id, so that it is read, and an action that may exist.
      if (noise.length >= 8) noise.set([0, 0, 0, dice.below(5), ...bytes.subarray(12, 16)]);
      reply(noise);
    });
    for (let day = 0; day < 30; day++) {
      const before = world.outcomes.length;
      await world.clock.pass(86400);
      assert.ok(world.outcomes.length > before, "it is still asking");
    }
    assert.ok(world.outcomes.some(({ ok }) => ok) && world.outcomes.some(({ ok }) => !ok));
    await world.manager.stop(100);
    await world.clock.pass(1);
    assert.equal(world.clock.pending, 0);
  });

  it("asks one tracker at a time for private torrents", async () => {
    const tiers = [["http://a.test/announce"], ["http://b.test/announce"]];
    const more = { torrent: { private: true } };
    const world = await new World(tiers, () => never(), more).start();
    await world.clock.pass(25);
    assert.deepEqual(world.asked(), ["a started"]);
  });
});
