/** The example of docs/library.md that brings connections of its own downloads a torrent over them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "node:test";
import { removeFolders, ROOT, runExample } from "../cli/run_shoal.ts";

after(removeFolders);

it("A download over connections that the user of the library makes", {
  timeout: 30_000,
}, async () => {
  const page = readFileSync(join(ROOT, "docs/library.md"), "utf8");
  const [, code] = /own_connections_test.ts runs this. -->\n```ts\n([\s\S]*?)```/.exec(page) ?? [];
  assert.ok(code, "there is an example");
  const out = await runExample(code);
  assert.match(out, /^connected to port \d+ through the tunnel\n/);
  const [, bytes] = /^(\d+) bytes\n$/m.exec(out)!;
  assert.ok(Number(bytes) >= 1024 * 1024);
});
