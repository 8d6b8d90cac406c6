import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LinkConditions } from "../harness/sim/link.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimWorld } from "../harness/sim/world.ts";
import type { NetError } from "../../src/util/errors.ts";
import type { Socket } from "../../src/platform/types.ts";
import { bytesOf, Collector, pattern } from "../conformance/platform/subject.ts";

interface Pair {
  world: SimWorld;
  a: SimNode;
  b: SimNode;
}

function pair(link: Partial<LinkConditions> = {}, other: Partial<LinkConditions> = {}): Pair {
  const world = new SimWorld("network");
  return {
    world,
    a: world.node("10.0.0.1", { link }),
    b: world.node("10.0.0.2", { link: other }),
  };
}

/** A connection from a to b, port 80, both ends collecting. */
async function joined({ world, a, b }: Pair): Promise<{
  near: Socket;
  far: Socket;
  nearSink: Collector;
  farSink: Collector;
}> {
  const [nearSink, farSink] = [new Collector(), new Collector()];
  let far!: Socket;
  await world.wait(b.net.listen({ port: 80 }, (socket) => {
    far = socket;
    socket.attach(farSink);
  }));
  const near = a.net.connect({ address: b.address, port: 80, timeoutMs: 5000 });
  near.attach(nearSink);
  await world.wait(near.opened);
  return { near, far, nearSink, farSink };
}

async function dialError({ world, a, b }: Pair, address = b.address): Promise<NetError> {
  const socket = a.net.connect({ address, port: 80, timeoutMs: 3000 });
  return await world.wait(socket.opened.then(() => assert.fail("connected"), (error) => error));
}

describe("simulated connections", () => {
  it("take the latency of both ends there and back", async () => {
    const two = pair({ latencyMs: 20 }, { latencyMs: 30 });
    const { near, farSink } = await joined(two);
    assert.equal(two.world.now, 100);
    near.send(Uint8Array.of(1), () => {});
    await two.world.run(() => farSink.length === 1);
    assert.equal(two.world.now, 150);
  });

  it("share the sender's and the receiver's rate", async () => {
    for (const link of [{ upBytesPerSec: 1e6 }, { downBytesPerSec: 1e6 }]) {
      const slow = link.upBytesPerSec !== undefined;
      const two = slow ? pair(link, {}) : pair({}, link);
      const { near, farSink } = await joined(two);
      const start = two.world.now;
      near.send(new Uint8Array(3_000_000), () => {});
      await two.world.run(() => farSink.length === 3_000_000);
      const took = two.world.now - start;
      assert.ok(took >= 3000 && took < 3200, `${took} ms for 3 s of bytes`);
    }
  });

  it("two flows over one line each get about half", async () => {
    const world = new SimWorld(1);
    const source = world.node("10.0.0.9", { link: { upBytesPerSec: 1e6 } });
    const sinks = [new Collector(), new Collector()];
    for (const [i, sink] of sinks.entries()) {
      const node = world.node(`10.0.0.${i + 1}`);
      await world.wait(node.net.listen({ port: 80 }, (socket) => socket.attach(sink)));
      const socket = source.net.connect({ address: node.address, port: 80, timeoutMs: 1000 });
      socket.attach(new Collector());
      await world.wait(socket.opened);
      world.at(100, () => socket.send(new Uint8Array(2_000_000), () => {}));
    }
    await world.run(2100);
    for (const { length } of sinks) assert.ok(Math.abs(length - 1e6) < 300_000, `${length}`);
  });

  it("fragment bytes down to one, without losing or mixing any", async () => {
    for (const fragmentBytes of [1, 700]) {
      const two = pair({}, { fragmentBytes });
      const { near, farSink } = await joined(two);
      const bytes = pattern(20_000, 1);
      near.send(bytes, () => {});
      near.close();
      await two.world.wait(farSink.ended);
      assert.deepEqual(farSink.bytes(), bytes);
      assert.ok(farSink.chunks >= 20_000 / fragmentBytes);
    }
  });

  it("lend chunks only for the call", async () => {
    const { world, a, b } = pair();
    let kept: Uint8Array | null = null;
    let asItWas: Uint8Array | null = null;
    await world.wait(b.net.listen({ port: 80 }, (socket) => {
      socket.attach({
        onData(chunk) {
          kept = chunk;
          asItWas = chunk.slice();
        },
        onEnd() {},
      });
    }));
    const near = a.net.connect({ address: b.address, port: 80, timeoutMs: 1000 });
    near.send(pattern(1000, 1), () => {});
    await world.run(() => kept !== null);
    assert.deepEqual(asItWas, pattern(1000, 1));
    assert.notDeepEqual(kept, pattern(1000, 1), "a kept chunk is overwritten");
  });
});

