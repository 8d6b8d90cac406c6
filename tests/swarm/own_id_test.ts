/** Clients that run on copies of one state folder have the same peer id at first. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromHex } from "../../src/util/bytes.ts";
import { resumePath } from "../../src/state/resume_file.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, TIMEOUT = { timeout: 60_000 }, STATE = { stateDir: "/state" };

describe("Copies of a state folder", () => {
  for (const seed of [1, 2, 3]) {
    it(`find each other, and the download ends (seed ${seed})`, TIMEOUT, async () => {
      const swarm = new SimSwarm(seed), { world } = swarm;
      await swarm.prepare([900 * KIB, 300 * KIB], 64 * KIB);
      const before = announcing(world.node("10.0.1.1"));
      const first = await swarm.join(before.node, {}, STATE);
      await world.runFor(10_000);
      const { infoHash } = first.torrent, [id] = before.ids;
      await world.wait(first.client.close());
      swarm.all.splice(0);
      const path = resumePath("/state", fromHex(infoHash)!);
      const record = first.node.disk.bytes(path)!;
      const [giver, taker] = ["10.0.2.1", "10.0.3.1"].map((address) => {
        const node = world.node(address);
        node.files.makeDir("/state");
        node.disk.put(path, record.slice());
        return announcing(node);
      }) as [Announcing, Announcing];
      swarm.plant(giver.node);
      const pair = [
        await swarm.join(giver.node, { seedGoal: { kind: "forever" } }, STATE),
        await swarm.join(taker.node, {}, STATE),
      ];
      await swarm.run(() => {
        assert.equal(pair[1]!.torrent.snapshot().unreached.hungUp, 0);
        return pair[1]!.torrent.snapshot().left === 0;
      }, 120_000);
      for (const { ids } of [giver, taker]) assert.equal([...ids][0], id, "that of the record");
      await swarm.close();
      const ids = new Set([...giver.ids, ...taker.ids]);
      assert.ok(ids.size === 2 || ids.size === 3, `${ids.size} ids`);
    });
  }
});

it("A client that dials itself keeps its peer id and does so once", TIMEOUT, async () => {
  const swarm = new SimSwarm(1), { world } = swarm;
  await swarm.prepare([900 * KIB], 64 * KIB);
  const { node, ids } = announcing(world.node("10.0.2.1"));
  let dials = 0;
  const { connect } = node.net;
  node.net.connect = (to) => {
    if (to.address === "10.0.2.1" && to.port === 6881) dials++;
    return connect.call(node.net, to);
  };
  const { torrent } = await swarm.join(node, { peers: ["10.0.2.1:6881"] });
  await world.runFor(60 * 60_000);
  assert.equal(dials, 1);
  assert.equal(ids.size, 1);
  assert.equal(torrent.snapshot().unreached.hungUp, 0);
  await swarm.close();
});

it("A peer that returns our id is dialled twice, and changes the id once", TIMEOUT, async () => {
  const swarm = new SimSwarm(1), { world } = swarm;
  await swarm.prepare([900 * KIB], 64 * KIB);
  let accepted = 0;
  await world.wait(
    world.node("10.0.9.1").net.listen({ port: 6881 }, (socket) => {
      accepted++;
      socket.attach({ onData: (bytes) => void socket.send(bytes.slice(), () => {}), onEnd() {} });
    }),
  );
  const { node, ids } = announcing(world.node("10.0.2.1"));
  await swarm.join(node, { peers: ["10.0.9.1:6881"] });
  await world.runFor(3 * 60 * 60_000);
  assert.equal(accepted, 2);
  assert.equal(ids.size, 2);
  await swarm.close();
});

interface Announcing {
  node: SimNode;
  /** The peer ids that it told trackers. */
  ids: Set<string>;
}

function announcing(node: SimNode): Announcing {
  const { http } = node, { request } = http, ids = new Set<string>();
  http.request = (asked) => {
    ids.add(/peer_id=([^&]*)/.exec(asked.url)![1]!);
    return request.call(http, asked);
  };
  return { node, ids };
}
