/** One seed and some leeches of our own as processes of this machine, their lines limited by us. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { firstDifference } from "../lib/compare_files.ts";
import type { TorrentSpec } from "../lib/make_torrent.ts";
import { findRuntime, type RuntimeName } from "../lib/runtimes.ts";
import { fluidBound } from "./swarm_sim.ts";

export interface RealSwarm {
  spec: TorrentSpec;
  torrent: string;
  /** Holds the torrent's files. */
  source: string;
  /** The bundle. */
  script: string;
  /** An empty folder, emptied again after. */
  folder: string;
  leeches: number;
  /** Each process's upload limit, in bytes a second. */
  up: number;
  /** The first of as many free ports as there are peers. */
  firstPort: number;
}

/** Seconds from the start of the leeches until the last had everything, and of the fluid. */
export async function runReal(
  runtime: RuntimeName,
  swarm: RealSwarm,
): Promise<{ last: number; bound: number }> {
  const { spec, torrent, source, folder, leeches, up, firstPort } = swarm;
  const size = spec.files.reduce((sum, file) => sum + file.size, 0);
  const dirs = Array.from({ length: leeches }, (_, i) => join(folder, `leech${i}`));
  const children: ChildProcess[] = [];
  const start = (...args: string[]) => {
    const child = spawn(...commandOf(runtime, swarm, args));
    children.push(child);
    return child;
  };
  try {
    const seed = start(
      "seed",
      torrent,
      source,
      "--no-state",
      "--no-dht",
      "--no-lsd",
      "--trust",
      `--port=${firstPort}`,
    );
    await untilEvent(seed, (event) => event.type === "state" && event.state === "seeding");
    const begin = performance.now();
    await Promise.all(dirs.map((dir, i) => {
      mkdirSync(dir, { recursive: true });
      // Each leech knows those that started earlier; these learn about it when it connects.
      const peers = Array.from({ length: i + 1 }, (_, k) => `--peer=127.0.0.1:${firstPort + k}`);
      const port = `--port=${firstPort + i + 1}`;
      const leech = start(
        "download",
        "--no-state",
        "--no-dht",
        "--no-lsd",
        torrent,
        `--dir=${dir}`,
        port,
        "--seed-goal=forever",
        ...peers,
      );
      return untilEvent(leech, (event) => event.type === "done");
    }));
    const last = (performance.now() - begin) / 1000;
    for (const dir of dirs) {
      const what = firstDifference(spec, source, dir);
      if (what !== null) throw new Error(`${dir}: ${what}`);
    }
    const lines = Array.from({ length: leeches }, () => ({ up, down: Infinity }));
    return { last, bound: fluidBound(size, { seedUp: up, leeches: lines }) };
  } finally {
    await Promise.all(children.map(end));
    rmSync(folder, { recursive: true, force: true });
  }
}

function commandOf(runtime: RuntimeName, { script, up }: RealSwarm, args: string[]) {
  const [command, ...first] = runtime === "deno"
    ? [findRuntime("deno"), "run", "-A", "--no-config", script]
    : [findRuntime("bun"), "--no-install", script];
  const all = [...first, ...args, "--json", `--up-limit=${up}`];
  const options = { stdio: ["ignore", "pipe", "inherit"] as ["ignore", "pipe", "inherit"] };
  return [command!, all, options] as const;
}

/** Reads on after it has come: a full pipe would hold the process up. */
function untilEvent(
  child: ChildProcess,
  wanted: (event: { type: string; state?: string }) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`a peer ended with code ${code}`)));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      if (wanted(JSON.parse(line))) resolve();
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
