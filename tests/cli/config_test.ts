import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { SETTING_TEXTS, settingFlags, variableOf } from "../../src/cli/setting_texts.ts";
import { newFolder, removeFolders, startShoal } from "./run_shoal.ts";

after(removeFolders);

const limit = { timeout: 60_000 };

function home(text?: string) {
  const folder = newFolder(), config = join(folder, ".config/shoal/config.jsonc");
  if (text !== undefined) {
    mkdirSync(join(folder, ".config/shoal"), { recursive: true });
    writeFileSync(config, text);
  }
  const run = (args: readonly string[], env: Record<string, string> = {}, input?: string) => {
    return startShoal(["config", ...args], {
      env: { HOME: folder, XDG_CONFIG_HOME: "", ...env },
      ...(input === undefined ? {} : { input }),
    }).finished;
  };
  return { config, run };
}

describe("shoal config", () => {
  it("shows each value with its source, as a table and as JSON", limit, async () => {
    const { run } = home('{ "maxConnections": 9, "limits": { "down": 1048576 } }');
    const env = { SHOAL_UP_LIMIT: "5M", SHOAL_NO_DHT: "1", SHOAL_LOG_LEVEL: "debug" };
    const table = await run([], env);
    assert.match(table.out, /^maxConnections +9 +file$/m);
    assert.match(table.out, /^limits +\{"down":1048576,"up":5242880\} +environment$/m);
    assert.match(table.out, /^dht +false +environment$/m);
    assert.match(table.out, /^maxOpenFiles +128 +default$/m);
    const { out } = await run(["--json"], env);
    const views = JSON.parse(out) as { name: string; value: unknown; source: string }[];
    const level = views.find(({ name }) => name === "logLevel");
    assert.deepEqual(level, { name: "logLevel", value: "debug", source: "environment" });
  });

  it("changes one setting, by its name or its flag's, and keeps comments", limit, async () => {
    const { run, config } = home('{\n  // slow line\n  "limits": { "down": 1 } // bytes\n}\n');
    assert.equal((await run(["set", "up-limit", "5M"])).code, 0);
    assert.equal((await run(["set", "torrents.seedGoal", "ratio:2"])).code, 0);
    const text = readFileSync(config, "utf8");
    assert.match(text, /\/\/ slow line\n[^]*\/\/ bytes\n/);
    assert.match(text, /"down": 1,\s+"up": 5242880/);
    assert.match(text, /"seedGoal": \{\s+"kind": "ratio",\s+"ratio": 2\s+\}/);
    assert.equal((await run(["unset", "limits"])).code, 0);
    assert.doesNotMatch(readFileSync(config, "utf8"), /5242880/);
  });

  it("makes the file, and tells where it is", limit, async () => {
    const { run, config } = home();
    assert.equal((await run(["path"])).out, `${config}\n`);
    assert.equal(existsSync(config), false);
    assert.equal((await run(["set", "max-connections", "77"])).code, 0);
    assert.equal(readFileSync(config, "utf8"), '{\n  "maxConnections": 77\n}\n');
  });

  it("keeps the hash of a password alone", limit, async () => {
    const { run, config } = home('{ "user": "me" }');
    const set = await run(["password"], {}, "correct horse\n");
    assert.deepEqual([set.code, set.err], [0, ""]);
    const text = readFileSync(config, "utf8");
    assert.match(text, /"password": "scrypt\$15\$[0-9a-f]{32}\$[0-9a-f]{64}"/);
    assert.doesNotMatch(text, /horse/);
    const short = await run(["password"], {}, "short\n");
    assert.deepEqual([short.code, readFileSync(config, "utf8")], [2, text]);
    assert.match(short.err, /at least 8 characters/);
  });

  it("refuses what is wrong and changes nothing", limit, async () => {
    const { run, config } = home('{ "port": 1 }');
    const faults: readonly [args: string[], message: RegExp][] = [
      [["set", "prot", "1"], /There is no setting prot: did you mean port\?/],
      [["set", "port", "high"], /port: "high" is not a whole number/],
      [["set", "password", "hunter2"], /password is/],
      [["set", "port"], /Usage: shoal config set NAME VALUE/],
      [["get", "port"], /Usage: shoal config set NAME VALUE/],
    ];
    for (const [args, message] of faults) {
      const { code, err } = await run(args);
      assert.deepEqual([code, err.trim().split("\n").length], [2, 1], err);
      assert.match(err, message);
    }
    const { code, err } = await run([], { SHOAL_DOWN_LIMIT: "fast" });
    assert.equal(code, 2);
    assert.match(err, /SHOAL_DOWN_LIMIT: "fast" is not a size/);
    assert.equal(readFileSync(config, "utf8"), '{ "port": 1 }');
  });
});

describe("settings as text", () => {
  it("have a flag and a variable of their own each", () => {
    const flags = SETTING_TEXTS.map(({ flag }) => flag);
    assert.deepEqual(flags.filter((flag, at) => flags.indexOf(flag) !== at), []);
    assert.equal(Object.keys(settingFlags()).length, flags.length);
    const limit = SETTING_TEXTS.find(({ flag }) => flag === "up-limit")!;
    assert.equal(variableOf(limit), "SHOAL_UP_LIMIT");
  });
});
