import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { selectPlatform } from "../../src/platform/select.ts";

const { http } = selectPlatform();

async function inFolder(body: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-unix-"));
  try {
    await body(join(folder, "a.sock"), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("a Unix socket is its owner's alone, and nothing is left of it", async () => {
  await inFolder(async (unix, folder) => {
    const server = await http.serve({ unix }, () => new Response("x"));
    assert.equal(statSync(unix).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ["a.sock"]);
    await server.close();
    assert.deepEqual(readdirSync(folder), []);
  });
});

test("a socket that a killed process left is replaced", async () => {
  await inFolder(async (unix) => {
    const code = `import("node:net").then((net) =>
      net.createServer().listen(${JSON.stringify(unix)}, () => console.log("on")));`;
    const run = "Deno" in globalThis ? ["eval", code] : ["-e", code];
    const other = spawn(process.execPath, run, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => other.stdout.once("data", resolve));
    const ended = new Promise((resolve) => other.once("exit", resolve));
    await assert.rejects(http.serve({ unix }, () => new Response("x")), { code: "address-in-use" });
    other.kill("SIGKILL");
    await ended;
    assert.ok(statSync(unix).isSocket(), "the dead process left its socket");
    await (await http.serve({ unix }, () => new Response("x"))).close();
  });
});

test("a file, a folder or a link at the path stays as it is", async () => {
  await inFolder(async (unix, folder) => {
    const target = join(folder, "target");
    const serving = () => http.serve({ unix }, () => new Response("x"));
    writeFileSync(target, "mine");
    writeFileSync(unix, "mine");
    await assert.rejects(serving(), { code: "address-in-use" });
    assert.equal(readFileSync(unix, "utf8"), "mine");
    rmSync(unix);
    symlinkSync(target, unix);
    await assert.rejects(serving(), { code: "address-in-use" });
    assert.ok(lstatSync(unix).isSymbolicLink());
    rmSync(unix);
    mkdirSync(unix);
    await assert.rejects(serving(), { code: "address-in-use" });
    assert.deepEqual(readdirSync(folder).sort(), ["a.sock", "target"]);
  });
});

test("the end of a server removes its own socket only", async () => {
  await inFolder(async (unix, folder) => {
    const first = await http.serve({ unix }, () => new Response("x"));
    renameSync(unix, join(folder, "away"));
    const second = await http.serve({ unix }, () => new Response("x"));
    await first.close();
    assert.ok(statSync(unix).isSocket(), "the socket of the second server is still there");
    await second.close();
    assert.deepEqual(readdirSync(folder), ["away"]);
  });
});
