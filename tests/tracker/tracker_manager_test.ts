import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import type { TrackerSnapshot } from "../../src/client/types.ts";
import {
  decodeUdpRequest,
  encodeAnnounceReply,
  encodeConnectReply,
} from "../harness/udp_tracker_codec.ts";
import { NetError } from "../../src/util/errors.ts";
import { UdpAnnouncer } from "../../src/tracker/udp_announcer.ts";
import { FakeClock, FakeDatagrams, never, settle, text } from "./tracker_fakes.ts";
import { answer, ManagerWorld as World } from "./manager_world.ts";

describe("TrackerManager announces", () => {
  it("passes on peers and counts, and sends the given numbers", async () => {
    const world = await new World([["http://a.test/announce"]]).start();
    assert.deepEqual(world.peers, ["1.1.1.1", "1.1.1.2", "1.1.1.3"]);
    assert.deepEqual(world.outcomes, [{
      url: "http://a.test/announce",
      ok: true,
      message: null,
      peers: 3,
      seeders: 7,
      leechers: 8,
    }]);
    const query = new URL(world.http.requests[0]!.url).searchParams;
    const names = ["port", "uploaded", "downloaded", "left", "numwant", "event"];
    const said = names.map((name) => query.get(name));
    assert.deepEqual(said, ["6881", "1", "2", "1000", "50", "started"]);
  });

  it("brings new peers for as long as the torrent runs", async () => {
    let round = 0;
    const world = await new World([["http://a.test/announce"]], () => answer(2 + round++)).start();
    for (let hour = 0; hour < 10; hour++) await world.clock.pass(3600);
    assert.equal(world.asked().length, 41, "every 900 s for ten hours");
    assert.ok(world.peers.includes("1.1.1.42"));
    assert.deepEqual(new Set(world.asked()), new Set(["a started", "a -"]));
    const keys = world.http.requests.map(({ url }) => new URL(url).searchParams.get("key"));
    assert.equal(new Set(keys).size, 1, "the key stays");
  });

  it("requests no peers if there are enough, and sends port 1 if we do not listen", async () => {
    const world = new World([["http://a.test/announce"]]);
    [world.wants, world.port] = [0, -1];
    await world.start();
    const query = new URL(world.http.requests[0]!.url).searchParams;
    assert.deepEqual([query.get("numwant"), query.get("port")], ["0", "1"]);
  });

  it("continues with the next tracker if one fails, and keeps the messages of both", async () => {
    const world = await new World([["http://a.test/announce"], ["http://b.test/announce"]], (r) => {
      if (r.address === "8.8.8.1") return { body: text("d14:failure reason7:\u001b[31mnoe") };
      return answer(3, "15:warning message4:slow");
    }).start();
    assert.deepEqual(world.asked(), ["a started", "b started"]);
    assert.deepEqual(world.outcomes.map(({ ok, message }) => [ok, message]), [
      [false, "[31mno"],
      [true, "slow"],
    ]);
    const statuses: TrackerSnapshot[] = world.manager.snapshot();
    assert.deepEqual(statuses, [
      {
        url: "http://a.test/announce",
        tier: 0,
        state: "failing",
        message: "[31mno",
        seeders: null,
        leechers: null,
        nextAnnounceInMs: 17_000,
        last: { agoMs: 0, ok: false, peers: 0 },
      },
      {
        url: "http://b.test/announce",
        tier: 1,
        state: "working",
        message: "slow",
        seeders: 7,
        leechers: 8,
        nextAnnounceInMs: 900_000,
        last: { agoMs: 0, ok: true, peers: 3 },
      },
    ]);
    assert.equal(world.manager.failing, false);
  });

  it("a tracker that does not answer does not delay the next for long", async () => {
    const world = await new World([["http://a.test/announce"], ["http://b.test/announce"]], (r) => {
      return r.address === "8.8.8.1" ? never() : answer(3);
    }).start();
    assert.deepEqual(world.asked(), ["a started"]);
    await world.clock.pass(2);
    assert.deepEqual(world.asked(), ["a started", "b started"]);
    assert.equal(world.peers.length, 3);
  });

  it("a failed name look-up ends after ten seconds and delays no other tracker", async () => {
    const tiers = [["http://stuck.test/announce"], ["http://a.test/announce"]];
    const world = await new World(tiers).start();
    await world.clock.pass(10);
    assert.equal(world.peers.length, 3);
    assert.match(world.manager.snapshot()[0]!.message!, /stuck\.test took too long/);
  });

  it("says failing when no tracker answers", async () => {
    const world = await new World([["http://a.test/announce"]], () => {
      return Promise.reject(new NetError("refused", "Connection refused"));
    }).start();
    assert.equal(world.manager.failing, true);
    assert.equal(world.manager.snapshot()[0]!.message, "Connection refused");
    await world.clock.pass(16);
    assert.equal(world.outcomes.length, 1);
    await world.clock.pass(1);
    assert.equal(world.outcomes.length, 2);
  });

  it("honours retry in never, and tries nothing any more", async () => {
    const body = text("d14:failure reason4:gone8:retry in5:nevere");
    const world = await new World([["http://a.test/announce"]], () => ({ body })).start();
    await world.clock.pass(48 * 3600);
    assert.equal(world.outcomes.length, 1);
    assert.equal(world.clock.pending, 0);
    const [status] = world.manager.snapshot();
    assert.deepEqual([status!.state, status!.nextAnnounceInMs], ["disabled", null]);
  });

  it("respects the intervals in a failure, or its retry in", async () => {
    const waits: [string, number][] = [
      ["8:intervali7200e", 7200],
      ["8:intervali7200e12:min intervali300e", 300],
      ["8:intervali60e12:min intervali2e8:retry ini30e", 1800],
      ["8:intervali1000000000e", 86_400],
      ["8:intervali-5e", 17],
    ];
    for (const [said, seconds] of waits) {
      const body = text(`d14:failure reason4:soon${said}e`);
      const world = await new World([["http://a.test/announce"]], () => ({ body })).start();
      world.manager.announceNow();
      await world.clock.pass(seconds - 1);
      assert.equal(world.http.requests.length, 1, said);
      await world.clock.pass(1);
      assert.equal(world.http.requests.length, 2, said);
    }
  });

  it("never asks again where our own rules refuse, and says why", async () => {
    const { http, outcomes, manager, clock } = await new World([["http://127.0.0.1/x"]]).start();
    await clock.pass(48 * 3600);
    assert.deepEqual([http.requests.length, outcomes.length, clock.pending], [0, 1, 0]);
    const [{ state, message, nextAnnounceInMs } = assert.fail()] = manager.snapshot();
    assert.deepEqual([state, nextAnnounceInMs, manager.failing], ["disabled", null, true]);
    assert.match(message!, /on this machine/);
  });

  it("announces to trackers against our rules if the user vouches for them", async () => {
    const tiers = [["http://127.0.0.1/passkey/announce?key=1"]];
    const world = await new World(tiers, undefined, { anyUrl: true }).start();
    assert.deepEqual(world.outcomes.map(({ ok }) => ok), [true]);
    assert.match(world.http.requests[0]!.url, /127\.0\.0\.1\/passkey\/announce\?key=1&info_hash=/);
  });

  it("continues if only one of two addresses is refused", async () => {
    const tiers = [["http://both.test/x"]];
    const world = await new World(tiers, () => Promise.reject(new NetError("refused", "Refused")))
      .start();
    assert.deepEqual(world.outcomes.map(({ message }) => message), ["Refused"]);
    await world.clock.pass(17);
    assert.equal(world.outcomes.length, 2);
  });

  it("tries the other addresses of a host when one cannot be connected to", async () => {
    const world = await new World([["http://many.test/announce"]], ({ address }) => {
      if (address === "8.8.8.4") throw new NetError("refused", "refused");
      return answer(3);
    }).start();
    const tried = world.http.requests.map(({ address }) => address);
    assert.deepEqual(tried, ["8.8.8.4", "8.8.8.5"]);
    assert.deepEqual(world.outcomes.map(({ ok }) => ok), [true]);
    await world.clock.pass(900);
    assert.equal(world.http.requests[2]!.address, "8.8.8.5", "stays with the one that works");
  });

  it("repeats the tracker id, and passes on our external address as a vote", async () => {
    const extra = "11:external ip4:ABCD10:tracker id2:xy";
    const world = await new World([["http://a.test/announce"]], () => answer(3, extra)).start();
    await world.clock.pass(900);
    assert.match(world.http.requests[1]!.url, /&trackerid=xy$/);
    assert.deepEqual(world.external, ["65.66.67.68", "65.66.67.68"]);
  });

  it("keeps the timer within the runtimes' range, however long a tracker's interval", async () => {
    const world = await new World([["http://a.test/announce"]], () => ({
      body: text("d14:failure reason1:x8:retry ini99999999ee"),
    })).start();
    await world.clock.pass(90 * 24 * 3600);
    assert.equal(world.outcomes.length, 1);
  });
});

