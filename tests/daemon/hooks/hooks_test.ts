import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Client } from "../../../src/client/client.ts";
import type { AddOptions } from "../../../src/client/types.ts";
import { startHooks } from "../../../src/daemon/hooks/start.ts";
import { DaemonLog } from "../../../src/daemon/log.ts";
import type { HookSettings } from "../../../src/daemon/options.ts";
import { FileSettings } from "../../../src/daemon/settings.ts";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import type { SimNode } from "../../harness/sim/sim_node.ts";
import { SimSwarm } from "../../harness/sim_swarm.ts";

const SIZE = 300_000;
const ALL: HookSettings = {
  added: [{ argv: ["/bin/hook", "added"] }],
  done: [{ argv: ["/bin/hook", "done"] }],
  seedingDone: [{ argv: ["/bin/hook", "seedingDone"] }],
};

before(() => createCrc32c());

/** A swarm with one seed, and a way to start a client with hooks on a node. */
async function swarmWithSeed(seed: string) {
  const swarm = new SimSwarm(seed), { world } = swarm;
  await swarm.prepare([SIZE], 65_536);
  await swarm.seed("10.0.0.2");
  const start = async (node: SimNode, hooks: HookSettings) => {
    const given = { environment: {}, flags: { hooks, logFormat: "json" } };
    const settings = await world.wait(FileSettings.open(node.files, null, given));
    const log = new DaemonLog(node, () => settings.present);
    const stateDir = "/state";
    const client = await world.wait(Client.open(node, { stateDir, dht: false, lsd: false }));
    await world.wait(client.restore());
    const parts = { platform: node, client, settings, log, stateDir, end: () => {} };
    const module = await world.wait(startHooks(parts));
    const close = async () => {
      await world.wait(module.close());
      await world.wait(client.close());
    };
    return { client, log, close };
  };
  const add = (client: Client, more: Partial<AddOptions> = {}) =>
    client.add(swarm.torrent.bytes, {
      ...more,
      dir: "/data",
      labels: ["a", "b"],
      seedGoal: { kind: "time", seconds: 30 },
    });
  return { swarm, world, start, add };
}

function calls(node: SimNode): string[] {
  return node.programs.started.map(({ argv }) => argv.slice(1).join(" "));
}

