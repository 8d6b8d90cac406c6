import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import {
  decodeUdpRequest,
  encodeAnnounceReply,
  encodeConnectReply,
  encodeErrorReply,
  encodeScrapeReply,
} from "../harness/udp_tracker_codec.ts";
import { TrackerError } from "../../src/util/errors.ts";
import { UdpAnnouncer } from "../../src/tracker/udp_announcer.ts";
import { FakeClock, FakeDatagrams, settle, type UdpHandler } from "./tracker_fakes.ts";
import { announceRequest } from "./tracker_requests.ts";

const TRACKER = { address: "10.0.0.1", port: 6969 };
const HERE = "10.0.0.1:6969";
const ID = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const PEERS = [{ address: "1.2.3.4", port: 6881 }];
const ANSWER = { interval: 900, seeders: 3, leechers: 4, peers: PEERS };

class World {
  readonly clock = new FakeClock();
  readonly datagrams = new FakeDatagrams();
  readonly announcer = new UdpAnnouncer({
    clock: this.clock,
    datagrams: this.datagrams,
    random: new Prng(1),
  });
  readonly abort = new AbortController();

  announce(tries = 2, tracker = TRACKER) {
    const options = { tries, signal: this.abort.signal };
    const started = this.announcer.announce(tracker, announceRequest(), "/announce", options);
    // Kept, so that a rejection that comes before the test awaits it is not unhandled.
    started.catch(() => {});
    return started;
  }

  /** What was sent so far: "connect" or "announce", with the seconds since the start. */
  sent(): string[] {
    return this.datagrams.sent.map(({ bytes }) => decodeUdpRequest(bytes).kind);
  }
}

/** A tracker that plays by the rules. */
const honest: UdpHandler = (bytes, reply) => {
  const request = decodeUdpRequest(bytes);
  if (request.kind === "connect") reply(encodeConnectReply(request.transactionId, ID));
  else if (request.kind === "announce") reply(encodeAnnounceReply(request.transactionId, ANSWER));
  else {
    const entry = { seeders: 1, leechers: 2, downloaded: 3, downloaders: null };
    reply(encodeScrapeReply(request.transactionId, request.infoHashes.map(() => entry)));
  }
};

async function rejection(promise: Promise<unknown>): Promise<TrackerError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof TrackerError, String(error));
    return error;
  }
  assert.fail("nothing was thrown");
}

