/** Pipes and devices in place of the files of a state folder: nothing waits for them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const skip = process.platform === "win32" ? "there are no pipes with names" : false;
const HASH = "ab".repeat(20);

describe("a state folder with pipes and devices in it", { skip }, () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-regular-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("files.read refuses irregular files, and follows a link to a regular one", async () => {
    const { files } = await selectPlatform();
    const pipe = join(folder, "pipe"), real = join(folder, "real"), link = join(folder, "link");
    execFileSync("mkfifo", [pipe]);
    writeFileSync(real, "abc");
    symlinkSync(real, link);
    const how = { regularOnly: true };
    await assert.rejects(files.read(pipe, 10, how), { name: "FileError", message: /pipe/ });
    await assert.rejects(files.read("/dev/zero", 10, how), { name: "FileError" });
    assert.equal((await files.read(link, 10, how)).length, 3);
  });

  it("is opened and restored at once, with warnings", { timeout: 20_000 }, async () => {
    const stateDir = join(folder, "state");
    mkdirSync(stateDir);
    for (const name of ["dht", "quota", `${HASH}.resume`, `${HASH}.json`, `${HASH}.torrent`]) {
      execFileSync("mkfifo", [join(stateDir, name)]);
    }
    const client = await Client.open(await selectPlatform(), {
      port: -1,
      dht: false,
      lsd: false,
      stateDir,
    });
    const warnings: string[] = [];
    const heard = (async () => {
      for await (const event of client.events()) {
        if (event.type === "warning") warnings.push(event.message);
      }
    })();
    assert.deepEqual(await client.restore(), []);
    await client.close();
    await heard;
    assert.ok(warnings.some((message) => /not restored.*pipe/.test(message)), warnings.join("\n"));
  });
});
