import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { FileError, TorrentFileError } from "../../src/util/errors.ts";
import { addedEvent, fakeWorld, NO_METRICS, peerOf, snapshotOf, turn, until } from "./fakes.ts";
import { ended, type FakeRun, start } from "./fake_run.ts";
import { newFolder, removeFolders } from "./run_shoal.ts";

after(removeFolders);

const FOLDER = newFolder();
const TORRENT = join(FOLDER, "big.torrent"), OTHER = join(FOLDER, "other.torrent");
writeFileSync(TORRENT, "not read by the fake client");
writeFileSync(OTHER, "neither");

const PEERS = { connected: 2, connecting: 0, known: 5, banned: 0 };

function jsonLines(run: FakeRun): Record<string, unknown>[] {
  return run.world.process.printed.trim().split("\n").map((line) => JSON.parse(line));
}

describe("shoal download", () => {
  it("passes its flags to the client and leaves out the others", async () => {
    const args = [TORRENT, "-o", "out", "--peer", "192.0.2.1:9", "--peer=[::1]:7", "--max-peers=7"];
    const more = ["--pieces-per-peer", "2", "--sequential", "--preallocate", "--port", "6881"];
    const goals = ["--seed-goal", "ratio:2", "--final-check", "full"];
    goals.push("--tracker", "udp://a.example:80", "--tracker=http://b.example/announce");
    const run = await start([...args, ...more, ...goals]);
    assert.deepEqual(run.world.openedWith, { port: 6881 });
    assert.deepEqual(run.world.client.added[0]!.options, {
      dir: "out",
      peers: ["192.0.2.1:9", "[::1]:7"],
      sequential: true,
      preallocate: true,
      maxPeers: 7,
      piecesPerPeer: 2,
      seedGoal: { kind: "ratio", ratio: 2 },
      finalCheck: "full",
      trackers: { add: ["udp://a.example:80", "http://b.example/announce"] },
      waitForDisk: false,
    });
    run.world.client.added[0]!.finish();
    await ended(run);

    const plain = await start([TORRENT]);
    assert.deepEqual(plain.world.openedWith, {});
    const { options } = plain.world.client.added[0]!;
    assert.deepEqual(options, {
      dir: ".",
      waitForDisk: false,
    });
    plain.world.client.added[0]!.finish();
    await ended(plain);
  });

  it("ends with 0 and prints size, time, rate and folder", async () => {
    const run = await start([TORRENT, "-o", FOLDER]);
    await run.world.clock.pass(2000);
    run.world.client.added[0]!.set({ size: 4 << 20 });
    run.world.client.added[0]!.finish();
    assert.equal(await ended(run), 0);
    assert.equal(
      run.world.process.printed,
      `big.bin: done, 4.00 MiB in 2.0 s (2.00 MiB/s), verified\n  in ${FOLDER}/big.bin\n`,
    );
    assert.equal(run.world.process.errors, "");
    assert.equal(run.world.client.closed, true);
    assert.deepEqual(run.world.process.interruptHandlers, []);
  });

  it("prints the path with the file's actual name", async () => {
    const run = await start([TORRENT, "-o", FOLDER, "--rename", "1=mine"]);
    run.world.client.added[0]!.set({ size: 4 << 20, savedAs: "mine" });
    run.world.client.added[0]!.finish();
    assert.equal(await ended(run), 0);
    assert.match(run.world.process.printed, /\n {2}in .*\/mine\n$/);
  });

  it("leaves no timer running", async () => {
    const run = await start([TORRENT]);
    await run.world.clock.pass(1000);
    run.world.client.added[0]!.finish();
    await ended(run);
    assert.equal(run.world.clock.pending, 0);
  });

  it("reports completion at once, and the uploaded bytes at the seed goal", async () => {
    const run = await start([TORRENT, "--seed-goal", "ratio:1"]);
    const [torrent] = run.world.client.added;
    torrent!.seed();
    await run.world.clock.pass(500);
    assert.match(run.world.process.printed, /^big\.bin: done, 1000 B, verified\n {2}in .*\n$/);
    torrent!.set({ uploaded: 1000, totals: { downloaded: 1000, uploaded: 1000 } });
    torrent!.end();
    assert.equal(await ended(run), 0);
    assert.match(
      run.world.process.printed,
      /\nbig\.bin: seeding done, uploaded 1000 B, ratio 1\.00\n$/,
    );
  });

  it("reports the outcome of each torrent at once, while the others run", async () => {
    for (const size of [null, { columns: 80, rows: 24, color: false }]) {
      const args = [join(FOLDER, "none.torrent"), TORRENT, OTHER], world = fakeWorld(args);
      world.process.size = size;
      const run = await start(args, world);
      await until(() => world.client.added.length === 2);
      assert.match(world.process.errors, /^shoal: Cannot read .*none\.torrent/);
      const [first, second] = world.client.added;
      second!.set({ infoHash: "bb".repeat(20), name: "other.bin" });
      first!.finish();
      await world.clock.pass(1000);
      assert.match(world.process.printed, /big\.bin: done, 1000 B/);
      assert.equal(second!.stopped, false);
      second!.finish();
      assert.equal(await ended(run), 3);
      assert.equal(world.process.printed.split("big.bin: done").length, 2, "told once");
    }
  });

  it("warns where several downloads do not fit on the disk together", async () => {
    for (const size of [1000, Number.MAX_SAFE_INTEGER / 4]) {
      const run = await start([TORRENT, OTHER, "-o", FOLDER]);
      const [first, second] = run.world.client.added, { process, clock } = run.world;
      first!.set({ size });
      second!.set({ infoHash: "bb".repeat(20), size, state: "checking" });
      await clock.pass(1000);
      assert.doesNotMatch(process.printed, /warning/, "not before all are checked");
      second!.set({ state: "downloading" });
      await clock.pass(1000);
      if (size > 1000) await until(() => process.printed.includes("warning"));
      first!.finish();
      second!.finish();
      assert.equal(await ended(run), 0);
      const warned =
        /^warning: All downloads together need 4\.00 PiB in .*, and its disk has .* free$/m;
      assert.equal(warned.test(process.printed), size > 1000, process.printed);
    }
  });

  it("ignores a torrent that is named twice", async () => {
    const world = fakeWorld([]);
    world.client.onAdd = () => {
      if (world.client.added.length === 0) return;
      throw new TorrentFileError("duplicate", '"big.bin" is already in this client');
    };
    const run = await start([TORRENT, OTHER], world);
    world.client.added[0]!.finish();
    assert.equal(await ended(run), 0);
    assert.ok(world.process.printed.startsWith(`${OTHER}: the same torrent again, ignored\n`));
    assert.equal(world.process.errors, "");
  });

  it("refuses the torrent's own folder as download folder", async () => {
    const folder = newFolder(), torrent = join(folder, "show.torrent");
    const files = "ld6:lengthi5e4:pathl1:aeed6:lengthi5e4:pathl1:beee";
    const pieces = `12:piece lengthi16384e6:pieces20:${"h".repeat(20)}`;
    writeFileSync(torrent, `d4:infod5:files${files}4:name4:show${pieces}ee`);
    const own = join(folder, "show");
    mkdirSync(own);
    const empty = await start([torrent, "-o", own]);
    empty.world.client.added[0]!.finish();
    assert.equal(await ended(empty), 0, "an empty one is any other folder");
    writeFileSync(join(own, "b"), "some of");
    const run = await start([torrent, "-o", own]);
    assert.equal(await ended(run), 2);
    assert.ok(run.world.process.errors.includes(`${own} is the torrent's own folder`));
    assert.ok(run.world.process.errors.includes(`-o ${folder}`), run.world.process.errors);
  });

  it("stays until the seed goal is reached", async () => {
    const run = await start([TORRENT, "--seed-goal", "time:10m"]);
    const [torrent] = run.world.client.added;
    let over = false;
    void run.code.then(() => over = true);
    torrent!.seed();
    await run.world.clock.pass(500_000);
    assert.equal(over, false);
    torrent!.end();
    assert.equal(await ended(run), 0);
  });

  it("ends with 5 and the file's name for a full disk", async () => {
    const run = await start([TORRENT]);
    const message = "Cannot write /downloads/big.bin: the disk is full; free some space";
    run.world.client.added[0]!.fail(new FileError("disk-full", "/downloads/big.bin", message));
    assert.equal(await ended(run), 5);
    assert.equal(run.world.process.errors, `shoal: big.bin: ${message}\n`);
  });

  it("ends with 5 if the disk fails while it seeds", async () => {
    const run = await start([TORRENT, "--seed-goal", "forever"]);
    const [torrent] = run.world.client.added;
    torrent!.seed();
    await run.world.clock.pass(1000);
    torrent!.break(new FileError("changed", "/x", "Cannot read /x: the file has become shorter"));
    assert.equal(await ended(run), 5);
    assert.equal(
      run.world.process.errors,
      "shoal: big.bin: Cannot read /x: the file has become shorter\n",
    );
    assert.match(run.world.process.printed, /^big\.bin: done, 1000 B, verified\n {2}in .*\n$/);
  });

  it("ends with 3 for a source that the client refuses, and names it", async () => {
    const world = fakeWorld([]);
    world.client.onAdd = () => {
      throw new TorrentFileError("v2-only", "It is a v2-only torrent");
    };
    const run = await start([TORRENT], world);
    await until(() => world.client.closed);
    assert.equal(await ended(run), 3);
    assert.equal(world.process.errors, `shoal: ${TORRENT}: It is a v2-only torrent\n`);
  });

  it("ends with 3 for a missing file without opening a client for it", async () => {
    const run = await start([join(FOLDER, "none.torrent")]);
    assert.equal(await ended(run), 3);
    assert.match(
      run.world.process.errors,
      /^shoal: Cannot read .*none\.torrent: there is no such file\n$/,
    );
    assert.equal(run.world.openedWith, undefined);
  });

  it("continues with the others and ends with the worst code", async () => {
    const run = await start([join(FOLDER, "none.torrent"), TORRENT, OTHER]);
    await until(() => run.world.client.added.length === 2);
    const [first, second] = run.world.client.added;
    second!.set({ infoHash: "bb".repeat(20), name: "other.bin" });
    first!.finish();
    second!.fail(new FileError("permission", "/x", "Cannot write /x: permission denied"));
    assert.equal(await ended(run), 5);
    assert.match(run.world.process.printed, /^big\.bin: done/);
    assert.equal(run.world.process.errors.split("\n").length, 3);
  });

  it("refuses wrong flags before anything starts", async () => {
    for (
      const [args, why] of [
        [[TORRENT, "--port", "70000"], /^--port: "70000" is not a whole number/],
        [[TORRENT, "--json", "--quiet"], /exclude each other/],
        [[], /Missing TORRENT\. Usage: shoal download TORRENT\.\.\./],
        [[TORRENT, "--peer", "nowhere"], /^--peer: "nowhere" is not HOST:PORT/],
        [[TORRENT, "--seed-goal", "long"], /^--seed-goal: "long" is not none/],
      ] as const
    ) {
      const run = await start(args);
      await assert.rejects(run.code, { code: "usage", message: why });
      assert.equal(run.world.openedWith, undefined);
    }
  });
});

