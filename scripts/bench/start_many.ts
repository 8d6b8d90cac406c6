/**
 * In a process of its own, as the bench `start` runs it: `make STATE DIR COUNT` leaves that many
 * finished torrents of 1 MiB (64 pieces) in a state folder, `big STATE DIR` one of 100 GiB in a
 * sparse file; `open STATE SECONDS` starts a client with what is there, waits until all of it is at
 * work, lets it idle, and prints one line of JSON: seconds from the start of `restore`, resident
 * bytes before and after, and the share of a core that idling took.
 */
import { createHash } from "node:crypto";
import {
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Client } from "../../src/client/client.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { decodeResume, encodeResume } from "../../src/state/resume_codec.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const MIB = 1024 * 1024, GIB = 1024 * MIB;
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const OFFLINE = { address: "127.0.0.1", dht: false, lsd: false };
const [what, stateDir, dir, count] = process.argv.slice(2);
const platform = selectPlatform();

switch (what) {
  case "make":
    await make(stateDir!, dir!, Number(count));
    break;
  case "big":
    await makeBig(stateDir!, dir!);
    break;
  case "open":
    await open(stateDir!, Number(dir));
}
process.exit(0);

async function make(stateDir: string, dir: string, count: number): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const client = await Client.open(platform, { ...OFFLINE, stateDir });
  for (let i = 0; i < count; i++) {
    const content = new Uint8Array(MIB).fill(i % 251);
    new DataView(content.buffer).setUint32(0, i);
    writeFileSync(join(dir, `file${i}`), content);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < MIB; at += 16384) {
      pieces.push(createHash("sha1").update(content.subarray(at, at + 16384)).digest());
    }
    const info = {
      name: `file${i}`,
      length: MIB,
      "piece length": 16384,
      pieces: new Uint8Array(Buffer.concat(pieces)),
    };
    client.add(encode({ info }), { dir, ...FOREVER });
  }
  await untilSettled(client);
  await client.close();
}

/** Hashing 100 GiB would take too long, so the record lists every piece as verified. */
async function makeBig(stateDir: string, dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const length = 100 * GIB, pieceLength = 4 * MIB;
  const path = join(dir, "big");
  openSync(path, "w");
  truncateSync(path, length);
  const pieces = new Uint8Array(length / pieceLength * 20).fill(7);
  const info = { name: "big", length, "piece length": pieceLength, pieces };
  const client = await Client.open(platform, { ...OFFLINE, stateDir });
  client.add(encode({ info }), { dir, trustFiles: true, ...FOREVER });
  await untilSettled(client);
  await client.close();
  const [name] = readdirSync(stateDir).filter((name) => name.endsWith(".resume"));
  const record = join(stateDir, name!),
    sha1 = (bytes: Uint8Array) => platform.hasher.digest("sha1", bytes);
  const data = decodeResume(readFileSync(record), sha1);
  const { size, mtimeMs, inode } = platform.files.stat(path)!;
  const stamps = [{ size, mtimeMs, inode }], savedAtMs = Date.now() + 3000;
  writeFileSync(record, encodeResume({ ...data, stamps, savedAtMs }, sha1));
}

async function open(stateDir: string, idleSeconds: number): Promise<void> {
  const client = await Client.open(platform, { ...OFFLINE, stateDir });
  const idle = process.memoryUsage().rss, startedAt = performance.now();
  const torrents = await client.restore();
  await untilSettled(client);
  const seconds = (performance.now() - startedAt) / 1000, resident = process.memoryUsage().rss;
  const states = new Map<string, number>();
  for (const torrent of torrents) {
    const { state } = torrent.snapshot();
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  const idling = await cpuShare(idleSeconds), after = process.memoryUsage().rss;
  const counts = { torrents: torrents.length, states: [...states] };
  console.log(JSON.stringify({ seconds, resident, idle, idling, after, ...counts }));
}

/** Which part of one core this process takes while it has nothing to do; null for no time at all. */
async function cpuShare(seconds: number): Promise<number | null> {
  if (seconds === 0) return null;
  const cpuBefore = process.cpuUsage(), begun = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { user, system } = process.cpuUsage(cpuBefore);
  return (user + system) / 1000 / (performance.now() - begun);
}

/** Nothing is being opened or checked any more. */
async function untilSettled(client: Client): Promise<void> {
  const left = client.torrents();
  for (;;) {
    // Each is looked at once or little more: a snapshot is much garbage for who counts memory.
    while (left.length > 0 && left[0]!.snapshot().state !== "checking") left.shift();
    if (left.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
