/** Leeches that do not play by the rules, in the simulator: what they get, and what others lose. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BLOCK_LENGTH as BLOCK } from "../../src/metainfo/layout.ts";
import * as wire from "../../src/wire/peer_wire.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";
import { Attacker, handshakeFor } from "./attacker.ts";

const KIB = 1024, MIB = 1024 * KIB;
const TIMEOUT = { timeout: 60_000 };
/** Connections of a torrent. */
const PLACES = 25;
const PIECES = 64, BLOCKS_PER_PIECE = 4;
/** As `src/peer` has them. */
const MAX_QUEUED = 500, MAX_NONSENSE = 300, FREE_WHILE_CHOKED = 5 * BLOCKS_PER_PIECE * 3;
/** What a socket of the simulator holds, and one write of ours. */
const MAX_STUCK = (4 * 64 + 16 * 16) * KIB;

interface Scene {
  swarm: SimSwarm;
  victim: Participant;
  /** Why connections of the victim ended. */
  reasons: string[];
}

/** `victim`: a seed, or a leech that has nothing. */
async function newScene(seedNumber: number, victimSeeds = true): Promise<Scene> {
  const swarm = new SimSwarm(seedNumber);
  await swarm.prepare([PIECES * BLOCKS_PER_PIECE * BLOCK], BLOCKS_PER_PIECE * BLOCK);
  const link = { link: { upBytesPerSec: 2 * MIB } };
  const victim = victimSeeds
    ? await swarm.seed("10.0.1.1", link)
    : await swarm.leech("10.0.1.1", link);
  const reasons: string[] = [];
  void (async () => {
    for await (const event of victim.torrent.events()) {
      if (event.type === "peer-disconnected") reasons.push(event.reason);
    }
  })();
  return { swarm, victim, reasons };
}

/** A stranger that shook hands, has nothing, and wants something if `interested`. */
async function stranger(
  { swarm, victim }: Scene,
  interested = true,
  address = "10.0.9.9",
): Promise<Attacker> {
  const attacker = new Attacker(swarm.world.node(address), victim, PIECES);
  await swarm.world.runFor(200);
  attacker.say(handshakeFor(victim, swarm.world.dice.fill(new Uint8Array(20))));
  attacker.speak((out) => {
    out.signal(wire.HAVE_NONE);
    if (interested) out.signal(wire.INTERESTED);
  });
  await swarm.world.runFor(500);
  assert.ok(attacker.greeted, "it was taken in");
  return attacker;
}

/** Asks for the blocks of `piece`, again and again, for `count` in all. */
function requests(count: number, piece: (i: number) => number, length = BLOCK) {
  return (out: wire.WireEncoder) => {
    for (let i = 0; i < count; i++) {
      out.block(wire.REQUEST, piece(i), (i % BLOCKS_PER_PIECE) * BLOCK, length);
    }
  };
}

function uploadedTo({ victim }: Scene, address: string): number | undefined {
  return victim.torrent.snapshot().peerList.find((peer) => peer.address === address)?.uploaded;
}

/** An honest leech gets everything, 4 MiB at 2 MiB/s, in the time that takes it alone. */
async function servesOthers({ swarm, victim }: Scene, limitMs = 3500): Promise<void> {
  const start = swarm.world.now;
  const leech = await swarm.leech("10.0.2.1");
  await swarm.untilDone([leech]);
  swarm.assertHasAll(leech);
  assert.ok(swarm.world.now - start < limitMs, `${swarm.world.now - start} ms`);
  assert.equal(victim.torrent.snapshot().state, "seeding");
  await swarm.close();
}

