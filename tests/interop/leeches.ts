/** Leeches of all kinds: what they have so far can be asked, so that a test can act half-way. */

import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { join } from "node:path";
import { createClient } from "../../mod.ts";
import { keep, scripts } from "./keep.ts";
import { demand, python } from "./needs.ts";
import { freePort } from "./ports.ts";
import type { Program } from "./program.ts";
import type { Payload, Scene } from "./scene.ts";
import { startTransmission } from "./transmission.ts";
import { until } from "./until.ts";

export interface Leech {
  name: string;
  /** It downloads into this folder. */
  dir: string;
  /** Where others reach it; 0 when that is not known. */
  port: number;
  /** The pieces it has now; none where that cannot be asked. */
  pieces(): Promise<ReadonlySet<number>>;
  /** Whether everything is in its files. */
  isDone(): Promise<boolean>;
  /** Resolves once it is; it goes on giving. */
  done(): Promise<void>;
  /** From now on it gives as much as it can. */
  unlimit(): Promise<void> | void;
}

export interface LeechOptions {
  /** Bytes a second that it gives at most. Default: no limit. */
  rate?: number;
  /** "address:port" of those it is told of at the start. */
  peers?: readonly string[];
}

export async function leechWithLibtorrent(
  scene: Scene,
  payload: Payload,
  { rate = 0, peers = [] }: LeechOptions = {},
): Promise<Leech> {
  demand("libtorrent");
  const dir = scene.folder(), torrent = scene.torrentFile(payload);
  const wanted = JSON.stringify({ torrent, dir, rate, address: "0.0.0.0" });
  const program = scene.start([python, "-B", join(scripts, "lt_leech.py"), wanted]);
  const port = await program.waitFor("ready line", numberAfter("ready"));
  for (const peer of peers) program.tell(`peer ${peer.replace(":", " ")}`);
  return {
    name: "libtorrent",
    dir,
    port,
    pieces: () => Promise.resolve(collect(program, numberAfter("piece"))),
    isDone: () => Promise.resolve(program.lines.includes("done")),
    done: async () => void await program.waitFor("done line", (line) => line === "done" || null),
    unlimit: () => program.tell("unlimit"),
  };
}

/** Ours, inside this process. `port` is where it listens. */
export async function leechWithShoal(
  scene: Scene,
  payload: Payload,
  port: number,
  { rate = 0, peers = [] }: LeechOptions = {},
): Promise<Leech> {
  const dir = scene.folder(), pieces = new Set<number>();
  const client = await createClient({ port, dht: false, lsd: false });
  scene.onClose(() => client.close());
  const torrent = client.add(payload.bytes, {
    dir,
    peers,
    seedGoal: { kind: "forever" },
    limits: { up: rate > 0 ? rate : Infinity },
  });
  void (async () => {
    for await (const event of torrent.events()) if (event.type === "piece") pieces.add(event.piece);
  })();
  return {
    name: "shoal",
    dir,
    port,
    pieces: () => Promise.resolve(pieces),
    isDone: () => Promise.resolve(torrent.snapshot().state === "seeding"),
    done: () => torrent.finished,
    unlimit: () => torrent.update({ limits: { up: Infinity } }),
  };
}

/** What is asked of aria2, and its option for what it gives. */
const STATUS = ["bitfield", "completedLength", "totalLength"];
const LIMIT = "max-overall-upload-limit";

