/** Whether the other clients are on this machine, and what happens when they are not. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** The system's Python: the one for which Debian packs libtorrent. */
export const python = "/usr/bin/python3";

export type Peer =
  | "libtorrent"
  | "aria2"
  | "transmission"
  | "opentracker"
  | "mktorrent"
  | "transmissionrpc"
  | "prometheus"
  | "desktop";

const packages: Readonly<Record<Peer, string>> = {
  libtorrent: "python3-libtorrent",
  aria2: "aria2",
  transmission: "transmission-daemon transmission-cli",
  opentracker: "opentracker",
  mktorrent: "mktorrent",
  transmissionrpc: "python3-transmissionrpc",
  prometheus: "prometheus",
  desktop: "transmission-qt transmission-remote-gtk xvfb",
};

/** Modules of Python, by the peers that are such. */
const modules: Readonly<Partial<Record<Peer, string>>> = {
  libtorrent: "libtorrent",
  transmissionrpc: "transmissionrpc",
};

const programs: Readonly<Record<Peer, readonly string[]>> = {
  libtorrent: [],
  aria2: ["aria2c"],
  transmission: ["transmission-daemon", "transmission-remote"],
  opentracker: ["opentracker"],
  mktorrent: ["mktorrent"],
  transmissionrpc: [],
  prometheus: ["prometheus", "promtool"],
  desktop: ["transmission-qt", "transmission-remote-gtk", "Xvfb"],
};

/**
 * For the `skip` of a test: false when all of `peers` are here, else why it is left out. Under
 * SHOAL_REQUIRE_PEERS=1 nothing is left out, so the test fails when it starts what is missing.
 */
export function needs(...peers: Peer[]): string | false {
  if (process.env.SHOAL_REQUIRE_PEERS === "1") return false;
  const missing = peers.filter((peer) => !isHere(peer));
  if (missing.length === 0) return false;
  return `needs ${missing.map((peer) => packages[peer]).join(", ")}`;
}

/** Throws with what to install when `peer` is not here. */
export function demand(peer: Peer): void {
  if (!isHere(peer)) throw new Error(`${peer} is not here: apt-get install ${packages[peer]}`);
}

const known = new Map<Peer, boolean>();

function isHere(peer: Peer): boolean {
  const before = known.get(peer);
  if (before !== undefined) return before;
  const module = modules[peer];
  const here = hasPython(module === undefined ? "" : `import ${module}`) &&
    programs[peer].every(onPath);
  known.set(peer, here);
  return here;
}

/** The peers' keeper is a Python script as well, so that all of them need it. */
function hasPython(code: string): boolean {
  return existsSync(python) && spawnSync(python, ["-c", code]).status === 0;
}

function onPath(program: string): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program)));
}
