/**
 * A daemon of many torrents downloads one more, with the page open and without, in turns: does a
 * reader of events and a `torrent-get` each second slow it down?
 */
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { cpuMs, FIELDS, FOREVER, helper, openDaemon, turn, untilSeeding } from "./daemon_common.ts";
import { makeHole } from "./daemon_torrents.ts";

const BYTES = 1024 * 1024 * 1024;

export interface PageRound {
  /** Milliseconds of one download: CPU of the process, and by the clock. */
  with: { cpu: number; wall: number };
  without: { cpu: number; wall: number };
}

export async function pageRounds(
  stateDir: string,
  work: string,
  rounds: number,
): Promise<PageRound[]> {
  const source = join(work, "source"), dir = join(work, "page");
  for (const folder of [source, dir]) mkdirSync(folder, { recursive: true });
  const bytes = makeHole(source, "A torrent to download", BYTES);
  const seeder = await helper("seed", source), port = await freePort();
  const daemon = await openDaemon(stateDir, { listen: `127.0.0.1:${port}` });
  await untilSeeding(daemon.client);
  const download = async () => {
    const begun = performance.now(), before = process.cpuUsage();
    const torrent = daemon.client.add(bytes, {
      dir,
      peers: [`127.0.0.1:${seeder.line}`],
      ...FOREVER,
    });
    await torrent.finished;
    const took = { cpu: cpuMs(before), wall: performance.now() - begun };
    await daemon.client.remove(torrent.infoHash, { data: true });
    return took;
  };
  const withPage = async () => {
    const page = await helper("page", String(port));
    const took = await download();
    page.end();
    return took;
  };
  await download();
  const results: PageRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0 ? await withPage() : null;
    const without = await download();
    results.push({ with: first ?? await withPage(), without });
  }
  seeder.end();
  return results;
}

/** Reads events and asks for all torrents once a second, until killed. */
export async function readPage(port: number): Promise<void> {
  const base = `http://127.0.0.1:${port}`;
  const events = await fetch(`${base}/api/v1/events`);
  if (!events.ok) throw new Error(`events: ${events.status}`);
  void (async () => {
    for await (const _ of events.body!);
  })();
  const none = await fetch(`${base}/transmission/rpc`, { method: "POST" });
  const id = none.headers.get("x-transmission-session-id")!;
  await none.body?.cancel();
  const body = JSON.stringify({ method: "torrent-get", arguments: { fields: FIELDS } });
  const headers = { "x-transmission-session-id": id, "content-type": "application/json" };
  for (let count = 0;; count++) {
    const answer = await fetch(`${base}/transmission/rpc`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`torrent-get: ${answer.status}`);
    await answer.arrayBuffer();
    if (count === 1) console.log("reading");
    await turn(1000);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
