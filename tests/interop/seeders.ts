/** Real seeders of other clients. Each resolves once it seeds and ends with its Scene. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { demand, python } from "./needs.ts";
import type { Program } from "./program.ts";
import { freePort } from "./ports.ts";
import type { Payload, Scene } from "./scene.ts";

const scripts = join(dirname(fileURLToPath(import.meta.url)), "peers");

export interface Seeder {
  /** "127.0.0.1:PORT" of each of its sessions. */
  peers: string[];
  program: Program;
  /** Payload bytes that it has given so far. */
  uploaded(): Promise<number>;
}

export interface SeederOptions {
  /** Sessions, each with a port of its own. Default 1. */
  count?: number;
  /** Bytes a second that each session gives at most. Default: no limit. */
  rate?: number;
  /** A .torrent with trackers, to which it announces itself. Default: the payload's own. */
  torrent?: string;
}

export async function seedWithLibtorrent(
  scene: Scene,
  payload: Payload,
  { count = 1, rate = 0, torrent }: SeederOptions = {},
): Promise<Seeder> {
  demand("libtorrent");
  const address = "127.0.0.1";
  const file = torrent ?? scene.torrentFile(payload);
  const wanted = JSON.stringify({ torrent: file, dir: payload.dir, count, rate, address });
  const program = scene.start([python, "-B", join(scripts, "lt_seeder.py"), wanted]);
  const ports = await program.waitFor(
    "ready line",
    (line) => line.startsWith("ready ") ? line.split(" ").slice(1) : null,
  );
  let asked = 0;
  return {
    peers: ports.map((port) => `${address}:${port}`),
    program,
    uploaded: () => {
      const nth = ++asked;
      let seen = 0;
      program.tell("uploaded");
      return program.waitFor("answer", (line) => {
        const found = /^uploaded (\d+)$/.exec(line);
        return found !== null && ++seen === nth ? Number(found[1]) : null;
      });
    },
  };
}

/** Runs a program that ends when the test does, however the test ends. */
export function keep(scene: Scene, command: readonly string[]): Program {
  return scene.start([python, "-B", join(scripts, "keeper.py"), ...command]);
}

/**
 * Gives "127.0.0.1:PORT" of an aria2 that is about to seed. It cannot be asked whether it does: wait
 * until its tracker knows it.
 */
export async function seedWithAria2(
  scene: Scene,
  payload: Payload,
  torrent: string,
): Promise<string> {
  demand("aria2");
  const port = await freePort();
  keep(scene, [
    "aria2c",
    "--no-conf",
    "--check-integrity=true",
    "--seed-ratio=0.0",
    "--enable-dht=false",
    "--enable-dht6=false",
    "--enable-peer-exchange=false",
    "--bt-enable-lpd=false",
    "--disable-ipv6=true",
    `--listen-port=${port}`,
    "--summary-interval=0",
    "--show-console-readout=false",
    `--dir=${payload.dir}`,
    torrent,
  ]);
  return `127.0.0.1:${port}`;
}

/**
 * Transmission, inside a network namespace since it talks to no peer in 127.0.0.0/8. `enter` is the
 * command that runs another one there.
 */
export async function seedWithTransmission(
  scene: Scene,
  payload: Payload,
  torrent: string,
  enter: readonly string[],
): Promise<Program> {
  demand("transmission");
  const config = scene.folder();
  const [peerPort, rpcPort] = [await freePort(), await freePort()];
  mkdirSync(config, { recursive: true });
  writeFileSync(
    join(config, "settings.json"),
    JSON.stringify({
      "download-dir": payload.dir,
      "peer-port": peerPort,
      "rpc-port": rpcPort,
      "rpc-bind-address": "127.0.0.1",
      "rpc-whitelist-enabled": false,
      "rpc-host-whitelist-enabled": false,
      "dht-enabled": false,
      "lpd-enabled": false,
      "pex-enabled": false,
      "utp-enabled": false,
      "port-forwarding-enabled": false,
      "trash-original-torrent-files": false,
    }),
  );
  const daemon = keep(scene, [
    ...enter,
    "transmission-daemon",
    "--foreground",
    `--config-dir=${config}`,
  ]);
  await addToTransmission(scene, daemon, [
    ...enter,
    "transmission-remote",
    `127.0.0.1:${rpcPort}`,
    "--add",
    torrent,
    "--download-dir",
    payload.dir,
  ]);
  return daemon;
}

/** The daemon answers only once it is up; until then the command fails and is tried again. */
async function addToTransmission(
  scene: Scene,
  daemon: Program,
  command: readonly string[],
): Promise<void> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const { code, lines, stderr } = await scene.start(command).ended;
    if (code === 0 && lines.some((line) => line.includes("success"))) return;
    if (daemon.result !== null) throw new Error(`transmission ended: ${daemon.stderr}`);
    if (performance.now() > deadline) {
      throw new Error(`transmission takes no torrent: ${lines.join("\n")}${stderr}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
