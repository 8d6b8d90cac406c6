import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimWorld } from "../harness/sim/world.ts";
import { Collector, send } from "../conformance/platform/subject.ts";

describe("SimWorld.run", () => {
  it("moves the clock from event to event, in order of time and of scheduling", async () => {
    const world = new SimWorld(1);
    const { clock } = world.node("10.0.0.1");
    const seen: string[] = [];
    clock.after(5000, () => seen.push(`late ${clock.now()}`));
    clock.after(10, () => {
      seen.push(`a ${clock.now()}`);
      clock.after(0, () => seen.push(`again ${clock.now()}`));
    });
    clock.after(10, () => seen.push(`b ${clock.now()}`));
    await world.run(() => seen.length === 4);
    assert.deepEqual(seen, ["a 10", "b 10", "again 10", "late 5000"]);
  });

  it("runs promises as far as they can between two instants", async () => {
    const world = new SimWorld(1);
    const { clock } = world.node("10.0.0.1");
    const seen: string[] = [];
    clock.after(1, () => {
      (async () => {
        for (let i = 0; i < 1000; i++) await null;
        seen.push("promises");
      })();
    });
    clock.after(2, () => seen.push("next instant"));
    await world.run(10);
    assert.deepEqual(seen, ["promises", "next instant"]);
    assert.equal(world.now, 10, "up to the asked moment, with or without events");
  });

  it("throws if no event is left, and names the seed", async () => {
    const world = new SimWorld("my-seed");
    world.node("10.0.0.1").clock.after(7, () => {});
    await assert.rejects(world.run(() => false), /Nothing is left.*seed my-seed, at 7 ms/);
  });

  it("throws if the condition is not met in time", async () => {
    const world = new SimWorld(1);
    const { clock } = world.node("10.0.0.1");
    const tick = () => void clock.after(1000, tick);
    tick();
    await assert.rejects(world.run(() => false, 10_000), /after 10000 ms of virtual time/);
    assert.ok(world.now <= 10_000);
  });

  it("rethrows an event's error, and stops at a loop without time", async () => {
    const world = new SimWorld(1);
    const { clock } = world.node("10.0.0.1");
    clock.after(3, () => {
      throw new Error("a bug");
    });
    await assert.rejects(world.run(10), /a bug.*at 3 ms/);
    const again = () => void clock.after(0, again);
    again();
    await assert.rejects(world.run(20), /Time stands still/);
  });

  it("runFor and wait advance by time and until a promise settles", async () => {
    const world = new SimWorld(1);
    const { clock } = world.node("10.0.0.1");
    await world.runFor(100);
    assert.equal(clock.now(), 100);
    assert.equal(await world.wait(new Promise((done) => void clock.after(50, () => done(7)))), 7);
    assert.equal(clock.now(), 150);
    await assert.rejects(world.wait(Promise.reject(new Error("no"))), /no/);
  });

  it("at does something at a moment", async () => {
    const world = new SimWorld(1);
    const seen: number[] = [];
    world.at(30, () => seen.push(world.now));
    world.at(20, () => seen.push(world.now));
    await world.run(50);
    assert.deepEqual(seen, [20, 30]);
  });
});

describe("SimWorld determinism", () => {
  it("the same seed has the same events, another seed has others", async () => {
    const [first, again, other] = [
      await busyWorld("seed 1"),
      await busyWorld("seed 1"),
      await busyWorld("seed 2"),
    ];
    assert.deepEqual(again.logLines(), first.logLines());
    assert.equal(again.logHash(), first.logHash());
    assert.notEqual(other.logHash(), first.logHash());
    assert.deepEqual(again.allFaults(), first.allFaults());
    assert.ok(first.logLines().length > 300, `${first.logLines().length} events`);
    for (const fault of ["reset", "connect-refused", "datagram-lost", "datagram-reordered"]) {
      assert.ok(first.faults(fault) > 0, `${fault} happened`);
    }
  });

  it("nodes have separate random numbers, fixed by the seed", () => {
    const draw = (seed: string) => {
      const world = new SimWorld(seed);
      return [world.node("10.0.0.1"), world.node("10.0.0.2")].map((node) => node.random.uint32());
    };
    assert.deepEqual(draw("a"), draw("a"));
    assert.notEqual(draw("a")[0], draw("a")[1]);
    assert.notEqual(draw("a")[0], draw("b")[0]);
  });

  it("log adds to the hash", () => {
    const [a, b] = [new SimWorld(1), new SimWorld(1)];
    assert.equal(a.logHash(), b.logHash());
    a.log("one");
    assert.notEqual(a.logHash(), b.logHash());
    b.log("one");
    assert.equal(a.logHash(), b.logHash());
    assert.deepEqual(a.logLines(), ["0 one"]);
  });
});

