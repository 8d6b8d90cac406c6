import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createTorrent } from "../../src/client/create_torrent.ts";
import type { CliContext } from "../../src/cli/command.ts";
import { seedCommand } from "../../src/cli/commands/seed.ts";
import { runCli } from "../../src/cli/main.ts";
import { Output } from "../../src/cli/output.ts";
import { FileError, IncompleteError } from "../../src/util/errors.ts";
import { fakeWorld, until } from "./fakes.ts";
import {
  newFolder,
  platform,
  removeFolders,
  type Running,
  shoal,
  startShoal,
} from "./run_shoal.ts";

after(removeFolders);

const FOLDER = newFolder();
const TORRENT = join(FOLDER, "big.torrent");
writeFileSync(TORRENT, "not read by the fake client");

/** Starts `shoal seed` on a fake client and lets it come to its first wait. */
async function start(args: readonly string[]) {
  const world = fakeWorld(args), { platform, process } = world;
  const context: CliContext = {
    platform,
    output: new Output(process),
    openClient: world.openClient,
  };
  const code = seedCommand.start(context, args, () => assert.fail("no help was asked for"));
  let over = false;
  code.catch(() => {}).finally(() => over = true);
  await until(() => over || world.client.added.length > 0);
  const ended = async () => {
    const result = await code;
    await context.output.flush();
    return result;
  };
  return { world, torrent: world.client.added[0]!, ended };
}

