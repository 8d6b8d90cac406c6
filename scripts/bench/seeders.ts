/** The other end of the bench: libtorrent seeders, and a tracker for clients that need one. */

import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { projectRoot } from "../lib/runtimes.ts";

/** The system's Python: the one for which Debian packs libtorrent. */
export const python = "/usr/bin/python3";

export function benchScript(name: string): string {
  return join(projectRoot, "scripts", "bench", name);
}

export interface Seeders {
  /** The process of all of them. */
  pid: number;
  ports: number[];
  /** A tracker that names these seeders, for clients that cannot be given peers. */
  trackerUrl: string;
  stop(): Promise<void>;
}

/** Starts `count` libtorrent sessions in one process on `host` that seed `torrent` from `dir`. */
export async function startSeeders(
  torrent: string,
  dir: string,
  count: number,
  host = "127.0.0.1",
): Promise<Seeders> {
  const script = benchScript("lt_seed.py");
  const child = spawn(python, ["-B", script, torrent, dir, String(count), host], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ports = await readyLine(child);
  const tracker = await startTracker(ports);
  return {
    pid: child.pid!,
    ports,
    trackerUrl: tracker.url,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      await tracker.stop();
    },
  };
}

/** Waits for "ready PORT..."; rejects when the process ends before. */
function readyLine(child: ChildProcess): Promise<number[]> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the seeder ended with code ${code}`)));
    const lines = createInterface({ input: child.stdout! });
    lines.on("line", (line) => {
      const [word, ...ports] = line.split(" ");
      if (word === "ready") resolve(ports.map(Number));
    });
  });
}

async function startTracker(ports: readonly number[]) {
  const peers = Buffer.concat(ports.map((port) => Buffer.from([127, 0, 0, 1, port >> 8, port])));
  const head =
    `d8:completei${ports.length}e10:incompletei0e8:intervali1800e5:peers${peers.length}:`;
  const body = Buffer.concat([Buffer.from(head), peers, Buffer.from("e")]);
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/announce`,
    stop: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
