import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import type { Http } from "../../src/platform/types.ts";
import { formatEndpoint } from "../../src/util/compact_address.ts";
import {
  announceUrl,
  parseAnnounceResponse,
  parseScrapeResponse,
  scrapeRequestUrl,
} from "../../src/tracker/tracker_http.ts";
import type { AnnounceRequest } from "../../src/tracker/tracker_message.ts";
import {
  decodeUdpReply,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  type UdpReply,
} from "../../src/tracker/tracker_udp.ts";
import { parseTrackerUrl, scrapeUrl } from "../../src/tracker/tracker_url.ts";
import { TrackerError } from "../../src/util/errors.ts";
import { toHex } from "../../src/util/bytes.ts";
import { type LocalTracker, serveTracker } from "../../src/tracker/local_tracker.ts";
import { serveUdpTracker, type UdpTracker } from "../harness/local_udp_tracker.ts";
import { SwarmStore } from "../../src/tracker/swarm_store.ts";
import { FakeClock } from "./tracker_fakes.ts";
import { announceRequest, INFO_HASH } from "./tracker_requests.ts";

type Handler = Parameters<Http["serve"]>[1];

class World {
  readonly clock = new FakeClock();
  readonly random = new Prng(3);
  handler: Handler = () => new Response();
  tracker!: LocalTracker;

  static async make(intervalSeconds = 1800): Promise<World> {
    const world = new World();
    const http: Pick<Http, "serve"> = {
      serve(on, handler) {
        assert.deepEqual(on, { port: 80, address: "127.0.0.1" });
        world.handler = handler;
        return Promise.resolve({ port: 80, close: () => Promise.resolve() });
      },
    };
    const ports = { clock: world.clock, random: world.random, http };
    world.tracker = await serveTracker(ports, { port: 80, intervalSeconds });
    return world;
  }

  async get(url: string, address = "10.0.0.1"): Promise<{ status: number; body: Uint8Array }> {
    const response = await this.handler(new Request(url), { address, port: 50000 });
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  }

  async announce(address: string, changes: Partial<AnnounceRequest> = {}, extra = "") {
    const url = parseTrackerUrl(this.tracker.announceUrl);
    const text = announceUrl(url, announceRequest(changes)) + extra;
    const answer = parseAnnounceResponse((await this.get(text, address)).body);
    return { ...answer, peers: answer.peers.map(formatEndpoint).sort() };
  }
}

