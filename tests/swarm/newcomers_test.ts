/** A seed whose places are taken by idle peers still serves newcomers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { HAVE_NONE, INTERESTED, WireEncoder } from "../../src/wire/peer_wire.ts";
import { EXTENSION_IDS } from "../../src/wire/extension.ts";
import { encodePex } from "../../src/wire/ut_pex.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { sha1 } from "../harness/hasher.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const PORT = 6881;

/** Dials `to` from an address of its own, is interested if it `wants`, and never requests anything. */
function dialIdly(swarm: SimSwarm, number: number, to: string, wants: boolean) {
  const node = swarm.world.node(`10.${number + 10}.9.1`), out = new WireEncoder();
  const { infoHash } = parseTorrent(swarm.torrent.bytes, sha1);
  const peerId = node.random.fill(new Uint8Array(20));
  out.append(encodeHandshake({ infoHash, peerId, extensions: true, fast: true, dht: false }));
  out.signal(HAVE_NONE);
  if (wants) out.signal(INTERESTED);
  const socket = node.net.connect({ address: to, port: PORT, timeoutMs: 90_000 });
  const send = () => socket.send(out.bytes.slice(), () => {});
  const idler = {
    open: false,
    /** Names a peer by peer exchange. */
    name(address: string) {
      out.clear();
      const added = [{ address, port: PORT, flags: 0 }];
      out.extended(EXTENSION_IDS.get("ut_pex")!, encodePex({ added, dropped: [] }));
      send();
    },
  };
  socket.attach({ onData: () => idler.open = true, onEnd: () => idler.open = false });
  socket.opened.then(send, () => {});
  return idler;
}

/** A seed of 25 places and as many that came before everybody else. */
async function besieged(seed: number, wants: boolean) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([600 * KIB], 16 * KIB);
  swarm.checkEvery = 10;
  const server = await swarm.seed("10.0.1.1");
  const idlers = Array.from({ length: 30 }, (_, i) => dialIdly(swarm, i, "10.0.1.1", wants));
  const open = () => idlers.filter((idler) => idler.open).length;
  await swarm.run(() => open() === 25);
  return { swarm, server, idlers, open };
}

/** A leech that nobody knows and dials, and the time of its first bytes. */
async function come(swarm: SimSwarm, address: string): Promise<[Participant, number]> {
  const node = swarm.world.node(address, { link: { firewalled: true } });
  const came = swarm.world.now, leech = await swarm.join(node);
  await swarm.run(() => leech.torrent.snapshot().downloaded > 0, 120_000);
  return [leech, swarm.world.now - came];
}

describe("a seed", () => {
  for (const [waitMs, seed] of [[2500, 1], [8000, 2], [45_000, 3]] as const) {
    it(
      `serves a leech that connects ${waitMs} ms after 25 idle ones within 10 s`,
      TIMEOUT,
      async () => {
        const { swarm, server, open } = await besieged(seed, true);
        await swarm.world.runFor(waitMs);
        assert.equal(server.torrent.snapshot().peers.connected, 25);
        assert.equal(open(), 25, "the place was full");
        const [leech, took] = await come(swarm, "10.200.0.1");
        assert.ok(took < 10_000, `${took} ms`);
        assert.ok(open() < 25, "somebody made room");
        await swarm.untilDone([leech]);
        await swarm.close();
      },
    );
  }

  it("keeps no place for peers without interest", TIMEOUT, async () => {
    const { swarm } = await besieged(4, false);
    await swarm.world.runFor(3000);
    const [leech, took] = await come(swarm, "10.200.0.1");
    assert.ok(took < 5000, `${took} ms`);
    await swarm.untilDone([leech]);
    await swarm.close();
  });

  it("dials new peers in place of idle ones that dialled it", TIMEOUT, async () => {
    const { swarm, idlers, open } = await besieged(5, true);
    const node = swarm.world.node("10.200.0.1"), connect = node.net.connect.bind(node.net);
    // It cannot dial anybody itself.
    node.net.connect = (to) => connect(to.port === PORT ? { ...to, address: "10.99.9.9" } : to);
    const leech = await swarm.join(node);
    await swarm.world.runFor(5000);
    assert.deepEqual([open(), leech.torrent.snapshot().peers.connected], [25, 0]);
    for (const idler of idlers) if (idler.open) idler.name("10.200.0.1");
    const heard = swarm.world.now;
    await swarm.untilDone([leech]);
    assert.ok(swarm.world.now - heard < 20_000, `${swarm.world.now - heard} ms`);
    await swarm.close();
  });
});
