import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../scripts/lib/run.ts";
import { projectRoot } from "../../scripts/lib/runtimes.ts";

const tsc = join(projectRoot, "node_modules/.bin/tsc");

function check(args: string[]) {
  return run(tsc, args, { timeoutMs: 120_000 });
}

describe("the library in a strict Bun project", () => {
  it("has no type errors, in its own files either", { timeout: 120_000 }, async () => {
    const checked = await check(["-p", join(projectRoot, "tests/harness/bun_project")]);
    assert.equal(checked.stdout, "");
    assert.equal(checked.code, 0);
  });

  it("is really checked", { timeout: 120_000 }, async () => {
    const project = join(projectRoot, "tests/harness/bun_project");
    const listed = await check(["-p", project, "--listFilesOnly"]);
    assert.match(listed.stdout, /src\/torrent\/torrent\.ts/);
  });
});
