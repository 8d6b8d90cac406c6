import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { namedPaths } from "../../scripts/lib/named_paths.ts";
import { projectRoot } from "../../scripts/lib/runtimes.ts";

const map = join(projectRoot, "src", "README.md");

describe("namedPaths", () => {
  it("finds files and folders and leaves commands, flags and addresses alone", () => {
    const text = "see `torrent/choker.ts`, `peer/` and `mod.ts`; run `npm test -- --filter a/b`, " +
      "`--dir`, `udp://x/announce`, `src/**`, `Deno`, `choker.onTick()`\n" +
      "```\n`in/code.ts`\n```\n";
    assert.deepEqual(namedPaths(text), ["torrent/choker.ts", "peer/", "mod.ts"]);
  });
});

describe("src/README.md", () => {
  const skip = existsSync(map) ? false : "no src/README.md yet";
  it("names only paths that exist, from src or from the top", { skip }, () => {
    const named = namedPaths(readFileSync(map, "utf8"));
    assert.ok(named.length > 10, `the map names only ${named.length} paths`);
    const missing = named.filter((path) =>
      !existsSync(join(projectRoot, "src", path)) && !existsSync(join(projectRoot, path))
    );
    assert.deepEqual(missing, []);
  });
});
