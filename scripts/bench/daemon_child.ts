/**
 * In a process of its own, as the bench `daemon` runs it: `make STATE DIR COUNT ACTIVE` leaves that many
 * finished torrents in a state folder; `serve STATE DIR CALLS` starts a daemon with them, waits until
 * all seed, and prints one line of JSON (`Served` of daemon.ts); `pages STATE WORK ROUNDS` prints the
 * rounds of daemon_page.ts. The others help these two.
 */
import { mkdirSync, rmSync } from "node:fs";
import process from "node:process";
import type { DaemonParts } from "../../src/daemon/daemon.ts";
import { rpcPorts } from "../../src/daemon/rpc/part.ts";
import { TransmissionRpc } from "../../src/daemon/rpc/rpc.ts";
import {
  cpuMs,
  FIELDS,
  helper,
  LoopWatch,
  openDaemon,
  turn,
  untilSeeding,
} from "./daemon_common.ts";
import { pageRounds, readPage } from "./daemon_page.ts";
import { leechSlowly, makeTorrents, seed, torrentFiles } from "./daemon_torrents.ts";

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

const [what, ...args] = process.argv.slice(2) as [string, ...string[]];
const WORK: Readonly<Record<string, (...args: string[]) => Promise<void>>> = {
  make: (state, dir, count, active) => makeTorrents(state!, dir!, Number(count), Number(active)),
  serve: (state, dir, calls) => serve(state!, dir!, Number(calls)),
  pages: async (state, work, rounds) => {
    console.log(JSON.stringify(await pageRounds(state!, work!, Number(rounds))));
  },
  leech: (from, dir, port) => leechSlowly(from!, dir!, Number(port)),
  seed: (dir) => seed(dir!),
  page: (port) => readPage(Number(port)),
};
await WORK[what]!(...args);
process.exit(0);

async function serve(stateDir: string, dir: string, calls: number): Promise<void> {
  let parts!: DaemonParts;
  const take = (given: DaemonParts) => {
    parts = given;
    return { close: () => Promise.resolve() };
  };
  const begun = performance.now(), watch = new LoopWatch();
  const daemon = await openDaemon(stateDir, { listen: "", modules: [take] });
  const atWork = (performance.now() - begun) / 1000;
  await untilSeeding(daemon.client);
  const seconds = (performance.now() - begun) / 1000, startHeldMs = watch.end();
  await turn(2000);
  const rpc = new TransmissionRpc(rpcPorts(parts));
  const requests: Record<string, unknown> = {};
  for (const [name, body] of Object.entries(REQUESTS)) {
    requests[name] = await measured(rpc, JSON.stringify(body), calls);
  }
  const resident = process.memoryUsage().rss, torrents = daemon.client.torrents().length;
  const active = await measuredActive(rpc, dir, daemon.client.port, calls);
  const start = { atWork, seconds, startHeldMs };
  console.log(JSON.stringify({ torrents, ...start, resident, requests, active }));
}

/** While a slow leech downloads the torrents that are there for it; null if none is. */
async function measuredActive(rpc: TransmissionRpc, dir: string, port: number, calls: number) {
  const torrents = torrentFiles(dir).length, into = `${dir}-leech`;
  if (torrents === 0) return null;
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  const leech = await helper("leech", dir, into, String(port));
  const get21 = await measured(rpc, JSON.stringify(REQUESTS.get21), calls);
  leech.end();
  return { torrents, get21, resident: process.memoryUsage().rss };
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
  const begun = performance.now(), before = process.cpuUsage();
  let bytes = 0;
  for (let at = 0; at < calls; at++) {
    bytes = await call();
    await turn(1);
  }
  const cpu = cpuMs(before) - idle * (performance.now() - begun);
  // Watching keeps the loop turning, which is CPU of its own.
  const watch = new LoopWatch();
  for (let at = 0; at < Math.min(20, calls); at++) {
    await call();
    await turn(1);
  }
  return { cpuMs: cpu / calls, heldMs: watch.end(), bytes };
}

/** The part of a core that the daemon takes without requests. */
async function idleShare(): Promise<number> {
  const begun = performance.now(), before = process.cpuUsage();
  await turn(2000);
  return cpuMs(before) / (performance.now() - begun);
}
