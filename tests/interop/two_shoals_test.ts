/** Two processes that share a state folder and want the same torrent or the same file. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { needs } from "./needs.ts";
import { Scene } from "./scene.ts";
import { seedWithLibtorrent } from "./seeders.ts";
import { type JsonEvent, runShoal, startShoal, told } from "./shoal.ts";

const scene = new Scene();
after(() => scene.close());

const mebibyte = 1024 * 1024;
const spec = {
  name: "shared.bin",
  pieceLength: 64 * 1024,
  files: [{ path: "shared.bin", size: 12 * mebibyte + 5 }],
};
const options = { skip: needs("libtorrent"), timeout: 60_000 };

const isInUse = (event: JsonEvent) => event.type === "waiting" && event.code === "in-use";
const hasSome = (event: JsonEvent) => event.type === "piece" && Number(event.have) > mebibyte;

async function prepare() {
  const payload = scene.payload(spec);
  const seeder = await seedWithLibtorrent(scene, payload, { rate: 3 * mebibyte });
  const dir = scene.folder(), state = scene.folder();
  const args = ["download", scene.torrentFile(payload), `--dir=${dir}`, `--state-dir=${state}`]
    .concat(`--peer=${seeder.peers[0]}`, "--no-dht", "--no-lsd", "--json");
  return { payload, seeder, dir, args };
}

describe("two shoals with one state folder", () => {
  it("download a torrent once: the second one waits and finds it complete", options, async () => {
    const { payload, seeder, dir, args } = await prepare();
    const first = startShoal(scene, args);
    await first.waitFor("the first pieces", hasSome);
    const second = startShoal(scene, args);
    const waiting = await second.waitFor("word of the first one", isInUse);
    assert.match(String(waiting.message), new RegExp(`process ${first.program.pid}\\b`));
    const [one, two] = [await first.ended, await second.ended];
    assert.deepEqual([one.code, two.code], [0, 0], told(two));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    assert.ok(await seeder.uploaded() < 1.2 * payload.size, "nothing was downloaded twice");
  });

  it("the second one takes over when the first one is killed", options, async () => {
    const { payload, dir, args } = await prepare();
    const first = startShoal(scene, args);
    await first.waitFor("the first pieces", hasSome);
    const second = startShoal(scene, args);
    await second.waitFor("word of the first one", isInUse);
    first.program.kill("SIGKILL");
    assert.equal((await first.ended).signal, "SIGKILL");
    const two = await second.ended;
    assert.equal(two.code, 0, told(two));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
  });
});

describe("a file in the way", () => {
  it("is not touched, unless it may be overwritten", options, async () => {
    const { payload, dir, args } = await prepare(), theirs = join(dir, "shared.bin");
    writeFileSync(theirs, "something of my own");
    const refused = await runShoal(scene, args);
    assert.equal(refused.code, 5, told(refused));
    assert.equal(refused.events.find(({ type }) => type === "failed")?.code, "foreign");
    assert.equal(readFileSync(theirs, "utf8"), "something of my own");
    const allowed = await runShoal(scene, [...args, "--overwrite"]);
    assert.equal(allowed.code, 0, told(allowed));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
  });
});
