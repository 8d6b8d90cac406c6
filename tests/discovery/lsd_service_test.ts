import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { NetError } from "../../src/util/errors.ts";
import { fromLatin1, toHex } from "../../src/util/bytes.ts";
import { Lsd } from "../../src/discovery/lsd_service.ts";
import type { MulticastNet } from "../../src/platform/types.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { decodeLsd, encodeLsd, LSD_GROUPS, type LsdAnnounce } from "../../src/discovery/lsd.ts";

const MINUTE = 60_000;
const hash = (i: number) => new Uint8Array(20).fill(i).fill(i >> 8, 0, 1);
const open = (i: number) => ({ infoHash: hash(i), private: false });

/** A client's Lsd on a node, ticking every second, with what it heard. */
class Neighbour {
  readonly lsd: Lsd;
  readonly heard: string[] = [];
  port = 6881;

  constructor(readonly world: SimWorld, readonly node: SimNode) {
    this.lsd = new Lsd({
      multicast: node.multicast,
      random: node.random,
      now: () => node.clock.now(),
      listenPort: () => this.port,
    }, {
      peer: (infoHash, address, port) =>
        this.heard.push(`${toHex(infoHash.subarray(19))} ${address}:${port}`),
    });
  }

  async open(): Promise<this> {
    await this.world.wait(this.lsd.open());
    const tick = () => {
      this.lsd.tick(this.node.clock.now());
      this.node.clock.after(1000, tick);
    };
    tick();
    return this;
  }
}

/** Listens to the group and notes what it hears, and when. */
async function eavesdrop(world: SimWorld, node: SimNode, family: 4 | 6 = 4) {
  const heard: { at: number; announce: LsdAnnounce }[] = [];
  const group = LSD_GROUPS[family === 4 ? 0 : 1];
  const socket = await world.wait(node.multicast.join(group, (bytes) => {
    heard.push({ at: world.now, announce: decodeLsd(bytes)! });
  }));
  return { heard, socket };
}