describe("a seed among hostile leeches", () => {
  it(
    "queues so many requests of one peer, refuses the rest, and answers each one",
    TIMEOUT,
    async () => {
      const scene = await newScene(50);
      const attacker = await stranger(scene);
      assert.equal(attacker.choked, false);
      attacker.speak(requests(2000, (i) => i % PIECES));
      await scene.swarm.world.runFor(10_000);
      assert.equal(attacker.blocks + attacker.rejects, 2000);
      assert.ok(attacker.blocks >= MAX_QUEUED, `${attacker.blocks} blocks`);
      assert.ok(attacker.rejects > 1000, `${attacker.rejects} were refused`);
      assert.equal(attacker.ended, false, "one who asks for too much and reads is no criminal");
      await servesOthers(scene);
    },
  );

  it("disconnects a peer that requests endlessly and reads nothing", TIMEOUT, async () => {
    const scene = await newScene(51);
    const attacker = await stranger(scene);
    attacker.stopReading();
    let asked = 0;
    for (; scene.reasons.length === 0 && asked < 400_000; asked += 1000) {
      attacker.speak(requests(1000, () => 0));
      await scene.swarm.world.runFor(20);
    }
    assert.deepEqual(scene.reasons, ["The peer sends requests without reading the answers"]);
    // 256 KiB of refusals: each has 17 bytes.
    assert.ok(asked > 10_000 && asked < 30_000, `after ${asked} requests`);
    assert.equal(uploadedTo(scene, "10.0.9.9"), undefined, "it is gone");
    await servesOthers(scene);
  });

  it(
    "a peer that never reads its socket occupies one write, even after a minute",
    TIMEOUT,
    async () => {
      const scene = await newScene(53);
      const attackers: Attacker[] = [];
      for (let i = 0; i < 5; i++) attackers.push(await stranger(scene, true, `10.0.9.${i + 1}`));
      for (const attacker of attackers) {
        assert.equal(attacker.choked, false);
        attacker.stopReading();
        attacker.speak(requests(MAX_QUEUED, (i) => i % PIECES));
      }
      for (const ms of [5000, 55_000]) {
        await scene.swarm.world.runFor(ms);
        for (let i = 0; i < 5; i++) {
          const sent = uploadedTo(scene, `10.0.9.${i + 1}`);
          if (ms === 5000) assert.ok(sent !== undefined && sent > 0, "it is served");
          assert.ok((sent ?? 0) <= MAX_STUCK, `${sent} of ${MAX_QUEUED * BLOCK} bytes went out`);
        }
      }
      await servesOthers(scene);
    },
  );

  it("gives the places of peers that never read to a newcomer", TIMEOUT, async () => {
    const scene = await newScene(57), { swarm, victim } = scene;
    const attackers: Attacker[] = [];
    for (let i = 0; i < PLACES; i++) {
      attackers.push(await stranger(scene, true, `10.0.9.${i + 1}`));
      attackers[i]!.stopReading();
      attackers[i]!.speak(requests(MAX_QUEUED, (at) => at % PIECES));
    }
    await swarm.world.runFor(12_000);
    const { peers, uploaded } = victim.torrent.snapshot();
    assert.equal(peers.connected, PLACES, "they took every place");
    assert.ok(uploaded > PLACES * BLOCK, "and requested what they do not read");
    // It waits for its turn: a seed allows no piece past the turns that nobody else has.
    await servesOthers(scene, 4000);
  });

  it("a choked peer that keeps requesting gets only allowed-fast pieces", TIMEOUT, async () => {
    const scene = await newScene(55);
    const attacker = await stranger(scene, false);
    assert.equal(attacker.choked, true);
    attacker.speak(requests(2000, (i) => i % PIECES));
    await scene.swarm.world.runFor(5000);
    assert.equal(attacker.choked, true);
    assert.equal(attacker.blocks + attacker.rejects, 2000);
    assert.ok(attacker.blocks <= FREE_WHILE_CHOKED, `${attacker.blocks} blocks while choked`);
    await servesOthers(scene);
  });

  it(
    "disconnects a choked peer that keeps requesting, 2 s after the last CHOKE",
    TIMEOUT,
    async () => {
      const scene = await newScene(56), { world } = scene.swarm;
      const attackers: Attacker[] = [];
      for (let i = 0; i < 4; i++) attackers.push(await stranger(scene, false, `10.0.9.${i + 1}`));
      let asked = 0;
      const since = world.now;
      for (let i = 0; i < 20_000 / 20 && scene.reasons.length < 4; i++) {
        for (const attacker of attackers) {
          assert.equal(attacker.choked, true);
          if (!attacker.ended) asked += 10;
          attacker.speak(requests(10, () => i % PIECES));
        }
        await world.runFor(20);
      }
      assert.ok(asked > 1000, `${asked} requests`);
      assert.deepEqual(scene.reasons, Array(4).fill("The peer keeps requesting while choked"));
      assert.ok(world.now - since < 3000, `${world.now - since} ms`);
      assert.ok(attackers.every(({ blocks }) => blocks <= FREE_WHILE_CHOKED));
      await servesOthers(scene);
    },
  );

  it(
    "rejects requests for missing and invalid blocks, and disconnects after a while",
    TIMEOUT,
    async () => {
      const nonsense: [string, (out: wire.WireEncoder) => void, boolean][] = [
        ["no such piece", requests(400, () => 9999), true],
        ["too long", requests(400, () => 1, BLOCK + KIB), true],
        ["of length 0", requests(400, () => 1, 0), true],
        ["beyond the piece's end", (out) => {
          for (let i = 0; i < 400; i++) out.block(wire.REQUEST, 1, 4 * BLOCK - 1, BLOCK);
        }, true],
        ["a piece that is missing", requests(400, () => 7), false],
      ];
      for (const [what, words, seeds] of nonsense) {
        const scene = await newScene(52, seeds);
        const attacker = await stranger(scene);
        attacker.speak(words);
        await scene.swarm.world.runFor(1000);
        assert.equal(attacker.ended, true, what);
        assert.deepEqual(scene.reasons, ["The peer sent too many invalid messages"], what);
        assert.ok(attacker.rejects <= MAX_NONSENSE && attacker.blocks === 0, what);
        if (seeds) await servesOthers(scene);
        else await scene.swarm.close();
      }
    },
  );
});

