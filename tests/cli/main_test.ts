import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { EXIT_CODES, exitCodeFor, worstOf } from "../../src/cli/errors.ts";
import { runCli } from "../../src/cli/main.ts";
import { FileError, NetError, TorrentFileError } from "../../src/util/errors.ts";
import { type FakeWorld, fakeWorld, until } from "./fakes.ts";

async function run(args: readonly string[], vars: Record<string, string> = {}): Promise<FakeWorld> {
  const world = fakeWorld(args, vars);
  await runCli(world.platform, world.openClient);
  return world;
}

describe("runCli with a wrong command line", () => {
  const cases: [args: string[], message: RegExp, help: string][] = [
    [["downlaod", "x.torrent"], /Unknown command "downlaod" \(did you mean download\?\)/, "shoal"],
    [["x"], /Unknown command "x"/, "shoal"],
    [["help", "nothing"], /Unknown command "nothing"/, "shoal"],
    [["download", "a", "--port", "99999"], /--port: "99999" is not a whole/, "shoal download"],
    [["download", "a", "--port"], /--port needs a value/, "shoal download"],
    [["download", "a", "--peer", "me"], /--peer: "me" is not HOST:PORT/, "shoal download"],
    [["download"], /Missing TORRENT\. Usage: shoal download TORRENT/, "shoal download"],
    [["a.torrent", "--bad"], /Unknown flag --bad/, "shoal download"],
    [["--jsno", "a.torrent"], /Unknown flag --jsno \(did you mean --json\?\)/, "shoal download"],
    [["verify", "a.torrent"], /Missing DIR\. Usage: shoal verify FILE DIR/, "shoal verify"],
    [["create"], /Missing PATH\. Usage: shoal create PATH/, "shoal create"],
    [["seed", "a"], /Missing DIR\. Usage: shoal seed FILE DIR/, "shoal seed"],
    [["show", "a", "b"], /Too many operands: "b"\. Usage: shoal show TORRENT/, "shoal show"],
    [["demo", "--size", "big"], /--size: "big" is not a size/, "shoal demo"],
  ];
  for (const [args, message, help] of cases) {
    it(`ends with 2 and one line: shoal ${args.join(" ")}`, async () => {
      const { process } = await run(args);
      assert.equal(process.code, 2);
      assert.match(process.errors, message);
      assert.match(process.errors, new RegExp(`^shoal: [^\n]*; see ${help} --help\n$`));
      assert.equal(process.printed, "");
    });
  }
});

describe("runCli at its end", () => {
  it("ends the process at once, whatever is still under way, such as the look-up of a name", async () => {
    assert.equal((await run(["--version"])).process.exited, 0);
    assert.equal((await run(["x"])).process.exited, 2);
  });
});

