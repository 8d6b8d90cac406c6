/**
 * In a process of its own, as the bench `daemon` runs it: `make STATE DIR COUNT` leaves that many
 * finished torrents of 16 KiB in a state folder; `serve STATE CALLS` starts a daemon with them, waits
 * until all seed, and prints one line of JSON: seconds of the start, resident bytes, and for each
 * request the milliseconds of CPU, the longest that it held the loop up, and the bytes of the answer.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { Client } from "../../src/client/client.ts";
import { Daemon, type DaemonParts } from "../../src/daemon/daemon.ts";
import { DaemonLog } from "../../src/daemon/log.ts";
import { rpcPorts } from "../../src/daemon/rpc/part.ts";
import { TransmissionRpc } from "../../src/daemon/rpc/rpc.ts";
import { FileSettings } from "../../src/daemon/settings.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const SIZE = 16_384;
const OFFLINE = { address: "127.0.0.1", dht: false, lsd: false };
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const platform = selectPlatform();

/** What a manager of downloads asks for. */
const FIELDS = [
  ...["id", "hashString", "name", "downloadDir", "totalSize", "leftUntilDone", "isFinished", "eta"],
  ...["status", "secondsDownloading", "secondsSeeding", "errorString", "uploadedEver", "labels"],
  ...["downloadedEver", "seedRatioLimit", "seedRatioMode", "seedIdleLimit", "seedIdleMode"],
  ...["file-count", "rateUpload"],
];
/** What transmission-remote and its like ask for, every few seconds. */
const LIST = [
  ...["error", "errorString", "eta", "id", "isFinished", "leftUntilDone", "name", "status"],
  ...["peersGettingFromUs", "peersSendingToUs", "rateDownload", "rateUpload", "sizeWhenDone"],
  "uploadRatio",
];
const REQUESTS = {
  get21: { method: "torrent-get", arguments: { fields: FIELDS } },
  list: { method: "torrent-get", arguments: { fields: LIST } },
  recent: { method: "torrent-get", arguments: { fields: LIST, ids: "recently-active" } },
  stats: { method: "session-stats" },
};

/** The longest time between two turns of the loop. */
class LoopWatch {
  #last = performance.now();
  #longest = 0;
  #ended = false;

  constructor() {
    void this.#run();
  }

  end(): number {
    this.#ended = true;
    return Math.max(this.#longest, performance.now() - this.#last);
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - this.#last);
      this.#last = now;
    }
  }
}

const [what, stateDir, second, count] = process.argv.slice(2);
if (what === "make") await make(stateDir!, second!, Number(count));
else await serve(stateDir!, Number(second));
process.exit(0);

async function make(stateDir: string, dir: string, count: number): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const client = await Client.open(platform, { ...OFFLINE, stateDir });
  for (let at = 0; at < count; at++) {
    const content = new Uint8Array(SIZE), name = `A name of a usual length ${at}`;
    new DataView(content.buffer).setUint32(0, at);
    writeFileSync(join(dir, name), content);
    const pieces = new Uint8Array(createHash("sha1").update(content).digest());
    const announce = "http://127.0.0.1:9/announce";
    const bytes = encode({ announce, info: { name, length: SIZE, "piece length": SIZE, pieces } });
    client.add(bytes, { dir, labels: ["bench"], ...FOREVER });
    if (at % 500 === 499) await untilSeeding(client);
  }
  await untilSeeding(client);
  await client.close();
}

async function untilSeeding(client: Client): Promise<void> {
  for (const torrent of client.torrents()) {
    while (torrent.status().state !== "seeding") await turn(20);
  }
}

function turn(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function serve(stateDir: string, calls: number): Promise<void> {
  const config = join(stateDir, "config.jsonc");
  writeFileSync(config, JSON.stringify({ ...OFFLINE, torrents: FOREVER, logLevel: "error" }));
  const settings = await FileSettings.open(platform.files, config);
  const log = new DaemonLog(platform, () => settings.present);
  let parts!: DaemonParts;
  const take = (given: DaemonParts) => {
    parts = given;
    return { close: () => Promise.resolve() };
  };
  const begun = performance.now();
  const daemon = await Daemon.open(platform, { settings, log, stateDir, modules: [take] });
  await untilSeeding(daemon.client);
  const seconds = (performance.now() - begun) / 1000;
  await turn(2000);
  const rpc = new TransmissionRpc(rpcPorts(parts));
  const requests: Record<string, unknown> = {};
  for (const [name, body] of Object.entries(REQUESTS)) {
    requests[name] = await measured(rpc, JSON.stringify(body), calls);
  }
  const resident = process.memoryUsage().rss, torrents = daemon.client.torrents().length;
  console.log(JSON.stringify({ torrents, seconds, resident, requests }));
}

async function measured(rpc: TransmissionRpc, body: string, calls: number) {
  const id = (await rpc.handle(new Request("http://x/"), { may: "all" })).headers
    .get("x-transmission-session-id")!;
  const call = async () => {
    const headers = { "x-transmission-session-id": id };
    const request = new Request("http://x/transmission/rpc", { method: "POST", headers, body });
    const response = await rpc.handle(request, { may: "all" });
    return (await response.arrayBuffer()).byteLength;
  };
  for (let warm = 0; warm < Math.min(20, calls); warm++) await call();
  const idle = await idleShare();
  const begun = performance.now(), before = process.cpuUsage(), watch = new LoopWatch();
  let bytes = 0;
  for (let at = 0; at < calls; at++) {
    bytes = await call();
    await turn(1);
  }
  const cpu = cpuMs(before) - idle * (performance.now() - begun);
  return { cpuMs: cpu / calls, heldMs: watch.end(), bytes };
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** The part of a core that the daemon takes without requests. */
async function idleShare(): Promise<number> {
  const begun = performance.now(), before = process.cpuUsage();
  await turn(2000);
  return cpuMs(before) / (performance.now() - begun);
}
