import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { bundle, foreignImports, proveBundle } from "../../scripts/lib/bundle.ts";
import { compileWithDeno, writeSums } from "../../scripts/lib/executables.ts";
import { findRuntime } from "../../scripts/lib/runtimes.ts";

const dir = mkdtempSync(join(tmpdir(), "shoal-build-"));
after(() => rmSync(dir, { recursive: true, force: true }));

/** A program of two files that prints `line` when started with --version. */
function writeProgram(line: string): string {
  writeFileSync(join(dir, "part.ts"), `export const line: string = ${JSON.stringify(line)};\n`);
  const entry = join(dir, "entry.ts");
  writeFileSync(
    entry,
    'import process from "node:process";\nimport { line } from "./part.ts";\n' +
      'if (import.meta.main && process.argv.includes("--version")) console.log(line);\n',
  );
  return entry;
}

const bundled = join(dir, "shoal.js");

describe("bundle", () => {
  it(
    "makes one file that starts on both runtimes and from a URL",
    { timeout: 60_000 },
    async () => {
      await bundle(writeProgram("shoal 9.9.9"), bundled);
      assert.deepEqual(foreignImports(readFileSync(bundled, "utf8")), []);
      const ways = await proveBundle(bundled, "shoal 9.9.9");
      assert.deepEqual(ways, ["deno run", "bun", "deno run from a URL"]);
    },
  );

  it("fails on an entry that does not resolve", { timeout: 60_000 }, async () => {
    const entry = join(dir, "broken.ts");
    writeFileSync(entry, 'import "./nowhere.ts";\n');
    await assert.rejects(bundle(entry, join(dir, "broken.js")), /bun build failed/);
  });
});

describe("proveBundle", () => {
  it("fails when the program prints another version", { timeout: 60_000 }, async () => {
    await bundle(writeProgram("shoal 9.9.9"), bundled);
    await assert.rejects(proveBundle(bundled, "shoal 1.0.0"), /printed "shoal 9\.9\.9" instead/);
  });
});

describe("foreignImports", () => {
  it("accepts node: modules and names everything else", () => {
    assert.deepEqual(foreignImports('import a from "node:fs";\nimport("node:net");\n'), []);
    assert.deepEqual(foreignImports('import b from "bencode";\nexport * from "./x.js";\n'), [
      "bencode",
      "./x.js",
    ]);
    assert.deepEqual(foreignImports('const c = require("fs");\n'), ["something by require()"]);
  });
});

describe("compileWithDeno", () => {
  it("sees through a DENORT_BIN that is the deno binary", { timeout: 60_000 }, async () => {
    await bundle(writeProgram("shoal 9.9.9"), bundled);
    const before = process.env.DENORT_BIN;
    process.env.DENORT_BIN = findRuntime("deno");
    const outfile = join(dir, "shoal-deno");
    try {
      const why = await compileWithDeno(bundled, outfile, "shoal 9.9.9");
      assert.match(why ?? "", /is DENORT_BIN=\S+ a denort and not a deno\?/);
      assert.equal(existsSync(outfile), false, "what does not run must not stay");
    } finally {
      if (before === undefined) delete process.env.DENORT_BIN;
      else process.env.DENORT_BIN = before;
    }
  });
});

describe("writeSums", () => {
  it("writes a line per file in the form of sha256sum", () => {
    const file = join(dir, "abc.txt");
    writeFileSync(file, "abc");
    const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.equal(readFileSync(writeSums([file]), "utf8"), `${digest}  abc.txt\n`);
  });
});
