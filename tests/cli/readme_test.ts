/** What the README promises: its library example runs, its links and flags exist, it stays short. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { Client } from "../../mod.ts";
import { Torrent } from "../../src/torrent/torrent.ts";
import { createCommand } from "../../src/cli/commands/create.ts";
import { downloadCommand } from "../../src/cli/commands/download.ts";
import { seedCommand } from "../../src/cli/commands/seed.ts";
import { removeFolders, ROOT, runExample } from "./run_shoal.ts";

after(removeFolders);

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const COMMANDS = [createCommand, downloadCommand, seedCommand];

describe("README.md", () => {
  it("has a library example of about ten lines that downloads", { timeout: 30_000 }, async () => {
    const [, code] = /```ts\n([\s\S]*?)```/.exec(README) ?? [];
    assert.ok(code, "there is an example");
    assert.ok(code.trim().split("\n").length <= 12);
    assert.match(await runExample(code), /1048576 of 1048576 bytes\n$/);
  });

  it("links only to files that exist, as do the pages in docs", () => {
    for (const page of ["README.md", "docs/json.md", "docs/library.md", "docs/options.md"]) {
      const text = readFileSync(join(ROOT, page), "utf8");
      const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, to]) => to!);
      const local = links.filter((to) => !/^https?:/.test(to));
      if (page === "README.md") assert.ok(local.length >= 4);
      for (const path of local) assert.ok(existsSync(join(ROOT, dirname(page), path)), path);
    }
  });

  it("shows only commands with flags that they have", () => {
    const lines = README.match(/^shoal (create|download|seed) [^#\n]+/gm) ?? [];
    assert.ok(lines.length >= 10);
    for (const line of lines) {
      const command = COMMANDS.find(({ name }) => line.startsWith(`shoal ${name} `))!;
      for (const [, flag] of line.matchAll(/ --([a-z-]+)/g)) {
        assert.ok(flag! in command.flags, line);
      }
    }
  });

  it("sends readers to a page that names only members that exist", () => {
    const text = readFileSync(join(ROOT, "docs/library.md"), "utf8");
    const named = [...text.matchAll(/`(torrent|client)\.([a-zA-Z]+)/g)];
    assert.ok(named.length >= 10);
    for (const [, of, member] of named) {
      assert.ok(member! in (of === "torrent" ? Torrent : Client).prototype, `${of}.${member}`);
    }
  });

  it("is at most 9 KB long, so that people read it", () => {
    assert.ok(Buffer.byteLength(README) <= 9000, `${Buffer.byteLength(README)} bytes`);
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
