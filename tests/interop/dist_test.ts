/** What `npm run build` makes, downloading something in each form that is shipped. */

import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { bundle } from "../../scripts/lib/bundle.ts";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { compileWithBun } from "../../scripts/lib/executables.ts";
import { serveFile } from "../../scripts/lib/file_server.ts";
import { findRuntime, projectRoot } from "../../scripts/lib/runtimes.ts";
import { needs } from "./needs.ts";
import { type Payload, Scene } from "./scene.ts";
import { type Seeder, seedWithLibtorrent } from "./seeders.ts";
import { runShoal, told } from "./shoal.ts";

const skip = needs("libtorrent");
const limit = { skip, timeout: 60_000 };

const spec = {
  name: "dist",
  pieceLength: 64 * 1024,
  files: [{ path: "a.bin", size: 3_000_001 }, { path: "b/c.bin", size: 500_000 }],
};

describe("the built program downloads a torrent", () => {
  const scene = new Scene();
  let payload: Payload;
  let seeder: Seeder;
  const script = join(scene.dir, "shoal.js");

  before(async () => {
    if (skip !== false) return;
    payload = scene.payload(spec);
    seeder = await seedWithLibtorrent(scene, payload);
    await bundle(join(projectRoot, "mod.ts"), script);
  });
  after(() => scene.close());

  async function downloads(command: readonly string[]): Promise<void> {
    const dir = scene.folder();
    const args = ["download", scene.torrentFile(payload), `--dir=${dir}`, "--quiet"];
    const run = await runShoal(scene, [...args, `--peer=${seeder.peers[0]}`], command);
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
  }

  it("as one file from a URL, on Deno", limit, async () => {
    const server = await serveFile(script);
    scene.onClose(() => server.close());
    await downloads([findRuntime("deno"), "run", "-A", "--reload", server.url]);
    assert.ok(server.requests() > 0);
  });

  it("as one file, on Bun", limit, async () => {
    await downloads([findRuntime("bun"), "--no-install", script]);
  });

  it("as an executable made by Bun", limit, async () => {
    await downloads([await compileWithBun(script, join(scene.dir, "shoal"))]);
  });
});