describe("shoal download without peers", () => {
  it("waits until the user stops it, and occasionally says why", async () => {
    const run = await start([TORRENT]);
    run.world.client.added[0]!.set({ heldBackBy: "no-peers" });
    await run.world.clock.pass(3_600_000);
    assert.equal(run.world.client.added[0]!.stopped, false);
    const notes = run.world.process.printed.split("\n").filter((line) => /keeps trying/.test(line));
    assert.equal(notes.length, 6);
    assert.match(
      notes[0]!,
      /^big\.bin: no peer was reached in 1 min 00 s: the torrent has no tracker .*; shoal keeps trying \(--give-up-after sets a limit\)$/,
    );
    run.world.client.added[0]!.finish();
    assert.equal(await ended(run), 0);
  });

  it("gives up with 4 after the given time, and says why", async () => {
    const run = await start([TORRENT, "--give-up-after", "1m"]);
    run.world.client.added[0]!.set({ heldBackBy: "no-peers" });
    await run.world.clock.pass(59_000);
    assert.equal(run.world.client.added[0]!.stopped, false);
    await run.world.clock.pass(2000);
    assert.equal(await ended(run), 4);
    assert.equal(run.world.client.added[0]!.stopped, true);
    assert.match(run.world.process.errors, /^shoal: big\.bin: no peer .* 1 min 00 s .*no tracker/);
    assert.match(run.world.process.errors, /; run the same command again to resume\n$/);
  });

  it("restarts the wait after each peer", async () => {
    const had = await start([TORRENT, "--give-up-after", "1m"]);
    const [torrent] = had.world.client.added;
    await had.world.clock.pass(50_000);
    torrent!.set({ peers: PEERS });
    await had.world.clock.pass(5000);
    torrent!.set({ peers: { ...PEERS, connected: 0 } });
    await had.world.clock.pass(59_000);
    assert.equal(torrent!.stopped, false);
    await had.world.clock.pass(2000);
    assert.equal(await ended(had), 4);
  });

  it("waits for an attempt that is under way, but not for ever", async () => {
    const run = await start([TORRENT, "--give-up-after", "10s"]);
    const [torrent] = run.world.client.added, trying = { ...PEERS, connected: 0, connecting: 1 };
    torrent!.set({ peers: trying, heldBackBy: "connecting" });
    await run.world.clock.pass(15_000);
    assert.equal(torrent!.stopped, false);
    torrent!.set({ peers: PEERS });
    await run.world.clock.pass(1000);
    torrent!.set({ peers: trying });
    await run.world.clock.pass(39_000);
    assert.equal(torrent!.stopped, false);
    await run.world.clock.pass(2000);
    assert.equal(await ended(run), 4);
  });

  it("ends by itself if nothing can bring a peer, with a separate code", async () => {
    const nowhere = [TORRENT, "--no-dht", "--no-lsd", "--json"];
    const run = await start(nowhere);
    run.world.client.added[0]!.set({ heldBackBy: "no-peers" });
    await run.world.clock.pass(6000);
    assert.equal(await ended(run), 4);
    assert.match(
      run.world.process.errors,
      /there is nowhere to look for peers \(the torrent has no/,
    );
    const { code, reasons } = jsonLines(run).at(-1)!;
    assert.deepEqual({ code, reasons }, {
      code: "nowhere-to-look",
      reasons: [{ reason: "no-tracker" }],
    });
    // Any of these could bring one.
    const tracker = { url: "http://t", tier: 0, state: "failing", message: "x" } as const;
    const trackers = [{
      ...tracker,
      seeders: null,
      leechers: null,
      nextAnnounceInMs: 9,
      last: null,
    }];
    const hopes = [
      [[TORRENT, "--no-dht"], {}],
      [[...nowhere, "--peer=1.2.3.4:5"], {}],
      [nowhere, { trackers }],
      [nowhere, { dht: { nodes: 0 } }],
      [nowhere, { peers: { ...PEERS, connected: 0 } }],
    ] as const;
    for (const [args, part] of hopes) {
      const hopeful = await start(args);
      hopeful.world.client.added[0]!.set(part);
      await hopeful.world.clock.pass(60_000);
      assert.equal(hopeful.world.client.added[0]!.stopped, false);
      hopeful.world.client.added[0]!.finish();
      assert.equal(await ended(hopeful), 0);
    }
  });

  it("does not count the time of checking and seeding", async () => {
    const run = await start([TORRENT, "--give-up-after=10s", "--seed-goal=forever"]);
    const [torrent] = run.world.client.added;
    torrent!.set({ state: "checking", checked: 0.5 });
    await run.world.clock.pass(30_000);
    torrent!.seed();
    await run.world.clock.pass(30_000);
    assert.equal(torrent!.stopped, false);
    torrent!.end();
    assert.equal(await ended(run), 0);
  });
});

describe("shoal download and Ctrl-C", () => {
  it("closes the client, keeps the data and ends with 130", async () => {
    const run = await start([TORRENT]);
    run.world.client.added[0]!.set({ have: 423 });
    run.world.process.interrupt();
    assert.equal(await ended(run), 130);
    assert.equal(run.world.client.closed, true);
    assert.match(run.world.process.printed, /Ctrl-C again ends at once/);
    assert.match(run.world.process.printed, /stopped at 42\.3%; run the same command again/);
    assert.equal(run.world.process.errors, "");
  });

  it("waits less than 3 s for a client that does not close", async () => {
    const run = await start([TORRENT]);
    run.world.client.neverCloses = true;
    run.world.process.interrupt();
    await run.world.clock.pass(2999);
    assert.equal(await ended(run), 130);
  });

  it("ends at once on the second Ctrl-C", async () => {
    const run = await start([TORRENT]);
    run.world.client.neverCloses = true;
    run.world.process.interrupt();
    assert.equal(run.world.process.exited, null);
    run.world.process.interrupt();
    await turn();
    assert.equal(run.world.process.exited, 130);
    await run.world.clock.pass(3000);
    await ended(run);
  });
});

describe("shoal download --json", () => {
  it("prints every event, progress each second and the outcome, one object a line", async () => {
    const run = await start([TORRENT, "--json", "-o", FOLDER]);
    const { client, clock } = run.world;
    const infoHash = "aa".repeat(20);
    client.emit(addedEvent(infoHash, "big.bin", 1000));
    client.emit({ infoHash, type: "piece", piece: 3, have: 100, size: 1000 });
    client.added[0]!.set({ have: 100, downRate: 12.7, peers: PEERS });
    await clock.pass(3100);
    client.added[0]!.finish();
    assert.equal(await ended(run), 0);
    const lines = jsonLines(run);
    const types = lines.map((line) => line.type);
    assert.deepEqual(types.slice(0, 2), ["added", "piece"]);
    assert.equal(types.filter((type) => type === "progress").length, 4);
    assert.deepEqual(types.slice(-2), ["progress", "outcome"]);
    assert.equal(lines.at(-2)!.state, "done", "the last progress has the final figures");
    assert.deepEqual(lines.at(-1), {
      type: "outcome",
      source: TORRENT,
      infoHash,
      exitCode: 0,
      code: null,
      message: null,
      reasons: [],
      path: join(FOLDER, "big.bin"),
      seconds: 3.1,
      goalByEarlierRuns: false,
    });
    assert.deepEqual(lines.find((line) => line.type === "progress"), {
      type: "progress",
      infoHash,
      state: "downloading",
      have: 100,
      size: 1000,
      checked: null,
      downloaded: 0,
      uploaded: 0,
      wasted: 0,
      downRate: 13,
      upRate: 0,
      etaSeconds: null,
      peers: PEERS,
      unreached: { silent: 0, refused: 0, hungUp: 0, unfit: 0 },
      dht: null,
      reasons: [],
      seeds: 0,
      heldBackBy: "nothing",
      quotaSpent: null,
      totals: { downloaded: 0, uploaded: 0 },
      ratio: 0,
      wanted: 1000,
      left: 900,
      metrics: NO_METRICS,
      peerList: [],
    });
  });

  it("reports each peer and the totals of all runs in its progress", async () => {
    const run = await start([TORRENT, "--json"]);
    const [torrent] = run.world.client.added;
    const totals = { downloaded: 900, uploaded: 300 };
    const quotaSpent = { down: true, up: false, until: Date.UTC(2026, 11) };
    const peer = peerOf({ downRate: 1.6, averageUpRate: 2.4, seconds: 7.9, progress: 0.123456 });
    torrent!.set({ totals, wanted: 900, peerList: [peer], quotaSpent });
    await run.world.clock.pass(1100);
    torrent!.set({ size: 0, wanted: 0 });
    await run.world.clock.pass(1100);
    torrent!.finish();
    await ended(run);
    const [progress, ofNothing] = jsonLines(run).filter((line) => line.type === "progress");
    assert.deepEqual([progress!.totals, progress!.ratio], [totals, 0.3333]);
    assert.deepEqual(progress!.quotaSpent, { ...quotaSpent, until: Date.UTC(2026, 11) / 1000 });
    assert.deepEqual(progress!.peerList, [{
      ...peer,
      downRate: 2,
      averageUpRate: 2,
      seconds: 8,
      progress: 0.1235,
    }]);
    assert.equal(ofNothing!.ratio, null);
  });

  it("lists the 50 busiest peers of many, and counts all", async () => {
    const run = await start([TORRENT, "--json"]);
    const [torrent] = run.world.client.added;
    const peerList = Array.from({ length: 120 }, (_, i) => {
      // Three in four are idle; of those the ones that were given more come first.
      return peerOf({ port: i, uploaded: i, upRate: i % 4 === 0 ? 1000 + i : 0 });
    });
    torrent!.set({ peerList, peers: { ...PEERS, connected: 120 } });
    await run.world.clock.pass(1100);
    torrent!.finish();
    await ended(run);
    const progress = jsonLines(run).find((line) => line.type === "progress")!;
    assert.equal((progress.peers as typeof PEERS).connected, 120);
    const ports = (progress.peerList as { port: number }[]).map(({ port }) => port);
    assert.equal(ports.length, 50);
    assert.deepEqual(ports.slice(0, 3), [116, 112, 108]);
    assert.deepEqual(ports.slice(28, 33), [4, 0, 119, 118, 117]);
  });

  it("reports errors as an outcome too", async () => {
    const run = await start([join(FOLDER, "none.torrent"), "--json"]);
    assert.equal(await ended(run), 3);
    const [line] = jsonLines(run);
    assert.equal(line!.type, "outcome");
    assert.equal(line!.exitCode, 3);
    assert.equal(line!.infoHash, null);
    assert.match(String(line!.message), /there is no such file/);
    assert.match(run.world.process.errors, /^shoal: Cannot read/);
  });
});

describe("shoal download --quiet", () => {
  it("prints nothing when all goes well, and errors when not", async () => {
    const run = await start([TORRENT, "--quiet"]);
    run.world.client.emit({ infoHash: "aa".repeat(20), type: "warning", message: "w" });
    await run.world.clock.pass(20_000);
    run.world.client.added[0]!.finish();
    assert.equal(await ended(run), 0);
    assert.equal(run.world.process.printed + run.world.process.errors, "");

    const failing = await start([TORRENT, "-q"]);
    failing.world.client.added[0]!.fail(new FileError("io", "/x", "Cannot read /x"));
    assert.equal(await ended(failing), 5);
    assert.equal(failing.world.process.errors, "shoal: big.bin: Cannot read /x\n");
    assert.equal(failing.world.process.printed, "");
  });
});

describe("shoal download into a pipe", () => {
  it("prints a line now and then, and only with news", async () => {
    const run = await start([TORRENT]);
    const { clock, client, process } = run.world;
    client.added[0]!.set({ have: 100, peers: PEERS });
    await clock.pass(5100);
    await clock.pass(10_000);
    client.added[0]!.set({ have: 200 });
    await clock.pass(20_000);
    client.added[0]!.finish();
    await ended(run);
    const progress = process.printed.split("\n").filter((line) => line.includes(" of 1000 B"));
    assert.deepEqual(progress, [
      "big.bin: 10.0%, 100 B of 1000 B, down 0 B/s, up 0 B/s, 2 of 5 peers, downloading",
      "big.bin: 20.0%, 200 B of 1000 B, down 0 B/s, up 0 B/s, 2 of 5 peers, downloading",
    ]);
  });

  it("takes longer and longer between lines, but not after news", async () => {
    const run = await start([TORRENT, "--seed-goal", "forever"]);
    const { clock, client, process } = run.world, [torrent] = client.added;
    const lines = () =>
      process.printed.split("\n").filter((line) => line.includes("peers, ")).length;
    let uploaded = 0;
    const seedFor = async (seconds: number) => {
      for (let s = 0; s < seconds; s += 5) {
        torrent!.set({ uploaded: ++uploaded, peers: PEERS });
        await clock.pass(5000);
      }
    };
    torrent!.seed();
    await seedFor(3600);
    assert.ok(lines() >= 9 && lines() <= 14, `${lines()} lines in the first hour`);
    const before = lines();
    torrent!.set({ state: "waiting" });
    await clock.pass(5300);
    assert.equal(lines(), before + 1);
    run.world.process.interrupt();
    await ended(run);
  });

  it("reports trackers, bans and failed checks, once each", async () => {
    const run = await start([TORRENT]);
    const infoHash = "aa".repeat(20);
    const { client, process } = run.world;
    client.emit(addedEvent(infoHash, "b\x1b[2Jig", 2048));
    const tracker = { infoHash, type: "tracker", url: "http://t/a", peers: 0 } as const;
    const failing = { ...tracker, ok: false, message: "go away", seeders: null, leechers: null };
    for (let i = 0; i < 3; i++) client.emit(failing);
    client.emit({ infoHash, type: "peer-banned", address: "192.0.2.1", port: 9, reason: "lies" });
    client.emit({ infoHash, type: "final-check", bad: 2, pieces: 10 });
    client.emit({ infoHash, type: "checked", have: 0, size: 2048, wanted: 2048, left: 2048 });
    await run.world.clock.pass(200);
    client.added[0]!.finish();
    await ended(run);
    assert.deepEqual(process.printed.split("\n").slice(0, 4), [
      "b\\x1b[2Jig: 2.00 KiB in 1 file, 10 pieces",
      "b\\x1b[2Jig: tracker http://t/a failed: go away",
      "b\\x1b[2Jig: banned 192.0.2.1 port 9: lies",
      "b\\x1b[2Jig: the final check found 2 bad pieces; downloaded again",
    ]);
  });
});

describe("shoal download on a terminal", () => {
  it("draws about five times a second and leaves only the result", async () => {
    const world = fakeWorld([], { LANG: "en_US.UTF-8" });
    world.process.size = { columns: 100, rows: 30, color: true };
    const run = await start([TORRENT], world);
    await world.clock.pass(1000);
    const frames = world.process.printed.split("big.bin").length - 1;
    assert.ok(frames >= 4 && frames <= 6, `${frames} frames`);
    world.client.added[0]!.finish();
    await ended(run);
    assert.ok(world.process.printed.includes("\x1b[Jbig.bin: done, 1000 B"));
  });

  it("wipes the live lines before a second Ctrl-C ends the process", async () => {
    const world = fakeWorld([]);
    world.process.size = { columns: 100, rows: 30, color: true };
    const run = await start([TORRENT], world);
    await world.clock.pass(400);
    world.client.neverCloses = true;
    world.process.interrupt();
    await turn();
    world.process.interrupt();
    await turn();
    assert.equal(world.process.exited, 130);
    assert.ok(world.process.printed.endsWith("\x1b[J"));
    await world.clock.pass(3000);
    await ended(run);
  });

  it("shows as many torrents as fit and counts the rest", async () => {
    const world = fakeWorld([]);
    world.process.size = { columns: 60, rows: 9, color: false };
    const run = await start([TORRENT, OTHER, TORRENT], world);
    await until(() => world.client.added.length === 3);
    world.client.added.forEach((torrent, i) => {
      torrent.state = snapshotOf({ infoHash: `${i}`.repeat(40), name: `number ${i}` });
    });
    await world.clock.pass(200);
    assert.match(world.process.printed, /and 1 more/);
    for (const torrent of world.client.added) torrent.finish();
    assert.equal(await ended(run), 0);
  });
});
