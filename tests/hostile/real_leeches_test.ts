/**
 * A real seed on real sockets among 1,000 silent connections, and among leeches that never read.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import process from "node:process";
import { after, describe, it } from "node:test";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findRuntime, thisRuntime } from "../../scripts/lib/runtimes.ts";
import { Scene } from "../interop/scene.ts";
import { seedWithShoal } from "../interop/seeders.ts";
import { until } from "../interop/until.ts";
import {
  greet,
  HonestLeech,
  message,
  newcomerIsServed,
  open,
  requests,
  UNCHOKE,
  type Victim,
} from "./raw_leech.ts";
import { Siege, SIEGE_CONNECTIONS } from "./siege.ts";

const MIB = 1024 * 1024;

const scene = new Scene();
after(() => scene.close());
/** Every 127.x.y.z is an address of this machine on Linux alone. */
const skip = process.platform === "linux" ? false : "needs Linux's loopback addresses and /proc";

const spec = {
  name: "besieged.bin",
  pieceLength: MIB / 4,
  files: [{ path: "besieged.bin", size: 64 * MIB }],
};

async function startVictim(...args: string[]): Promise<Victim> {
  const payload = scene.payload(spec), { infoHash } = payload;
  const { port } = await seedWithShoal(scene, payload, ["--trust", ...args]);
  return { port, infoHash, pieceLength: spec.pieceLength, pieces: 256 };
}

interface GenerousVictim extends Victim {
  pid: number;
  /** Payload that it has given. */
  uploaded(): Promise<number>;
}

/** It serves `slots` at a time. */
async function startGenerous(slots: number): Promise<GenerousVictim> {
  const payload = scene.payload(spec), { infoHash } = payload;
  const script = join(dirname(fileURLToPath(import.meta.url)), "generous_seed.ts");
  const runtime = findRuntime(thisRuntime);
  const program = scene.start([
    ...(thisRuntime === "deno" ? [runtime, "run", "-A", "--no-check"] : [runtime]),
    ...[script, scene.torrentFile(payload), payload.dir, String(slots)],
  ]);
  const numberAfter = (word: string) => (line: string) =>
    line.startsWith(`${word} `) ? Number(line.slice(word.length)) : null;
  const port = await program.waitFor("ready line", numberAfter("ready"));
  let asked = 0;
  const uploaded = async () => {
    const nth = ++asked;
    program.tell("how much");
    const answers = () => program.lines.filter((line) => line.startsWith("uploaded "));
    await until("it answers", () => answers().length >= nth);
    return numberAfter("uploaded")(answers()[nth - 1]!)!;
  };
  return { port, infoHash, pieceLength: spec.pieceLength, pieces: 256, pid: program.pid, uploaded };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function residentBytes(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found![1]) * 1024;
}

describe("shoal seed under attack", () => {
  it("serves an honest leech, and newcomers, while 1,000 silent connections are held", {
    skip,
    timeout: 180_000,
  }, async () => {
    const victim = await startVictim();
    const leech = new HonestLeech(victim);
    await until("the leech is served", () => leech.got > 16 * MIB);
    const siege = new Siege(victim);
    await until("all have knocked", () => siege.opened >= SIEGE_CONNECTIONS);
    for (let turn = 0; turn < 3; turn++) {
      const before = leech.got;
      await until("the leech is served as before", () => leech.got > before + 64 * MIB);
      assert.ok(siege.held > 100, `${siege.held} are held`);
      await newcomerIsServed(victim);
    }
    assert.equal(leech.ended, false);
    siege.lift();
    leech.close();
  });

  it("keeps its memory when 100 leeches request 7.8 MiB each and never read", {
    skip,
    timeout: 50_000,
  }, async () => {
    const victim = await startGenerous(150);
    const warmUp = new HonestLeech(victim);
    await until("the leech is served", () => warmUp.got > 128 * MIB);
    warmUp.close();
    await sleep(500);
    const [resident, given] = [residentBytes(victim.pid), await victim.uploaded()];
    const sockets = await Promise.all(
      Array.from({ length: 100 }, (_, i) => askAndIgnore(victim, i)),
    );
    let peak = 0;
    for (let i = 0; i < 30; i++) {
      await sleep(100);
      peak = Math.max(peak, residentBytes(victim.pid));
    }
    const sent = await victim.uploaded() - given, grown = peak - resident;
    const asked = sockets.length * 500 * 16 * 1024;
    console.log(
      `of ${(asked / MIB).toFixed(0)} MiB asked ${(sent / MIB).toFixed(0)} fitted into sockets; ` +
        `${(resident / MIB).toFixed(0)} MiB before, grew by ${(grown / MIB).toFixed(0)}`,
    );
    // What the system's buffers hold is sent; the rest waits as requests, not as bytes.
    assert.ok(sent > 0 && sent < 0.8 * asked, `${sent} of ${asked} bytes went out`);
    assert.ok(grown < 100 * MIB, `grew by ${grown} bytes`);
    const honest = new HonestLeech(victim);
    await until("an honest leech is served", () => honest.got > 16 * MIB, 12_000);
    honest.close();
    const counts = sockets.map((socket) => countBytes(socket));
    await until(
      "all get what they asked for once they read",
      () => counts.every((count) => count() > asked / sockets.length),
    );
    for (const socket of sockets) socket.destroy();
  });
});

/** Shakes hands, waits to be unchoked, asks for all that may be queued and reads no more. */
async function askAndIgnore(victim: Victim, i: number): Promise<Socket> {
  const socket = open(victim, `127.0.2.${1 + i}`);
  greet(socket, victim, true);
  let heard = Buffer.alloc(0);
  await until("it is unchoked", () => {
    // After the handshake, HAVE_ALL, pieces free while choked and the extension handshake.
    const part = socket.read() as Uint8Array | null;
    if (part !== null) heard = Buffer.concat([heard, part]);
    return heard.includes(message(UNCHOKE));
  });
  socket.write(requests(victim, i * 160, 500));
  return socket;
}

/** Reads from now on. */
function countBytes(socket: Socket): () => number {
  let count = 0;
  socket.on("data", (part: Uint8Array) => count += part.length);
  return () => count;
}
