/** Answers that are not quite right: read on this machine's sockets and in the simulator alike. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { after, before, describe, it } from "node:test";
import { selectPlatform } from "../../src/platform/select.ts";
import type { Platform } from "../../src/platform/types.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { PEER, READABLE, UNREADABLE } from "./odd_answers.ts";
import { SwarmMember } from "./swarm_member.ts";

/** The peers and the outcome of one announce. */
async function announce(platform: Platform, port: number): Promise<SwarmMember> {
  const url = `http://tracker.test:${port}/announce`;
  const names = { "tracker.test": [platform.name === "sim" ? "10.0.0.1" : "127.0.0.1"] };
  const member = new SwarmMember(platform, [[url]], { port: 7000, names });
  await member.firstOutcome();
  await member.manager.stop(1000);
  return member;
}

describe("an answer of a tracker", () => {
  const platform = selectPlatform();
  let server: Server, port = 0, next = new Uint8Array(0);

  before(async () => {
    server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(next));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as { port: number }).port;
  });

  after(() => server.close());

  for (const [name, bytes] of Object.entries(READABLE)) {
    it(`is read with ${name}`, async () => {
      next = bytes.slice();
      const { peers, outcomes } = await announce(platform, port);
      assert.deepEqual([...peers], [PEER], outcomes[0]?.message ?? "");
      assert.equal(outcomes[0]!.ok, true);
    });
  }

  for (const [name, bytes] of Object.entries(UNREADABLE)) {
    it(`fails with ${name}`, async () => {
      next = bytes.slice();
      const { peers, outcomes } = await announce(platform, port);
      assert.deepEqual([peers.size, outcomes[0]!.ok], [0, false]);
    });
  }
});

describe("an answer of a simulated tracker", () => {
  it("is read the same, however it is split", async () => {
    const world = new SimWorld(3), node = world.node("10.0.1.1");
    const tracker = world.node("10.0.0.1");
    let next = new Uint8Array(0);
    await world.wait(tracker.net.listen({ port: 80 }, (socket) => {
      let at = 0;
      const more = () => {
        if (at === next.length) return socket.close();
        const part = next.subarray(at, at + 1 + world.dice.below(20));
        at += part.length;
        socket.send(part, () => world.at(world.dice.below(20), more));
      };
      socket.attach({ onData: () => at === 0 && more(), onEnd: () => {} });
    }));
    const all = [...Object.entries(READABLE), ...Object.entries(UNREADABLE)];
    for (const [name, bytes] of all) {
      next = bytes.slice();
      const { peers } = await world.wait(announce(node, 80));
      assert.deepEqual([...peers], name in READABLE ? [PEER] : [], name);
    }
  });
});
