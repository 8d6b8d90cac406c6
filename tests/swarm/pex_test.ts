import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import { formatEndpoint } from "../../src/util/compact_address.ts";
import { decodePex, encodePex, PEX_REACHABLE, type PexPeer } from "../../src/wire/ut_pex.ts";
import { PexInbox, PexOutbox } from "../../src/swarm/pex.ts";

const MINUTE = 60_000;
const peer = (i: number): PexPeer => ({
  address: `9.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
  port: 7000,
  flags: PEX_REACHABLE,
});
const peers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => peer(from + i));
const message = (added: PexPeer[], dropped: PexPeer[] = []) => encodePex({ added, dropped });

/** Keeps for every member whom it was told of, as it would see it. */
class Listeners {
  readonly outbox = new PexOutbox<string>({
    send: (member, payload) => this.#hear(member, payload),
  });
  readonly heard = new Map<string, Map<string, PexPeer>>();
  readonly times: [member: string, at: number][] = [];
  now = 0;

  join(name: string, contact: PexPeer | null, speaks = true): void {
    this.outbox.joined(name, contact?.address ?? "9.9.9.9", contact);
    this.heard.set(name, new Map());
    if (speaks) this.outbox.update(name, contact, true);
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end;) this.outbox.tick(this.now += 1000);
  }

  knows(name: string): string[] {
    return [...this.heard.get(name)!.keys()].sort();
  }

  #hear(member: string, payload: Uint8Array): void {
    const { added, dropped, surplus } = decodePex(payload);
    assert.equal(surplus, 0);
    assert.ok(added.length + dropped.length > 0);
    const known = this.heard.get(member)!;
    for (const each of dropped) {
      assert.ok(known.delete(formatEndpoint(each)), "only who was told of is dropped");
    }
    for (const each of added) {
      assert.ok(!known.has(formatEndpoint(each)), "nobody is told twice");
      known.set(formatEndpoint(each), each);
    }
    this.times.push([member, this.now]);
  }
}

describe("PexOutbox", () => {
  it("announces every other peer, with its flags, to peers that support it", () => {
    const all = new Listeners();
    for (const i of [1, 2, 3]) all.join(`m${i}`, peer(i));
    all.join("deaf", peer(4), false);
    all.join("unknown", null);
    all.pass(1000);
    assert.deepEqual(all.knows("m1"), ["9.0.0.2:7000", "9.0.0.3:7000", "9.0.0.4:7000"]);
    assert.deepEqual(all.knows("unknown").length, 4);
    assert.deepEqual(all.knows("deaf"), []);
    assert.equal(all.heard.get("m1")!.get("9.0.0.2:7000")!.flags, PEX_REACHABLE);
  });

  it("speaks once a minute at most, and not at all when nothing changed", () => {
    const all = new Listeners();
    all.join("m1", peer(1));
    all.join("m2", peer(2));
    all.pass(10 * MINUTE);
    assert.deepEqual(all.times, [["m1", 1000], ["m2", 1000]]);
    all.join("m3", peer(3));
    all.pass(1000);
    all.join("m4", peer(4));
    all.pass(MINUTE + 1000);
    const times = all.times.filter(([member]) => member === "m1").map(([, at]) => at);
    assert.equal(times.length, 3);
    assert.equal(times[2]! - times[1]!, MINUTE);
    assert.deepEqual(all.knows("m1").length, 3);
  });

  it("omits peers that joined and left in between, and drops announced ones", () => {
    const all = new Listeners();
    all.join("m1", peer(1));
    all.join("m2", peer(2));
    all.pass(1000);
    all.join("m3", peer(3));
    all.outbox.left("m3");
    all.outbox.left("m2");
    all.pass(2 * MINUTE);
    assert.deepEqual(all.knows("m1"), []);
    assert.equal(all.times.filter(([member]) => member === "m1").length, 2);
  });

  it("sends 50 at a time and all in the end", () => {
    const all = new Listeners();
    all.join("m0", peer(0));
    for (let i = 1; i <= 120; i++) all.join(`m${i}`, peer(i), false);
    const known = [50, 100, 120, 120];
    for (const expected of known) {
      all.pass(MINUTE);
      assert.equal(all.knows("m0").length, expected);
    }
    for (let i = 1; i <= 120; i++) all.outbox.left(`m${i}`);
    for (const expected of [70, 20, 0]) {
      all.pass(MINUTE);
      assert.equal(all.knows("m0").length, expected);
    }
  });

  it("does not send local addresses to remote peers", () => {
    const all = new Listeners();
    const local = { ...peer(1), address: "192.168.1.5" };
    all.join("far", peer(1));
    all.join("near", local);
    all.join("also near", { ...local, address: "127.0.0.1" });
    all.join("odd", { ...peer(1), address: "224.0.0.1" });
    all.pass(1000);
    assert.deepEqual(all.knows("far"), []);
    assert.deepEqual(all.knows("near"), ["127.0.0.1:7000", "9.0.0.1:7000"]);
  });

  it("matches the connected peers after any joins and leaves: 100 runs", () => {
    for (let seed = 0; seed < 100; seed++) {
      const dice = new Prng(`pex ${seed}`), all = new Listeners();
      const here = new Set<number>();
      all.join("watcher", null);
      for (let step = 0; step < 60; step++) {
        const i = 1 + dice.below(90);
        if (here.delete(i)) all.outbox.left(`m${i}`);
        else here.add(i), all.join(`m${i}`, peer(i), dice.chance(0.5));
        all.pass(1000 * dice.below(20));
      }
      all.pass(4 * MINUTE);
      const expected = [...here].map((i) => formatEndpoint(peer(i))).sort();
      assert.deepEqual(all.knows("watcher"), expected, `seed ${seed}`);
      const times = all.times.filter(([member]) => member === "watcher").map(([, at]) => at);
      for (let i = 1; i < times.length; i++) assert.ok(times[i]! - times[i - 1]! >= MINUTE);
    }
  });
});

describe("PexInbox", () => {
  it("takes a first message at once and then one a minute", () => {
    const inbox = new PexInbox("9.9.9.9");
    assert.equal(inbox.receive(message(peers(1, 4)), 0).length, 3);
    assert.equal(inbox.receive(message(peers(10, 14)), 30_000).length, 0);
    assert.equal(inbox.ignored, 1);
    assert.equal(inbox.receive(message(peers(10, 14)), 57_000).length, 4);
  });

  it("ends a connection that sends them all the time", () => {
    const inbox = new PexInbox("9.9.9.9");
    for (let i = 0; i < 6; i++) inbox.receive(message(peers(i, i + 1)), 100 * i);
    assert.throws(() => inbox.receive(message([]), 1000), ProtocolError);
  });

  it("sends no peer twice, and one per public address", () => {
    const inbox = new PexInbox("9.9.9.9");
    const twin = { ...peer(1), port: 8000 };
    assert.deepEqual(inbox.receive(message([peer(1), twin, peer(2)]), 0), [peer(1), peer(2)]);
    assert.deepEqual(inbox.receive(message([peer(1), peer(3)]), MINUTE), [peer(3)]);
    assert.deepEqual(inbox.receive(message([], [peer(1)]), 2 * MINUTE), []);
    assert.deepEqual(inbox.receive(message([peer(1)]), 3 * MINUTE), [peer(1)]);
  });

  it("accepts possible addresses only, local ones only from local members", () => {
    const odd = [
      { ...peer(1), port: 0 },
      { ...peer(1), port: 22 },
      { ...peer(1), address: "224.0.0.1" },
      { ...peer(1), address: "0.0.0.0" },
    ];
    const local = ["127.0.0.1", "10.0.0.1", "192.168.0.1", "fd00::1"].map((address) => {
      return { ...peer(1), address };
    });
    assert.deepEqual(new PexInbox("9.9.9.9").receive(message([...odd, ...local]), 0), []);
    assert.deepEqual(new PexInbox("127.0.0.1").receive(message([...odd, ...local]), 0), local);
    const twins = [local[0]!, { ...local[0]!, port: 7001 }];
    assert.deepEqual(new PexInbox("127.0.0.1").receive(message(twins), 0), twins);
  });

  it("bounds the peers that one member can name in all", () => {
    const inbox = new PexInbox("9.9.9.9");
    let taken = 0;
    for (let minute = 0; minute < 100; minute++) {
      const told = peers(50 * minute, 50 * minute + 50);
      taken += inbox.receive(message(told), minute * MINUTE).length;
    }
    assert.equal(taken, 200);
    assert.equal(inbox.ignored, 4800);
  });
});
