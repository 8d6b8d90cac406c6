/** A whole swarm on this machine for `shoal demo`: a tracker and peers that have everything. */
import type { Platform } from "../platform/types.ts";
import { serveTracker } from "../tracker/local_tracker.ts";
import type { ClientPort, OpenClient } from "./client_port.ts";
import { pacedNet } from "./demo_pace.ts";
import { encodeTorrent, writeRandomFile } from "./demo_torrent.ts";

const SEEDERS = 3;
/** Slow enough that three of them need a few seconds for the usual 64 MiB. */
const SEEDER_BYTES_PER_SECOND = 7 * 1024 * 1024;

export interface DemoSwarm {
  announceUrl: string;
  torrent: Uint8Array;
  seeders: number;
  close(): Promise<void>;
}

/** Makes `name` with `size` random bytes in the existing folder `dir`, and seeds it on loopback. */
export async function startDemoSwarm(
  platform: Platform,
  openClient: OpenClient,
  { dir, name, size }: { dir: string; name: string; size: number },
): Promise<DemoSwarm> {
  const pieceHashes = writeRandomFile(platform, `${dir}/${name}`, size);
  const tracker = await serveTracker(platform, { port: 0 });
  const announce = tracker.announceUrl;
  const torrent = encodeTorrent({ name, size, pieceHashes, announce });
  const clients: ClientPort[] = [];
  const close = async () => {
    await Promise.all(clients.map((client) => client.close()));
    await tracker.close();
  };
  try {
    for (let i = 0; i < SEEDERS; i++) {
      clients.push(await startSeeder(platform, openClient, torrent, dir));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { announceUrl: announce, torrent, seeders: SEEDERS, close };
}

async function startSeeder(
  platform: Platform,
  openClient: OpenClient,
  torrent: Uint8Array,
  dir: string,
): Promise<ClientPort> {
  const net = pacedNet(platform.net, platform.clock, SEEDER_BYTES_PER_SECOND);
  const client = await openClient({ ...platform, net }, { address: "127.0.0.1" });
  const seed = client.add(torrent, { dir, trustFiles: true, seedGoal: { kind: "forever" } });
  // A seeder that fails shows in the download, which then has one peer less.
  seed.finished.catch(() => {});
  return client;
}
