/** What the README promises: its library example runs as it stands, its links lead somewhere. */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { newFolder, removeFolders, ROOT, startShoal, startSwarm } from "./run_shoal.ts";

after(removeFolders);

const README = readFileSync(join(ROOT, "README.md"), "utf8");

describe("README.md", () => {
  it("has a library example of about ten lines that downloads", { timeout: 30_000 }, async () => {
    const [, code] = /```ts\n([\s\S]*?)```/.exec(README) ?? [];
    assert.ok(code, "there is an example");
    assert.ok(code.trim().split("\n").length <= 12);
    const swarm = await startSwarm(1024 * 1024, 50 * 1024 * 1024);
    try {
      const cwd = newFolder(), script = join(cwd, "example.ts");
      copyFileSync(swarm.torrentPath, join(cwd, "example.torrent"));
      const url = new URL("../../mod.ts", import.meta.url).href;
      writeFileSync(script, code.replace('"./mod.ts"', JSON.stringify(url)));
      const run = await startShoal([], { script, cwd }).finished;
      assert.equal(run.err, "");
      assert.equal(run.code, 0);
      assert.match(run.out, /1048576 of 1048576 bytes\n$/);
      assert.deepEqual(readFileSync(join(cwd, "downloads", "data.bin")), readFileSync(swarm.data));
    } finally {
      await swarm.close();
    }
  });

  it("mentions only files that exist", () => {
    const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => to!);
    const local = links.filter((to) => !/^https?:/.test(to));
    assert.ok(local.length >= 4);
    for (const path of local) assert.ok(existsSync(join(ROOT, path)), path);
  });

  it("names only npm scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const named = [...README.matchAll(/npm (?:run )?(test|demo|build|bench)\b/g)].map(([, n]) =>
      n!
    );
    assert.ok(named.includes("demo") && named.includes("test"));
    for (const name of named) assert.ok(name in scripts, name);
  });
});
