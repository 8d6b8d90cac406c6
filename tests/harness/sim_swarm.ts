/** A whole swarm in the simulator: a tracker, seeds and leeches, checked after every event. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Client } from "../../src/client/client.ts";
import { checkInvariants, type Torrent } from "../../src/torrent/torrent.ts";
import type { AddOptions, ClientOptions } from "../../src/client/types.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import type { NodeOptions, SimNode } from "./sim/sim_node.ts";
import { SimWorld, type WorldOptions } from "./sim/world.ts";
import { serveTracker } from "../../src/tracker/local_tracker.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { toHex } from "../../src/util/bytes.ts";

export interface SimFile {
  path: string[];
  content: Uint8Array;
}

export interface SimTorrent {
  bytes: Uint8Array;
  name: string;
  files: SimFile[];
  /** All files' bytes, one after the other. */
  content: Uint8Array;
  pieceLength: number;
}

const DIR = "/data";

/** Files of seeded contents and the .torrent of them. */
export function makeSimTorrent(
  world: SimWorld,
  sizes: number[],
  pieceLength: number,
  announce?: string,
  names: readonly string[] = [],
): SimTorrent {
  const files = sizes.map((size, i) => ({
    path: sizes.length === 1
      ? ["file"]
      : ["folder", ...names[i]?.split("/") ?? [`sub${i % 3}`, `file${i}`]],
    content: world.dice.fill(new Uint8Array(size)),
  }));
  return torrentOf(files, pieceLength, announce);
}

/** A torrent of one file, or of several whose paths begin with the same folder. */
export function torrentOf(
  files: SimFile[],
  pieceLength: number,
  announce?: string,
  tiers?: string[][],
): SimTorrent {
  const all = new Uint8Array(files.reduce((sum, { content }) => sum + content.length, 0));
  let at = 0;
  for (const { content } of files) {
    all.set(content, at);
    at += content.length;
  }
  const hashes: Uint8Array[] = [];
  for (let begin = 0; begin < all.length; begin += pieceLength) {
    hashes.push(createHash("sha1").update(all.subarray(begin, begin + pieceLength)).digest());
  }
  const [first] = files, single = files.length === 1 && first!.path.length === 1;
  const info = {
    name: first!.path[0]!,
    "piece length": pieceLength,
    pieces: new Uint8Array(Buffer.concat(hashes)),
    ...(single
      ? { length: all.length }
      : { files: files.map((f) => ({ length: f.content.length, path: f.path.slice(1) })) }),
  };
  const bytes = encode({
    ...(announce ? { announce } : {}),
    ...(tiers ? { "announce-list": tiers } : {}),
    info,
  });
  return { bytes, name: info.name, files, content: all, pieceLength };
}

export interface Participant {
  node: SimNode;
  client: Client;
  torrent: Torrent;
}

export class SimSwarm {
  readonly world: SimWorld;
  torrent!: SimTorrent;
  readonly all: Participant[] = [];
  /** The counts of each participant are checked after this many events. */
  checkEvery = 1;
  #events = 0;

  /** `world`: of an existing swarm. */
  constructor(seed: number | string, options: WorldOptions = {}, world?: SimWorld) {
    this.world = world ?? new SimWorld(seed, options);
  }

  /** Starts the tracker and makes the torrent that names it. */
  async prepare(
    sizes: number[],
    pieceLength: number,
    tracker = "10.0.0.1",
    names?: readonly string[],
  ): Promise<void> {
    const node = this.world.node(tracker);
    const ports = { ...node, clock: node.clock, random: node.random, http: node.http };
    const { announceUrl } = await this.world.wait(
      serveTracker(ports, { port: 80, address: tracker }),
    );
    this.torrent = makeSimTorrent(this.world, sizes, pieceLength, announceUrl, names);
  }

  async seed(
    address: string,
    options: Partial<NodeOptions> = {},
    add: Partial<AddOptions> = {},
  ): Promise<Participant> {
    const node = this.world.node(address, options);
    this.plant(node);
    const seed = await this.join(node, { trustFiles: true, seedGoal: { kind: "forever" }, ...add });
    await this.world.runFor(500); // the tracker knows it before any peer asks
    return seed;
  }

  async leech(
    address: string,
    options: Partial<NodeOptions> = {},
    add: Partial<AddOptions> = {},
    client: ClientOptions = {},
  ): Promise<Participant> {
    return await this.join(this.world.node(address, options), add, client);
  }

  async join(
    node: SimNode,
    add: Partial<AddOptions> = {},
    options: ClientOptions = {},
    source: Uint8Array | string = this.torrent.bytes,
  ): Promise<Participant> {
    await createCrc32c(); // compiled in real time, so before the virtual clock runs
    const client = await this.world.wait(
      Client.open(node, { port: 6881, dht: false, lsd: false, ...options }),
    );
    this.#log(node, client);
    const torrent = client.add(source, { dir: DIR, ...add });
    const participant = { node, client, torrent };
    this.all.push(participant);
    return participant;
  }

  /** Writes the torrent's files to a node's disk. */
  plant(node: SimNode, dir = DIR): void {
    for (const { path, content } of this.torrent.files) {
      for (let depth = 0; depth < path.length; depth++) {
        node.files.makeDir([dir, ...path.slice(0, depth)].join("/"));
      }
      const file = node.files.open([dir, ...path].join("/"), "write");
      file.writeAt(content, 0);
      file.close();
    }
  }

  /** Runs the world until `until()`, checking all counts on the way. */
  async run(until: () => boolean, limitMs?: number): Promise<void> {
    await this.world.run(() => {
      if (++this.#events % this.checkEvery === 0) this.check();
      return until();
    }, limitMs);
  }

  async untilDone(participants: Participant[], limitMs?: number): Promise<void> {
    const done = (p: Participant) => {
      const { state, error } = p.torrent.status();
      assert.notEqual(state, "failed", error?.message ?? "failed");
      return state === "done" || state === "seeding";
    };
    await this.run(() => participants.every(done), limitMs);
  }

  check(): void {
    for (const { torrent, node } of this.all) if (node.alive) checkInvariants(torrent);
  }

  /** The files on a node's disk are the torrent's, byte for byte. */
  assertHasAll({ node }: Participant): void {
    for (const { path, content } of this.torrent.files) {
      const file = node.files.open([DIR, ...path].join("/"), "read");
      const found = new Uint8Array(content.length + 1);
      assert.equal(file.readAt(found, 0), content.length, `size of ${path.join("/")}`);
      file.close();
      const same = toHex(hashOf(found.subarray(0, content.length))) === toHex(hashOf(content));
      assert.ok(same, `content of ${path.join("/")}`);
    }
  }

  async close(): Promise<void> {
    const alive = this.all.filter(({ node }) => node.alive);
    await this.world.wait(Promise.all(alive.map(({ client }) => client.close())));
  }

  async #log(node: SimNode, client: Client): Promise<void> {
    for await (const event of client.events()) {
      this.world.log(`${node.address} ${JSON.stringify(event)}`);
    }
  }
}

function hashOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}