describe("UdpAnnouncer.announce", () => {
  it("connects, announces with path and id, and returns the answer", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, honest);
    const answer = await world.announce();
    assert.deepEqual(answer.peers, PEERS);
    assert.deepEqual([answer.interval, answer.seeders, answer.leechers], [900, 3, 4]);
    assert.deepEqual(world.sent(), ["connect", "announce"]);
    const request = decodeUdpRequest(world.datagrams.sent[1]!.bytes);
    assert.ok(request.kind === "announce");
    assert.deepEqual([request.connectionId, request.urlData], [ID, "/announce"]);
    assert.equal(world.clock.pending, 0);
  });

  it("uses a connection id for a minute and no longer, and per tracker", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, honest);
    world.datagrams.hosts.set("10.0.0.2:6969", honest);
    await world.announce();
    await world.clock.pass(59);
    await world.announce();
    assert.deepEqual(world.sent(), ["connect", "announce", "announce"]);
    await world.clock.pass(1);
    await world.announce();
    await world.announce(2, { address: "10.0.0.2", port: 6969 });
    assert.deepEqual(world.sent().slice(3), ["connect", "announce", "connect", "announce"]);
  });

  it("sends again after 2.5, 7.5, 17.5 ... seconds", async () => {
    const world = new World();
    const start = world.clock.now();
    const log: string[] = [];
    let connects = 0;
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      const request = decodeUdpRequest(bytes);
      log.push(`${request.kind} ${(world.clock.now() - start) / 1000}`);
      // Only the first packet of all gets an answer.
      if (request.kind === "connect" && connects++ === 0) {
        reply(encodeConnectReply(request.transactionId, ID));
      }
    });
    const error = rejection(world.announce(4));
    await world.clock.pass(37.5);
    assert.deepEqual(log, [
      "connect 0",
      "announce 0",
      "announce 2.5",
      "announce 7.5",
      "announce 17.5",
    ]);
    assert.equal((await error).code, "timeout");
    assert.equal(world.clock.pending, 0);
  });

  it("fails after the given number of attempts", async () => {
    const world = new World();
    const error = rejection(world.announce(2));
    await world.clock.pass(7);
    assert.deepEqual(world.sent(), ["connect", "connect"]);
    assert.equal(world.clock.pending, 1);
    await world.clock.pass(1);
    assert.match((await error).message, /10\.0\.0\.1:6969 does not answer/);
  });

  it("survives lost packets: every second one gets through", async () => {
    const world = new World();
    let packets = 0;
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      if (packets++ % 2 === 1) honest(bytes, reply);
    });
    const announced = world.announce(3);
    await world.clock.pass(60);
    assert.deepEqual((await announced).peers, PEERS);
    assert.deepEqual(world.sent(), ["connect", "connect", "announce", "announce"]);
  });

  it("loses 2.5 seconds by a lost packet, and takes a late answer to the first one", async () => {
    for (const kind of ["connect", "announce"]) {
      for (const fate of ["lost", "late"]) {
        const world = new World(), start = world.clock.now();
        let seen = 0, answeredAt = 0;
        world.datagrams.hosts.set(HERE, (bytes, reply) => {
          if (decodeUdpRequest(bytes).kind !== kind || seen++ > 0) {
            if (fate === "lost" || decodeUdpRequest(bytes).kind !== kind) honest(bytes, reply);
          } else if (fate === "late") world.clock.after(3000, () => honest(bytes, reply));
        });
        const announced = world.announce().then(() => answeredAt = world.clock.now());
        await world.clock.pass(60);
        await announced;
        assert.equal(seen, 2, `${kind} ${fate}`);
        assert.equal(answeredAt - start, fate === "lost" ? 2500 : 3000, `${kind} ${fate}`);
      }
    }
  });

  it("connects again when an id that serves once was used up by a lost answer", async () => {
    const world = new World(), used = new Set<string>();
    let ids = 0, lost = 0;
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      const request = decodeUdpRequest(bytes);
      if (request.kind === "connect") {
        return reply(encodeConnectReply(request.transactionId, new Uint8Array(8).fill(++ids)));
      }
      const id = String(request.connectionId);
      if (used.has(id)) return reply(encodeErrorReply(request.transactionId, "ID mismatch"));
      used.add(id);
      if (lost++ > 0) honest(bytes, reply);
    });
    const announced = world.announce();
    await world.clock.pass(10);
    assert.deepEqual((await announced).peers, PEERS);
    assert.deepEqual([ids, lost], [2, 2]);
  });

  it("shares one socket per family among all announces", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, honest);
    world.datagrams.hosts.set("2001:db8::1:6969", (bytes, reply) => {
      const request = decodeUdpRequest(bytes);
      if (request.kind === "connect") return honest(bytes, reply);
      const peers = [{ address: "2001:db8::5", port: 9 }];
      reply(encodeAnnounceReply(request.transactionId, { ...ANSWER, peers }));
    });
    const six = { address: "2001:db8::1", port: 6969 };
    const answers = await Promise.all([world.announce(), world.announce(), world.announce(2, six)]);
    assert.deepEqual(answers[2]?.peers, [{ address: "2001:db8::5", port: 9 }]);
    assert.equal(world.datagrams.bound, 2);
  });

  it("announces to a dead tracker do not delay announces to another", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, honest);
    const dead = Array.from(
      { length: 20 },
      () => world.announce(2, { address: "10.9.9.9", port: 1 }),
    );
    assert.deepEqual((await world.announce()).peers, PEERS);
    await world.clock.pass(50);
    for (const one of dead) assert.equal((await rejection(one)).code, "timeout");
  });

  it("tries again after the socket could not be opened", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, honest);
    world.datagrams.refuseBind = true;
    assert.equal((await rejection(world.announce())).code, "net");
    world.datagrams.refuseBind = false;
    assert.deepEqual((await world.announce()).peers, PEERS);
  });
});