describe("Lsd", () => {
  it("two on one network find each other, in both families, and neither finds itself", async () => {
    const world = new SimWorld(1);
    const a = await new Neighbour(world, world.node("10.0.0.1", { also: ["fd00::1"] })).open();
    const b = await new Neighbour(world, world.node("10.0.0.2", { also: ["fd00::2"] })).open();
    const far = await new Neighbour(world, world.node("10.9.9.9")).open();
    assert.deepEqual(a.lsd.families, [4, 6]);
    assert.deepEqual(far.lsd.families, [4]);
    b.port = 7000;
    for (const each of [a, b, far]) each.lsd.add(open(1));
    a.lsd.add(open(2));
    await world.runFor(5000);
    assert.deepEqual(a.heard.sort(), ["01 10.0.0.2:7000", "01 fd00::2:7000"]);
    assert.deepEqual(b.heard.sort(), ["01 10.0.0.1:6881", "01 fd00::1:6881"]);
    assert.deepEqual(far.heard, []);
  });

  it("announces a torrent every five minutes, and several in one message", async () => {
    const world = new SimWorld(2);
    const { heard } = await eavesdrop(world, world.node("10.0.0.9"));
    const a = new Neighbour(world, world.node("10.0.0.1"));
    for (let i = 1; i <= 12; i++) a.lsd.add(open(i));
    await a.open();
    await world.runFor(16 * MINUTE);
    assert.equal(heard.length, 4);
    for (const { announce } of heard) assert.equal(announce.infoHashes.length, 12);
    for (let i = 1; i < heard.length; i++) {
      assert.ok(heard[i]!.at - heard[i - 1]!.at >= 5 * MINUTE);
    }
  });

  it("sends one message a minute on average, however many torrents, and skips none", async () => {
    const world = new SimWorld(3);
    const { heard } = await eavesdrop(world, world.node("10.0.0.9"));
    const a = new Neighbour(world, world.node("10.0.0.1"));
    for (let i = 1; i <= 300; i++) a.lsd.add(open(i));
    await a.open();
    await world.runFor(60 * MINUTE);
    assert.ok(heard.length >= 55 && heard.length <= 66, `${heard.length}`);
    const counts = new Map<string, number>();
    for (const { announce } of heard) {
      for (const each of announce.infoHashes) {
        counts.set(toHex(each), (counts.get(toHex(each)) ?? 0) + 1);
      }
    }
    assert.equal(counts.size, 300);
    const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
    assert.ok(least >= 3 && most - least <= 1, `${least} ${most}`);
  });

  it("never sends or accepts an announce of a private torrent", async () => {
    const world = new SimWorld(4), node = world.node("10.0.0.9");
    const { heard, socket } = await eavesdrop(world, node);
    const a = await new Neighbour(world, world.node("10.0.0.1")).open();
    assert.equal(a.lsd.add({ infoHash: hash(7), private: true }), false);
    a.lsd.add(open(1));
    const announce = { port: 80, infoHashes: [hash(7), hash(1)], cookie: null };
    socket.send(encodeLsd(announce, 4));
    await world.runFor(30 * MINUTE);
    assert.ok(heard.length > 5);
    const told = heard.slice(1).flatMap(({ announce }) => announce.infoHashes.map(toHex));
    assert.deepEqual(new Set(told), new Set([toHex(hash(1))]));
    assert.deepEqual(a.heard, ["01 10.0.0.9:80"]);
  });

  it("says nothing without a port, of removed torrents, or once it is closed", async () => {
    const world = new SimWorld(5);
    const { heard } = await eavesdrop(world, world.node("10.0.0.9"));
    const a = new Neighbour(world, world.node("10.0.0.1"));
    a.port = 0;
    a.lsd.add(open(1));
    a.lsd.add(open(2));
    await a.open();
    await world.runFor(6 * MINUTE);
    assert.equal(heard.length, 0);
    a.port = 6881;
    a.lsd.remove(hash(2));
    await world.runFor(2000);
    assert.deepEqual(heard.map(({ announce }) => announce.infoHashes.length), [1]);
    a.lsd.close();
    await world.runFor(20 * MINUTE);
    assert.equal(heard.length, 1);
  });

  it("ignores nonsense and a neighbour that sends without end, but not the others", async () => {
    const world = new SimWorld(6);
    const { socket } = await eavesdrop(world, world.node("10.0.0.9"));
    const a = await new Neighbour(world, world.node("10.0.0.1")).open();
    a.lsd.add(open(1));
    socket.send(fromLatin1("BT-SEARCH * HTTP/1.1"));
    socket.send(new Uint8Array(0));
    for (let i = 0; i < 500; i++) {
      socket.send(encodeLsd({ port: 1000 + i, infoHashes: [hash(1)], cookie: null }, 4));
    }
    await world.runFor(1000);
    assert.equal(a.heard.length, 28);
    assert.ok(a.lsd.ignored > 400);
    const b = await new Neighbour(world, world.node("10.0.0.2")).open();
    b.lsd.add(open(1));
    await world.runFor(3000);
    assert.ok(a.heard.includes("01 10.0.0.2:6881"));
    await world.runFor(MINUTE);
    socket.send(encodeLsd({ port: 9999, infoHashes: [hash(1)], cookie: null }, 4));
    await world.runFor(1000);
    assert.ok(a.heard.includes("01 10.0.0.9:9999"));
  });

  it("stays off with a NetError without multicast", async () => {
    const world = new SimWorld(7), node = world.node("10.0.0.1");
    const multicast: MulticastNet = {
      join: () => Promise.reject(new NetError("unreachable", "Cannot join: no network")),
    };
    const ports = { multicast, random: node.random, now: () => 0, listenPort: () => 1 };
    const lsd = new Lsd(ports, { peer() {} });
    lsd.add(open(1));
    await assert.rejects(lsd.open(), NetError);
    lsd.tick(0);
    lsd.close();
  });

  it("closes a group that opens after it was closed", async () => {
    const world = new SimWorld(8);
    const a = new Neighbour(world, world.node("10.0.0.1"));
    const opening = a.lsd.open();
    a.lsd.close();
    await world.wait(opening);
    assert.deepEqual(a.lsd.families, []);
  });
});