describe("simulated faults of connections", () => {
  it("connectRefused and connectDropped", async () => {
    const refusing = pair({}, { connectRefused: 1 });
    assert.equal((await dialError(refusing)).code, "refused");
    assert.equal(refusing.world.faults("connect-refused"), 1);
    const dropping = pair({}, { connectDropped: 1 });
    assert.equal((await dialError(dropping)).code, "timeout");
    assert.equal(dropping.world.now, 3000);
    assert.equal(dropping.world.faults("connect-dropped"), 1);
  });

  it("firewalled: outgoing only", async () => {
    const two = pair({}, { firewalled: true });
    assert.equal((await dialError(two)).code, "timeout");
    assert.equal(two.world.faults("connect-firewalled"), 1);
    await two.world.wait(
      two.a.net.listen({ port: 80 }, (socket) => socket.attach(new Collector())),
    );
    await two.world.wait(
      two.b.net.connect({ address: two.a.address, port: 80, timeoutMs: 1000 }).opened,
    );
  });

  it("unreachable, and an address without a host", async () => {
    const two = pair();
    two.world.unreachable("10.9.9.9");
    assert.equal((await dialError(two, "10.9.9.9")).code, "unreachable");
    assert.equal(two.world.faults("unreachable"), 1);
    assert.equal((await dialError(two, "10.9.9.8")).code, "timeout");
    assert.equal((await dialError(two, "2001:db8::1")).code, "unreachable", "no IPv6 here");
  });

  it("reset breaks both ends", async () => {
    const two = pair();
    const { near, nearSink, farSink } = await joined(two);
    two.a.link.reset = 1;
    let sent = 0;
    near.send(new Uint8Array(1000), () => sent++);
    const errors = [await two.world.wait(nearSink.ended), await two.world.wait(farSink.ended)];
    assert.deepEqual(errors.map((error) => (error as NetError).code), ["reset", "reset"]);
    assert.equal(two.world.faults("reset"), 1);
    assert.equal(sent, 1);
    assert.deepEqual([two.a.openSockets, two.b.openSockets], [0, 0]);
  });

  it("resetConnections breaks all of one node", async () => {
    const two = pair();
    const { nearSink, farSink } = await joined(two);
    two.b.resetConnections();
    await two.world.wait(Promise.all([nearSink.ended, farSink.ended]));
    assert.deepEqual([nearSink.endings, farSink.endings], [1, 1]);
    assert.equal(two.world.faults("reset"), 1);
  });

  it("partition stalls connections and heal delivers everything in order", async () => {
    const two = pair({ jitterMs: 8 }, { fragmentBytes: 3000 });
    const { near, farSink, far, nearSink } = await joined(two);
    const bytes = pattern(2_000_000, 3);
    near.send(bytes, () => {});
    await two.world.runFor(15);
    two.world.partition(two.a, two.b);
    await two.world.runFor(60_000);
    const stuck = farSink.length;
    assert.ok(stuck < bytes.length);
    assert.ok(two.world.faults("segment-stalled") > 0);
    assert.equal((await dialError(two)).code, "timeout");
    assert.equal(two.world.faults("connect-cut"), 1);
    two.world.heal(two.a, two.b);
    await two.world.run(() => farSink.length === bytes.length);
    assert.deepEqual(farSink.bytes(), bytes);
    far.close();
    assert.equal(await two.world.wait(nearSink.ended), null);
  });

  it("a partition does not affect other nodes", async () => {
    const two = pair();
    const third = two.world.node("10.0.0.3");
    await joined(two);
    two.world.partition(two.a, third);
    await two.world.wait(
      two.a.net.connect({ address: two.b.address, port: 80, timeoutMs: 1000 }).opened,
    );
  });
});

