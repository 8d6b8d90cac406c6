/** Libraries and programs that others wrote, unmodified, against the daemon's Transmission RPC. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Transmission } from "@ctrl/transmission";
import { needs, python } from "./needs.ts";
import { startRpcDaemon } from "./rpc_daemon.ts";
import { type RpcCall, RpcRecorder } from "./rpc_recorder.ts";
import { Scene } from "./scene.ts";
import { until } from "./until.ts";
import type { TorrentSpec } from "../../scripts/lib/make_torrent.ts";

const run = promisify(execFile);
const limit = { timeout: 90_000 };

const MULTI: TorrentSpec = {
  name: "multi",
  pieceLength: 32_768,
  files: [{ path: "a.bin", size: 70_000 }, { path: "sub/b.txt", size: 50 }],
};

const scene = new Scene();
after(() => scene.close());

describe("python3-transmissionrpc", { skip: needs("transmissionrpc") }, () => {
  it("adds, lists, changes and removes torrents", limit, async () => {
    const { port } = await startRpcDaemon(scene), payload = scene.payload(MULTI);
    const script = fileURLToPath(new URL("./peers/rpc_transmissionrpc.py", import.meta.url));
    const args = [script, String(port), scene.torrentFile(payload), payload.infoHash];
    const { stdout } = await run(python, args);
    assert.equal(stdout.trim().split("\n").at(-1), "done");
  });
});

describe("@ctrl/transmission", () => {
  it("adds, lists, changes and removes torrents", limit, async () => {
    const { port, folder } = await startRpcDaemon(scene), payload = scene.payload(MULTI);
    const client = new Transmission({ baseUrl: `http://127.0.0.1:${port}/`, password: "" });
    const bytes = readFileSync(scene.torrentFile(payload));
    // Its own default folder, /downloads, is outside the roots of this daemon.
    const here = { "download-dir": join(folder, "adl"), paused: true };
    assert.equal((await client.addTorrent(bytes)).result.includes("outside the folders"), true);
    await client.addTorrent(bytes, here);
    await client.setTorrent(payload.infoHash, { labels: ["linux"] });
    const added = await client.getTorrent(payload.infoHash);
    assert.deepEqual([added.id, added.name, added.label], [payload.infoHash, "multi", "linux"]);
    const link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=linked";
    await client.addMagnet(link, here);
    const all = await client.getAllData();
    assert.deepEqual(all.torrents.map(({ name }) => name).sort(), ["linked", "multi"]);
    assert.deepEqual(all.labels, [{ id: "linux", name: "linux", count: 1 }]);
    await client.resumeTorrent(payload.infoHash);
    assert.notEqual((await client.getTorrent(payload.infoHash)).state, "paused");
    await client.queueDown(payload.infoHash);
    await client.verifyTorrent(payload.infoHash);
    await client.pauseTorrent(payload.infoHash);
    const session = await client.getSession();
    const space = await client.freeSpace(session.arguments["download-dir"]);
    assert.ok(space.arguments["size-bytes"] > 0);
    await client.setSession({ "speed-limit-up": 44, "speed-limit-up-enabled": true });
    assert.equal((await client.getSession()).arguments["speed-limit-up"], 44);
    await client.removeTorrent(payload.infoHash, true);
    assert.deepEqual((await client.getAllData()).torrents.map(({ name }) => name), ["linked"]);
  });
});

describe("programs of the desktop", { skip: needs("desktop") }, () => {
  it("transmission-qt and transmission-remote-gtk show and add torrents", limit, async () => {
    const { port } = await startRpcDaemon(scene), recorder = await RpcRecorder.start(scene, port);
    const display = await startDisplay();
    const env = { DISPLAY: display, LIBGL_ALWAYS_SOFTWARE: "1" };
    const file = scene.torrentFile(scene.payload(MULTI));

    const qt = scene.folder();
    writeFileSync(join(qt, "settings.json"), JSON.stringify(remoteOf(recorder.port)));
    chmodSync(qt, 0o700); // as its runtime folder must be
    scene.start(["transmission-qt", "-g", qt], {
      ignoresInput: true,
      env: { ...env, HOME: qt, QT_QPA_PLATFORM: "xcb", XDG_RUNTIME_DIR: qt },
    });
    await until("transmission-qt has listed the torrents", () => lists(recorder.calls) > 0);

    const gtk = scene.folder(), config = join(gtk, ".config/transmission-remote-gtk");
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, "config.json"), JSON.stringify(gtkConfig(recorder.port)));
    const before = recorder.calls.length;
    scene.start(["transmission-remote-gtk", file], {
      ignoresInput: true,
      env: { ...env, HOME: gtk, XDG_CONFIG_HOME: join(gtk, ".config"), XDG_RUNTIME_DIR: gtk },
    });
    await until(
      "transmission-remote-gtk has listed the torrents",
      () => lists(recorder.calls.slice(before)) > 0,
    );
    await until("it has added one", () => recorder.succeeded("torrent-add"));
    assert.deepEqual(recorder.failures, []);
  });
});

/** Successful requests for the list. */
function lists(calls: readonly RpcCall[]): number {
  return calls.filter(({ method, result }) => method === "torrent-get" && result === "success")
    .length;
}

/** The name of a display of its own. */
async function startDisplay(): Promise<string> {
  const server = scene.start([
    "Xvfb",
    "-displayfd",
    "1",
    "-screen",
    "0",
    "1024x768x24",
    "-nolisten",
    "tcp",
  ], { ignoresInput: true });
  return await server.waitFor("display", (line) => /^\d+$/.test(line) ? `:${line}` : null);
}

function remoteOf(port: number) {
  return {
    "remote-session-enabled": true,
    "remote-session-host": "127.0.0.1",
    "remote-session-port": port,
    "remote-session-requres-authentication": false,
    "user-has-given-informed-consent": true,
    "prompt-before-exit": false,
  };
}

function gtkConfig(port: number) {
  return {
    profiles: [{
      "profile-name": "Default",
      hostname: "127.0.0.1",
      port,
      "rpc-url-path": "/transmission/rpc",
      "auto-connect": true,
      ssl: false,
      username: "",
      password: "",
      timeout: 40,
      retries: 3,
      "update-active-only": false,
      "activeonly-fullsync-enabled": false,
      "activeonly-fullsync-every": 2,
      "update-interval": 3,
      "min-update-interval": 3,
      "session-update-interval": 60,
    }],
    "profile-id": 0,
    "add-options-dialog": false,
  };
}
