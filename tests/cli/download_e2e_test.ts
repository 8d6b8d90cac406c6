/** The real command line against a real swarm on loopback, each in processes of their own. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import type { LocalTracker } from "../../src/tracker/local_tracker.ts";
import { until } from "./fakes.ts";
import {
  newFolder,
  platform,
  removeFolders,
  shoal,
  startEmptyTracker,
  startShoal,
  startSwarm,
  type TestSwarm,
  torrentOfNothing,
} from "./run_shoal.ts";

after(removeFolders);

const MIB = 1024 * 1024;

describe("shoal download from a swarm", () => {
  let swarm: TestSwarm;
  before(async () => {
    swarm = await startSwarm(3 * MIB + 12345, 50 * MIB);
  });
  after(() => swarm.close());

  it("downloads the same bytes, prints their path, ends with 0", { timeout: 30_000 }, async () => {
    const dir = join(newFolder(), "made", "on the way");
    const run = await shoal("download", swarm.torrentPath, "-o", dir);
    assert.equal(run.err, "");
    assert.equal(run.code, 0);
    assert.match(
      run.out,
      /data\.bin: done, 3\.01 MiB in .* verified\n {2}in .*on the way\/data\.bin\n$/,
    );
    assert.deepEqual(readFileSync(join(dir, "data.bin")), readFileSync(swarm.data));
  });

  it("downloads only damaged pieces again", { timeout: 60_000 }, async () => {
    const dir = newFolder();
    assert.equal((await shoal("download", swarm.torrentPath, "-o", dir, "-q")).code, 0);
    const again = await shoal("download", swarm.torrentPath, "-o", dir);
    assert.equal(again.code, 0);
    assert.match(again.out, /everything \(3\.01 MiB\) already on disk, verified/);

    const bytes = readFileSync(join(dir, "data.bin"));
    bytes[2 * MIB]! ^= 1;
    writeFileSync(join(dir, "data.bin"), bytes);
    const mended = await shoal("download", swarm.torrentPath, "-o", dir, "--json");
    const lines = mended.out.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.filter(({ type }) => type === "piece").map(({ piece }) => piece), [8]);
    assert.deepEqual(readFileSync(join(dir, "data.bin")), readFileSync(swarm.data));
  });

  it("prints only documented JSON, one object per line", { timeout: 30_000 }, async () => {
    const run = await shoal("download", swarm.torrentPath, "-o", newFolder(), "--json");
    assert.equal(run.code, 0);
    const lines = run.out.trim().split("\n").map((line) => JSON.parse(line));
    const types = new Set<string>(lines.map(({ type }) => type));
    for (const type of ["added", "checked", "state", "piece", "tracker", "done", "outcome"]) {
      assert.ok(types.has(type), `${type} in ${[...types]}`);
    }
    const reference = readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");
    for (const line of lines) {
      const row = reference.split("\n").find((row) => row.startsWith(`| \`${line.type}\` |`));
      assert.ok(row, `docs/json.md describes ${line.type}`);
      for (const field of Object.keys(line)) {
        if (field === "type" || field === "infoHash") continue;
        assert.ok(row.includes(`\`${field}\``), `docs/json.md describes ${line.type}.${field}`);
      }
    }
    assert.equal(lines.filter(({ type }) => type === "piece").length, 13);
    assert.equal(lines.at(-1).type, "outcome");
    assert.equal(lines.at(-1).exitCode, 0);
  });

  it("prints nothing with --quiet", { timeout: 30_000 }, async () => {
    const run = await shoal("download", "--quiet", swarm.torrentPath, "-o", newFolder());
    assert.deepEqual([run.code, run.out, run.err], [0, "", ""]);
  });

  it("takes the .torrent from a URL, with every flag set", { timeout: 30_000 }, async () => {
    const server = await platform.http.serve(
      { port: 0 },
      () => new Response(swarm.torrent as Uint8Array<ArrayBuffer>),
    );
    const dir = newFolder();
    const flags = ["--sequential", "--preallocate", "--max-peers", "2", "--pieces-per-peer", "1"];
    const more = ["--final-check", "full", "--seed-goal", "time:1s", "--peer", "127.0.0.1:9"];
    const url = `http://127.0.0.1:${server.port}/x.torrent`;
    const run = await shoal(url, "-o", dir, ...flags, ...more);
    await server.close();
    assert.equal(run.code, 0, run.err);
    assert.deepEqual(readFileSync(join(dir, "data.bin")), readFileSync(swarm.data));
  });

  it("downloads several and ends with the worst code", { timeout: 40_000 }, async () => {
    const dir = newFolder(), copy = join(dir, "copy.torrent");
    copyFileSync(swarm.torrentPath, copy);
    const run = await shoal("download", swarm.torrentPath, "none.torrent", copy, "-o", dir);
    assert.equal(run.code, 3);
    assert.match(run.out, /data\.bin: done/);
    assert.match(run.err, /^shoal: Cannot read none\.torrent.*\n$/);
    assert.match(run.out, /copy\.torrent: the same torrent again, ignored\n/);
  });
});

describe("shoal download and Ctrl-C", () => {
  it("keeps its data, ends in time with 130, and resumes later", {
    timeout: 60_000,
  }, async () => {
    const swarm = await startSwarm(8 * MIB, MIB);
    try {
      const dir = newFolder();
      const first = startShoal(["download", swarm.torrentPath, "-o", dir, "--json"]);
      await until(() => (first.out.match(/"type":"piece"/g) ?? []).length >= 5);
      const interruptedAt = performance.now();
      first.kill("SIGINT");
      const run = await first.finished;
      // 3 s on a machine with nothing else to do; a busy one may need a few times as long.
      assert.ok(performance.now() - interruptedAt < 20_000, "it does not wait for anybody");
      assert.equal(run.code, 130);
      assert.equal(JSON.parse(run.out.trim().split("\n").at(-1)!).code, "interrupted");

      const second = startShoal(["download", swarm.torrentPath, "-o", dir, "--json"]);
      await until(() => second.out.includes('"type":"checked"'));
      const checked = second.out.split("\n").find((line) => line.includes('"type":"checked"'))!;
      assert.ok(JSON.parse(checked).have >= 5 * 256 * 1024, checked);
      assert.equal((await second.finished).code, 0);
      assert.deepEqual(readFileSync(join(dir, "data.bin")), readFileSync(swarm.data));
    } finally {
      await swarm.close();
    }
  });

  it("tells the tracker that it stopped", { timeout: 30_000 }, async () => {
    const tracker: LocalTracker = await startEmptyTracker();
    try {
      const folder = newFolder(), path = join(folder, "lonely.torrent");
      const bytes = torrentOfNothing("lonely.bin", 1000, tracker.announceUrl);
      writeFileSync(path, bytes);
      const { infoHash } = parseTorrent(bytes, (part) => platform.hasher.digest("sha1", part));
      const run = startShoal(["download", path, "-o", folder]);
      await until(() => tracker.swarms.scrape(infoHash).leechers === 1);
      run.kill("SIGINT");
      const { code, out, err } = await run.finished;
      assert.equal(code, 130);
      assert.equal(tracker.swarms.scrape(infoHash).leechers, 0);
      assert.match(out, /lonely\.bin: stopped at 0\.0%; run the same command again/);
      assert.equal(err, "");
    } finally {
      await tracker.close();
    }
  });

  it("ends with 4 if the tracker knows no peer", { timeout: 30_000 }, async () => {
    const tracker = await startEmptyTracker();
    const folder = newFolder(), path = join(folder, "lonely.torrent");
    writeFileSync(path, torrentOfNothing("lonely.bin", 1000, tracker.announceUrl));
    const run = await shoal("download", path, "-o", folder, "--give-up-after", "1s");
    await tracker.close();
    assert.equal(run.code, 4);
    assert.match(run.err, /^shoal: lonely\.bin: no peer .*the tracker knows none.*\n$/);
  });
});
