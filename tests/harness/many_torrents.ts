/** One client with several torrents in the simulator, and a seed that has all of them. */
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import type { ClientOptions, NewTorrent, TorrentState } from "../../src/client/types.ts";
import { checkInvariants, type Torrent } from "../../src/torrent/torrent.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import type { SimNode } from "./sim/sim_node.ts";
import { SimWorld } from "./sim/world.ts";
import { type SimTorrent, torrentOf } from "./sim_swarm.ts";

export const SEED = "10.0.1.1:6881", KIB = 1024;

export class ManyTorrents {
  readonly world: SimWorld;
  node: SimNode;
  readonly seedNode: SimNode;
  seed!: Client;
  client!: Client;
  /** "a", "b", ... by their names. */
  readonly made = new Map<string, SimTorrent>();
  readonly #options: ClientOptions;

  constructor(
    seed: number,
    options: ClientOptions = {},
    { upBytesPerSec = 20 * KIB, startAt = 0 } = {},
  ) {
    this.world = new SimWorld(seed);
    this.seedNode = this.world.node("10.0.1.1", { link: { upBytesPerSec } });
    this.node = this.world.node("10.0.2.1");
    this.node.wallOffMs = startAt;
    this.#options = { port: 6881, dht: false, lsd: false, ...options };
  }

  async open(): Promise<void> {
    await createCrc32c(); // compiled in real time, so before the virtual clock runs
    const options = { port: 6881, dht: false, lsd: false } as const;
    this.seed = await this.world.wait(Client.open(this.seedNode, options));
    this.client = await this.world.wait(Client.open(this.node, this.#options));
  }

  /** Closes the client and opens another one, with all torrents that the state folder knows. */
  async restart(): Promise<void> {
    await this.world.wait(this.client.close());
    await this.reopen();
  }

  /** The process is killed; another one continues with the same disk. */
  async kill(): Promise<void> {
    const { disk, wallOffMs } = this.node;
    this.node.kill("quietly");
    this.node = this.world.node("10.0.2.1", { disk });
    this.node.wallOffMs = wallOffMs;
    await this.reopen();
  }

  async reopen(): Promise<void> {
    this.client = await this.world.wait(Client.open(this.node, this.#options));
    await this.world.wait(this.client.restore());
  }

  /** A torrent of two files, which the seed has. */
  make(name: string, bytes = 400 * KIB): SimTorrent {
    const fill = (size: number) => this.world.dice.fill(new Uint8Array(size));
    const torrent = torrentOf([
      { path: [name, "film.mkv"], content: fill(bytes) },
      { path: [name, "sub", "notes.nfo"], content: fill(1000) },
    ], 16 * KIB);
    this.made.set(name, torrent);
    for (const { path, content } of torrent.files) {
      this.seedNode.disk.put(["/data", ...path].join("/"), content);
    }
    this.seed.add(torrent.bytes, { dir: "/data", trustFiles: true, seedGoal: { kind: "forever" } });
    return torrent;
  }

  add(name: string, options: Partial<NewTorrent> = {}, bytes?: number): Torrent {
    const { bytes: source } = this.made.get(name) ?? this.make(name, bytes);
    return this.client.add(source, {
      dir: "/data",
      peers: [SEED],
      seedGoal: { kind: "forever" },
      ...options,
    });
  }

  named(name: string): Torrent {
    const found = this.client.torrents().find((torrent) => torrent.status().name === name);
    assert.ok(found !== undefined, `there is a torrent ${name}`);
    return found;
  }

  /** By name. */
  get states(): Record<string, TorrentState> {
    return Object.fromEntries(
      this.client.torrents().map((torrent) => {
        const { name, state } = torrent.status();
        return [name, state];
      }).sort(),
    );
  }

  /** Names in the order of the queue. */
  get order(): string {
    return this.client.torrents().map((torrent) => torrent.status()).sort((a, b) =>
      a.queue!.position - b.queue!.position
    ).map(({ name }) => name).join("");
  }

  count(state: TorrentState): number {
    return this.client.torrents().filter((torrent) => torrent.status().state === state).length;
  }

  /** Books that must hold after each event. */
  check(): void {
    for (const torrent of this.client.torrents()) {
      checkInvariants(torrent);
      const { state, peers } = torrent.status();
      if (state === "queued" || state === "done") {
        assert.equal(peers.connected, 0, `a ${state} torrent has no connections`);
      }
      const busy = torrent.peers().filter((peer) => !peer.choked || peer.outstanding > 0);
      if (state === "paused") assert.deepEqual(busy, [], "a paused torrent transfers nothing");
    }
  }

  async run(until: () => boolean, limitMs?: number): Promise<void> {
    await this.world.run(() => {
      this.check();
      return until();
    }, limitMs);
  }

  async runFor(ms: number): Promise<void> {
    const until = this.world.now + ms;
    this.world.at(until, () => {});
    await this.run(() => this.world.now >= until);
  }

  async close(): Promise<void> {
    await this.world.wait(Promise.all([this.client.close(), this.seed.close()]));
  }
}