describe("shoal seed", () => {
  it("only uploads, and forever, without other flags", async () => {
    const plain = await start([TORRENT, "data"]);
    assert.deepEqual(plain.world.openedWith, {});
    assert.deepEqual(plain.torrent.options, {
      dir: "data",
      seedOnly: true,
      seedGoal: { kind: "forever" },
      waitForDisk: false,
    });
    const flags = ["--trust", "--seed-goal", "idle:2m", "--max-peers", "50", "--port", "6881"];
    flags.push("--up-limit", "500K", "--up-quota", "1T", "--upload-slots", "8", "--super-seed");
    const all = await start([TORRENT, "data", ...flags]);
    assert.deepEqual(all.world.openedWith, {
      port: 6881,
      limits: { up: 500 * 1024 },
      quota: { up: 1024 ** 4 },
    });
    assert.deepEqual(all.torrent.options, {
      dir: "data",
      seedOnly: true,
      trustFiles: true,
      seedGoal: { kind: "idle", seconds: 120 },
      waitForDisk: false,
      maxPeers: 50,
      uploadSlots: 8,
      superSeed: true,
    });
  });

  it("reads through links when --follow-links says so, but never writes", async () => {
    const { torrent } = await start([TORRENT, "data", "--follow-links"]);
    assert.equal(torrent.options.followLinks, true);
    const world = fakeWorld(["seed", TORRENT, "data", "--follow-links", "--fetch-missing"]);
    await runCli(world.platform, world.openClient);
    assert.equal(world.process.code, 2);
    assert.match(world.process.errors, /--follow-links only reads/);
  });

  it("downloads when --fetch-missing says so", async () => {
    const { torrent } = await start([TORRENT, "data", "--fetch-missing"]);
    assert.deepEqual(torrent.options, {
      dir: "data",
      seedOnly: false,
      seedGoal: { kind: "forever" },
      waitForDisk: false,
    });
  });

  it("waits for peers with --fetch-missing, and only adds its flags", async () => {
    const { world, torrent, ended } = await start([TORRENT, "d", "--fetch-missing"]);
    torrent.set({ heldBackBy: "no-peers" });
    await world.clock.pass(61_000);
    const note = world.process.printed.split("\n").find((line) => /keeps trying/.test(line))!;
    for (const flag of note.match(/--[a-z-]+/g)!) {
      assert.ok(flag.slice(2) in seedCommand.flags, flag);
    }
    torrent.seed();
    torrent.end();
    assert.equal(await ended(), 0);
  });

  it("refuses flags that contradict each other", async () => {
    const context = { platform: fakeWorld([]).platform } as unknown as CliContext;
    for (
      const [flags, message] of [
        [["--trust", "--fetch-missing"], /--trust and --fetch-missing exclude each other/],
        [["--json", "--quiet"], /--json and --quiet exclude each other/],
        [["--seed-goal", "idle:long"], /--seed-goal: "long" is not a time/],
        [["--up-limit", "0"], /^UsageError: --up-limit: "0" would block everything/],
        [["--up-quota", "0"], /^UsageError: --up-quota: "0" would block everything/],
      ] as const
    ) {
      const run = seedCommand.start(context, [TORRENT, "data", ...flags], () => {});
      await assert.rejects(run, message);
    }
  });

  it("refuses a magnet link without known metadata, and says how to get it", async () => {
    const stateDir = join(FOLDER, "no state yet"),
      hash = "c9e15763f722f23e98a29decdfae341b98d53056";
    for (const source of [`magnet:?xt=urn:btih:${hash}&tr=http://127.0.0.1:9/announce`, hash]) {
      for (const flags of [[], ["--no-state"], ["--fetch-missing"], ["--json"]]) {
        const how = [source, "data", "--state-dir", stateDir, ...flags];
        const { world, torrent, ended } = await start(how);
        await assert.rejects(ended(), {
          code: "usage",
          message: /needs the \.torrent.*shoal download MAGNET --metadata-only -o FILE\.torrent$/,
        });
        assert.deepEqual([torrent, world.openedWith], [undefined, undefined]);
      }
    }
    assert.equal(existsSync(stateDir), false, "nothing was made for it");
    const { ended } = await start(["magnet:?dn=x", "data"]);
    await assert.rejects(ended(), { code: "no-hash" });
  });

  it("ends with 0 at its goal and prints the uploaded bytes", async () => {
    const { world, torrent, ended } = await start([TORRENT, "data"]);
    torrent.seed();
    torrent.set({ uploaded: 1500, totals: { downloaded: 0, uploaded: 1500 }, state: "done" });
    torrent.end();
    assert.equal(await ended(), 0);
    assert.match(world.process.printed, /big\.bin: done, uploaded 1\.46 KiB, ratio 1\.50\n$/);
    assert.equal(world.client.closed, true);
  });

  it("says at its goal when it was earlier runs that reached it", async () => {
    const totals = { downloaded: 0, uploaded: 1100 };
    for (
      const [goal, uploaded, seconds, said] of [
        ["ratio:1", 0, 0, "nothing was uploaded; the seed goal was reached with earlier"],
        ["ratio:1", 500, 10, "uploaded 500 B, ratio 1.10; the seed goal was reached with earlier"],
        ["ratio:1", 1000, 10, "uploaded 1000 B, ratio 1.10\n"],
        ["time:60s", 0, 1, "nothing was uploaded; the seed goal was reached with earlier"],
        ["time:60s", 0, 60, "nothing was uploaded\n"],
        ["idle:60s", 0, 60, "nothing was uploaded\n"],
        ["ratio:0", 0, 0, "nothing was uploaded\n"],
      ] as const
    ) {
      for (const mode of [[], ["--json"]]) {
        const args = [TORRENT, "data", "--seed-goal", goal, ...mode];
        const { world, torrent, ended } = await start(args);
        torrent.seed();
        await world.clock.pass(seconds * 1000);
        torrent.set({ downloaded: 0, uploaded, totals, state: "done" });
        torrent.end();
        assert.equal(await ended(), 0);
        const told = world.process.printed, byEarlier = said.includes("earlier");
        if (mode.length > 0) assert.equal(lastLine(told).goalByEarlierRuns, byEarlier, goal);
        else assert.ok(told.includes(`big.bin: done, ${said}`), told);
        if (mode.length === 0 && byEarlier) {
          assert.match(told, /ratio 1\.10 in all\)\n$/);
        }
      }
    }
  });

  it("ends with 1 if data is missing, and names the remedies", async () => {
    const { world, torrent, ended } = await start([TORRENT, "data"]);
    torrent.set({ state: "failed" });
    torrent.fail(new IncompleteError("big.bin is missing"));
    assert.equal(await ended(), 1);
    assert.equal(
      world.process.errors,
      "shoal: big.bin: big.bin is missing (shoal verify lists all, --fetch-missing downloads them)\n",
    );
  });

  it("ends with 5 and the error if it fails while it seeds", async () => {
    const message = "Cannot read big.bin: the file has become shorter";
    const text = await start([TORRENT, "data"]), json = await start([TORRENT, "data", "--json"]);
    for (const { torrent, ended } of [text, json]) {
      torrent.seed();
      torrent.break(new FileError("changed", "big.bin", message));
      assert.equal(await ended(), 5);
    }
    for (const { world } of [text, json]) {
      assert.equal(world.process.errors, `shoal: big.bin: ${message}\n`);
    }
    assert.doesNotMatch(text.world.process.printed, /done/);
    const { exitCode, code, message: told } = lastLine(json.world.process.printed);
    assert.deepEqual([exitCode, code, told], [5, "changed", message]);
  });

  it("ends with 1 if a bug of ours ends it while it seeds", async () => {
    const { world, torrent, ended } = await start([TORRENT, "data"]);
    torrent.seed();
    torrent.set({ state: "failed", error: { code: "internal", message: "x is not a function" } });
    torrent.end();
    assert.equal(await ended(), 1);
    assert.match(
      world.process.errors,
      /^shoal: big\.bin: Unexpected error: Error: x is not a function /,
    );
  });

  it("prints a new line when the quota is spent, and until when", async () => {
    const { world, torrent, ended } = await start([TORRENT, "data"]);
    torrent.seed();
    await world.clock.pass(5300);
    torrent.set({ quotaSpent: { down: false, up: true, until: Date.UTC(2026, 11) } });
    await world.clock.pass(10_000);
    torrent.end();
    await ended();
    const [before, spent, ...more] = world.process.printed.split("\n").filter((line) =>
      line.includes("seeding")
    );
    assert.doesNotMatch(before!, /quota/);
    assert.match(
      spent!,
      /seeding, the upload quota is used up until 2026-12-01 00:00 UTC, ratio 0\.00/,
    );
    assert.deepEqual(more, []);
  });

  it("ends with 130 at Ctrl-C", async () => {
    const { world, torrent, ended } = await start([TORRENT, "data"]);
    torrent.seed();
    torrent.set({ downloaded: 0 });
    world.process.interrupt();
    assert.equal(await ended(), 130);
    assert.match(world.process.printed, /big\.bin: stopped, nothing was uploaded\n$/);
  });
});

