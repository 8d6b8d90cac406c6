/** Peers whose bytes are of no use at a download with a limit, in the simulator. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BLOCK_LENGTH as BLOCK } from "../../src/metainfo/layout.ts";
import * as wire from "../../src/wire/peer_wire.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";
import { Attacker, handshakeFor } from "./attacker.ts";

const KIB = 1024, MIB = 1024 * KIB;
const TIMEOUT = { timeout: 60_000 };
const PIECES = 32, PIECE_LENGTH = 256 * KIB;
const LIMIT = 512 * KIB, ATTACKERS = 10;
/** Each sends a third of the limit. */
const EVERY_MS = 50, BYTES = 8 * KIB;

/** A message that no client knows. */
function unknown(): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  new DataView(bytes.buffer).setUint32(0, BYTES - 4);
  bytes[4] = 200;
  return bytes;
}

/** A block that nobody requested. */
function unasked(): Uint8Array {
  const out = new wire.WireEncoder();
  out.piece(0, 0, BLOCK).fill(7);
  return out.bytes.slice();
}

/** A piece that we have, again and again. */
function again(): Uint8Array {
  const out = new wire.WireEncoder();
  while (out.length < BYTES) out.number(wire.HAVE, 0);
  return out.bytes.slice();
}

/** How long a download of 8 MiB takes, and what the attackers sent. */
async function download(nuisance: Uint8Array | null) {
  const swarm = new SimSwarm(61), { world } = swarm;
  await swarm.prepare([PIECES * PIECE_LENGTH], PIECE_LENGTH);
  await swarm.seed("10.0.1.1");
  const start = world.now;
  const leech = await swarm.leech("10.0.2.1", {}, {}, { limits: { down: LIMIT } });
  const attackers: Attacker[] = [];
  for (let i = 1; nuisance !== null && i <= ATTACKERS; i++) {
    const attacker = new Attacker(world.node(`10.0.9.${i}`), leech, PIECES);
    attackers.push(attacker);
    await world.runFor(20);
    attacker.say(handshakeFor(leech, world.dice.fill(new Uint8Array(20))));
    attacker.speak((out) => out.signal(wire.HAVE_NONE));
  }
  let sent = 0;
  const state = () => leech.torrent.snapshot().state;
  while (state() !== "done" && state() !== "seeding" && world.now - start < 300_000) {
    for (const attacker of attackers) {
      if (attacker.ended) continue;
      attacker.say(nuisance!);
      sent += nuisance!.length;
    }
    await world.runFor(EVERY_MS);
  }
  const ms = world.now - start, greeted = attackers.every((attacker) => attacker.greeted);
  swarm.assertHasAll(leech);
  await swarm.close();
  return { ms, sent, greeted };
}

describe("a download at 512 KiB/s beside ten peers that send useless bytes", () => {
  const kinds = {
    "unknown messages": unknown(),
    "unrequested blocks": unasked(),
    "HAVE again": again(),
  };
  for (const [what, nuisance] of Object.entries(kinds)) {
    it(`takes hardly longer beside ${what}`, TIMEOUT, async () => {
      const alone = await download(null), beside = await download(nuisance);
      assert.ok(beside.greeted && beside.sent > 4 * MIB, `they sent ${beside.sent} bytes`);
      assert.ok(
        beside.ms < 1.3 * alone.ms,
        `${beside.ms} ms for ${beside.sent} bytes, alone ${alone.ms} ms`,
      );
    });
  }
});