describe("runCli with --help and --version", () => {
  it("prints the overview for nothing at all, as an error", async () => {
    const { process } = await run([]);
    assert.equal(process.code, 2);
    assert.match(process.printed, /^shoal downloads, creates and seeds torrents/);
  });

  it("prints commands, an example and all exit codes", async () => {
    for (const args of [["--help"], ["-h"], ["help"]]) {
      const { process } = await run(args);
      assert.equal(process.code, 0);
      for (const { code, meaning } of EXIT_CODES) {
        assert.match(process.printed, new RegExp(`^  ${code} +${meaning.slice(0, 20)}`, "m"));
      }
      for (const command of ["download", "show", "verify", "create", "seed", "dht", "demo"]) {
        assert.match(process.printed, new RegExp(`^  shoal ${command}`, "m"));
      }
    }
  });

  it("shows for show no flag that has no effect there", async () => {
    const { process } = await run(["show", "--help"]);
    assert.match(process.printed, /--max-peers/);
    assert.doesNotMatch(process.printed, /--(upload-slots|wait-for-disk|up-limit|\w+-quota)/);
  });

  it("has a help with an example for every command, whatever else is wrong", async () => {
    for (const command of ["download", "show", "verify", "create", "seed", "dht", "demo"]) {
      for (const args of [["help", command], [command, "--nonsense", "--help"], [command, "-h"]]) {
        const { process } = await run(args);
        assert.equal(process.code, 0);
        assert.match(process.printed, new RegExp(`Examples?:\n  shoal ${command}`));
        for (const line of process.printed.split("\n")) assert.ok(line.length <= 100, line);
      }
    }
  });

  it("lists the objects of --json as docs/json.md does", async () => {
    const { process } = await run(["help", "json"]);
    assert.equal(process.code, 0);
    const page = readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");
    const documented = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, type]) => type);
    const listed = [...process.printed.matchAll(/^ {2}([a-z-]+) {2}/gm)].map(([, type]) => type);
    assert.ok(documented.length >= 18);
    assert.deepEqual(listed, documented);
  });

  it("wraps the flags at the width of the terminal", async () => {
    const world = fakeWorld(["download", "--help"]);
    world.process.size = { columns: 70, rows: 24, color: false };
    await runCli(world.platform, world.openClient);
    const [, flags] = /\nFlags:\n([^]*?)\n\n/.exec(world.process.printed)!;
    for (const line of flags!.split("\n")) assert.ok(line.length <= 70, line);
  });

  it("prints the version of package.json", async () => {
    const file = new URL("../../package.json", import.meta.url);
    const { version } = JSON.parse(readFileSync(file, "utf8"));
    for (const args of [["--version"], ["-V"], ["version"]]) {
      const { process } = await run(args);
      assert.equal(process.printed.split(" ")[1], version);
      assert.equal(process.code, 0);
    }
  });
});

describe("runCli and errors", () => {
  it("takes flags before the command, and a .torrent without one", async () => {
    for (const args of [["--json", "show", "none.torrent"], ["none.torrent", "-q"]]) {
      const { process } = await run(args);
      assert.equal(process.code, 3);
      assert.match(process.errors, /^shoal: Cannot read none\.torrent: there is no such file\n$/);
    }
  });

  it("downloads the torrent of a magnet link, without the command", async () => {
    const world = fakeWorld(["magnet:?xt=urn:btih:" + "ab".repeat(20), "--no-state", "-q"]);
    const running = runCli(world.platform, world.openClient);
    await until(() => world.client.added.length > 0);
    world.client.added[0]!.finish();
    await running;
    assert.equal(world.process.code, 0);
  });

  it("shows a bug as one line, and the trace only on request", async () => {
    for (const [vars, lines] of [[{}, 1], [{ SHOAL_DEBUG: "1" }, 3]] as const) {
      const world = fakeWorld(["show", "x.torrent"], vars);
      const files = { ...world.platform.files, read: () => Promise.reject(new TypeError("oops")) };
      await runCli({ ...world.platform, files }, world.openClient);
      assert.equal(world.process.code, 1);
      assert.match(
        world.process.errors,
        /^shoal: Unexpected error: TypeError: oops \(this is a bug/,
      );
      const count = world.process.errors.trimEnd().split("\n").length;
      assert.ok(lines === 1 ? count === 1 : count >= lines, world.process.errors);
    }
  });

  it("prints nothing that steers a terminal", async () => {
    const { process } = await run(["show", "evil\x1b[2J\u202E.torrent"]);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(process.errors, /[\x1b\u202e]/);
  });
});

describe("exit codes", () => {
  it("distinguish errors", () => {
    assert.equal(exitCodeFor(new FileError("disk-full", "/x", "full")), 5);
    assert.equal(exitCodeFor(new TorrentFileError("empty", "empty")), 3);
    assert.equal(exitCodeFor(new NetError("address-in-use", "taken")), 1);
    assert.equal(exitCodeFor(new Error("anything")), 1);
  });

  it("return the worst of several", () => {
    assert.equal(worstOf([]), 0);
    assert.equal(worstOf([0, 4, 0]), 4);
    assert.equal(worstOf([4, 3]), 3);
    assert.equal(worstOf([3, 1, 4]), 1);
    assert.equal(worstOf([1, 5]), 5);
    assert.equal(worstOf([5, 130, 0]), 130);
  });

  it("are the README's", () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    for (const { code } of EXIT_CODES) assert.match(readme, new RegExp(`^\\| ${code} \\| `, "m"));
  });
});
