import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Socket } from "../../src/platform/types.ts";
import type { SimNode } from "../../src/platform/sim/sim_node.ts";
import { encodeHandshake } from "../../src/protocol/handshake.ts";
import * as wire from "../../src/protocol/peer_wire.ts";
import { type Participant, SimSwarm } from "../swarm/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB, BLOCK = 16 * KIB;
const TIMEOUT = { timeout: 120_000 };

/** A connection to the seed that says what the test wants and counts what comes. */
class Attacker {
  ended = false;
  received = 0;
  readonly #socket: Socket;

  constructor(node: SimNode, port = 6881) {
    this.#socket = node.net.connect({ address: "10.0.1.1", port, timeoutMs: 5000 });
    this.#socket.opened.catch(() => {});
    this.#socket.closed.catch(() => {});
    this.#socket.attach({
      onData: (chunk) => this.received += chunk.length,
      onEnd: () => this.ended = true,
    });
  }

  say(bytes: Uint8Array): void {
    if (!this.ended) this.#socket.send(bytes.slice(), () => {});
  }

  stopReading(): void {
    this.#socket.pause();
  }
}

async function newScene(seedNumber: number) {
  const swarm = new SimSwarm(seedNumber);
  await swarm.prepare([4 * MIB], 64 * KIB);
  const seed = await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 2 * MIB } });
  return { swarm, seed };
}

type Scene = Awaited<ReturnType<typeof newScene>>;

function hello(seed: Participant, swarm: SimSwarm): Uint8Array {
  const infoHash = Uint8Array.from(seed.torrent.infoHash.match(/../g)!, (x) => parseInt(x, 16));
  const peerId = swarm.world.dice.fill(new Uint8Array(20));
  return encodeHandshake({ infoHash, peerId, extensions: false, fast: true, dht: false });
}

/** A stranger that shook hands and told that it has nothing and wants something. */
async function stranger({ swarm, seed }: Scene, address = "10.0.9.9"): Promise<Attacker> {
  const attacker = new Attacker(swarm.world.node(address));
  await swarm.world.runFor(200);
  attacker.say(hello(seed, swarm));
  const out = new wire.WireEncoder();
  out.signal(wire.HAVE_NONE);
  out.signal(wire.INTERESTED);
  attacker.say(out.bytes);
  await swarm.world.runFor(500);
  assert.ok(attacker.received > 68, "the seed took it in");
  return attacker;
}

function requests(count: number, piece: (i: number) => number, length = BLOCK): Uint8Array {
  const out = new wire.WireEncoder();
  for (let i = 0; i < count; i++) out.block(wire.REQUEST, piece(i), (i % 4) * BLOCK, length);
  return out.bytes;
}

/** An honest leech still gets everything, in about the time it takes. */
async function servesOthers({ swarm, seed }: Scene): Promise<void> {
  const start = swarm.world.now;
  const leech = await swarm.leech("10.0.2.1");
  await swarm.untilDone([leech]);
  swarm.assertHasAll(leech);
  assert.ok(swarm.world.now - start < 8000, `${swarm.world.now - start} ms`);
  assert.equal(seed.torrent.snapshot().state, "seeding");
  await swarm.close();
}

describe("a seed among hostile leeches", () => {
  it("request floods end the connection of one who does not read", TIMEOUT, async () => {
    const scene = await newScene(51);
    const attacker = await stranger(scene);
    attacker.stopReading();
    for (let i = 0; i < 400 && !attacker.ended; i++) {
      attacker.say(requests(1000, () => 0));
      await scene.swarm.world.runFor(20);
    }
    await scene.swarm.world.runFor(1000);
    assert.ok(!scene.seed.torrent.snapshot().peerList.some((p) => p.address === "10.0.9.9"));
    await servesOthers(scene);
  });

  it(
    "requests for no such piece and of wrong lengths are refused, then it goes",
    TIMEOUT,
    async () => {
      for (const bad of [requests(400, () => 9999), requests(400, () => 1, 17 * KIB)]) {
        const scene = await newScene(52);
        const attacker = await stranger(scene);
        attacker.say(bad);
        await scene.swarm.world.runFor(1000);
        assert.equal(attacker.ended, true);
        await servesOthers(scene);
      }
    },
  );

  it("one who never reads its socket holds a few writes, no more", TIMEOUT, async () => {
    const scene = await newScene(53);
    const attacker = await stranger(scene);
    attacker.stopReading();
    attacker.say(requests(500, (i) => i % 64));
    await scene.swarm.world.runFor(5000);
    const [peer] = scene.seed.torrent.snapshot().peerList;
    assert.equal(peer!.address, "10.0.9.9");
    assert.ok(peer!.uploaded > 0 && peer!.uploaded < 2 * MIB, `${peer!.uploaded} bytes went out`);
    await servesOthers(scene);
  });

  it(
    "1,000 silent connections and half handshakes for a minute cost nobody else",
    TIMEOUT,
    async () => {
      const scene = await newScene(54);
      const { swarm, seed } = scene;
      const attackers: Attacker[] = [];
      for (let host = 0; host < 50; host++) {
        const node = swarm.world.node(`10.1.0.${host + 1}`);
        for (let i = 0; i < 20; i++) attackers.push(new Attacker(node));
        await swarm.world.runFor(1200);
        for (const attacker of attackers.slice(-20)) {
          // A third says nothing, a third the half of it, a third shakes hands and falls silent.
          const kind = swarm.world.dice.uint32() % 3, whole = hello(seed, swarm);
          if (kind > 0) attacker.say(kind === 1 ? whole.subarray(0, 30) : whole);
        }
      }
      assert.equal(attackers.length, 1000);
      const { connected } = seed.torrent.snapshot().peers;
      assert.equal(connected, 25, "silent ones hold every slot");
      await servesOthers(scene);
    },
  );
});
