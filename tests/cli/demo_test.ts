import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  makeRandomTorrent,
  makeTempFolder,
  pacedNet,
  removeTree,
} from "../../src/cli/commands/demo.ts";
import { verifyFiles } from "../../src/client/verify_files.ts";
import type { Listener, Socket, StreamNet } from "../../src/platform/types.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { FakeClock, until } from "./fakes.ts";
import { newFolder, platform, removeFolders, shoal, startShoal } from "./run_shoal.ts";

after(removeFolders);

describe("the demo's .torrent", () => {
  it("describes exactly the file that was written", async () => {
    const dir = newFolder(), size = 600_001;
    const announce = "http://127.0.0.1:1/announce";
    const bytes = await makeRandomTorrent(platform, join(dir, "x.bin"), size, announce);
    const meta = parseTorrent(bytes, (part) => platform.hasher.digest("sha1", part));
    assert.equal(meta.size, size);
    assert.deepEqual(meta.announce, [[announce]]);
    const { bad, problems } = await verifyFiles(platform, meta, dir);
    assert.deepEqual({ bad, problems }, { bad: [], problems: [] });
  });
});

describe("pacedNet", () => {
  it("reports bytes as sent no faster than the rate, over all sockets", async () => {
    const clock = new FakeClock();
    const net: StreamNet = {
      connect: () => ({ send: (_: Uint8Array, sent: () => void) => sent() }) as unknown as Socket,
      listen: () => Promise.resolve({ port: 1, close: () => Promise.resolve() } as Listener),
      lookup: () => Promise.resolve([]),
    };
    const paced = pacedNet(net, clock, 1000);
    const to = { address: "127.0.0.1", port: 1, timeoutMs: 1 };
    const sentAt: number[] = [];
    for (let i = 0; i < 2; i++) {
      paced.connect(to).send(new Uint8Array(500), () => sentAt.push(clock.now()));
    }
    await clock.pass(2000);
    assert.deepEqual(sentAt, [500, 1000]);
    paced.connect(to).send(new Uint8Array(100), () => sentAt.push(clock.now()));
    await clock.pass(1000);
    assert.equal(sentAt[2], 2100);
  });
});

describe("temporary folders", () => {
  it("are new, and go away with all that is in them", async () => {
    const folder = makeTempFolder(platform, "shoal-test-");
    const other = makeTempFolder(platform, "shoal-test-");
    assert.notEqual(other, folder);
    removeTree(platform.files, other);
    platform.files.makeDir(`${folder}/inner`);
    await platform.files.writeWhole(`${folder}/inner/file`, new Uint8Array(3));
    removeTree(platform.files, folder);
    assert.equal(existsSync(folder), false);
  });
});

/** A temporary folder for the demo alone, so that what it leaves can be seen. */
function demoEnv(): { TMPDIR: string } {
  return { TMPDIR: newFolder() };
}

describe("shoal demo", () => {
  it("downloads, verifies, says where the file is, and cleans up the rest", {
    timeout: 30_000,
  }, async () => {
    const env = demoEnv();
    const run = await startShoal(["demo", "--size", "4M"], { env }).finished;
    assert.equal(run.err, "");
    assert.equal(run.code, 0);
    const path = /\n {2}in (.*shoal-demo\.bin)\n/.exec(run.out)?.[1];
    assert.ok(path, run.out);
    assert.equal(statSync(path).size, 4 * 1024 * 1024);
    const [folder] = readdirSync(env.TMPDIR);
    const left = readdirSync(join(env.TMPDIR, folder!)).sort();
    assert.deepEqual(left, ["shoal-demo.bin", "shoal-demo.bin.torrent"]);
    assert.match(run.out, /every piece matches\. What to try next:\n/);
    const next = /verify (\S+) (\S+)\n/.exec(run.out)!;
    assert.equal((await shoal("verify", next[1]!, next[2]!)).code, 0);
  });

  it("removes everything when it is interrupted", { timeout: 30_000 }, async () => {
    const env = demoEnv();
    const demo = startShoal(["demo"], { env });
    await until(() => demo.out.includes("256 pieces"));
    demo.kill("SIGINT");
    const run = await demo.finished;
    assert.equal(run.code, 130);
    assert.match(run.out, /Interrupted; the demo's files are removed\n$/);
    assert.deepEqual(readdirSync(env.TMPDIR), []);
  });
});