describe("SimNode.kill", () => {
  it("silences timers and promises of the node and resets its connections", async () => {
    const world = new SimWorld(1);
    const [a, b] = [world.node("10.0.0.1"), world.node("10.0.0.2")];
    const accepted = new Collector();
    await world.wait(b.net.listen({ port: 80 }, (socket) => socket.attach(accepted)));
    const socket = a.net.connect({ address: b.address, port: 80, timeoutMs: 1000 });
    const own = new Collector();
    socket.attach(own);
    await world.wait(socket.opened);
    let fired = false;
    a.clock.after(10, () => {
      fired = true;
    });
    a.files.writeWhole("/home/f", new Uint8Array(5)).then(() => {
      fired = true;
    });
    a.kill();
    assert.equal(a.alive, false);
    const error = await world.wait(accepted.ended);
    assert.equal((error as { code?: string }).code, "reset");
    await world.runFor(5000);
    assert.equal(fired, false);
    assert.equal(own.endings, 0, "a dead process hears nothing");
    assert.equal(a.disk.bytes("/home/f"), null);
    assert.equal(world.faults("node-killed"), 1);
  });

  it("silently leaves the other end waiting", async () => {
    const world = new SimWorld(1);
    const [a, b] = [world.node("10.0.0.1"), world.node("10.0.0.2")];
    const accepted = new Collector();
    await world.wait(b.net.listen({ port: 80 }, (socket) => socket.attach(accepted)));
    const socket = a.net.connect({ address: b.address, port: 80, timeoutMs: 1000 });
    socket.attach(new Collector());
    await world.wait(socket.opened);
    a.kill("quietly");
    await world.runFor(600_000);
    assert.equal(accepted.endings, 0);
  });

  it("frees the address for a new node on the old disk", async () => {
    const world = new SimWorld(1);
    const first = world.node("10.0.0.1");
    assert.throws(() => world.node("10.0.0.1"), /Two living nodes/);
    await world.wait(first.files.writeWhole("/home/state", Uint8Array.of(1, 2)));
    first.kill();
    const second = world.node("10.0.0.1", { disk: first.disk });
    assert.deepEqual(await world.wait(second.files.read("/home/state", 10)), Uint8Array.of(1, 2));
  });
});

describe("SimProcess", () => {
  it("keeps the output, accepts interrupts, and exit ends the node", async () => {
    const world = new SimWorld(1);
    const node = world.node("10.0.0.1", { args: ["download"], env: { HOME: "/home" } });
    const own = node.process;
    assert.deepEqual([own.args, own.env("HOME"), own.env("x")], [["download"], "/home", undefined]);
    await own.out("a");
    await own.out("b\n");
    await own.err("c");
    assert.deepEqual([own.outText, own.errText], ["ab\n", "c"]);
    let interrupts = 0;
    const listening = own.onInterrupt(() => interrupts++);
    assert.equal(own.interrupt(), true);
    listening.cancel();
    assert.equal(own.interrupt(), false);
    assert.equal(interrupts, 1);
    own.exitCode(3);
    assert.equal(own.code, 3);
    node.clock.after(1, () => {
      own.exit(4);
    });
    let after = false;
    node.clock.after(2, () => {
      after = true;
    });
    await world.run(10);
    assert.deepEqual([own.code, own.exited, node.alive, after], [4, true, false, false]);
  });
});

/** Many nodes, every network fault at once. */
async function busyWorld(seed: string): Promise<SimWorld> {
  const world = new SimWorld(seed);
  const nodes = Array.from({ length: 6 }, (_, i) =>
    world.node(`10.0.0.${i + 1}`, {
      link: {
        latencyMs: 3 + i,
        jitterMs: 4,
        upBytesPerSec: 1e6,
        downBytesPerSec: 2e6,
        fragmentBytes: i % 2 === 0 ? null : 5000,
        connectRefused: 0.2,
        reset: 0.02,
        datagramLost: 0.2,
        datagramDuplicated: 0.1,
        datagramReordered: 0.2,
      },
    }));
  for (const node of nodes) {
    await world.wait(node.net.listen({ port: 1 }, (socket) => {
      socket.attach(new Collector((chunk) => socket.send(chunk.slice(0, 100), () => {})));
    }));
    await world.wait(node.datagrams.bind({ port: 1, family: 4 }, (bytes, address) => {
      world.log(`got ${bytes[0]} from ${address}`);
    }));
  }
  for (const [i, node] of nodes.entries()) {
    const udp = await world.wait(node.datagrams.bind({ port: 0, family: 4 }, () => {}));
    for (const other of nodes) {
      if (other === node) continue;
      for (let k = 0; k < 5; k++) udp.send(Uint8Array.of(10 * i + k), other.address, 1);
      const socket = node.net.connect({ address: other.address, port: 1, timeoutMs: 1000 });
      const sink = new Collector();
      socket.attach(sink);
      sink.ended.then((error) => world.log(`end ${node.address} ${sink.length} ${error?.message}`));
      socket.opened.then(async () => {
        for (let k = 0; k < 5; k++) {
          await send(socket, new Uint8Array(node.random.uint32() % 90_000));
        }
        socket.close();
      }, () => {});
    }
  }
  world.at(100, () => world.partition(nodes[0]!, nodes[1]!));
  world.at(900, () => world.heal(nodes[0]!, nodes[1]!));
  await world.run(20_000);
  return world;
}
