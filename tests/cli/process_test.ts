/** What a shell sees of the command: exit codes, signals, output that cannot be written, answers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { until } from "./fakes.ts";
import {
  newFolder,
  platform,
  removeFolders,
  ROOT,
  runtimeArgs,
  shoal,
  startEmptyTracker,
  startShoal,
  torrentOfNothing,
} from "./run_shoal.ts";

after(removeFolders);

const MOD = join(ROOT, "mod.ts");
const OFFLINE = ["--no-dht", "--no-lsd", "--no-state"];
const notLinux = process.platform === "linux" ? false : "needs Linux";

/** A file of 5 bytes and its .torrent in one folder. */
async function makeShare() {
  const dir = newFolder(), torrent = join(dir, "x.torrent");
  writeFileSync(join(dir, "x.txt"), "hello");
  assert.equal((await shoal("create", join(dir, "x.txt"), "-o", torrent)).code, 0);
  return { dir, torrent };
}

/** `line` for a shell; "$@" is the command. */
function inShell(line: string, args: readonly string[]) {
  const command = [process.execPath, ...runtimeArgs(MOD), ...args];
  const child = spawn("sh", ["-c", line, "sh", ...command], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const run = { out: "", err: "", child, code: Promise.resolve<number | null>(null) };
  child.stdout.setEncoding("utf8").on("data", (text: string) => run.out += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => run.err += text);
  run.code = new Promise((resolve) => child.on("close", resolve));
  return run;
}

describe("output that cannot be written", { skip: notLinux }, () => {
  it("is an error with a separate code and one line", { timeout: 60_000 }, async () => {
    const { dir, torrent } = await makeShare();
    const commands: [string, ...string[]][] = [
      ["show", torrent, "--json"],
      ["verify", torrent, dir],
      ["download", torrent, "-o", dir, "--json", ...OFFLINE],
    ];
    for (const args of commands) {
      const run = inShell('"$@" >/dev/full', args);
      assert.equal(await run.code, 5, args[0]);
      assert.match(run.err, /^shoal: Cannot write standard output: the disk is full/, args[0]);
      assert.equal(run.err.trim().split("\n").length, 1, run.err);
    }
  });

  it("is none when the reader only had enough", { timeout: 60_000 }, async () => {
    const { torrent } = await makeShare();
    const run = inShell('{ "$@"; echo "code $?" >&2; } | :', ["show", torrent]);
    await run.code;
    assert.match(run.err, /^code 0\n$/);
  });
});

describe("the exit code", () => {
  it("is a failure where the runtime finds nothing left to do", { timeout: 60_000 }, async () => {
    const { torrent, dir } = await makeShare();
    const script = join(dir, "stuck.ts");
    const lines = [
      `import { runCli } from ${JSON.stringify(join(ROOT, "src/cli/main.ts"))};`,
      `import { selectPlatform } from ${JSON.stringify(join(ROOT, "src/platform/select.ts"))};`,
      "void runCli(selectPlatform(), () => new Promise(() => {}));",
    ];
    writeFileSync(script, lines.join("\n"));
    const run = await startShoal(["download", torrent, "-o", dir], { script }).finished;
    assert.deepEqual([run.code, run.out], [1, ""]);
  });
});

describe("a terminal that is closed", { skip: notLinux }, () => {
  /** As `nohup` leaves it. */
  const ignored = /^SigIgn:.*[13579bdf]$/m.test(
    existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "",
  );

  it("ends a run like Ctrl-C: the tracker is told", {
    timeout: 60_000,
    skip: ignored && "SIGHUP is ignored here",
  }, async () => {
    const tracker = await startEmptyTracker();
    const folder = newFolder(), path = join(folder, "x.torrent");
    const bytes = torrentOfNothing("x.bin", 1000, tracker.announceUrl);
    writeFileSync(path, bytes);
    const { infoHash } = parseTorrent(bytes, (part) => platform.hasher.digest("sha1", part));
    const leechers = () => tracker.swarms.scrape(infoHash).leechers;
    const run = startShoal(["download", path, "-o", folder, ...OFFLINE]);
    await until(() => leechers() === 1);
    // The system sends one, the shell another: that is no second Ctrl-C.
    run.kill("SIGHUP");
    run.kill("SIGHUP");
    const { code, out } = await run.finished;
    assert.equal(code, 130);
    assert.match(out, /Stopping and telling the tracker/);
    assert.equal(leechers(), 0);
    await tracker.close();
  });

  it("does not end one that nohup started", { timeout: 60_000 }, async () => {
    const tracker = await startEmptyTracker();
    const folder = newFolder(), path = join(folder, "x.torrent");
    writeFileSync(path, torrentOfNothing("x.bin", 1000, tracker.announceUrl));
    const args = ["download", path, "-o", folder, "--give-up-after", "3s", ...OFFLINE];
    const run = inShell('exec nohup "$@"', args);
    await until(() => run.out.includes("x.bin: "));
    process.kill(run.child.pid!, "SIGHUP");
    assert.equal(await run.code, 4, run.out + run.err);
    assert.doesNotMatch(run.out, /Stopping/);
    await tracker.close();
  });
});

describe("shoal download --choose on a terminal", {
  skip: existsSync("/usr/bin/script") ? false : "needs script of util-linux",
}, () => {
  const QUESTION = /Files to download \(/g;

  /** Types each answer once the question for it stands there. */
  async function answer(answers: readonly string[]) {
    const { dir, torrent } = await makeShare();
    const args = ["download", torrent, "-o", dir, "--choose", ...OFFLINE];
    const command = [process.execPath, ...runtimeArgs(MOD), ...args];
    const line = command.map((word) => `'${word}'`).join(" ");
    const child = spawn("script", ["-qec", line, "/dev/null"], { stdio: ["pipe", "pipe", "pipe"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
    const code = new Promise<number | null>((resolve) => child.on("close", resolve));
    for (const [i, text] of answers.entries()) {
      await until(() => (out.match(QUESTION) ?? []).length > i);
      child.stdin.write(text);
    }
    const ended = await code;
    child.stdin.end();
    return { code: ended, out };
  }

  it("asks again after a slip", { timeout: 60_000 }, async () => {
    const { code, out } = await answer(["foo\n", "9\n", "1\n"]);
    assert.match(out, /"foo" matches none of the torrent's 1 file/);
    assert.match(out, /x\.txt: everything \(5 B\) already on disk, verified/);
    assert.equal(code, 0);
  });

  it("ends as wrong use at the end of input", { timeout: 60_000 }, async () => {
    const { code, out } = await answer(["\x04"]);
    assert.match(out, /no files were chosen/);
    assert.equal(code, 2);
  });
});
