import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Fuzzer, tryInput } from "../../scripts/fuzz/run.ts";
import { type FuzzTarget, fuzzTargets } from "../../scripts/fuzz/targets.ts";

function kept({ name }: FuzzTarget): Uint8Array[] {
  const file = new URL(`./corpus/${name}.txt`, import.meta.url);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trim().split("\n")
    .map((line) => new Uint8Array(Buffer.from(line, "hex")));
}

describe("what fuzzing has found so far", () => {
  for (const target of fuzzTargets()) {
    it(`${target.name}: nothing in the corpus throws what it must not, nor hangs`, () => {
      const inputs = [...target.seeds, ...kept(target)];
      for (const input of inputs) assert.equal(tryInput(target, input).finding, null);
      for (const seed of target.seeds) {
        assert.doesNotThrow(() => target.run(seed.slice()), "a sound input is taken");
      }
    });
  }
});

describe("a short fuzz", () => {
  for (const target of fuzzTargets()) {
    it(`${target.name}: 1,000 damaged inputs`, { timeout: 30_000 }, () => {
      const fuzzer = new Fuzzer(target, "suite", kept(target));
      fuzzer.run(1000);
      assert.deepEqual(fuzzer.result.findings, []);
      assert.ok(fuzzer.result.outcomes > 1, "the damage makes a difference");
    });
  }

  it("finds and shrinks what is planted", () => {
    const planted: FuzzTarget = {
      name: "planted",
      seeds: [new TextEncoder().encode("d4:infoi7ee and a long tail of no use")],
      run(input) {
        if (input.includes(0x39)) throw new TypeError("a nine");
        return "fine";
      },
    };
    const fuzzer = new Fuzzer(planted, "suite");
    fuzzer.run(2000);
    assert.deepEqual(fuzzer.result.findings, [
      { target: "planted", input: "39", what: "TypeError: a nine" },
    ]);
  });
});