/** A folder of two files and its .torrent, ready to be given. */
async function makeShare() {
  const dir = newFolder(), top = join(dir, "top"), torrent = join(dir, "top.torrent");
  mkdirSync(top);
  const bytes = platform.random.fill(new Uint8Array(65_536));
  writeFileSync(join(top, "a.bin"), Buffer.concat(Array<Uint8Array>(20).fill(bytes)));
  writeFileSync(join(top, "b.bin"), bytes.subarray(1000));
  const made = await createTorrent(platform, top, { pieceLength: 65_536 });
  writeFileSync(torrent, made.bytes);
  const infoHash = Buffer.from(made.meta.infoHash).toString("hex");
  return { dir, top, torrent, size: made.meta.size, infoHash };
}

/** Waits until it says that it seeds; as text that takes five seconds. */
async function untilSeeding(run: Running): Promise<void> {
  await until(() => run.out.includes("seeding"));
}

function lastLine(text: string) {
  return JSON.parse(text.trim().split("\n").at(-1)!);
}

/** A free port, so that who downloads can be told where the seed is. */
async function freePort(): Promise<number> {
  const listener = await platform.net.listen({ port: 0 }, (socket) => socket.close());
  await listener.close();
  return listener.port;
}

describe("shoal seed as a process", () => {
  let share: Awaited<ReturnType<typeof makeShare>>;
  before(async () => {
    share = await makeShare();
  });

  for (const flags of [[], ["--trust"]]) {
    it(
      `uploads everything, ends at its goal: ${flags.join(" ")}`,
      { timeout: 60_000 },
      async () => {
        const port = await freePort(), to = newFolder();
        const args = ["--port", String(port), "--seed-goal", "ratio:1", "--json"];
        const seed = startShoal(["seed", share.torrent, share.dir, ...args, ...flags]);
        await untilSeeding(seed);
        const peer = `127.0.0.1:${port}`;
        const leech = await shoal("download", share.torrent, "-o", to, "--peer", peer, "-q");
        assert.deepEqual([leech.code, leech.err], [0, ""]);
        for (const name of ["a.bin", "b.bin"]) {
          const [given, taken] = [share.top, join(to, "top")].map((at) =>
            readFileSync(join(at, name))
          );
          assert.ok(given!.equals(taken!), name);
        }
        const run = await seed.finished;
        assert.deepEqual([run.code, run.err], [0, ""]);
        assert.deepEqual([lastLine(run.out).type, lastLine(run.out).exitCode], ["outcome", 0]);
      },
    );
  }

  it("says that its goal was reached in an earlier run", { timeout: 60_000 }, async () => {
    const port = await freePort(), at = ["--port", `${port}`, "--state-dir", newFolder()];
    const args = ["seed", share.torrent, share.dir, ...at, "--seed-goal", "ratio:1"];
    const first = startShoal([...args, "--json"]);
    await untilSeeding(first);
    const peer = `127.0.0.1:${port}`;
    await shoal("download", share.torrent, "-o", newFolder(), "--peer", peer, "-q");
    const { code, out } = await first.finished;
    assert.deepEqual([code, lastLine(out).goalByEarlierRuns], [0, false]);
    const again = await shoal(...args);
    assert.deepEqual([again.code, again.err], [0, ""]);
    assert.match(
      again.out,
      /top: done, nothing was uploaded; the seed goal was .* \(ratio 1\.\d\d/,
    );
  });

  it(
    "seeds by magnet link if it knows the metadata, otherwise ends with 2",
    { timeout: 60_000 },
    async () => {
      const magnet = `magnet:?xt=urn:btih:${share.infoHash}`, stateDir = newFolder();
      const args = [share.dir, "--state-dir", stateDir, "--seed-goal", "time:0s"];
      const unknown = await shoal("seed", magnet, ...args);
      assert.equal(unknown.code, 2);
      assert.match(
        unknown.err,
        /^shoal: shoal seed needs the \.torrent.*; see shoal seed --help\n$/,
      );
      assert.equal((await shoal("seed", share.torrent, ...args)).code, 0);
      const known = await shoal("seed", magnet, ...args);
      assert.deepEqual([known.code, known.err], [0, ""]);
      assert.match(known.out, /top: done, nothing was uploaded\n$/);
    },
  );

  it("says that its quota is used up, and until when", { timeout: 60_000 }, async () => {
    const port = await freePort();
    const quota = ["--up-quota", "200K", "--quota-period", "day", "--json"];
    const seed = startShoal(["seed", share.torrent, share.dir, "--port", `${port}`, ...quota]);
    await untilSeeding(seed);
    const peer = `127.0.0.1:${port}`;
    const leech = startShoal(["download", share.torrent, "-o", newFolder(), "--peer", peer, "-q"]);
    await until(() => seed.out.includes('"quotaSpent":{'));
    leech.kill("SIGINT");
    seed.kill("SIGINT");
    await Promise.all([leech.finished, seed.finished]);
    const [spent] = seed.out.split("\n").filter((line) => line.includes('"quotaSpent":{'));
    const { quotaSpent: { up, down, until: end } } = JSON.parse(spent!);
    assert.deepEqual([up, down, end % 86_400], [true, false, 0], "the next midnight by UTC");
    assert.ok(Math.abs(end - Date.now() / 1000) <= 86_400);
  });

  it("reports each peer's downloads, in documented fields", { timeout: 60_000 }, async () => {
    const port = await freePort(), to = newFolder();
    const args = ["--port", `${port}`, "--up-limit", "400K", "--seed-goal", "ratio:1", "--json"];
    const seed = startShoal(["seed", share.torrent, share.dir, ...args]);
    await untilSeeding(seed);
    await shoal("download", share.torrent, "-o", to, "--peer", `127.0.0.1:${port}`, "-q");
    const lines = (await seed.finished).out.trim().split("\n").map((line) => JSON.parse(line));
    const progress = lines.filter(({ type }) => type === "progress");
    const peers = progress.flatMap(({ peerList }) => peerList);
    const peer = peers.findLast(({ uploaded }) => uploaded > 0);
    assert.match(peer.client, /^shoal/);
    assert.ok(peer.upRate > 0 && peer.averageUpRate > 0, JSON.stringify(peer));
    const { totals, ratio } = progress.at(-1);
    assert.ok(ratio > 0 && Math.abs(ratio - totals.uploaded / share.size) < 0.0001);
    const reference = readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");
    const about = reference.split("\n").find((line) => line.startsWith("`peerList` has"))!;
    for (const field of Object.keys(peer)) assert.ok(about.includes(`\`${field}\``), field);
  });

  it("ends with 130 and in time at Ctrl-C", { timeout: 60_000 }, async () => {
    const seed = startShoal(["seed", share.torrent, share.dir, "--json"]);
    await untilSeeding(seed);
    const interruptedAt = performance.now();
    seed.kill("SIGINT");
    const run = await seed.finished;
    assert.ok(performance.now() - interruptedAt < 3000, "within 3 s");
    assert.deepEqual([run.code, lastLine(run.out).code], [130, "interrupted"]);
  });

  it("ends with 1 and writes nothing if data is missing", { timeout: 60_000 }, async () => {
    const { dir, top, torrent } = await makeShare();
    const empty = newFolder();
    const nowhere = await shoal("seed", torrent, join(empty, "none"));
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.err, /^shoal: top: no files found: .* contain "top" \(.*\n$/);
    assert.deepEqual(readdirSync(empty), []);

    rmSync(join(top, "b.bin"));
    for (const flags of [[], ["--trust"]]) {
      const run = await shoal("seed", torrent, dir, ...flags);
      assert.equal(run.code, 1);
      assert.match(run.err, /^shoal: top: top\/b\.bin is missing \(.*--fetch-missing.*\n$/);
      assert.deepEqual(readdirSync(top), ["a.bin"]);
    }
  });

  it("finds damage by hashing, and not with --trust", { timeout: 60_000 }, async () => {
    const { dir, top, torrent } = await makeShare();
    const path = join(top, "a.bin"), bytes = readFileSync(path);
    bytes[70_000]! ^= 1;
    writeFileSync(path, bytes);
    const { mtimeMs } = statSync(path);
    const run = await shoal("seed", torrent, dir);
    assert.equal(run.code, 1);
    assert.match(run.err, /^shoal: top: 1 of 21 pieces is wrong, first in top\/a\.bin \(/);
    assert.equal(statSync(path).mtimeMs, mtimeMs);
    const trusting = await shoal("seed", torrent, dir, "--trust", "--seed-goal", "time:0s");
    assert.deepEqual([trusting.code, trusting.err], [0, ""]);
    assert.match(trusting.out, /top: done, nothing was uploaded\n$/);
  });

  for (const command of ["seed", "download"]) {
    it(`reports a truncated file and continues: ${command}`, { timeout: 60_000 }, async () => {
      const { dir, top, torrent } = await makeShare();
      const port = await freePort(), peer = `127.0.0.1:${port}`;
      const where = command === "seed" ? [dir] : ["-o", dir, "--seed-goal", "forever"];
      const giver = startShoal([command, torrent, ...where, "--port", `${port}`, "--json"]);
      await untilSeeding(giver);
      truncateSync(join(top, "a.bin"), 70_000);
      const taking = startShoal(["download", torrent, "-o", newFolder(), "--peer", peer, "-q"]);
      await until(() => giver.out.includes('"type":"warning"'));
      const warning = giver.out.split("\n").find((line) => line.includes('"type":"warning"'))!;
      assert.match(warning, /a\.bin was changed while in use: \d+ pieces no longer match/);
      assert.equal(statSync(join(top, "a.bin")).size, 70_000, "nothing is written");
      for (const running of [taking, giver]) running.kill("SIGINT");
      await taking.finished;
      assert.equal((await giver.finished).code, 130);
    });
  }

  for (const flags of [[], ["--json"]]) {
    const how = `ends with 5 when all files are removed while it gives: ${flags.join(" ")}`;
    it(how, { timeout: 60_000 }, async () => {
      const { dir, top, torrent } = await makeShare();
      const port = await freePort(), peer = `127.0.0.1:${port}`;
      const seed = startShoal(["seed", torrent, dir, "--port", `${port}`, ...flags]);
      const leech = ["download", torrent, "-o", newFolder(), "--peer", peer, "-q"];
      await untilSeeding(seed);
      rmSync(top, { recursive: true });
      const taking = startShoal(leech);
      const run = await seed.finished;
      taking.kill("SIGINT");
      await taking.finished;
      assert.equal(run.code, 5);
      assert.match(run.err, /No piece of "top" in .* matches any more/);
      assert.doesNotMatch(run.out, /top: done/);
      if (flags.length === 0) return;
      const { type, exitCode, code } = lastLine(run.out);
      assert.deepEqual([type, exitCode, code], ["outcome", 5, "changed"]);
      assert.match(run.out, /"type":"failed","code":"changed"/);
    });
  }

  it("downloads missing data with --fetch-missing, then seeds", { timeout: 60_000 }, async () => {
    const port = await freePort();
    const seed = startShoal(["seed", share.torrent, share.dir, "--port", `${port}`, "--json"]);
    await untilSeeding(seed);
    const dir = newFolder();
    mkdirSync(join(dir, "top"));
    writeFileSync(join(dir, "top/b.bin"), readFileSync(join(share.top, "b.bin")));
    const how = ["--fetch-missing", "--peer", `127.0.0.1:${port}`, "--seed-goal", "none"];
    const run = await shoal("seed", share.torrent, dir, ...how);
    assert.deepEqual([run.code, run.err], [0, ""]);
    assert.match(run.out, /top: done, 1\.2\d MiB in /, "without what was there");
    assert.ok(readFileSync(join(dir, "top/a.bin")).equals(readFileSync(join(share.top, "a.bin"))));
    seed.kill("SIGINT");
    await seed.finished;
  });
});
