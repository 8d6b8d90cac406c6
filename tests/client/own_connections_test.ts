/** The example of docs/library.md that brings connections of its own downloads a torrent over them. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "node:test";
import { newFolder, removeFolders, ROOT, startShoal, startSwarm } from "../cli/run_shoal.ts";

after(removeFolders);

it("A download over connections that the user of the library makes", {
  timeout: 30_000,
}, async () => {
  const page = readFileSync(join(ROOT, "docs/library.md"), "utf8");
  const [, code] = /own_connections_test.ts runs this. -->\n```ts\n([\s\S]*?)```/.exec(page) ?? [];
  assert.ok(code, "there is an example");
  const swarm = await startSwarm(1024 * 1024, 50 * 1024 * 1024);
  try {
    const cwd = newFolder(), script = join(cwd, "example.ts");
    copyFileSync(swarm.torrentPath, join(cwd, "example.torrent"));
    const url = new URL("../../mod.ts", import.meta.url).href;
    writeFileSync(script, code.replace('"./mod.ts"', JSON.stringify(url)));
    const run = await startShoal([], { script, cwd }).finished;
    assert.equal(run.err, "");
    assert.equal(run.code, 0);
    assert.match(run.out, /^connected to port \d+ through the tunnel\n/);
    const [, bytes] = /^(\d+) bytes\n$/m.exec(run.out)!;
    assert.ok(Number(bytes) >= 1024 * 1024);
    assert.deepEqual(readFileSync(join(cwd, "downloads", "data.bin")), readFileSync(swarm.data));
  } finally {
    await swarm.close();
  }
});