describe("TrackerManager events", () => {
  it("sends completed at once, and stopped to trackers that saw started", async () => {
    const world = await new World([["http://a.test/announce"], ["http://b.test/announce"]], (r) => {
      if (r.address === "8.8.8.1") throw new NetError("refused", "x");
      return answer(3);
    }).start();
    world.left = 0;
    world.manager.completed();
    await settle();
    await world.manager.stop(3000);
    assert.deepEqual(world.asked(), ["a started", "b started", "b completed", "b stopped"]);
    const last = new URL(world.http.requests[3]!.url).searchParams;
    assert.deepEqual([last.get("left"), last.get("numwant")], ["0", "0"]);
    assert.equal(world.clock.pending, 0);
    assert.equal(world.outcomes.length, 3, "stopping is not reported");
  });

  /** A download that ends in the turn in which it is complete; answers take `seconds`. */
  async function endAtOnce(seconds: (event: string | null) => number): Promise<[World, number]> {
    const world: World = new World([["http://a.test/announce"]], ({ url }) => {
      const ms = seconds(new URL(url).searchParams.get("event")) * 1000;
      if (ms === Infinity) return never();
      return new Promise((resolve) => world.clock.after(ms, () => resolve(answer(3))));
    });
    await world.start();
    await world.clock.pass(0.5);
    world.left = 0;
    world.manager.completed();
    const start = world.clock.now();
    let took = NaN;
    void world.manager.stop(3000).then(() => took = (world.clock.now() - start) / 1000);
    await world.clock.pass(10);
    assert.equal(world.clock.pending, 0);
    return [world, took];
  }

  it("sends completed before stopped, and waits for its answer", async () => {
    const [world, took] = await endAtOnce(() => 0.4);
    assert.deepEqual(world.asked(), ["a started", "a completed", "a stopped"]);
    assert.equal(took, 0.8);
    const left = new URL(world.http.requests[1]!.url).searchParams.get("left");
    assert.equal(left, "0");
  });

  it("sends completed before the answer to started too", async () => {
    const [world, took] = await endAtOnce((event) => event === "started" ? 1.5 : 0.2);
    assert.deepEqual(world.asked(), ["a started", "a completed", "a stopped"]);
    assert.equal(took, 1 + 0.2 + 0.2);
  });

  it("reserves time for stopped if completed gets no answer", async () => {
    const [world, took] = await endAtOnce((event) => event === "completed" ? Infinity : 0.2);
    assert.deepEqual(world.asked(), ["a started", "a completed", "a stopped"]);
    assert.equal(world.http.requests[1]!.signal!.aborted, true);
    assert.equal(took, 2);
  });

  it("says completed once at the end, to a tracker that refuses too", async () => {
    let asked = 0;
    const world = await new World([["http://a.test/announce"]], () => {
      return asked++ === 0 ? answer(3) : { body: text("d14:failure reason8:too soone") };
    }).start();
    world.manager.completed();
    await world.manager.stop(3000);
    assert.deepEqual(world.asked(), ["a started", "a completed", "a stopped"]);
    const later = await new World([["http://a.test/announce"]], ({ url }) => {
      if (!url.includes("completed")) return answer(3);
      return { body: text("d14:failure reason8:too soon12:min intervali60ee") };
    }).start();
    later.manager.completed();
    await settle();
    await later.manager.stop(3000);
    assert.deepEqual(later.asked(), ["a started", "a completed", "a stopped"]);
  });

  it("announces paused at intervals while unwanted files are missing (BEP 21)", async () => {
    const torrent = { isPartialSeed: () => true };
    const world = await new World([["http://a.test/announce"]], undefined, { torrent }).start();
    await world.clock.pass(900);
    await world.manager.stop(1000);
    assert.deepEqual(world.asked(), ["a started", "a paused", "a stopped"]);
  });

  it("announceNow waits for the min interval and then asks, others at once", async () => {
    const tiers = [["http://a.test/announce"], ["http://b.test/announce"]];
    const world = await new World(tiers, () => answer(3, "12:min intervali60e")).start();
    world.manager.announceNow();
    await settle();
    assert.deepEqual(world.asked(), ["a started", "b started"]);
    await world.clock.pass(60);
    assert.deepEqual(world.asked(), ["a started", "b started", "a -"]);
  });

  it("stop never takes longer than the given time, and aborts running announces", async () => {
    let requests = 0;
    const handler = () => requests++ === 0 ? answer(3) : never<{ body: Uint8Array }>();
    const world = await new World([["http://a.test/announce"]], handler).start();
    let done = false;
    const stopped = world.manager.stop(3000).then(() => done = true);
    await world.clock.pass(2.9);
    assert.equal(done, false);
    await world.clock.pass(0.1);
    await stopped;
    assert.equal(world.http.requests[1]!.signal!.aborted, true);
    assert.equal(world.clock.pending, 0);
  });

  it("stop during the first announce aborts it and sends nothing more", async () => {
    const world = await new World([["http://a.test/announce"]], () => never()).start();
    await world.manager.stop(3000);
    assert.equal(world.http.requests[0]!.signal!.aborted, true);
    assert.deepEqual(world.asked(), ["a started"]);
    assert.deepEqual([world.outcomes.length, world.clock.pending], [0, 0]);
  });

  it("does nothing before start and after stop", async () => {
    const world = new World([["http://a.test/announce"]]);
    world.manager.announceNow();
    world.manager.completed();
    await settle();
    assert.equal(world.manager.snapshot()[0]!.nextAnnounceInMs, null);
    await world.manager.stop(1000);
    world.manager.start();
    world.manager.announceNow();
    await world.clock.pass(3600);
    assert.equal(world.http.requests.length, 0);
  });

  it("does not report answers after stop", async () => {
    let release = () => {};
    const world = await new World([["udp://a.test:80"]], () => never()).start();
    world.datagrams.hosts.set("8.8.8.1:80", (bytes, reply) => {
      release = () =>
        reply(encodeConnectReply(decodeUdpRequest(bytes).transactionId, new Uint8Array(8)));
    });
    await world.clock.pass(15);
    await world.manager.stop(100);
    release();
    await settle();
    assert.deepEqual([world.peers.length, world.outcomes.length], [0, 0]);
    assert.equal(world.datagrams.open, 0);
  });
});

