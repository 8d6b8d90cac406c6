/** A whole swarm on this machine for `shoal demo`: a tracker and peers that have everything. */
import type { Platform } from "../platform/types.ts";
import { serveTracker } from "../tracker/local_tracker.ts";
import type { ClientPort, OpenClient } from "./client_port.ts";
import { pacedNet } from "./demo_pace.ts";
import { makeRandomTorrent } from "./demo_torrent.ts";

const SEEDERS = 3;

export interface DemoSwarmOptions {
  /** An existing folder for the data. */
  dir: string;
  /** The file's name. */
  name: string;
  /** Bytes. */
  size: number;
  /** What each seeder sends at most. */
  bytesPerSecond: number;
}

export interface DemoSwarm {
  announceUrl: string;
  torrent: Uint8Array;
  seeders: number;
  close(): Promise<void>;
}

/** Makes a file of random bytes and seeds it on loopback. */
export async function startDemoSwarm(
  platform: Platform,
  openClient: OpenClient,
  { dir, name, size, bytesPerSecond }: DemoSwarmOptions,
): Promise<DemoSwarm> {
  const tracker = await serveTracker(platform, { port: 0 });
  const clients: ClientPort[] = [];
  const close = async () => {
    await Promise.all(clients.map((client) => client.close()));
    await tracker.close();
  };
  const net = () => pacedNet(platform.net, platform.clock, bytesPerSecond);
  try {
    const path = `${dir}/${name}`;
    const torrent = await makeRandomTorrent(platform, path, size, tracker.announceUrl);
    for (let i = 0; i < SEEDERS; i++) {
      clients.push(await startSeeder({ ...platform, net: net() }, openClient, torrent, dir));
    }
    return { announceUrl: tracker.announceUrl, torrent, seeders: SEEDERS, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startSeeder(
  platform: Platform,
  openClient: OpenClient,
  torrent: Uint8Array,
  dir: string,
): Promise<ClientPort> {
  const client = await openClient(platform, { address: "127.0.0.1" });
  const seed = client.add(torrent, { dir, trustFiles: true, seedGoal: { kind: "forever" } });
  // A seeder that fails shows in the download, which then has one peer less.
  seed.finished.catch(() => {});
  return client;
}
