/** Runs that are killed or interrupted, and runs that cannot succeed: exit codes, words, resuming. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { needs } from "./needs.ts";
import { freePort } from "./ports.ts";
import { Scene } from "./scene.ts";
import { seedWithLibtorrent } from "./seeders.ts";
import { type JsonEvent, runShoal, startShoal, told } from "./shoal.ts";
import { startRecordingTracker } from "./trackers.ts";

const scene = new Scene();
after(() => scene.close());

const mebibyte = 1024 * 1024;

const spec = {
  name: "stopping.bin",
  pieceLength: 256 * 1024,
  files: [{ path: "stopping.bin", size: 24 * mebibyte + 5 }],
};

function haveAtLeast(share: number, size: number) {
  return (event: JsonEvent) => event.type === "piece" && Number(event.have) >= share * size;
}

describe("shoal download that is stopped", () => {
  it("resumes after kill -9 without downloading existing data again", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const seeder = await seedWithLibtorrent(scene, payload, { rate: 12 * mebibyte });
    const dir = scene.folder();
    const args = ["download", scene.torrentFile(payload), `--dir=${dir}`, "--json"].concat(
      `--peer=${seeder.peers[0]}`,
    );

    const first = startShoal(scene, args);
    const reached = await first.waitFor("half of the pieces", haveAtLeast(0.5, payload.size));
    first.program.kill("SIGKILL");
    const killed = await first.ended;
    assert.equal(killed.signal, "SIGKILL", told(killed));
    assert.ok(!killed.events.some((event) => event.type === "done"), "it was done before");
    assert.notEqual(firstDifference(spec, payload.dir, dir), null, "nothing was left to fetch");
    const givenFirst = await seeder.uploaded();

    const second = await runShoal(scene, args);
    assert.equal(second.code, 0, told(second));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    const checked = second.events.find((event) => event.type === "checked");
    assert.ok(Number(checked?.have) >= Number(reached.have), told(second));
    const givenSecond = await seeder.uploaded() - givenFirst;
    assert.ok(givenSecond > 0);
    const most = payload.size - Number(checked?.have) + mebibyte;
    assert.ok(givenSecond <= most, `the second run took ${givenSecond} bytes, needed ${most}`);
  });

  it("tells the tracker that it stopped on Ctrl-C, keeps its data, ends soon with 130", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const seeder = await seedWithLibtorrent(scene, payload, { rate: 4 * mebibyte });
    const tracker = await startRecordingTracker(scene, seeder.peers);
    const torrent = scene.torrentFile(payload, [[tracker.url]]);
    const dir = scene.folder();
    const shoal = startShoal(scene, ["download", torrent, `--dir=${dir}`, "--json"]);
    const reached = await shoal.waitFor("some pieces", haveAtLeast(0.1, payload.size));
    const asked = performance.now();
    shoal.program.kill("SIGINT");
    const run = await shoal.ended;
    const seconds = (performance.now() - asked) / 1000;
    assert.equal(run.code, 130, told(run));
    // 3 s on a machine with nothing else to do; a busy one may need a few times as long.
    assert.ok(seconds < 20, `it took ${seconds} s`);
    assert.deepEqual(tracker.announces.map((one) => one.event), ["started", "stopped"]);
    assert.equal(tracker.announces[0]?.left, payload.size);
    assert.ok(tracker.announces[1]!.left < payload.size);

    const again = await runShoal(scene, ["verify", torrent, dir]);
    assert.equal(again.code, 1, told(again));
    const resumed = startShoal(scene, ["download", torrent, `--dir=${dir}`, "--json"]);
    const checked = await resumed.waitFor("check", (event) => event.type === "checked");
    assert.ok(Number(checked.have) >= Number(reached.have), "what was there is kept");
    resumed.program.kill("SIGINT");
    assert.equal((await resumed.ended).code, 130);
  });
});

describe("shoal download that cannot succeed", () => {
  async function fails(args: readonly string[], code: number, message: RegExp): Promise<void> {
    const run = await runShoal(scene, args);
    assert.equal(run.code, code, told(run));
    assert.match(run.stderr, message);
    assert.doesNotMatch(run.stderr, /^\s+at /m, "a person is shown no stack trace");
  }
  const limit = { timeout: 30_000 };

  it("exits with 2 on a wrong command line", limit, async () => {
    await fails(["download"], 2, /./);
    await fails(["download", "x.torrent", "--no-such-flag"], 2, /--no-such-flag/);
    await fails(["frobnicate"], 2, /frobnicate/);
  });

  it("exits with 3 on a file that is not a torrent, and on a missing one", limit, async () => {
    const file = scene.file("bad.torrent", "d-3:");
    await fails(["download", file, `--dir=${scene.folder()}`], 3, /bad\.torrent/);
    await fails(["download", join(scene.dir, "gone.torrent")], 3, /gone\.torrent/);
  });

  it("exits with 4 without peers", limit, async () => {
    const payload = scene.payload({ ...spec, files: [{ path: "stopping.bin", size: 99 }] });
    const args = ["download", scene.torrentFile(payload), `--dir=${scene.folder()}`];
    await fails([...args, "--give-up-after=1s"], 4, /peer/);
    const dead = `--peer=127.0.0.1:${await freePort()}`;
    await fails([...args, "--give-up-after=1s", dead], 4, /peer/);
  });

  it("exits with 5 when the files cannot be written", limit, async () => {
    const payload = scene.payload({ ...spec, files: [{ path: "stopping.bin", size: 99 }] });
    const blocked = join(scene.file("in the way", ""), "below");
    const args = ["download", scene.torrentFile(payload), `--dir=${blocked}`];
    await fails([...args, "--give-up-after=1s"], 5, /in the way/);
  });
});