describe("simulated datagrams", () => {
  async function flood(link: Partial<LinkConditions>): Promise<{ got: number[]; world: SimWorld }> {
    const { world, a, b } = pair(link);
    const got: number[] = [];
    await world.wait(b.datagrams.bind({ port: 9, family: 4 }, (bytes) => got.push(bytes[0]!)));
    const udp = await world.wait(a.datagrams.bind({ port: 0, family: 4 }, () => {}));
    for (let i = 0; i < 200; i++) {
      udp.send(Uint8Array.of(i), b.address, 9);
      await world.runFor(1);
    }
    await world.runFor(1000);
    return { got, world };
  }

  it("all arrive in order on a good line", async () => {
    const { got } = await flood({});
    assert.deepEqual(got, Array.from({ length: 200 }, (_, i) => i));
  });

  it("datagramLost loses them, each counted", async () => {
    const { got, world } = await flood({ datagramLost: 0.3 });
    assert.ok(world.faults("datagram-lost") > 30);
    assert.equal(got.length, 200 - world.faults("datagram-lost"));
  });

  it("datagramDuplicated doubles them", async () => {
    const { got, world } = await flood({ datagramDuplicated: 0.3 });
    assert.ok(world.faults("datagram-duplicated") > 30);
    assert.equal(got.length, 200 + world.faults("datagram-duplicated"));
  });

  it("datagramReordered delivers later ones first, and loses none", async () => {
    const { got, world } = await flood({ datagramReordered: 0.3 });
    assert.ok(world.faults("datagram-reordered") > 30);
    const sorted = [...got].sort((x, y) => x - y);
    assert.notDeepEqual(got, sorted);
    assert.deepEqual(sorted, Array.from({ length: 200 }, (_, i) => i));
  });

  it("a partition swallows them", async () => {
    const { world, a, b } = pair();
    let got = 0;
    await world.wait(b.datagrams.bind({ port: 9, family: 4 }, () => got++));
    const udp = await world.wait(a.datagrams.bind({ port: 0, family: 4 }, () => {}));
    world.partition(a, b);
    udp.send(Uint8Array.of(1), b.address, 9);
    await world.runFor(100);
    assert.deepEqual([got, world.faults("datagram-cut")], [0, 1]);
    world.heal(a, b);
    udp.send(Uint8Array.of(1), b.address, 9);
    await world.runFor(100);
    assert.equal(got, 1);
  });
});

describe("simulated HTTP", () => {
  it("finds nodes by name, takes time, and breaks with the connection", async () => {
    const { world, a, b } = pair({ latencyMs: 25 }, { latencyMs: 25, upBytesPerSec: 1e6 });
    world.name("tracker.test", b.address);
    const server = await world.wait(
      b.http.serve(
        { port: 80, address: b.address },
        () => new Response(new Uint8Array(bytesOf("x".repeat(500_000)))),
      ),
    );
    const request = { url: "http://tracker.test/a", timeoutMs: 10_000, maxBytes: 1e6 };
    const start = world.now;
    const answer = await world.wait(a.http.request(request));
    assert.equal(answer.body.length, 500_000);
    assert.ok(world.now - start > 650, "two round trips and half a second of bytes");
    world.at(world.now + 250, () => b.resetConnections());
    await assert.rejects(world.wait(a.http.request(request)), { code: "reset" });
    assert.ok(world.faults("reset") > 0);
    b.kill();
    await assert.rejects(world.wait(a.http.request(request)), { code: "timeout" });
    assert.equal(server.port, 80);
  });
});
