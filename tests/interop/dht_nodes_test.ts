/**
 * Our node among 50 of libtorrent, on real sockets. All of them share one address, so libtorrent's
 * rules of one node per address are off, and so are both sides' limits per address.
 */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { Dht, type DhtPorts } from "../../src/dht/dht.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import type { DatagramSocket } from "../../src/platform/types.ts";
import { immutableTarget, mutableTarget, signItem } from "../../src/dht/dht_item.ts";
import { fromLatin1, toHex } from "../../src/util/bytes.ts";
import { scripts } from "./keep.ts";
import { demand, needs, python } from "./needs.ts";
import type { Program } from "./program.ts";
import { Scene } from "./scene.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());

const ADDRESS = "127.0.0.1", NODES = 50;
/** What the project set itself, from the announce to the moment another knows of it. */
const platform = selectPlatform();
const sha1 = (bytes: Uint8Array) => platform.hasher.digest("sha1", bytes);

interface World {
  libtorrent: Program;
  /** Of libtorrent's nodes. */
  ports: number[];
  dht: Dht;
  socket: DatagramSocket;
}

let opening: Promise<World> | null = null;

/** All tests share one. */
function world(): Promise<World> {
  return opening ??= openWorld();
}

async function openWorld(): Promise<World> {
  demand("libtorrent");
  const wanted = JSON.stringify({ count: NODES, addresses: [ADDRESS] });
  const libtorrent = scene.start([python, "-B", join(scripts, "lt_dht.py"), wanted], {
    // Each session would read all certificates of the system, which takes 0.2 s.
    env: { SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nonexistent" },
  });
  const ports = await libtorrent.waitFor("ports", (line) => {
    return line.startsWith("ready ") ? line.split(" ").slice(1).map(Number) : null;
  });
  await libtorrent.waitFor("joined line", (line) => line === "joined" || null);
  const { dht, socket } = await openNode(ports[0]!);
  await until("we know libtorrent's nodes", () => dht.stats().overlays[0]!.nodes >= 16);
  return { libtorrent, ports, dht, socket };
}

async function openNode(bootstrapPort: number): Promise<{ dht: Dht; socket: DatagramSocket }> {
  const { clock, random, hasher, ed25519, net, datagrams } = platform;
  let dht: Dht | null = null;
  const socket = await datagrams.bind(
    { port: 0, family: 4, address: ADDRESS },
    (bytes, address, port) => dht?.receive(bytes, address, port),
  );
  scene.onClose(() => socket.close());
  const ports: DhtPorts = { clock, random, hasher, ed25519, net, line: socket };
  dht = await Dht.open(ports, {
    client: fromLatin1("SH\0\x01"),
    families: [4],
    bootstrap: [{ host: ADDRESS, port: bootstrapPort }],
    limits: { flood: { perSecond: 1e6, burst: 1e6 } },
  });
  scene.onClose(dht.close.bind(dht));
  return { dht, socket };
}

describe("Dht among 50 nodes of libtorrent", { skip: needs("libtorrent") }, () => {
  it("finds the peers that one of them announces", { timeout: 60_000 }, async () => {
    const { libtorrent, ports, dht } = await world();
    for (const node of [7, 21, 48]) {
      const infoHash = new Uint8Array(randomBytes(20)), found: string[] = [];
      libtorrent.tell(`announce ${node} ${toHex(infoHash)}`);
      await until("the peer is found", async () => {
        await dht.findPeers(infoHash, {
          onPeers: (peers) => found.push(...peers.map(({ address, port }) => `${address}:${port}`)),
        });
        return found.length > 0;
      }, 20_000);
      assert.deepEqual([...new Set(found)], [`${ADDRESS}:${ports[node]}`]);
    }
  });

  it("announces peers that they find", { timeout: 60_000 }, async () => {
    const { libtorrent, dht } = await world();
    for (const node of [3, 19, 44]) {
      const infoHash = new Uint8Array(randomBytes(20)), hash = toHex(infoHash);
      const { stored } = await dht.announce(infoHash, { port: 7000 });
      assert.ok(stored >= 4, `${stored} nodes stored it`);
      libtorrent.tell(`get-peers ${node} ${hash}`);
      const prefix = `peers ${hash} `;
      const found = await libtorrent.waitFor("our peer", (line) => {
        return line.startsWith(prefix) ? line.slice(prefix.length) : null;
      });
      assert.equal(found, `${ADDRESS}:7000`);
    }
  });

  it("is a node like theirs, with which they leave peers", { timeout: 60_000 }, async () => {
    const { libtorrent, dht, ports } = await world();
    // Nobody's id is nearer to it than ours.
    const near = dht.state().ids[4]!.slice();
    near[19]! ^= 1;
    const before = dht.stats().stored.peers;
    let node = 30;
    await until("a peer is stored with us", () => {
      // Not every node knows us yet; another may.
      if (node < NODES) libtorrent.tell(`announce ${node++} ${toHex(near)}`);
      return dht.stats().stored.peers > before;
    }, 20_000);
    const found: number[] = [];
    await dht.findPeers(near, { onPeers: (peers) => found.push(...peers.map((at) => at.port)) });
    assert.ok(found.length > 0 && found.every((port) => ports.includes(port)), `${found}`);
  });

  it("puts and gets immutable items both ways (BEP 44)", { timeout: 60_000 }, async () => {
    const { libtorrent, dht } = await world();
    const ours = { value: fromLatin1("9:of-shoals"), signed: null };
    assert.ok(await dht.putItem(ours) >= 4);
    const target = toHex(immutableTarget(sha1, ours.value));
    libtorrent.tell(`get 11 ${target}`);
    await libtorrent.waitFor("our item", (line) => line === `item ${target} of-shoals` || null);

    libtorrent.tell("put 12 of-libtorrents");
    const value = fromLatin1("14:of-libtorrents"), theirs = immutableTarget(sha1, value);
    await libtorrent.waitFor("its put", (line) => {
      return line.startsWith(`put ${toHex(theirs)} `) && !line.endsWith(" 0") || null;
    });
    assert.deepEqual(await dht.getItem(theirs), { value, signed: null });
  });

  it("puts and gets mutable items with salt both ways", { timeout: 60_000 }, async () => {
    const { libtorrent, dht } = await world();
    const seed = new Uint8Array(randomBytes(32)), salt = fromLatin1("salt");
    const key = platform.ed25519.publicKey(seed);
    const value = fromLatin1("5:first");
    const item = signItem(platform.ed25519, seed, { value, seq: 1n, salt });
    assert.ok(await dht.putItem(item) >= 4);
    libtorrent.tell(`get-mutable 13 ${toHex(key)} salt`);
    const heard = `mutable ${toHex(key)} 1 first`;
    await libtorrent.waitFor("our item", (line) => line === heard || null);

    // It gets the newest item first, so that its own is the second.
    libtorrent.tell(`put-mutable 14 ${expanded(seed)} ${toHex(key)} salt second`);
    await libtorrent.waitFor("its put", (line) => {
      return line.startsWith(`put-mutable ${toHex(key)} `) && !line.endsWith(" 0") || null;
    });
    const newer = await dht.getItem(mutableTarget(sha1, key, salt), { salt });
    assert.deepEqual([newer!.value, newer!.signed!.seq], [fromLatin1("6:second"), 2n]);
  });

  it("counts no exception, no lie and no unreadable message", async () => {
    const { dht, socket } = await world();
    const stats = dht.stats();
    const { exceptions, lastException, malformed, refused, overlays } = stats;
    assert.equal(exceptions, 0, String(lastException));
    assert.deepEqual([malformed, refused, overlays[0]!.liars], [0, 0, 0]);
    assert.equal(socket.errors, 0, String(socket.lastError));
    assert.ok(stats.queriesReceived >= 5, `${stats.queriesReceived} queries`);
  });
});

/** The private key as libtorrent takes it: RFC 8032's hash of the seed, clamped. In hexadecimal. */
function expanded(seed: Uint8Array): string {
  const key = new Uint8Array(createHash("sha512").update(seed).digest());
  key[0]! &= 248;
  key[31]! = (key[31]! & 63) | 64;
  return toHex(key);
}