describe("TrackerManager over both address families (BEP 7)", () => {
  it("announces and says goodbye over each", async () => {
    const world = await new World([["http://dual.test/announce"]]).start();
    await world.clock.pass(900);
    await world.manager.stop(1000);
    assert.deepEqual(world.asked(), [
      "8.8.8.3 started",
      "2001:db8::3 started",
      "8.8.8.3 -",
      "2001:db8::3 -",
      "8.8.8.3 stopped",
      "2001:db8::3 stopped",
    ]);
    assert.deepEqual(world.outcomes.length, 2, "one outcome for each round");
  });

  it("works if one family is dead, and restarts there when it is back", async () => {
    let sixWorks = false;
    const world = await new World([["http://dual.test/announce"]], ({ address }) => {
      if (address === "2001:db8::3" && !sixWorks) throw new NetError("unreachable", "no route");
      return answer(3);
    }).start();
    assert.deepEqual(world.outcomes.map(({ ok }) => ok), [true]);
    sixWorks = true;
    world.manager.completed();
    await settle();
    assert.deepEqual(world.asked().slice(2), ["8.8.8.3 completed", "2001:db8::3 started"]);
  });

  it("sends stopped only where started was answered", async () => {
    const world = await new World([["http://dual.test/announce"]], ({ address }) => {
      if (address === "2001:db8::3") throw new NetError("unreachable", "no route");
      return answer(3);
    }).start();
    await world.manager.stop(1000);
    assert.deepEqual(world.asked().slice(2), ["8.8.8.3 stopped"]);
  });

  it("does not wait for the slower family, and uses its peers when they arrive", async () => {
    let release = (_: { body: Uint8Array }) => {};
    const world = await new World([["http://dual.test/announce"]], ({ address }) => {
      if (address === "8.8.8.3") return answer(2);
      return new Promise((resolve) => release = resolve);
    }).start();
    assert.deepEqual([world.peers.length, world.outcomes.length], [2, 1]);
    release(answer(4));
    await settle();
    assert.deepEqual([world.peers.length, world.outcomes.length], [6, 1]);
  });

  it("aborts the rest of a round when the next one begins", async () => {
    const world = await new World([["http://dual.test/announce"]], ({ address }) => {
      return address === "8.8.8.3" ? answer(2) : never();
    }).start();
    const slow = world.http.requests[1]!;
    assert.equal(slow.signal!.aborted, false);
    await world.clock.pass(900);
    assert.equal(slow.signal!.aborted, true);
    assert.equal(world.http.requests.length, 4);
    assert.deepEqual(world.outcomes.map(({ ok }) => ok), [true, true]);
  });

  it("reports the tracker's message if the other family only cannot connect", async () => {
    const world = await new World([["http://dual.test/announce"]], ({ address }) => {
      if (address === "2001:db8::3") throw new NetError("unreachable", "no route");
      return { body: text("d14:failure reason6:bannede") };
    }).start();
    assert.deepEqual(world.outcomes.map(({ ok, message }) => [ok, message]), [[false, "banned"]]);
  });
});

