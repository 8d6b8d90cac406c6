/** Trackers: the real opentracker, and one of our own that writes down what it is told. */

import { chmodSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { keep } from "./keep.ts";
import { demand } from "./needs.ts";
import { freePort } from "./ports.ts";
import type { Payload, Scene } from "./scene.ts";

export interface RealTracker {
  http: string;
  udp: string;
  /** Resolves once it knows `count` complete peers of the torrent. */
  waitForSeeds(payload: Payload, count: number): Promise<void>;
}

/** opentracker for these torrents only: Debian's takes none that is not in its list. */
export async function startOpentracker(
  scene: Scene,
  payloads: readonly Payload[],
  address = "127.0.0.1",
  enter: readonly string[] = [],
): Promise<RealTracker> {
  demand("opentracker");
  // It gives up root for "nobody" and locks itself into its folder: both must be able to read.
  const folder = dirname(
    scene.file("whitelist", payloads.map((one) => `${one.infoHash}\n`).join("")),
  );
  chmodSync(folder, 0o755);
  const port = String(await freePort());
  const options = ["-i", address, "-p", port, "-P", port, "-d", folder, "-w", "whitelist"];
  const tracker = keep(scene, [...enter, "opentracker", ...options]);
  const base = `http://${address}:${port}`;
  return {
    http: `${base}/announce`,
    udp: `udp://${address}:${port}/announce`,
    waitForSeeds: async (payload, count) => {
      const deadline = performance.now() + 20_000;
      for (;;) {
        if (tracker.result !== null) throw new Error(`opentracker ended: ${tracker.stderr}`);
        const seeds = await scrapeSeeds(`${base}/scrape`, payload.infoHash);
        if (seeds >= count) return;
        if (performance.now() > deadline) throw new Error(`only ${seeds} of ${count} seeds came`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

/** The number of complete peers; 0 while the tracker does not answer. */
function scrapeSeeds(url: string, infoHash: string): Promise<number> {
  const escaped = infoHash.replaceAll(/../g, "%$&");
  return new Promise((resolve) => {
    get(`${url}?info_hash=${escaped}`, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("latin1").on("data", (part) => text += part);
      response.on("end", () => resolve(Number(/8:completei(\d+)e/.exec(text)?.[1] ?? 0)));
    }).on("error", () => resolve(0));
  });
}

export interface Announce {
  event: string | null;
  left: number;
  port: number;
  /** `performance.now()` of its arrival. */
  at: number;
}

export interface RecordingTracker {
  url: string;
  /** Every announce so far, in order. */
  announces: Announce[];
}

/** An HTTP tracker inside this process, on `host`, that names `peers` ("ip:port") to everyone. */
export async function startRecordingTracker(
  scene: Scene,
  peers: readonly string[],
  host = "127.0.0.1",
): Promise<RecordingTracker> {
  const announces: Announce[] = [];
  const compact = Buffer.concat(peers.map((peer) => {
    const [address = "", port = ""] = peer.split(":");
    return Buffer.from([...address.split(".").map(Number), Number(port) >> 8, Number(port)]);
  }));
  const head = Buffer.from(`d8:intervali1800e5:peers${compact.length}:`);
  const body = Buffer.concat([head, compact, Buffer.from("e")]);
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "/", "http://tracker").searchParams;
    announces.push({
      event: query.get("event"),
      left: Number(query.get("left")),
      port: Number(query.get("port")),
      at: performance.now(),
    });
    response.end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  scene.onClose(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://${host}:${port}/announce`, announces };
}
