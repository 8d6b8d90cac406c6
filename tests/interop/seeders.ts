/** Seeders: real ones of other clients, and ours. Each resolves once it seeds and ends with its Scene. */

import { join } from "node:path";
import { keep, scripts } from "./keep.ts";
import { demand, python } from "./needs.ts";
import type { Program } from "./program.ts";
import { freePort } from "./ports.ts";
import type { Payload, Scene } from "./scene.ts";
import { type RunningShoal, startShoal } from "./shoal.ts";
import { startTransmission } from "./transmission.ts";

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

/**
 * Gives "127.0.0.1:PORT" of an aria2 that is about to seed. It cannot be asked whether it does: wait
 * until its tracker knows it.
 */
export async function seedWithAria2(
  scene: Scene,
  payload: Payload,
  torrent: string,
  rate = 0,
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
    `--max-overall-upload-limit=${rate}`,
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
  return (await startTransmission(scene, torrent, payload.dir, enter)).program;
}

export interface ShoalSeeder {
  port: number;
  shoal: RunningShoal;
}

/** Our own, on all addresses of this machine. `args` are further ones of `shoal seed`. */
export async function seedWithShoal(
  scene: Scene,
  payload: Payload,
  args: readonly string[] = [],
  command?: readonly string[],
): Promise<ShoalSeeder> {
  const port = await freePort();
  const torrent = scene.torrentFile(payload);
  const given = ["seed", torrent, payload.dir, "--json", `--port=${port}`, ...args];
  const shoal = startShoal(scene, given, command);
  await shoal.waitFor("seeding", ({ type, state }) => type === "state" && state === "seeding");
  return { port, shoal };
}
