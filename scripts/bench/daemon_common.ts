/** What the processes of the bench `daemon` share. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Client } from "../../src/client/client.ts";
import { Daemon, type StartModule } from "../../src/daemon/daemon.ts";
import { DaemonLog } from "../../src/daemon/log.ts";
import { FileSettings } from "../../src/daemon/settings.ts";
import { selectPlatform } from "../../src/platform/select.ts";

export const platform = selectPlatform();
export const OFFLINE = { address: "127.0.0.1", dht: false, lsd: false };
export const FOREVER = { seedGoal: { kind: "forever" } } as const;

/** What a manager of downloads asks for. */
export const FIELDS = [
  ...["id", "hashString", "name", "downloadDir", "totalSize", "leftUntilDone", "isFinished", "eta"],
  ...["status", "secondsDownloading", "secondsSeeding", "errorString", "uploadedEver", "labels"],
  ...["downloadedEver", "seedRatioLimit", "seedRatioMode", "seedIdleLimit", "seedIdleMode"],
  ...["file-count", "rateUpload"],
];

/** `listen`: as in the settings. `modules`: default all. */
export async function openDaemon(
  stateDir: string,
  { listen, modules }: { listen: string; modules?: readonly StartModule[] },
): Promise<Daemon> {
  const config = join(stateDir, "config.jsonc");
  const rest = { torrents: FOREVER, logLevel: "error", listen };
  writeFileSync(config, JSON.stringify({ ...OFFLINE, ...rest }));
  const settings = await FileSettings.open(platform.files, config);
  const log = new DaemonLog(platform, () => settings.present);
  return await Daemon.open(platform, { settings, log, stateDir, ...(modules ? { modules } : {}) });
}

/** Looks at a few torrents in each turn of the loop, so as not to hold it up. */
export async function untilSeeding(client: Client): Promise<void> {
  for (const [at, torrent] of client.torrents().entries()) {
    if (at % 50 === 0) await turn(0);
    while (torrent.status().state !== "seeding") await turn(20);
  }
}

export function turn(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Milliseconds of this process on all threads. */
export function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/**
 * The longest that the loop's thread worked between two turns of the loop, in milliseconds of its CPU:
 * on a busy machine the clock would tell how long the thread had to wait for a core.
 */
export class LoopWatch {
  #last = ownMs();
  #longest = 0;
  #ended = false;

  constructor() {
    void this.#run();
  }

  end(): number {
    this.#ended = true;
    return Math.max(this.#longest, ownMs() - this.#last);
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = ownMs();
      this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
    }
  }
}

/** CPU of the main thread where the system tells (Linux), else the clock. */
function ownMs(): number {
  try {
    return Number(readFileSync("/proc/self/schedstat", "latin1").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** Another process of this bench, on the same runtime: its first line of output, and its end. */
export async function helper(...args: string[]): Promise<{ line: string; end: () => void }> {
  const script = join(import.meta.dirname!, "daemon_child.ts");
  const before = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
  const stdio: ["ignore", "pipe", "inherit"] = ["ignore", "pipe", "inherit"];
  const child = spawn(process.execPath, [...before, script, ...args], { stdio });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", () => reject(new Error(`${args[0]} ended`)));
  });
  return { line, end: () => void child.kill("SIGKILL") };
}
