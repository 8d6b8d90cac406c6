import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runCli } from "../../src/cli/main.ts";
import { fakeWorld, until } from "./fakes.ts";
import { ended, start } from "./fake_run.ts";
import { newFolder, removeFolders } from "./run_shoal.ts";

after(removeFolders);

const FOLDER = newFolder();
const TORRENT = join(FOLDER, "big.torrent");
writeFileSync(TORRENT, "not read by the fake client");

describe("shoal download of a magnet link, and of chosen files", () => {
  const MAGNET = "magnet:?xt=urn:btih:c9e15763f722f23e98a29decdfae341b98d53056&dn=x";

  it("passes the link to the client unchanged", async () => {
    const run = await start([MAGNET]);
    assert.equal(run.world.client.added[0]!.bytes, MAGNET);
    run.world.client.added[0]!.finish();
    assert.equal(await ended(run), 0);
  });

  it("accepts a bare info-hash as a link, unless a file has that name", async () => {
    const hash = "c9e15763f722f23e98a29decdfae341b98d53056";
    const run = await start([hash]);
    assert.equal(run.world.client.added[0]!.bytes, hash);
    run.world.client.added[0]!.finish();
    await ended(run);
  });

  it("gives up like any other download if no peer has the metadata", async () => {
    const run = await start([MAGNET, "--give-up-after", "1m"]);
    run.world.client.added[0]!.set({ state: "finding", heldBackBy: "no-peers" });
    await run.world.clock.pass(70_000);
    assert.equal(await ended(run), 4);
  });

  it("asks which files on a terminal, until the answer can be read", async () => {
    const real = join(FOLDER, "real.torrent");
    const info = "d6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:" + "h".repeat(20) + "e";
    writeFileSync(real, `d4:info${info}e`);
    const args = [real, "--choose"], world = fakeWorld(args);
    world.process.size = { columns: 80, rows: 24, color: false };
    world.process.typed = ["nonsense.*", "1"];
    const run = await start(args, world);
    const { files } = run.world.client.added[0]!.options;
    assert.equal(typeof files, "function");
    assert.match(run.world.process.printed, /1 +5 B +x/);
    assert.match(run.world.process.printed, /matches none of the torrent's 1 file; shoal show/);
    run.world.client.added[0]!.finish();
    await ended(run);
  });

  it("asks which files to download and keeps the order of --first", async () => {
    const real = join(FOLDER, "two.torrent");
    const files = "d6:lengthi5e4:pathl1:aeed6:lengthi5e4:pathl1:beed6:lengthi5e4:pathl1:cee";
    const pieces = `12:piece lengthi16384e6:pieces20:${"h".repeat(20)}`;
    writeFileSync(real, `d4:infod5:filesl${files}e4:name1:x${pieces}ee`);
    const args = [real, "--choose", "--first", "2", "--ends-first"], world = fakeWorld(args);
    world.process.size = { columns: 80, rows: 24, color: false };
    world.process.typed = ["1-2"];
    const run = await start(args, world);
    const { files: choose } = run.world.client.added[0]!.options;
    assert.ok(typeof choose === "function");
    const meta = { files: ["a", "b", "c"].map((path) => ({ path: [path], length: 5, pad: null })) };
    assert.deepEqual(choose(meta as unknown as Parameters<typeof choose>[0]), {
      priorities: new Map([[0, 4], [1, 7]]),
      others: 0,
      endsFirst: true,
    });
    run.world.client.added[0]!.finish();
    await ended(run);
    const both = [real, "--choose", "--files", "1"], other = fakeWorld(both);
    other.process.size = { columns: 80, rows: 24, color: false };
    await assert.rejects(
      (await start(both, other)).code,
      /--choose and --files exclude each other/,
    );
  });

  it("with --metadata-only copies a .torrent, and opens no client for it", async () => {
    const real = join(FOLDER, "three.torrent"), copy = join(FOLDER, "copy.torrent");
    const info = "d6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:" + "h".repeat(20) + "e";
    writeFileSync(real, `d4:info${info}e`);
    const run = await start([real, "--metadata-only", "-o", copy]);
    assert.equal(await ended(run), 0);
    assert.equal(run.world.client.added.length, 0);
    assert.equal(readFileSync(copy, "latin1"), `d4:info${info}e`);
    assert.match(run.world.process.printed, new RegExp(`written to ${copy}`));
  });

  it("says that the metadata was found, or was not, and nothing of files", async () => {
    const file = join(FOLDER, "found.torrent");
    const found = await start([MAGNET, "--metadata-only", "-o", file]);
    found.world.client.added[0]!.finish();
    assert.equal(await ended(found), 0);
    assert.match(found.world.process.printed, /got the metadata/);
    assert.doesNotMatch(found.world.process.printed, /verified|already on disk/);
    const run = await start([MAGNET]);
    run.world.client.added[0]!.set({ state: "finding", have: 0, size: 0 });
    run.world.process.interrupt();
    assert.equal(await ended(run), 130);
    assert.match(run.world.process.printed, /stopped before its metadata was found/);
  });

  it("shows the contents of a magnet link, and the search for it on standard error", async () => {
    const info = "d6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:" + "h".repeat(20) + "e";
    const world = fakeWorld(["show", MAGNET, "--no-state"]);
    const running = runCli(world.platform, world.openClient);
    await until(() => world.client.added.length > 0);
    const [torrent] = world.client.added;
    torrent!.set({ state: "finding" });
    await world.clock.pass(6000);
    torrent!.torrentFile = new TextEncoder().encode(`d4:info${info}e`);
    torrent!.finish();
    await running;
    assert.match(world.process.printed, /^name {8}x\n/);
    assert.match(world.process.errors, /finding metadata[^]*got the metadata\n$/);
    assert.equal(world.process.code, 0);
  });

  it("asks no question without a terminal", async () => {
    const run = await start([TORRENT, "--choose"]);
    await assert.rejects(run.code, /--choose needs a terminal/);
  });
});