/** It learns of its peers from the torrent's tracker alone, and keeps nothing in memory. */
export async function leechWithAria2(
  scene: Scene,
  torrent: string,
  port: number,
  { rate = 0 }: LeechOptions = {},
): Promise<Leech> {
  demand("aria2");
  const dir = scene.folder();
  const rpc = await startAria2(scene, [
    "--seed-ratio=0.0",
    `--${LIMIT}=${rate}`,
    "--enable-dht=false",
    "--enable-dht6=false",
    "--enable-peer-exchange=false",
    "--bt-enable-lpd=false",
    "--disable-ipv6=true",
    `--listen-port=${port}`,
    "--disk-cache=0",
    "--file-allocation=none",
    "--summary-interval=0",
    "--show-console-readout=false",
    `--dir=${dir}`,
    torrent,
  ]);
  const ask = async () => (await callAria2(rpc, "tellActive", [STATUS]))?.[0] ?? null;
  const isDone = async () => {
    const status = await ask();
    return status !== null && status.completedLength === status.totalLength;
  };
  return {
    name: "aria2",
    dir,
    port,
    pieces: async () => bitsOf((await ask())?.bitfield ?? ""),
    isDone,
    done: () => until("aria2 has everything", isDone, 50_000),
    unlimit: () =>
      until(
        "aria2 takes a new limit",
        async () => await callAria2(rpc, "changeGlobalOption", [{ [LIMIT]: "0" }]) !== null,
      ),
  };
}

/** Where an aria2 is asked, and the secret that tells it from another one on the same port. */
interface Aria2Rpc {
  port: number;
  secret: string;
}

/**
 * Resolves once it can be asked. An aria2 whose port was taken meanwhile downloads but answers
 * nobody; so another one is started on another port.
 */
async function startAria2(scene: Scene, args: readonly string[]): Promise<Aria2Rpc> {
  for (let triesLeft = 5;; triesLeft--) {
    const rpc = { port: await freePort(), secret: randomUUID() };
    const program = keep(scene, [
      "aria2c",
      "--no-conf",
      "--enable-rpc",
      `--rpc-listen-port=${rpc.port}`,
      `--rpc-secret=${rpc.secret}`,
      ...args,
    ]);
    const answers = async () => await callAria2(rpc, "getVersion", []) !== null;
    try {
      await until("aria2 answers", answers, 10_000);
      return rpc;
    } catch (error) {
      program.kill("SIGKILL");
      await program.ended;
      if (triesLeft === 0) throw error;
    }
  }
}

/** It learns of its peers from the torrent's tracker alone; what it has is not known by piece. */
export async function leechWithTransmission(
  scene: Scene,
  torrent: string,
  enter: readonly string[],
  { rate = 0 }: LeechOptions = {},
): Promise<Leech> {
  const dir = scene.folder();
  const limit = { "speed-limit-up-enabled": rate > 0, "speed-limit-up": Math.ceil(rate / 1000) };
  const { ask } = await startTransmission(scene, torrent, dir, enter, limit);
  const isDone = async () => /Percent Done: 100%/.test(await ask("--info"));
  return {
    name: "Transmission",
    dir,
    port: 0,
    pieces: () => Promise.resolve(new Set<number>()),
    isDone,
    done: () => until("Transmission has everything", isDone, 50_000),
    unlimit: async () => void await ask("--no-honor-session"),
  };
}

/** For `word N`: the number. */
function numberAfter(word: string): (line: string) => number | null {
  return (line) => line.startsWith(`${word} `) ? Number(line.slice(word.length)) : null;
}

function collect(program: Program, pick: (line: string) => number | null): Set<number> {
  return new Set(program.lines.map(pick).filter((found) => found !== null));
}

/** The result of a call; null while it does not answer yet, or refuses. */
function callAria2({ port, secret }: Aria2Rpc, method: string, args: unknown[]) {
  const params = [`token:${secret}`, ...args];
  const body = JSON.stringify({ jsonrpc: "2.0", id: "1", method: `aria2.${method}`, params });
  // deno-lint-ignore no-explicit-any
  return new Promise<any>((resolve) => {
    const call = request(
      { host: "127.0.0.1", port, path: "/jsonrpc", method: "POST", agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => text += part);
        response.on("end", () => resolve(JSON.parse(text).result ?? null));
      },
    );
    call.on("error", () => resolve(null));
    call.end(body);
  });
}

/** The set bits of a hexadecimal bitfield, the first bit being the highest of the first byte. */
function bitsOf(hex: string): Set<number> {
  const bits = new Set<number>();
  for (let i = 0; i < hex.length; i++) {
    const digit = parseInt(hex[i]!, 16);
    for (let k = 0; k < 4; k++) if (digit & (8 >> k)) bits.add(i * 4 + k);
  }
  return bits;
}
