import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UdpPort } from "../../src/transport/udp_port.ts";
import { SimWorld } from "../harness/sim/world.ts";

const text = new TextEncoder();

async function world() {
  const world = new SimWorld(1);
  const here = world.node("10.0.0.1"), there = world.node("10.0.0.2");
  const heard: string[] = [];
  const note = (who: string) => (bytes: Uint8Array, address: string, port: number) => {
    heard.push(`${who} ${new TextDecoder().decode(bytes)} ${address}:${port}`);
  };
  const from = await world.wait(there.datagrams.bind({ port: 7, family: 4 }, note("there")));
  return { world, here, there, heard, note, from };
}

describe("UdpPort", () => {
  it("delivers each packet to the lane of its kind, over one socket", async () => {
    const { world: sim, here, heard, note, from } = await world();
    const port = new UdpPort(here.datagrams, () => ({ port: 6881 }));
    const krpc = await sim.wait(port.lane("krpc").bind({ port: 0, family: 4 }, note("krpc")));
    const other = await sim.wait(port.lane("tracker").bind({ port: 0, family: 4 }, note("rest")));
    assert.equal(krpc.port, 6881);
    assert.equal(other.port, 6881);
    from.send(text.encode("d1:xe"), "10.0.0.1", 6881);
    from.send(text.encode("answer"), "10.0.0.1", 6881);
    from.send(new Uint8Array(0), "10.0.0.1", 6881);
    await sim.runFor(1000);
    const rest = ["krpc d1:xe 10.0.0.2:7", "rest  10.0.0.2:7", "rest answer 10.0.0.2:7"];
    assert.deepEqual(heard.splice(0).sort(), rest);
    other.close();
    krpc.send(text.encode("still open"), "10.0.0.2", 7);
    from.send(text.encode("answer"), "10.0.0.1", 6881);
    await sim.runFor(1000);
    assert.deepEqual(heard, ["there still open 10.0.0.1:6881"]);
  });

  it("uses another number if its own is in use", async () => {
    const { world: sim, here, note } = await world();
    await sim.wait(here.datagrams.bind({ port: 6881, family: 4 }, note("other")));
    const port = new UdpPort(here.datagrams, () => ({ port: 6881 }));
    const krpc = await sim.wait(port.lane("krpc").bind({ port: 0, family: 4 }, note("krpc")));
    assert.notEqual(krpc.port, 6881);
    assert.ok(krpc.port > 0);
  });

  it("counts exceptions of a handler and continues", async () => {
    const { world: sim, here, from } = await world();
    const port = new UdpPort(here.datagrams, () => ({ port: 6881 }));
    let calls = 0;
    const krpc = await sim.wait(
      port.lane("krpc").bind({ port: 0, family: 4 }, () => {
        calls++;
        throw new Error("a bug");
      }),
    );
    for (let i = 0; i < 3; i++) from.send(text.encode("de"), "10.0.0.1", 6881);
    await sim.runFor(1000);
    assert.equal(calls, 3);
    assert.equal(krpc.errors, 3);
    assert.equal(krpc.lastError?.message, "a bug");
  });

  it("stays closed", async () => {
    const { world: sim, here, note } = await world();
    const port = new UdpPort(here.datagrams, () => ({ port: 0 }));
    await sim.wait(port.lane("krpc").bind({ port: 0, family: 4 }, note("krpc")));
    port.close();
    await assert.rejects(port.lane("krpc").bind({ port: 0, family: 4 }, note("krpc")), {
      code: "closed",
    });
  });
});
