/**
 * The seeders of `npm run bench -- seed`: how each is started, when it is ready, and what it has
 * cost so far. They live through all rounds, as seeders do; the time before a round is not counted.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { run } from "../lib/run.ts";
import { findRuntime } from "../lib/runtimes.ts";
import { startSeeders } from "./seeders.ts";

export const seederNames = ["deno", "bun", "libtorrent", "transmission", "aria2"] as const;
export type SeederName = typeof seederNames[number];

export interface SeedJob {
  torrent: string;
  /** Holds the torrent's files. */
  dir: string;
  host: string;
  /** The bundle. */
  script: string;
  /** A folder for what a seeder writes for itself. */
  scratch: string;
}

export interface Seeder {
  pid: number;
  port: number;
  stop(): Promise<void>;
}

/**
 * An address of this machine through which transmission, too, is reached: it takes no peer in
 * 127.0.0.0/8. What is sent to an own address stays inside the machine, whichever it is.
 */
export function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find((one) => one.family === "IPv4" && !one.internal)?.address ?? "127.0.0.1";
}

/** Resolves when the seeder has everything and listens. */
export async function startSeeder(name: SeederName, job: SeedJob): Promise<Seeder> {
  if (name === "libtorrent") {
    const one = await startSeeders(job.torrent, job.dir, 1, job.host);
    return { pid: one.pid, port: one.ports[0]!, stop: one.stop };
  }
  const port = await freePort();
  const [command, ...args] = commandOf(name, job, port);
  const child = spawn(command!, args, { stdio: ["ignore", "ignore", "inherit"], cwd: job.scratch });
  const stop = () => end(child);
  try {
    if (name === "transmission") await addToTransmission(job, port + 1);
    await untilListening(child, job.host, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid!, port, stop };
}

function commandOf(name: Exclude<SeederName, "libtorrent">, job: SeedJob, port: number): string[] {
  const shoal = [
    ...[
      "seed",
      job.torrent,
      job.dir,
      "--trust",
      "--quiet",
      "--no-state",
      "--no-dht",
      "--no-lsd",
      `--port=${port}`,
      "--max-peers=100",
    ],
  ];
  switch (name) {
    case "deno":
      return [findRuntime("deno"), "run", "-A", "--no-config", job.script, ...shoal];
    case "bun":
      return [findRuntime("bun"), "--no-install", job.script, ...shoal];
    case "aria2":
      return ["aria2c", ...aria2(job, port)];
    case "transmission":
      return ["transmission-daemon", "--foreground", `--config-dir=${transmission(job, port)}`];
  }
}

function aria2(job: SeedJob, port: number): string[] {
  return [
    "--no-conf",
    "--bt-seed-unverified=true",
    "--seed-ratio=0.0",
    "--enable-dht=false",
    "--enable-dht6=false",
    "--enable-peer-exchange=false",
    "--bt-enable-lpd=false",
    "--bt-max-peers=0",
    "--disable-ipv6=true",
    `--listen-port=${port}`,
    "--disk-cache=64M",
    "--summary-interval=0",
    "--quiet=true",
    `--dir=${job.dir}`,
    job.torrent,
  ];
}

/** Writes its settings and returns their folder; it is controlled through the port after `port`. */
function transmission(job: SeedJob, port: number): string {
  const folder = join(job.scratch, "transmission");
  // What one before it left would be its torrent already.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const settings = {
    "download-dir": job.dir,
    "peer-port": port,
    "rpc-port": port + 1,
    "rpc-bind-address": "127.0.0.1",
    "rpc-whitelist-enabled": false,
    "rpc-host-whitelist-enabled": false,
    "dht-enabled": false,
    "lpd-enabled": false,
    "pex-enabled": false,
    "utp-enabled": false,
    "port-forwarding-enabled": false,
    "trash-original-torrent-files": false,
    "encryption": 0,
    "upload-slots-per-torrent": 100,
    "message-level": 1,
  };
  writeFileSync(join(folder, "settings.json"), JSON.stringify(settings));
  return folder;
}

/** Adds the torrent and waits until it has hashed all of it. */
async function addToTransmission(job: SeedJob, rpcPort: number): Promise<void> {
  const ask = (...args: string[]) =>
    run("transmission-remote", [`127.0.0.1:${rpcPort}`, ...args], { timeoutMs: 5000 });
  await until("transmission takes the torrent", async () => {
    const { code, stdout } = await ask("--add", job.torrent, "--download-dir", job.dir);
    return code === 0 && stdout.includes("success");
  });
  await until("transmission has hashed everything", async () => {
    const { stdout } = await ask("--torrent", "1", "--info");
    return /Percent Done: 100%/.test(stdout) && /State: (Idle|Seeding)/.test(stdout);
  });
}

async function untilListening(child: ChildProcess, host: string, port: number): Promise<void> {
  await until("the seeder listens", () => {
    if (child.exitCode !== null) throw new Error(`the seeder ended with code ${child.exitCode}`);
    return new Promise((resolve) => {
      const socket = connect(port, host);
      const answer = (value: boolean) => {
        socket.destroy();
        resolve(value);
      };
      socket.once("connect", () => answer(true));
      socket.once("error", () => answer(false));
    });
  });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited a minute until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** A port that is free now, together with the one after it. */
async function freePort(): Promise<number> {
  for (;;) {
    const first = await listenOnce(0);
    if (first < 65_535 && await listenOnce(first + 1).catch(() => 0) > 0) return first;
  }
}

async function listenOnce(wanted: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** User and system seconds of all threads of a process so far. Linux. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold anything; after it come the fields from the third on.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Peak resident bytes since `forgetPeak`. */
export function peakResident(pid: number): number {
  const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? NaN) * 1024;
}

export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Why a seeder cannot take part here, or null. */
export function cannotSeed(name: SeederName, host: string, leeches: number): string | null {
  if (process.platform !== "linux") return "the costs are read from Linux's /proc";
  if (name !== "transmission") return null;
  if (host.startsWith("127.")) {
    return "it takes no peer in 127.0.0.0/8, this machine's only address";
  }
  return leeches > 1 ? "it does not serve a second leech from one address" : null;
}

/** A second leech from an address got nothing from transmission 3.00; from a fresh one it does. */
export function servesOnce(name: SeederName): boolean {
  return name === "transmission";
}