describe("serveTracker", () => {
  it("introduces peers of one torrent to each other, not to themselves or to others", async () => {
    const world = await World.make();
    assert.deepEqual((await world.announce("10.0.0.1")).peers, []);
    assert.deepEqual((await world.announce("10.0.0.2")).peers, ["10.0.0.1:6881"]);
    assert.deepEqual((await world.announce("10.0.0.1")).peers, ["10.0.0.2:6881"]);
    const other = await world.announce("10.0.0.3", { infoHash: new Uint8Array(20) });
    assert.deepEqual(other.peers, []);
    assert.deepEqual([world.tracker.swarms.torrents, world.tracker.swarms.peers], [2, 3]);
    assert.equal(world.tracker.stats.announces, 4);
  });

  it("counts seeders and leechers, and returns only leechers to seeds", async () => {
    const world = await World.make();
    await world.announce("10.0.0.1", { left: 0 });
    await world.announce("10.0.0.2", { event: "completed", left: 0 });
    const seed = await world.announce("10.0.0.3", { left: 0 });
    assert.deepEqual(seed.peers, []);
    const leecher = await world.announce("10.0.0.4");
    assert.deepEqual([leecher.seeders, leecher.leechers, leecher.downloaded], [3, 1, 1]);
    assert.equal(leecher.peers.length, 3);
  });

  it("forgets peers that stop, and those silent for two intervals", async () => {
    const world = await World.make(60);
    await world.announce("10.0.0.1");
    await world.announce("10.0.0.2");
    await world.announce("10.0.0.1", { event: "stopped" });
    assert.deepEqual((await world.announce("10.0.0.3")).peers, ["10.0.0.2:6881"]);
    await world.clock.pass(119);
    assert.equal((await world.announce("10.0.0.3")).peers.length, 1);
    await world.clock.pass(1);
    assert.equal((await world.announce("10.0.0.3")).peers.length, 0);
  });

  it("returns as many peers as requested, at random", async () => {
    const world = await World.make();
    for (let i = 1; i <= 60; i++) await world.announce(`10.0.1.${i}`);
    const draws = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const { peers } = await world.announce("10.0.0.1", { numWant: 10 });
      assert.equal(new Set(peers).size, 10);
      draws.add(peers.join());
    }
    assert.equal(draws.size, 5);
    assert.equal((await world.announce("10.0.0.1", { numWant: 0 })).peers.length, 0);
    assert.equal((await world.announce("10.0.0.1", { numWant: 1e6 })).peers.length, 60);
  });

  it("answers with dictionaries for compact=0, and puts IPv6 into peers6", async () => {
    const world = await World.make();
    await world.announce("10.0.0.1");
    await world.announce("2001:db8::1");
    const both = ["10.0.0.1:6881", "[2001:db8::1]:6881"];
    assert.deepEqual((await world.announce("10.0.0.2")).peers, both);
    const url = announceUrl(parseTrackerUrl(world.tracker.announceUrl), announceRequest());
    const plain = await world.get(url.replace("compact=1", "compact=0"), "10.0.0.2");
    assert.match(new TextDecoder().decode(plain.body), /2:ip11:2001:db8::14:porti6881e/);
    assert.equal(parseAnnounceResponse(plain.body).peers.length, 2);
  });

  it("answers a peer that does not listen, but returns it to no other", async () => {
    const world = await World.make();
    await world.announce("10.0.0.1");
    assert.equal((await world.announce("10.0.0.2", { port: 1 })).peers.length, 1);
    assert.deepEqual((await world.announce("10.0.0.3")).peers, ["10.0.0.1:6881"]);
  });

  it("scrapes by binary info-hash", async () => {
    const world = await World.make();
    await world.announce("10.0.0.1", { left: 0 });
    const url = scrapeUrl(parseTrackerUrl(world.tracker.announceUrl))!;
    const unknown = new Uint8Array(20).fill(7);
    const answer = await world.get(scrapeRequestUrl(url, [INFO_HASH, unknown, INFO_HASH]));
    const entry = { seeders: 0, leechers: 0, downloaded: 0, downloaders: null };
    assert.deepEqual(
      parseScrapeResponse(answer.body),
      new Map([
        [toHex(unknown), entry],
        [toHex(INFO_HASH), { ...entry, seeders: 1 }],
      ]),
    );
  });

  it("explains the fault of a request", async () => {
    const world = await World.make();
    const good = announceUrl(parseTrackerUrl(world.tracker.announceUrl), announceRequest());
    const broken: [string, RegExp][] = [
      [good.replace(/info_hash=[^&]*/, "info_hash=abc"), /info_hash/],
      [good.replace(/&peer_id=[^&]*/, ""), /peer_id/],
      [good.replace(/port=\d+/, "port=-1"), /port/],
      [good.replace(/left=\d+/, "left=99999999999999999999"), /left/],
      [good.replace(/numwant=\d+/, "numwant=x"), /numwant/],
      ["http://127.0.0.1/announce", /info_hash/],
      ["http://127.0.0.1/scrape?info_hash=a", /info_hash/],
    ];
    for (const [url, reason] of broken) {
      const { body } = await world.get(url);
      assert.throws(
        () => parseAnnounceResponse(body),
        (error) => error instanceof TrackerError && reason.test(error.message),
        url,
      );
    }
    assert.equal(world.tracker.stats.refused, broken.length);
    assert.equal((await world.get("http://127.0.0.1/")).status, 404);
  });
});

