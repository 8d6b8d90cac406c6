import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { namedPaths } from "../../scripts/lib/named_paths.ts";
import { projectRoot } from "../../scripts/lib/runtimes.ts";

const map = join(projectRoot, "src", "README.md");

describe("namedPaths", () => {
  it("finds files and folders and ignores commands, flags and addresses", () => {
    const text = "see `swarm/choker.ts`, `peer/` and `mod.ts`; run `npm test -- --filter a/b`, " +
      "`--dir`, `udp://x/announce`, `src/**`, `Deno`, `choker.onTick()`\n" +
      "```\n`in/code.ts`\n```\n";
    assert.deepEqual(namedPaths(text), ["swarm/choker.ts", "peer/", "mod.ts"]);
  });
});

describe("src/README.md", () => {
  it("names only paths that exist: from src, from the top, or a file's bare name", () => {
    const named = namedPaths(readFileSync(map, "utf8"));
    assert.ok(named.length > 10, `the map names only ${named.length} paths`);
    const all = readdirSync(join(projectRoot, "src"), { recursive: true }).map(String);
    const bareNames = new Set(all.map((path) => basename(path)));
    const missing = named.filter((path) =>
      !existsSync(join(projectRoot, "src", path)) && !existsSync(join(projectRoot, path)) &&
      !bareNames.has(path)
    );
    assert.deepEqual(missing, []);
  });
});
