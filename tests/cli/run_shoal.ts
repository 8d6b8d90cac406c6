/** Runs the real command line in a process of its own, on the runtime that runs the test. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { atHome } from "../harness/at_home.ts";
import { type DemoSwarm, startDemoSwarm } from "../../src/cli/commands/demo.ts";
import { Client } from "../../src/client/client.ts";
import { encodeTorrent } from "../../src/metainfo/create_torrent.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { serveTracker } from "../../src/tracker/local_tracker.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const platform = selectPlatform();

export interface Finished {
  code: number | null;
  out: string;
  err: string;
  ms: number;
}

export interface Running {
  /** What was printed so far. */
  readonly out: string;
  readonly err: string;
  readonly finished: Promise<Finished>;
  kill(signal: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGKILL"): void;
}

/** The runtime's own arguments that run `script` with all permissions. */
export function runtimeArgs(script: string): string[] {
  return platform.name === "deno"
    ? ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), script]
    : [script];
}

/** The configuration of the user who runs the tests says nothing. */
const NO_CONFIG = { XDG_CONFIG_HOME: join(tmpdir(), "shoal-no-such-folder") };

/** `script`: another program than mod.ts; `input`: what standard input holds, nothing by default. */
export function startShoal(
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; script?: string; input?: string } = {},
): Running {
  const script = options.script ?? join(ROOT, "mod.ts");
  const keepsState = options.env?.["HOME"] !== undefined;
  const command = [...runtimeArgs(script), ...atHome(args, { keepsState })];
  const child = spawn(process.execPath, command, {
    cwd: options.cwd ?? tmpdir(),
    env: { ...process.env, NO_COLOR: "1", XDG_STATE_HOME: "", ...NO_CONFIG, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {}).end(options.input ?? "");
  const startedAt = performance.now();
  let out = "", err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => err += text);
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      // Deno's child_process reports an exit with 130 as if SIGINT had ended the process. What was
      // printed last tells the two apart.
      const code = status ?? (signal === "SIGINT" ? 130 : null);
      resolve({ code, out, err, ms: performance.now() - startedAt });
    });
  });
  return {
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    finished,
    // Not child.kill, after which Deno reports the signal as the way the child ended.
    kill: (signal) => void process.kill(child.pid!, signal),
  };
}

export async function shoal(...args: string[]): Promise<Finished> {
  return await startShoal(args).finished;
}

const folders: string[] = [];

/** A new temporary folder; files that use it call `after(removeFolders)`. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "shoal-cli-"));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export interface TestSwarm extends DemoSwarm {
  folder: string;
  /** The folder and file that the seeders have. */
  seeds: string;
  data: string;
  torrentPath: string;
}

/** A tracker and three seeders in this process; NAME is "data.bin". */
export async function startSwarm(size: number, bytesPerSecond: number): Promise<TestSwarm> {
  const folder = newFolder(), seeds = newFolder();
  const openClient = Client.open;
  const swarm = await startDemoSwarm(platform, openClient, {
    dir: seeds,
    name: "data.bin",
    size,
    bytesPerSecond,
  });
  const torrentPath = join(folder, "data.torrent");
  writeFileSync(torrentPath, swarm.torrent);
  return { ...swarm, folder, seeds, data: join(seeds, "data.bin"), torrentPath };
}

/**
 * Runs an example of the documentation in a folder with an `example.torrent`, which it must download
 * to `downloads`. Returns what it printed.
 */
export async function runExample(code: string): Promise<string> {
  const swarm = await startSwarm(1024 * 1024, 50 * 1024 * 1024);
  try {
    const cwd = newFolder(), script = join(cwd, "example.ts");
    copyFileSync(swarm.torrentPath, join(cwd, "example.torrent"));
    const url = new URL("../../mod.ts", import.meta.url).href;
    writeFileSync(script, code.replace('"./mod.ts"', JSON.stringify(url)));
    const { out, err, code: exitCode } = await startShoal([], { script, cwd }).finished;
    assert.equal(err, "");
    assert.equal(exitCode, 0);
    assert.deepEqual(readFileSync(join(cwd, "downloads", "data.bin")), readFileSync(swarm.data));
    return out;
  } finally {
    await swarm.close();
  }
}

/** The .torrent of a file that does not exist, at most a piece of 256 KiB long. */
export function torrentOfNothing(name: string, size: number, announce: string): Uint8Array {
  const content = {
    name,
    pieceLength: 256 * 1024,
    files: [{ path: [], length: size, pad: false }],
  };
  return encodeTorrent(content, new Uint8Array(20), { announce: [[announce]] });
}

/** A tracker with nobody to tell of. */
export async function startEmptyTracker() {
  return await serveTracker(platform, { port: 0 });
}