const HOSTS = 50, PER_HOST = 20;
const RETURN_MS = 10_000;

/** What a connection says before it falls silent; whom the victim throws out comes back. */
class Silent {
  opened = 0;
  #attacker!: Attacker;
  #retryAt = 0;
  #spoke = false;

  constructor(readonly kind: number, readonly open: () => Attacker) {
    this.#connect();
  }

  get held(): boolean {
    return !this.#attacker.ended;
  }

  get greeted(): boolean {
    return this.#attacker.greeted;
  }

  persist(now: number): void {
    if (this.held) return;
    if (this.#retryAt === 0) this.#retryAt = now + RETURN_MS;
    else if (now >= this.#retryAt) this.#connect();
  }

  /** Once on a connection: nothing, half a handshake, or a whole one. */
  speak(handshake: Uint8Array): void {
    if (this.#spoke) return;
    this.#spoke = true;
    if (this.kind === 1) this.#attacker.say(handshake.subarray(0, 30));
    if (this.kind === 2) this.#attacker.say(handshake);
  }

  #connect(): void {
    this.#attacker = this.open();
    this.opened++;
    this.#spoke = false;
    this.#retryAt = 0;
  }
}

/** Bytes that a seed gives in a minute to two honest leeches, one of which comes half-way. */
async function minute(besieged: boolean) {
  const swarm = new SimSwarm(54);
  swarm.checkEvery = Infinity;
  await swarm.prepare([90 * MIB], 256 * KIB);
  const victim = await swarm.seed("10.0.1.1", { link: { upBytesPerSec: MIB } });
  const slow = { link: { upBytesPerSec: 16 * KIB } };
  const leeches = [await swarm.leech("10.0.2.1", slow)];
  await swarm.world.runFor(1000);
  const silent: Silent[] = [];
  for (let host = 1; besieged && host <= HOSTS; host++) {
    const node = swarm.world.node(`10.1.0.${host}`);
    for (let i = 0; i < PER_HOST; i++) {
      silent.push(new Silent((host + i) % 3, () => new Attacker(node, victim, PIECES)));
    }
  }
  const before = victim.torrent.snapshot().uploaded;
  const id = () => swarm.world.dice.fill(new Uint8Array(20));
  let heldAll = 0, slots = 0;
  for (let second = 0; second < 60; second++) {
    await swarm.world.runFor(1000);
    if (second === 30) leeches.push(await swarm.leech("10.0.2.2", slow));
    for (const one of silent) {
      one.persist(swarm.world.now);
      one.speak(handshakeFor(victim, id()));
    }
    slots = Math.max(slots, victim.torrent.snapshot().peers.connected);
    heldAll += silent.filter(({ held }) => held).length;
  }
  swarm.check();
  const { uploaded } = victim.torrent.snapshot();
  const got = leeches.map(({ torrent }) => torrent.snapshot().downloaded);
  await swarm.close();
  return { given: uploaded - before, got, silent, held: heldAll / 60, slots };
}

describe("a seed among 1,000 silent connections and half handshakes for a minute", () => {
  it("uploads at least 0.9 as much to others as without them", TIMEOUT, async () => {
    const alone = await minute(false), besieged = await minute(true);
    const { silent } = besieged;
    assert.equal(silent.length, 1000);
    assert.ok(silent.every(({ kind, greeted }) => kind === 2 || !greeted));
    const opened = silent.reduce((sum, one) => sum + one.opened, 0);
    console.log(
      `${opened} connections, ${besieged.held.toFixed(0)} at a time; gave ` +
        `${(besieged.given / alone.given).toFixed(3)} of what it gives alone`,
    );
    assert.ok(besieged.held > 150 && opened > 4000, "they came and stayed as long as they could");
    assert.equal(besieged.slots, 25, "those that shook hands took every place");
    assert.ok(alone.given > 55 * MIB, `${alone.given} bytes without them`);
    assert.ok(besieged.given >= 0.9 * alone.given, `${besieged.given} of ${alone.given} bytes`);
    besieged.got.forEach((bytes, i) => {
      assert.ok(bytes >= 0.9 * alone.got[i]!, `leech ${i} got ${bytes} of ${alone.got[i]} bytes`);
    });
  });
});
