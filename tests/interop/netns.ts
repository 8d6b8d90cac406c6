/** A network namespace joined to this one by a pair of virtual cables. Needs root and iproute2. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import type { Scene } from "./scene.ts";

export interface Namespace {
  /** This side's and the far side's address. */
  here: string;
  there: string;
  /** All addresses of this side, `here` first: for programs that tell peers apart by them. */
  near: string[];
  /** Put before a command, it runs inside. */
  enter: string[];
}

/** Why a namespace cannot be made on this machine, or false when it can. */
export function cannotMakeNamespace(): string | false {
  if (process.platform !== "linux") return "needs Linux";
  return process.getuid?.() === 0 ? false : "needs root, for network namespaces";
}

/** Makes a namespace; it goes with the Scene, after the programs in it. */
export function makeNamespace(scene: Scene): Namespace {
  const name = `shoal-${process.pid}`;
  const [nearEnd, far] = [`shl${process.pid}a`, `shl${process.pid}b`];
  const [there = "", ...near] = ownAddresses(213).slice(1, 6);
  removeAbandoned();
  scene.onClose(() => void ip("netns", "del", name));
  ip("netns", "add", name);
  ip("link", "add", nearEnd, "type", "veth", "peer", "name", far, "netns", name);
  for (const address of near) ip("addr", "add", `${address}/29`, "dev", nearEnd);
  ip("link", "set", nearEnd, "up");
  ip("-n", name, "addr", "add", `${there}/29`, "dev", far);
  ip("-n", name, "link", "set", far, "up");
  ip("-n", name, "link", "set", "lo", "up");
  return { here: near[0]!, there, near, enter: ["ip", "netns", "exec", name] };
}

/**
 * Eight more addresses of the far side, for many programs there of which others take only one per
 * address; this side knows the way to them.
 */
export function addFarAddresses({ there, enter }: Namespace): string[] {
  const more = ownAddresses(223), name = enter.at(-1)!;
  for (const address of more) {
    ip("-n", name, "addr", "add", `${address}/32`, "dev", `shl${process.pid}b`);
  }
  ip("route", "add", `${more[0]}/29`, "via", there);
  return more;
}

/** Eight that follow the process id: two test processes do not get in each other's way. */
function ownAddresses(group: number): string[] {
  const id = process.pid % 16_000;
  const net = `10.${group + (id >> 13)}.${(id >> 5) & 255}`;
  return Array.from({ length: 8 }, (_, i) => `${net}.${(id & 31) * 8 + i}`);
}

/**
 * Moves this side of a namespace into one of its own, which the Scene ends as well. The command to
 * run something there, at `here`: what it sends goes to the other one only, and to nobody else.
 */
export function moveNearSide(scene: Scene, { here }: Namespace): string[] {
  const name = `shoal-${process.pid}-near`, end = `shl${process.pid}a`;
  scene.onClose(() => void ip("netns", "del", name));
  ip("netns", "add", name);
  ip("link", "set", end, "netns", name);
  ip("-n", name, "addr", "add", `${here}/29`, "dev", end);
  ip("-n", name, "link", "set", end, "up");
  ip("-n", name, "link", "set", "lo", "up");
  return ["ip", "netns", "exec", name];
}

/** Those of test processes that were killed before they could clean up. */
function removeAbandoned(): void {
  for (const [, name = "", pid = ""] of ip("netns", "list").matchAll(/^(shoal-(\d+)\S*)/gm)) {
    if (!existsSync(`/proc/${pid}`)) ip("netns", "del", name);
  }
}

function ip(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Why there can be no NAT on this machine, or false when there can. */
export function cannotMakeNat(): string | false {
  const lacking = cannotMakeNamespace();
  if (lacking !== false) return lacking;
  return spawnSync("nft", ["--version"]).status === 0 ? false : "needs nftables, for a NAT";
}

/**
 * Makes the far side of a namespace a router that masquerades (nftables), and a home behind it. The
 * command to run something in the home: it reaches this side, which cannot reach it.
 */
export function makeHome(scene: Scene, { enter }: Namespace): string[] {
  const router = enter.at(-1)!, home = `shoal-${process.pid}-home`;
  const [inside, end] = [`shl${process.pid}c`, `shl${process.pid}d`];
  const rules = `table ip nat { chain post { type nat hook postrouting priority 100; ` +
    `oifname "shl${process.pid}b" masquerade; }; }`;
  scene.onClose(() => void ip("netns", "del", home));
  ip("netns", "add", home);
  ip("-n", router, "link", "add", inside, "type", "veth", "peer", "name", end, "netns", home);
  ip("-n", router, "addr", "add", "192.168.77.1/24", "dev", inside);
  ip("-n", router, "link", "set", inside, "up");
  ip("-n", home, "addr", "add", "192.168.77.2/24", "dev", end);
  ip("-n", home, "link", "set", end, "up");
  ip("-n", home, "link", "set", "lo", "up");
  ip("-n", home, "route", "add", "default", "via", "192.168.77.1");
  ip("netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1");
  ip("netns", "exec", router, "nft", rules);
  return ["ip", "netns", "exec", home];
}
