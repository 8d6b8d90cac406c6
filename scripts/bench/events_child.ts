/**
 * Processes of the bench `daemon` for the events of its API. `serve STATE FOLDER ROUNDS` starts a
 * daemon with the torrents of a state folder and 50 that send all the time, and prints one line of
 * JSON: the milliseconds of CPU that it takes in a second without readers and with ten, each as often
 * as ROUNDS says, where the readers get a delta FASTER times a second. It starts the others itself: `leech PORT FOLDER` takes the 50 torrents, `read UNIX`
 * reads the events ten times.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { Client } from "../../src/client/client.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Live } from "../../src/daemon/api/live.ts";
import { DaemonLog } from "../../src/daemon/log.ts";
import { FileSettings } from "../../src/daemon/settings.ts";
import type { Clock } from "../../src/platform/types.ts";
import { selectPlatform } from "../../src/platform/select.ts";

/** Ten deltas a second stand out from what the rest of the daemon takes; one does not. */
const FASTER = 10;
const READERS = 10, ACTIVE = 50, PHASE_MS = 4000;
const OFFLINE = { address: "127.0.0.1", dht: false, lsd: false };
const PIECE = 262_144, PIECES = 64, BYTES_A_SECOND = 4000;
const platform = selectPlatform();

const [what, first, folder, rounds] = process.argv.slice(2);
if (what === "leech") await leech(Number(first), folder!);
else if (what === "read") read(first!);
else {
  await serve(first!, folder!, Number(rounds));
  process.exit(0);
}

/** The torrents that send: zeros, which take no room. */
function activeTorrents(): { name: string; bytes: Uint8Array }[] {
  const hash = createHash("sha1").update(new Uint8Array(PIECE)).digest();
  const pieces = new Uint8Array(Buffer.concat(Array.from({ length: PIECES }, () => hash)));
  return Array.from({ length: ACTIVE }, (_, at) => {
    const name = `An active torrent ${at}`, info = { name, length: PIECE * PIECES, pieces };
    return { name, bytes: encode({ info: { ...info, "piece length": PIECE } }) };
  });
}

async function serve(stateDir: string, folder: string, rounds: number): Promise<void> {
  const unix = join(folder, "sock"), config = join(folder, "config.jsonc");
  mkdirSync(join(folder, "seed"), { recursive: true });
  const text = JSON.stringify({ ...OFFLINE, listen: "", unix: "", logLevel: "error" });
  writeFileSync(config, text);
  const settings = await FileSettings.open(platform.files, config);
  const log = new DaemonLog(platform, () => settings.present);
  const { client } = await Daemon.open(platform, { settings, log, stateDir, modules: [] });
  const { clock, random, http } = platform;
  const live = new Live({ clock: faster(clock), random, client });
  await http.serve({ unix }, (request) => live.answer(request));
  const active = activeTorrents().map(({ name, bytes }) => {
    const dir = join(folder, "seed");
    writeFileSync(join(dir, name), "");
    truncateSync(join(dir, name), PIECE * PIECES);
    return client.add(bytes, {
      dir,
      limits: { up: BYTES_A_SECOND },
      seedGoal: { kind: "forever" },
    });
  });
  while (active.some((torrent) => torrent.status().state !== "seeding")) await turn(50);
  const leecher = start("leech", String(client.port), join(folder, "leech"));
  while (active.some((torrent) => torrent.status().upRate === 0)) await turn(50);
  const without: number[] = [], reading: number[] = [];
  for (let round = 0; round < rounds; round++) {
    without.push(await share());
    const readers = start("read", unix);
    reading.push(await share());
    readers.kill("SIGKILL");
  }
  leecher.kill("SIGKILL");
  console.log(
    JSON.stringify({ torrents: client.torrents().length, without, reading, faster: FASTER }),
  );
}

function faster(clock: Clock): Clock {
  return Object.assign(Object.create(clock), {
    after: (delayMs: number, fn: () => void) => clock.after(delayMs / FASTER, fn),
  });
}

function start(...args: string[]): ChildProcess {
  const flags = "deno" in process.versions ? ["run", "-A", "--no-check"] : [];
  const script = process.argv[1]!;
  return spawn(process.execPath, [...flags, script, ...args], { stdio: ["ignore", 2, 2] });
}

/** Milliseconds of CPU a second, after the readers have come or gone. */
async function share(): Promise<number> {
  await turn(1500);
  const begun = performance.now(), before = process.cpuUsage();
  await turn(PHASE_MS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (performance.now() - begun);
}

async function leech(port: number, dir: string): Promise<void> {
  const client = await Client.open(platform, { ...OFFLINE, stateDir: `${dir}-state` });
  for (const { bytes } of activeTorrents()) {
    const { infoHash } = client.add(bytes, { dir });
    client.addPeers(infoHash, [`127.0.0.1:${port}`]);
  }
  await new Promise(() => {});
}

function read(unix: string): void {
  for (let reader = 0; reader < READERS; reader++) {
    const asked = request(
      { socketPath: unix, path: "/api/v1/events" },
      (answer) => answer.resume(),
    );
    asked.end();
  }
}

function turn(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