describe("TrackerManager over UDP", () => {
  function udpTracker(world: World, host: string): void {
    world.datagrams.hosts.set(host, (bytes, reply) => {
      const request = decodeUdpRequest(bytes);
      if (request.kind === "connect") {
        return reply(encodeConnectReply(request.transactionId, new Uint8Array(8).fill(1)));
      }
      const peers = [{ address: "7.7.7.7", port: 77 }, { address: "7.7.7.8", port: 77 }];
      const counts = { interval: 1000, leechers: 1, seeders: 2 };
      reply(encodeAnnounceReply(request.transactionId, { ...counts, peers }));
    });
  }

  it("prefers UDP to HTTP on the same host", async () => {
    const world = new World([["http://a.test/announce"], ["udp://a.test:6969/announce"]]);
    udpTracker(world, "8.8.8.1:6969");
    await world.start();
    assert.deepEqual(world.peers, ["7.7.7.7", "7.7.7.8"]);
    assert.equal(world.http.requests.length, 0);
    await world.manager.stop(1000);
    const events = world.datagrams.sent.map(({ bytes }) => decodeUdpRequest(bytes))
      .map((request) => request.kind === "announce" ? request.announce.event : request.kind);
    assert.deepEqual(events, ["connect", "started", "stopped"]);
    assert.equal(world.datagrams.open, 0, "its own sockets are closed");
  });

  it("tries a dead UDP tracker four times", async () => {
    const world = await new World([["udp://a.test:1"]]).start();
    await world.clock.pass(37);
    assert.deepEqual([world.datagrams.sent.length, world.outcomes.length], [4, 0]);
    assert.equal(world.manager.failing, true, "silence for so long is failing");
    await world.clock.pass(1);
    assert.match(world.outcomes[0]!.message!, /8\.8\.8\.1:1 does not answer/);
  });

  it("uses the client's UDP socket if there is one, and leaves it open", async () => {
    const clock = new FakeClock(), datagrams = new FakeDatagrams();
    const udp = new UdpAnnouncer({ clock, datagrams, random: new Prng(1) });
    const worlds = [1, 2, 3].map(() => new World([["udp://a.test:1"]], undefined, { udp }));
    for (const world of worlds) await world.start();
    for (const world of worlds) await world.manager.stop(10);
    assert.deepEqual([datagrams.bound, datagrams.open, datagrams.sent.length], [1, 1, 3]);
    udp.close();
    await settle();
    assert.equal(datagrams.open, 0);
  });
});
