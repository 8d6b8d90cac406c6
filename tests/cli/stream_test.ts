import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allCommands } from "../../src/cli/commands.ts";
import { runCli } from "../../src/cli/main.ts";
import type { Platform } from "../../src/platform/types.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";
import { FakeProcess } from "./fakes.ts";

// Loaded when they are needed, which takes real time: before the simulated clock runs.
await allCommands();

const FILM = 2_000_000;

/** A seed of a torrent with a film, and a person with a player. */
async function home() {
  const swarm = new SimSwarm("stream"), { world } = swarm;
  await swarm.prepare([1000, FILM, 3000], 65_536, "10.0.0.1", ["a.txt", "film.mkv", "b.mkv"]);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 400_000 } });
  const node = world.node("10.0.2.1", { env: { HOME: "/home" } });
  node.disk.makeFolders("/home");
  await world.wait(node.files.writeWhole("/home/it.torrent", swarm.torrent.bytes));
  const run = (args: string) => {
    const process = new FakeProcess(
      [
        "stream",
        "/home/it.torrent",
        "-o",
        "/home",
        "--no-dht",
        "--no-lsd",
        "--no-state",
        ...args.split(" ").filter(Boolean),
      ],
      { HOME: "/home" },
    );
    const platform: Platform = Object.create(node, { process: { value: process } });
    return { process, ended: runCli(platform, () => Promise.reject(new Error("unused"))) };
  };
  const get = (url: string, headers: Record<string, string> = {}) => {
    return node.http.request({ url, headers, timeoutMs: 60_000, maxBytes: 10 * FILM });
  };
  return { swarm, world, node, run, get };
}

describe("shoal stream", () => {
  it("plays the largest video while it comes, and ends with the player", async () => {
    const { swarm, world, node, run, get } = await home();
    const bodies: Promise<{ status: number; body: Uint8Array }>[] = [];
    node.programs.install("mpv", ({ argv }) => {
      bodies.push(get(argv[1]!, { range: "bytes=1900000-" }));
      return { afterMs: 30_000 };
    });
    const { process, ended } = run("");
    await world.run(() => bodies.length > 0);
    assert.notEqual(swarm.all[0]!.torrent.status().uploaded, FILM + 4000, "it is not complete yet");
    const { status, body } = await world.wait(bodies[0]!);
    const film = swarm.torrent.files[1]!.content;
    assert.equal(status, 206);
    assert.deepEqual(Buffer.from(body), Buffer.from(film.subarray(1_900_000)));
    await world.wait(ended);
    assert.deepEqual([process.code, node.programs.running], [0, 0]);
    assert.match(process.errors, /Playing folder\/film\.mkv, 1\.91 MiB/);
    await swarm.close();
  });

  it("takes another file and player, and tells how the player failed", async () => {
    const { swarm, world, node, run } = await home();
    node.programs.install("/bin/own", () => ({ code: 3, output: "no display\n" }));
    const { process, ended } = run("b.mkv --player /bin/own");
    await world.wait(ended);
    assert.equal(process.code, 1);
    assert.match(
      process.errors,
      /Playing folder\/b\.mkv[^]*The player ended with 3: no display\n$/,
    );
    const missing = run("--player /bin/none");
    await world.wait(missing.ended);
    assert.equal(missing.process.code, 5);
    assert.match(missing.process.errors, /Cannot start \/bin\/none/);
    await swarm.close();
  });

  it("prints a URL that nobody can guess, and serves it until it is interrupted", async () => {
    const { swarm, world, node, run, get } = await home();
    const { process, ended } = run("--no-player");
    await world.run(() => process.printed.endsWith("\n"));
    const url = process.printed.trim();
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/film\.mkv$/);
    assert.equal((await world.wait(get(url))).body.length, FILM);
    assert.equal((await world.wait(get(url.replace(/\/[0-9a-f]{32}/, "/x")))).status, 404);
    process.interrupt();
    await world.wait(ended);
    assert.equal(process.code, 0);
    assert.equal(node.programs.started.length, 0);
    await swarm.close();
  });
});