describe("UdpAnnouncer errors", () => {
  it("returns the tracker's message of an error packet", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      const request = decodeUdpRequest(bytes);
      if (request.kind === "connect") return honest(bytes, reply);
      reply(encodeErrorReply(request.transactionId, "unregistered \u001b[1mtorrent"));
    });
    const error = await rejection(world.announce());
    assert.deepEqual([error.code, error.message], ["failure", "unregistered [1mtorrent"]);
    assert.deepEqual(world.sent(), ["connect", "announce"], "a fresh id is not to blame");
  });

  it("connects again, once, if an error may mean that the id was forgotten", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, honest);
    await world.announce();
    let connected = false;
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      const request = decodeUdpRequest(bytes);
      if (request.kind === "connect") connected = true;
      if (connected) honest(bytes, reply);
      else reply(encodeErrorReply(request.transactionId, "Connection ID mismatch"));
    });
    assert.deepEqual((await world.announce()).peers, PEERS);
    assert.deepEqual(world.sent().slice(2), ["announce", "connect", "announce"]);
  });

  it("returns the tracker's message if it refuses to connect", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      reply(encodeErrorReply(decodeUdpRequest(bytes).transactionId, "overloaded"));
    });
    assert.equal((await rejection(world.announce())).message, "overloaded");
  });

  it("takes a stump or an answer to another question as a bad answer", async () => {
    for (const broken of ["stump", "swapped"]) {
      const world = new World();
      world.datagrams.hosts.set(HERE, (bytes, reply) => {
        const { transactionId } = decodeUdpRequest(bytes);
        if (broken === "stump") reply(encodeConnectReply(transactionId, ID.subarray(0, 3)));
        else reply(encodeAnnounceReply(transactionId, ANSWER));
      });
      assert.equal((await rejection(world.announce())).code, "bad-response", broken);
    }
  });

  it("ignores answers with other transaction ids, from elsewhere, or too short", async () => {
    const world = new World();
    let spoofs = 0;
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      const { transactionId, kind } = decodeUdpRequest(bytes);
      if (kind !== "connect") return honest(bytes, reply);
      const evil = encodeConnectReply(transactionId, new Uint8Array(8).fill(0xee));
      reply(evil, { address: "10.0.0.66", port: 6969 });
      reply(evil, { address: "10.0.0.1", port: 6970 });
      reply(encodeConnectReply(transactionId ^ 1, ID));
      reply(new Uint8Array(3));
      reply(new Uint8Array(0));
      spoofs += 5;
      reply(encodeConnectReply(transactionId, ID), { address: "::ffff:10.0.0.1", port: 6969 });
    });
    await world.announce();
    const request = decodeUdpRequest(world.datagrams.sent[1]!.bytes);
    assert.ok(request.kind === "announce");
    assert.deepEqual(request.connectionId, ID);
    assert.equal(spoofs, 5);
    assert.equal(world.announcer.ignored, 5);
  });

  it("ignores a duplicate or late answer", async () => {
    const world = new World();
    const late: (() => void)[] = [];
    world.datagrams.hosts.set(HERE, (bytes, reply) => {
      late.push(() => honest(bytes, reply));
      if (late.length > 1) honest(bytes, reply);
    });
    const announced = world.announce(2);
    await world.clock.pass(15);
    await announced;
    for (const again of late) again();
    await settle();
    assert.equal(world.announcer.ignored, 3);
  });

  it("never uses one transaction id for two requests that wait", async () => {
    const world = new World();
    const numbers = [7, 7, 7, 8, 8, 9];
    const random = { fill: (bytes: Uint8Array) => bytes, uint32: () => numbers.shift()! };
    const announcer = new UdpAnnouncer({
      clock: world.clock,
      datagrams: world.datagrams,
      random,
    });
    const options = { tries: 1, signal: world.abort.signal };
    const both = [1, 2, 3].map((i) =>
      announcer.announce({ address: `10.0.0.${i}`, port: 1 }, announceRequest(), "", options)
        .catch(() => {})
    );
    await settle();
    const ids = world.datagrams.sent.map(({ bytes }) => decodeUdpRequest(bytes).transactionId);
    assert.deepEqual(ids, [7, 8, 9]);
    announcer.close();
    await Promise.all(both);
  });
});

describe("UdpAnnouncer.scrape", () => {
  it("asks for several torrents at once", async () => {
    const world = new World();
    world.datagrams.hosts.set(HERE, honest);
    const hashes = [new Uint8Array(20), new Uint8Array(20).fill(1)];
    const options = { tries: 1, signal: world.abort.signal };
    const entries = await world.announcer.scrape(TRACKER, hashes, options);
    const entry = { seeders: 1, leechers: 2, downloaded: 3, downloaders: null };
    assert.deepEqual(entries, [entry, entry]);
  });
});

describe("UdpAnnouncer ends", () => {
  it("an aborted announce rejects at once and leaves no timer", async () => {
    const world = new World();
    const error = rejection(world.announce());
    await settle();
    assert.equal(world.clock.pending, 1);
    world.abort.abort();
    assert.equal((await error).code, "net");
    assert.equal(world.clock.pending, 0);
    assert.equal((await rejection(world.announce())).code, "net");
    assert.deepEqual(world.sent(), ["connect"]);
  });

  it("close aborts running announces and closes the sockets, even one that is just opening", async () => {
    const world = new World();
    const waiting = rejection(world.announce());
    await settle();
    world.announcer.close();
    assert.equal((await waiting).code, "net");
    assert.equal((await rejection(world.announce())).code, "net");
    assert.deepEqual([world.datagrams.open, world.clock.pending], [0, 0]);

    const other = new World();
    const opening = rejection(other.announce());
    other.announcer.close();
    assert.equal((await opening).code, "net");
    await settle();
    assert.equal(other.datagrams.open, 0);
  });
});
