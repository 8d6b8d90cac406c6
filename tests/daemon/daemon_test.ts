import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Daemon, type DaemonOpening, type StartModule } from "../../src/daemon/daemon.ts";
import { DaemonRunningError } from "../../src/daemon/instance.ts";
import { DaemonLog } from "../../src/daemon/log.ts";
import { FileSettings } from "../../src/daemon/settings.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { SimWorld } from "../harness/sim/world.ts";

const TORRENT = encode({
  info: { name: "a", length: 100, "piece length": 16384, pieces: new Uint8Array(20) },
});

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

async function opening(node: SimNode, modules: readonly StartModule[] = []) {
  const settings = await FileSettings.open(node.files, "/home/config.jsonc");
  const log = new DaemonLog(node, () => settings.present);
  return { settings, log, stateDir: "/state", modules } satisfies DaemonOpening;
}

describe("a daemon", () => {
  it("has its state folder to itself, and a second one names the process", async () => {
    const world = new SimWorld(1);
    const first = world.node("10.0.0.1", { pid: 11 });
    const second = world.node("10.0.0.2", { pid: 12, disk: first.disk });
    const daemon = await world.wait(Daemon.open(first, await opening(first)));
    await assert.rejects(world.wait(Daemon.open(second, await opening(second))), (error: Error) => {
      assert.ok(error instanceof DaemonRunningError);
      assert.match(error.message, /Process 11 is the daemon of \/state already/);
      return true;
    });
    await world.wait(daemon.close());
    const next = await world.wait(Daemon.open(second, await opening(second)));
    await world.wait(next.close());
  });

  it("takes the folder of one that was killed, with its torrents and their wishes", async () => {
    const world = new SimWorld(2);
    const first = world.node("10.0.0.1", { pid: 11 });
    const { client } = await world.wait(Daemon.open(first, await opening(first)));
    const torrent = client.add(TORRENT, { dir: "/data", maxPeers: 7, limits: { up: 5000 } });
    await world.runFor(10_000);
    first.kill("quietly");
    const second = world.node("10.0.0.2", { pid: 12, disk: first.disk });
    const daemon = await world.wait(Daemon.open(second, await opening(second)));
    const [restored] = daemon.client.torrents();
    assert.equal(restored!.infoHash, torrent.infoHash);
    await world.wait(restored!.update({ pex: false }));
    const bytes = second.files.read(`/state/${torrent.infoHash}.json`, 1e6);
    const { options } = JSON.parse(new TextDecoder().decode(await world.wait(bytes)));
    assert.deepEqual([options.maxPeers, options.limits.up, options.pex], [7, 5000, false]);
    await world.wait(daemon.close());
  });

  it("applies changed settings at once, and says which need a restart", async () => {
    const world = new SimWorld(3), node = world.node("10.0.0.1");
    const parts = await opening(node);
    const daemon = await world.wait(Daemon.open(node, parts));
    const { port } = daemon.client;
    await world.wait(parts.settings.update({ port: port + 1, maxOpenFiles: 5 }));
    assert.equal(daemon.client.port, port + 1);
    assert.match(
      node.process.errText,
      /warn {2}A restart is needed for the new value of maxOpenFiles/,
    );
    await world.wait(daemon.close());
  });

  it("ends within 10 s though a module does not, and frees its folder", async () => {
    const world = new SimWorld(4), node = world.node("10.0.0.1");
    const stuck: StartModule = () => ({ close: () => new Promise(() => {}) });
    const daemon = await world.wait(Daemon.open(node, await opening(node, [stuck])));
    const begun = world.now;
    await world.wait(daemon.close());
    assert.ok(world.now - begun >= 3000 && world.now - begun <= 10_000);
    assert.match(node.process.errText, /The modules did not end in time/);
    const lock = node.files.lock("/state/daemon.lock");
    assert.notEqual(lock, null);
  });

  it("frees its folder if a module cannot start", async () => {
    const world = new SimWorld(5), node = world.node("10.0.0.1");
    const broken: StartModule = () => Promise.reject(new Error("no socket"));
    await assert.rejects(world.wait(Daemon.open(node, await opening(node, [broken]))), /no socket/);
    assert.notEqual(node.files.lock("/state/daemon.lock"), null);
  });
});