describe("hooks", () => {
  it("run once each when a torrent is added, done, and at its seed goal, as Transmission's scripts", async () => {
    const { swarm, world, start, add } = await swarmWithSeed("each");
    const env = { PATH: "/bin", SHOAL_PASSWORD: "secret", HOME: "/home/me" };
    const node = world.node("10.0.0.3", { env });
    node.programs.install("/bin/hook", () => ({ output: "hello\n" }));
    const daemon = await start(node, ALL), torrent = add(daemon.client);
    await world.runFor(20_000);
    assert.deepEqual(calls(node), ["added", "done"]);
    await world.runFor(3_600_000);
    assert.deepEqual(calls(node), ["added", "done", "seedingDone"]);
    const { TR_TIME_LOCALTIME, ...rest } = node.programs.started[1]!.env;
    assert.match(TR_TIME_LOCALTIME!, /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/);
    assert.deepEqual(rest, {
      PATH: "/bin",
      HOME: "/home/me",
      TR_APP_VERSION: "0.1.0",
      TR_TORRENT_BYTES_DOWNLOADED: String(SIZE),
      TR_TORRENT_DIR: "/data",
      TR_TORRENT_HASH: torrent.infoHash,
      TR_TORRENT_ID: torrent.infoHash,
      TR_TORRENT_LABELS: "a,b",
      TR_TORRENT_NAME: "file",
      TR_TORRENT_PRIORITY: "0",
      TR_TORRENT_TRACKERS: "10.0.0.1",
      SHOAL_EVENT: "done",
    });
    assert.ok(daemon.log.recent.some(({ fields }) => fields.output === "hello"));
    await daemon.close();
    await swarm.close();
  });

  it("run after a restart what a kill left, and nothing twice", async () => {
    const { swarm, world, start, add } = await swarmWithSeed("kills");
    let node = world.node("10.0.0.3"), all: string[] = [];
    for (let life = 0; life < 30; life++) {
      node.programs.install("/bin/hook", () => ({ afterMs: 50 }));
      const { client } = await start(node, ALL);
      if (client.torrents().length === 0) add(client);
      await world.runFor(37 * (life + 1) ** 2);
      node.kill();
      all = [...all, ...calls(node)];
      node = world.node(`10.0.1.${life}`, { disk: node.disk });
    }
    assert.deepEqual(all, ["added", "done", "seedingDone"]);
    await swarm.close();
  });

  it("run at the seed goal also of a torrent that is removed then, or seeds on as a super-seed", async () => {
    const { swarm, world, start, add } = await swarmWithSeed("goals");
    for (const [i, atGoal] of (["remove", "remove-data", "super-seed"] as const).entries()) {
      const node = world.node(`10.0.2.${i}`);
      node.programs.install("/bin/hook", () => ({}));
      const daemon = await start(node, { seedingDone: ALL.seedingDone! });
      add(daemon.client, { atGoal });
      await world.runFor(120_000);
      assert.deepEqual(calls(node), ["seedingDone"], atGoal);
      assert.equal(daemon.client.torrents().length, atGoal === "super-seed" ? 1 : 0);
      assert.equal(node.programs.started[0]!.env.TR_TORRENT_NAME, "file");
      await daemon.close();
    }
    await swarm.close();
  });

  it("do not run for torrents that were there before the first hooks, or were complete when added", async () => {
    const { swarm, world, start, add } = await swarmWithSeed("before");
    const node = world.node("10.0.0.3");
    node.programs.install("/bin/hook", () => ({}));
    const before = await start(node, {});
    add(before.client);
    await world.runFor(20_000);
    await before.close();
    const after = await start(node, ALL);
    await world.runFor(5000);
    assert.deepEqual(calls(node), []);
    await world.wait(after.client.remove(after.client.torrents()[0]!.infoHash));
    add(after.client);
    await world.runFor(10_000);
    assert.deepEqual(calls(node), ["added"]);
    await after.close();
    await swarm.close();
  });

  it("post JSON to a URL until it answers, also over a restart", async () => {
    const { swarm, world, start, add } = await swarmWithSeed("posts");
    const node = world.node("10.0.0.3"), there = world.node("10.0.0.9");
    const posted: { event: string; name: string }[] = [];
    const hooks = { done: [{ url: "http://10.0.0.9/done" }] };
    const first = await start(node, hooks);
    add(first.client);
    await world.runFor(40_000);
    await first.close();
    const second = await start(node, hooks);
    let fails = 2;
    await world.wait(there.http.serve({ port: 80, address: "10.0.0.9" }, async (request) => {
      if (fails-- > 0) return new Response("", { status: 503 });
      posted.push(await request.json() as typeof posted[0]);
      return new Response("");
    }));
    await world.runFor(600_000);
    assert.deepEqual(posted.map(({ event, name }) => [event, name]), [["done", "file"]]);
    await second.close();
    const third = await start(node, hooks);
    await world.runFor(600_000);
    assert.equal(posted.length, 1);
    await third.close();
    await swarm.close();
  });

  it("end a program that runs too long, and go on without one that is missing", async () => {
    const { swarm, world, start, add } = await swarmWithSeed("long");
    const node = world.node("10.0.0.3");
    node.programs.install("/bin/long", () => ({ afterMs: Infinity }));
    const argv = ["/bin/long"], missing = ["/bin/missing"];
    const daemon = await start(node, { added: [{ argv }, { argv: missing }], done: [{}] });
    add(daemon.client);
    await world.runFor(60_000);
    assert.equal(node.programs.running, 1);
    await world.runFor(10 * 60_000);
    assert.equal(node.programs.running, 0);
    const problems = daemon.log.recent.filter(({ level }) => level === "error" || level === "warn");
    assert.deepEqual(problems.map(({ message }) => message), [
      "A hook cannot be started: Cannot start /bin/missing: no such file",
      "A hook has neither a program nor a URL",
      "A hook is given up",
      "A hook failed",
    ]);
    await daemon.close();
    await swarm.close();
  });
});
