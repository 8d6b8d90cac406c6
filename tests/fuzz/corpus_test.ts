import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Campaign } from "../../scripts/fuzz/campaign.ts";
import { foundInputs, keptInputs } from "../../scripts/fuzz/kept.ts";
import { Fuzzer, tryInput } from "../../scripts/fuzz/run.ts";
import type { FuzzTarget } from "../../scripts/fuzz/target.ts";
import { fuzzTargets } from "../../scripts/fuzz/targets.ts";
import { findRuntime, projectRoot, thisRuntime } from "../../scripts/lib/runtimes.ts";
import { tempFolder } from "../platform/run_program.ts";

const text = new TextEncoder();

describe("the saved corpus of fuzzing", () => {
  for (const target of fuzzTargets()) {
    it(`${target.name}: no saved input throws an unexpected error or hangs`, {
      timeout: 60_000,
    }, async () => {
      const { seeds, name, events = false } = target;
      for (const input of [...seeds, ...keptInputs(name), ...foundInputs(name)]) {
        assert.equal((await tryInput(target, input)).finding, null);
      }
      for (const seed of events ? [] : seeds) await target.run(seed.slice());
    });
  }
});

describe("a short fuzz", () => {
  for (const target of fuzzTargets()) {
    it(`${target.name}: 1,000 damaged inputs, or as many as fit into a second`, {
      timeout: 60_000,
    }, async () => {
      const fuzzer = new Fuzzer(target, "suite", keptInputs(target.name));
      await fuzzer.run({ inputs: 1000, ms: 1000 });
      assert.deepEqual(fuzzer.result.findings, []);
      assert.ok(fuzzer.result.outcomes > 1, "the damage makes a difference");
    });
  }
});

describe("Fuzzer", () => {
  const planted: FuzzTarget = {
    name: "planted",
    seeds: [text.encode("d4:infoi7ee and a long tail of no use")],
    run(input) {
      if (input.includes(0x39)) throw new TypeError("a nine");
      return "fine";
    },
  };

  it("finds and shrinks a planted fault", async () => {
    const fuzzer = new Fuzzer(planted, "suite");
    await fuzzer.run({ inputs: 2000 });
    const input = new Uint8Array([0x39]);
    assert.deepEqual(fuzzer.result.findings, [
      { target: "planted", input, what: "TypeError: a nine" },
    ]);
  });

  it("a campaign that finds a fault says so, saves it, and ends with 1", async () => {
    const folder = tempFolder(), said: string[] = [], sound = { ...planted, run: () => "fine" };
    const options = { seed: "suite", minutes: Infinity, inputs: 2000, coverage: null };
    const say = (line: string) => said.push(line);
    try {
      const run = async (target: FuzzTarget) => {
        const all = { ...options, targets: [target], findings: folder.path, say };
        const campaign = new Campaign(all);
        await campaign.run();
        return campaign.verdict();
      };
      assert.equal(await run(sound), 0);
      assert.match(said.splice(0).join("\n"), /^\nOK: 2,000 inputs for 1 targets/);
      assert.equal(await run(planted), 1);
      const [file] = readdirSync(folder.path);
      assert.deepEqual([...readFileSync(join(folder.path, file!))], [0x39]);
      const words = said.join("\n");
      assert.match(words, /FOUND: planted: TypeError: a nine/);
      assert.match(words, new RegExp(`npm run fuzz -- --target planted --file .*${file}\n`));
      assert.match(words, /1 PROBLEM: 2,000 inputs/);
    } finally {
      folder.dispose();
    }
  });

  it("keeps inputs that ran new code, whatever their outcome", { timeout: 60_000 }, () => {
    // A process of its own: V8 counts blocks only of what was compiled after coverage began.
    const script = join(projectRoot, "scripts", "fuzz.ts");
    const runtime = thisRuntime === "deno" ? ["run", "-A", "--no-check"] : [];
    const wanted = ["--target", "udp-reply", "--inputs", "20000", "--json"];
    const { stdout, status, stderr } = spawnSync(
      findRuntime(thisRuntime),
      [...runtime, script, ...wanted],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    const [{ inputs, outcomes, kept }] = JSON.parse(stdout);
    assert.equal(inputs, 20_000);
    assert.ok(kept > outcomes, `${kept} kept for ${outcomes} outcomes`);
  });

  it(
    "refuses invalid arguments, and does not call an empty run a success",
    { timeout: 60_000 },
    () => {
      const script = join(projectRoot, "scripts", "fuzz.ts");
      const runtime = thisRuntime === "deno" ? ["run", "-A", "--no-check"] : [];
      for (
        const args of [["--minutes", "abc"], ["--inputs", "0"], ["--target", "no"], ["--wrong"]]
      ) {
        const all = [...runtime, script, ...args];
        const { status, stderr } = spawnSync(findRuntime(thisRuntime), all, { encoding: "utf8" });
        assert.equal(status, 2, `${args}: ${stderr}`);
        assert.doesNotMatch(stderr, /\n {4}at /);
      }
      const campaign = new Campaign({
        targets: [],
        seed: "1",
        minutes: 1,
        inputs: 1,
        coverage: null,
        keep: false,
        watch() {},
        say() {},
      });
      assert.equal(campaign.verdict(), 1);
    },
  );
});