describe("SwarmStore", () => {
  it("keeps a bounded number of torrents, and drops the longest silent ones", () => {
    const ports = { clock: new FakeClock(), random: new Prng(1) };
    const limits = { intervalSeconds: 60, maxTorrents: 3, maxPeersPerTorrent: 5 };
    const store = new SwarmStore(ports, limits);
    const announce = (torrent: number, host: number) =>
      store.announce({
        infoHash: new Uint8Array(20).fill(torrent),
        peer: { address: `10.0.0.${host}`, port: 6881 },
        left: 1,
        event: null,
        numWant: 100,
      });
    for (let host = 1; host <= 8; host++) announce(1, host);
    announce(1, 4);
    const { peers } = announce(1, 9);
    const left = peers.map(({ address }) => Number(address.split(".")[3])).sort();
    assert.deepEqual(left, [4, 5, 6, 7, 8]);
    for (let torrent = 2; torrent <= 3; torrent++) announce(torrent, 1);
    announce(1, 1);
    announce(4, 1);
    assert.equal(store.torrents, 3);
    assert.equal(store.scrape(new Uint8Array(20).fill(2)).leechers, 0, "the oldest is gone");
    assert.equal(store.scrape(new Uint8Array(20).fill(1)).leechers, 5);
  });
});

describe("serveUdpTracker", () => {
  class UdpWorld {
    readonly clock = new FakeClock();
    replies: Uint8Array[] = [];
    receive: (bytes: Uint8Array, address: string, port: number) => void = () => {};
    tracker!: UdpTracker;

    static async make(): Promise<UdpWorld> {
      const world = new UdpWorld();
      const ports = {
        clock: world.clock,
        random: new Prng(9),
        datagrams: {
          bind(_on: unknown, onMessage: UdpWorld["receive"]) {
            world.receive = onMessage;
            const send = (bytes: Uint8Array) => world.replies.push(bytes);
            return Promise.resolve({ port: 99, errors: 0, lastError: null, send, close() {} });
          },
        },
      };
      world.tracker = await serveUdpTracker(ports, { port: 0 });
      return world;
    }

    ask(packet: Uint8Array, address = "10.0.0.1"): UdpReply | null {
      this.replies = [];
      this.receive(packet, address, 1234);
      return this.replies.length === 0 ? null : decodeUdpReply(this.replies[0]!, 4);
    }

    connect(address = "10.0.0.1"): Uint8Array {
      const reply = this.ask(encodeConnect(5), address);
      assert.ok(reply?.kind === "connect");
      return reply.connectionId;
    }
  }

  it("connects, announces and scrapes", async () => {
    const world = await UdpWorld.make();
    assert.equal(world.tracker.announceUrl, "udp://127.0.0.1:99/announce");
    world.ask(
      encodeAnnounce(world.connect("10.0.0.2"), 6, announceRequest({ left: 0 }), ""),
      "10.0.0.2",
    );
    const id = world.connect();
    assert.deepEqual(
      world.ask(encodeAnnounce(id, 7, announceRequest({ numWant: -1 }), "/announce")),
      {
        kind: "announce",
        transactionId: 7,
        interval: 1800,
        leechers: 1,
        seeders: 1,
        peers: [{ address: "10.0.0.2", port: 6881 }],
      },
    );
    const scrape = world.ask(encodeScrape(id, 8, [INFO_HASH]));
    assert.ok(scrape?.kind === "scrape");
    assert.deepEqual(scrape.entries.map(({ seeders, leechers }) => [seeders, leechers]), [[1, 1]]);
  });

  it("requires a connection id for the sender's address, for two minutes", async () => {
    const world = await UdpWorld.make();
    const id = world.connect();
    const packet = encodeAnnounce(id, 7, announceRequest(), "");
    assert.equal(world.ask(packet, "10.0.0.66")?.kind, "error");
    assert.equal(
      world.ask(encodeAnnounce(new Uint8Array(8), 7, announceRequest(), ""))?.kind,
      "error",
    );
    await world.clock.pass(119);
    assert.equal(world.ask(packet)?.kind, "announce");
    await world.clock.pass(1);
    assert.equal(world.ask(packet)?.kind, "error");
  });

  it("ignores invalid requests, and survives a flood of connects", async () => {
    const world = await UdpWorld.make();
    for (const length of [0, 8, 16, 98]) assert.equal(world.ask(new Uint8Array(length)), null);
    const first = world.connect();
    for (let i = 0; i < 10_000; i++) world.connect();
    const last = world.connect();
    assert.equal(world.ask(encodeAnnounce(first, 7, announceRequest(), ""))?.kind, "error");
    assert.equal(world.ask(encodeAnnounce(last, 7, announceRequest(), ""))?.kind, "announce");
  });
});
