/** Flood, from npm and unmodified, controls the daemon by its Transmission RPC. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { freePort } from "./ports.ts";
import { startRpcDaemon } from "./rpc_daemon.ts";
import { Scene } from "./scene.ts";
import { until } from "./until.ts";

/** It is installed for this test alone: 44 MB that nobody else needs. */
const FLOOD = "flood@4.16.2";
const skip = process.env.SHOAL_REQUIRE_PEERS !== "1" &&
  "installed only where all peers are required";

const scene = new Scene();
after(() => scene.close());

interface Listed {
  name: string;
  directory: string;
  status: string[];
  tags: string[];
}

describe("Flood", { skip }, () => {
  it("lists, adds, starts, stops and removes torrents", { timeout: 90_000 }, async () => {
    const home = scene.folder();
    execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--prefix", home, FLOOD], {
      stdio: "ignore",
    });
    const { port, folder } = await startRpcDaemon(scene), own = await freePort();
    scene.start([
      "node",
      join(home, "node_modules/flood/dist/index.js"),
      ...["--auth", "none", "--rundir", join(home, "run"), "-h", "127.0.0.1", "-p", String(own)],
      ...["--trurl", `http://127.0.0.1:${port}/transmission/rpc`, "--truser", "u", "--trpass", "p"],
    ], { env: { HOME: home }, ignoresInput: true });
    const base = `http://127.0.0.1:${own}/api`;
    let cookie = "";
    const ask = async (path: string, body?: unknown) => {
      const answer = await fetch(base + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { cookie, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      cookie ||= (answer.headers.get("set-cookie") ?? "").split(";")[0]!;
      const text = await answer.text();
      assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
      return text === "" ? null : JSON.parse(text);
    };
    await until("Flood listens", () => ask("/auth/verify").then(() => true, () => false));
    await until("it reaches the daemon", async () => {
      return (await ask("/client/connection-test").catch(() => ({}))).isConnected === true;
    });

    const payload = scene.payload({
      name: "multi",
      pieceLength: 32_768,
      files: [{ path: "a.bin", size: 70_000 }, { path: "sub/b.txt", size: 50 }],
    });
    const hash = payload.infoHash.toUpperCase(), destination = join(folder, "adl");
    const file = readFileSync(scene.torrentFile(payload)).toString("base64");
    await ask("/torrents/add-files", { files: [file], destination, tags: ["linux"], start: false });
    const listed = async (): Promise<Listed | undefined> => {
      const { torrents } = await ask("/torrents") as { torrents: Record<string, Listed> };
      return torrents[hash];
    };
    await until(
      "it lists the torrent",
      async () => (await listed())?.status.includes("stopped") === true,
    );
    const { name, tags, directory } = (await listed())!;
    assert.deepEqual([name, tags, directory], ["multi", ["linux"], destination]);
    const contents = await ask(`/torrents/${hash}/contents`) as { path: string }[];
    assert.deepEqual(contents.map(({ path }) => path).sort(), ["multi/a.bin", "multi/sub/b.txt"]);
    for (const part of ["peers", "trackers", "details"]) await ask(`/torrents/${hash}/${part}`);
    await ask("/torrents/start", { hashes: [hash] });
    await until("it runs", async () => (await listed())?.status.includes("stopped") === false);
    await ask("/torrents/stop", { hashes: [hash] });
    await until("it is stopped", async () => (await listed())?.status.includes("stopped") === true);
    await ask("/torrents/delete", { hashes: [hash], deleteData: true });
    await until("it is gone", async () => await listed() === undefined);
  });
});
