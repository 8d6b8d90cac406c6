/** The clients of the bench, and the command line of each for one torrent from given seeders. */

import { findRuntime } from "../lib/runtimes.ts";
import { benchScript, python, type Seeders } from "./seeders.ts";

export type ClientName = "deno" | "bun" | "exe" | "libtorrent" | "aria2" | "floor";

export const clientNames: readonly ClientName[] = [
  "deno",
  "bun",
  "exe",
  "libtorrent",
  "aria2",
  "floor",
];

export const titles: Readonly<Record<ClientName, string>> = {
  deno: "shoal on Deno",
  bun: "shoal on Bun",
  exe: "shoal executable",
  libtorrent: "libtorrent 2.0.8",
  aria2: "aria2",
  floor: "floor",
};

export interface Job {
  torrent: string;
  /** Where the download goes. */
  dir: string;
  seeders: Seeders;
  /** The bundle and the executable made from it. */
  script: string;
  executable: string;
  /** The arguments of scripts/bench/floor.c for the torrent; null without it. */
  floor: Floor | null;
  /** More flags, for shoal only. */
  flags: readonly string[];
}

/** The floor: a program that only connects, asks, hashes and writes. */
export interface Floor {
  program: string;
  infoHash: string;
  size: number;
  pieceLength: number;
  /** File of the pieces' hashes. */
  hashes: string;
  /** Name of the torrent's one file. */
  name: string;
}

/** The command line, the program first. */
export function commandOf(client: ClientName, job: Job): string[] {
  const peers = job.seeders.ports.map((port) => `127.0.0.1:${port}`);
  switch (client) {
    case "deno":
      return [findRuntime("deno"), "run", "-A", "--no-config", job.script, ...shoal(job, peers)];
    case "bun":
      return [findRuntime("bun"), "--no-install", job.script, ...shoal(job, peers)];
    case "exe":
      return [job.executable, ...shoal(job, peers)];
    case "libtorrent":
      return [python, "-B", benchScript("lt_leech.py"), job.torrent, job.dir, ...peers];
    case "aria2":
      return ["aria2c", ...aria2(job)];
    case "floor":
      return floor(job);
  }
}

function shoal(job: Job, peers: readonly string[]): string[] {
  return [
    "download",
    job.torrent,
    `--dir=${job.dir}`,
    "--quiet",
    "--no-state",
    "--no-dht",
    "--no-lsd",
    `--max-peers=${Math.max(25, peers.length)}`,
    ...peers.map((peer) => `--peer=${peer}`),
    ...job.flags,
  ];
}

function floor({ floor, seeders, dir }: Job): string[] {
  if (floor === null) throw new Error("the floor takes one file from one seeder");
  const { program, infoHash, size, pieceLength, hashes, name } = floor;
  return [
    program,
    "127.0.0.1",
    String(seeders.ports[0]),
    infoHash,
    String(size),
    String(pieceLength),
    hashes,
    `${dir}/${name}`,
  ];
}

/** aria2 cannot be given a peer: it asks the bench's tracker. */
function aria2(job: Job): string[] {
  return [
    "--no-conf",
    "--seed-time=0",
    "--enable-dht=false",
    "--enable-dht6=false",
    "--enable-peer-exchange=false",
    "--bt-enable-lpd=false",
    "--bt-max-peers=0",
    "--bt-exclude-tracker=*",
    `--bt-tracker=${job.seeders.trackerUrl}`,
    "--file-allocation=none",
    "--disk-cache=64M",
    "--auto-save-interval=0",
    "--summary-interval=0",
    "--console-log-level=error",
    "--quiet=true",
    `--dir=${job.dir}`,
    job.torrent,
  ];
}
