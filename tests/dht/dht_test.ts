import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Dht, type DhtOptions } from "../../src/dht/dht.ts";
import type { PeerAddress } from "../../src/util/compact_address.ts";
import { itemTarget } from "../../src/dht/dht_item.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";
import { HandClock } from "../harness/clock.ts";
import { HandRandom } from "../harness/random.ts";
import { ed25519, sha1 } from "./answering.ts";
import { CLIENT } from "./sim_dht.ts";

const TORRENT = sha1(fromLatin1("a torrent"));

/** Two or more drivers whose datagrams arrive when the test lets time pass. */
class Pair {
  readonly clock = new HandClock();
  readonly asked: string[] = [];
  names = new Map<string, string[]>();
  readonly #nodes = new Map<string, Dht>();

  async open(address: string, options: Partial<DhtOptions> = {}): Promise<Dht> {
    const from: PeerAddress = { address, port: 6881 };
    const dht = await Dht.open({
      clock: this.clock,
      random: new HandRandom(address),
      hasher: { digest: (_, bytes) => sha1(bytes) },
      ed25519,
      net: {
        lookup: (host) => {
          this.asked.push(host);
          const found = this.names.get(host);
          return found === undefined
            ? Promise.reject(new Error("no such name"))
            : Promise.resolve(found);
        },
      },
      line: {
        send: (bytes, to) => {
          const copy = bytes.slice();
          this.clock.after(5, () => this.#nodes.get(to)?.receive(copy, from.address, from.port));
        },
      },
    }, { client: CLIENT, families: [4], ...options });
    this.#nodes.set(address, dht);
    return dht;
  }

  /** Lets time pass in small steps, with promises kept up with. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.pass(50);
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  async settled<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const watched = promise.finally(() => over = true);
    for (let i = 0; i < 1000 && !over; i++) await this.pass(50);
    assert.ok(over, "it does not end");
    return await watched;
  }
}

describe("Dht", () => {
  it("joins by a bootstrap name, and finds what the other announced", async () => {
    const pair = new Pair();
    pair.names.set("router.example", ["80.1.1.1"]);
    const router = await pair.open("80.1.1.1");
    const dht = await pair.open("80.2.1.1", {
      bootstrap: [{ host: "router.example", port: 6881 }],
    });
    await pair.pass(1000);
    assert.equal(dht.stats().overlays[0]!.nodes, 1);
    assert.equal(router.stats().overlays[0]!.nodes, 0, "who asked is only known by hearsay");
    await pair.pass(2000);
    assert.equal(router.stats().overlays[0]!.nodes, 1, "until it answered a ping");
    const announced = await pair.settled(dht.announce(TORRENT, { port: 7000 }));
    assert.equal(announced.stored, 1);
    const peers: PeerAddress[] = [];
    await pair.settled(router.findPeers(TORRENT, { onPeers: (some) => peers.push(...some) }));
    assert.deepEqual(peers, [{ address: "80.2.1.1", port: 7000 }]);
    for (const one of [dht, router]) {
      assert.equal(one.stats().exceptions, 0);
      one.close();
    }
    assert.equal(pair.clock.pending, 0, "no timer is left");
  });

  it("looks a name up again while no node has answered, then no more", async () => {
    const pair = new Pair();
    const dht = await pair.open("80.2.1.1", {
      bootstrap: [{ host: "router.example", port: 6881 }],
    });
    await pair.pass(16_000);
    assert.equal(pair.asked.length, 3, "at 0, 5 and 15 s");
    pair.names.set("router.example", ["80.1.1.1"]);
    const router = await pair.open("80.1.1.1");
    await pair.pass(60_000);
    assert.equal(dht.stats().overlays[0]!.nodes, 1);
    const asked = pair.asked.length;
    await pair.pass(600_000);
    assert.equal(pair.asked.length, asked);
    dht.close();
    router.close();
  });

  it("takes nodes of a torrent file by address and by name, few names at once", async () => {
    const pair = new Pair();
    pair.names.set("node.example", ["80.3.1.1"]);
    const [a, b] = [await pair.open("80.1.1.1"), await pair.open("80.3.1.1")];
    const dht = await pair.open("80.2.1.1");
    dht.addNode({ host: "80.1.1.1", port: 6881 });
    dht.addNode({ host: "node.example", port: 6881 });
    for (let n = 0; n < 100; n++) dht.addNode({ host: `${n}.example`, port: 6881 });
    await pair.pass(3000);
    assert.equal(dht.stats().overlays[0]!.nodes, 2);
    assert.ok(pair.asked.length <= 4, `${pair.asked.length} look-ups`);
    for (const one of [a, b, dht]) one.close();
  });

  it("puts, gets, pings and samples by promises", async () => {
    const pair = new Pair();
    const root = await pair.open("80.1.1.1");
    const dht = await pair.open("80.2.1.1", { bootstrap: [{ host: "80.1.1.1", port: 6881 }] });
    await pair.pass(3000);
    const item = { value: fromLatin1("5:value"), signed: null };
    assert.equal(await pair.settled(dht.putItem(item)), 1);
    assert.deepEqual(await pair.settled(dht.getItem(itemTarget(sha1, item))), item);
    assert.equal(await pair.settled(dht.getItem(TORRENT)), null);
    const pong = await pair.settled(dht.ping({ address: "80.1.1.1", port: 6881 }));
    assert.deepEqual(pong!.id, root.state().ids[4]);
    assert.equal(await pair.settled(dht.ping({ address: "80.9.9.9", port: 1 })), null);
    await pair.settled(dht.announce(TORRENT, { port: 7000, seed: true }));
    const samples: Uint8Array[] = [];
    await pair.settled(
      dht.sampleInfohashes(null, ({ infoHashes }) => samples.push(...infoHashes)),
    );
    assert.deepEqual(samples, [TORRENT]);
    const scraped = await pair.settled(dht.scrape(TORRENT));
    assert.deepEqual(scraped, { seeds: 1, peers: 0, answers: 1 });
    root.close();
    dht.close();
  });

  it("a signal ends a search, close() ends all of them, and later calls end at once", async () => {
    const pair = new Pair();
    const dht = await pair.open("80.2.1.1");
    const abort = new AbortController();
    const first = dht.findPeers(TORRENT, { signal: abort.signal });
    abort.abort();
    assert.equal((await first).peers, 0);
    const aborted = await dht.findPeers(TORRENT, { signal: abort.signal });
    assert.equal(aborted.peers, 0);
    const [peers, item, ping] = [
      dht.findPeers(TORRENT),
      dht.getItem(TORRENT),
      dht.ping({ address: "80.9.9.9", port: 6881 }),
    ];
    dht.close();
    dht.close();
    assert.equal((await peers).peers, 0);
    assert.equal(await item, null);
    assert.equal(await ping, null);
    await pair.pass(50);
    assert.equal(pair.clock.pending, 0);
    dht.addNode({ host: "80.1.1.1", port: 6881 });
    assert.equal((await dht.findPeers(TORRENT)).peers, 0);
    assert.equal(await dht.ping({ address: "80.9.9.9", port: 6881 }), null);
    assert.equal(pair.clock.pending, 0, "nothing is sent any more");
  });

  it("counts exceptions of handlers, reports the last, and continues", async () => {
    const pair = new Pair();
    const root = await pair.open("80.1.1.1");
    const dht = await pair.open("80.2.1.1", { bootstrap: [{ host: "80.1.1.1", port: 6881 }] });
    await pair.pass(3000);
    await pair.settled(dht.announce(TORRENT, { port: 7000 }));
    const broken = new Error("a broken handler");
    const onPeers = () => {
      throw broken;
    };
    const { peers } = await pair.settled(dht.findPeers(TORRENT, { onPeers }));
    assert.equal(peers, 1, "the search ends as if nothing had been");
    assert.equal(dht.stats().exceptions, 1);
    assert.equal(dht.stats().lastException, broken);
    const pong = await pair.settled(dht.ping({ address: "80.1.1.1", port: 6881 }));
    assert.notEqual(pong, null);
    root.close();
    dht.close();
  });

  it("an abort while it closes and after it ended changes nothing", async () => {
    const pair = new Pair();
    const root = await pair.open("80.1.1.1");
    const dht = await pair.open("80.2.1.1", { bootstrap: [{ host: "80.1.1.1", port: 6881 }] });
    await pair.pass(3000);
    const abort = new AbortController(), { signal } = abort;
    const stored = await pair.settled(dht.announce(TORRENT, { port: 7000 }, { signal }));
    const running = dht.scrape(TORRENT, signal);
    dht.close();
    abort.abort();
    assert.deepEqual(await running, { seeds: 0, peers: 0, answers: 0 });
    assert.equal(stored.stored, 1);
    assert.equal(dht.stats().exceptions, 0);
    root.close();
    await pair.pass(50);
    assert.equal(pair.clock.pending, 0, "datagrams on their way arrive, and no timer is left");
  });

  it("reads IPv6 addresses in any spelling", async () => {
    const pair = new Pair();
    const dht = await pair.open("80.2.1.1", { families: [6] });
    dht.receive(
      fromLatin1("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t1:x1:y1:qe"),
      "2001:DB8:0::1",
      6881,
    );
    dht.receive(fromLatin1("nonsense"), "no:address", 6881);
    const { queriesReceived, sent, received, exceptions } = dht.stats();
    assert.deepEqual([queriesReceived, sent, received, exceptions], [1, 1, 1, 0]);
    dht.close();
  });
});
