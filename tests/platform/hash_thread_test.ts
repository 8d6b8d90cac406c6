import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { hashThreadSource } from "../../src/platform/shared/hash_worker.ts";
import {
  BUN,
  DENO,
  finished,
  IMPORT_SELECT,
  ROOT,
  start,
  tempFolder,
  writeProgram,
} from "./run_program.ts";

const POOL = JSON.stringify(join(ROOT, "src/platform/shared/hash_pool.ts").replaceAll("\\", "/"));

/** Hashes the file named on the command line on threads, prints the digests, ends by itself. */
const PROGRAM = IMPORT_SELECT + `
  import { HashPool } from ${POOL};
  const { hasher, process } = selectPlatform();
  const path = process.args[0]!;
  const digest = await hasher.hashFiles("sha1", [
    { path, offset: 0, length: 900_000 },
    { path: null, offset: 0, length: 100_000 },
  ]);
  const missing = await hasher.hashFiles("sha1", [{ path: path + "-", offset: 0, length: 1 }]);
  const pool = new HashPool(1);
  pool.engine = "lanes"; // whatever is the quickest here
  const pieces = await Promise.all([0, 1, 2, 3, 4].map((i) =>
    pool.hashFiles("sha1", [{ path, offset: i * 100_000, length: 100_000 }])
  ));
  pool.close();
  await process.out([digest, missing, ...pieces].map((each) => String(each)).join(" "));
`;

describe("hash threads", () => {
  const folder = tempFolder();
  const data = join(folder.path, "data");
  let source: string;
  let expected: string;

  before(() => {
    source = writeProgram(folder.path, "program.ts", PROGRAM);
    const bytes = new Uint8Array(1_000_000);
    for (let i = 0; i < 900_000; i++) bytes[i] = i * 7 + (i >> 9);
    writeFileSync(data, bytes.subarray(0, 900_000));
    const sha1 = (part: Uint8Array) => createHash("sha1").update(part).digest().join(",");
    const pieces = [0, 1, 2, 3, 4].map((i) => sha1(bytes.subarray(i * 100_000, (i + 1) * 100_000)));
    expected = [sha1(bytes), "null", ...pieces].join(" ");
  });

  after(() => folder.dispose());

  function build(...args: string[]): void {
    const result = spawnSync(BUN, ["build", source, ...args], { encoding: "utf8" });
    assert.equal(result.status, 0, result.stderr);
  }

  async function check(command: string, ...args: string[]): Promise<void> {
    const began = performance.now();
    const result = await finished(start(command, [...args, data]));
    assert.deepEqual([result.code, result.out], [0, expected], result.err);
    assert.ok(performance.now() - began < 15_000, "idle threads do not keep the program alive");
  }

  it("work from source on Deno and on Bun", { timeout: 60_000 }, async () => {
    await check(DENO, "run", "-A", "--no-check", source);
    await check(BUN, "--no-install", source);
  });

  it("work from one minified file on Deno and on Bun", { timeout: 60_000 }, async () => {
    const bundle = join(folder.path, "bundle.js");
    build("--minify", "--target=node", "--format=esm", `--outfile=${bundle}`);
    await check(DENO, "run", "-A", bundle);
    await check(BUN, "--no-install", bundle);
  });

  it("work inside an executable of Bun", { timeout: 120_000 }, async () => {
    const executable = join(folder.path, "program");
    build("--compile", "--minify", `--outfile=${executable}`);
    await check(executable);
  });

  it("are made of self-contained source", () => {
    // What the function takes from this module or from a bundler's helpers would be missing there.
    const source = hashThreadSource("lanes");
    assert.doesNotThrow(() => new Function(source));
    assert.doesNotMatch(source, /\bimport\b|__name|__toESM|_import/);
  });
});
