/** A state folder as version 0.1 left it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { decodeWish } from "../../src/client/wish.ts";
import { type BDict, decode } from "../../src/bencode/bencode.ts";
import { type Encodable, encode } from "../../src/bencode/bencode_encode.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const SKIP_THIRD = { priorities: new Map([[2, 0]]) };
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());

/** One that is half done, with a state folder of today made into one of 0.1. */
async function left(seed: number, record: "whole" | "torn") {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB], 64 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 400 * KIB } });
  const { node, client, torrent } = await swarm.leech("10.0.2.1", {}, { files: SKIP_THIRD }, STATE);
  await swarm.run(() => torrent.status().have > 200 * KIB);
  await swarm.world.wait(client.close());
  node.kill("quietly");
  const path = `/state/${torrent.infoHash}`, resume = node.disk.bytes(`${path}.resume`)!;
  node.files.remove(`${path}.json`);
  const added = { dir: "/data", uploadSlots: 2, files: { priorities: [[1, 0]] } };
  put(
    node,
    `${path}.added`,
    Buffer.from(JSON.stringify({
      format: "shoal added",
      version: 1,
      link: null,
      paused: false,
      options: added,
    })),
  );
  put(node, `${path}.resume`, record === "torn" ? resume.subarray(0, 50) : withWishes(resume));
  return { swarm, node, path };
}

function put(node: SimNode, path: string, bytes: Uint8Array): void {
  node.disk.put(path, new Uint8Array(bytes));
}

function withWishes(record: Uint8Array): Uint8Array {
  const inner = decode((decode(record) as BDict).bytes("body")!) as BDict;
  const fields = new Map<string, Encodable>(
    [...inner.entries()].map(([key, value]) => [key, plain(value)]),
  );
  const old: Record<string, Encodable> = {
    added: 1_700_000_000,
    choices: { uploadSlots: 3, pex: 0 },
    goal: { kind: "none" },
    limits: { up: 7000 },
    paused: 1,
    "peer limits": {},
    priorities: Uint8Array.of(4, 4, 0),
    target: "/data",
  };
  for (const [key, value] of Object.entries(old)) fields.set(key, value);
  const body = encode(fields);
  return encode({ body, check: sha1(body), format: "shoal resume", version: 1 });
}

// deno-lint-ignore no-explicit-any
function plain(value: any): Encodable {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array || typeof value === "number") return value;
  return new Map([...value.entries()].map(([key, each]: [string, unknown]) => [key, plain(each)]));
}

async function restored(swarm: SimSwarm, { address, disk }: SimNode) {
  const node = swarm.world.node(address, { disk });
  const client = await swarm.world.wait(
    Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
  );
  const [torrent] = await swarm.world.wait(client.restore());
  await swarm.world.runFor(1000);
  return { node, client, torrent: torrent! };
}

describe("a state folder of version 0.1", () => {
  it("is adopted from the record, with its progress", TIMEOUT, async () => {
    const { swarm, node: before, path } = await left(1, "whole");
    const { node, torrent, client } = await restored(swarm, before);
    const { state, wanted, have, addedAt } = torrent.status();
    assert.deepEqual([state, wanted, addedAt], ["paused", 1200 * KIB, 1_700_000_000]);
    assert.ok(have > 200 * KIB);
    assert.equal(node.files.stat(`${path}.added`), null);
    const { options, paused } = decodeWish(node.disk.bytes(`${path}.json`)!);
    assert.deepEqual([options.uploadSlots, options.pex, options.limits, paused], [
      3,
      false,
      { up: 7000 },
      true,
    ]);
    torrent.start();
    await swarm.run(() => torrent.status().state === "done");
    assert.equal(node.files.stat("/data/folder/sub2/file2"), null);
    await swarm.world.wait(client.close());
  });

  it("is adopted as it was added if the record is damaged", TIMEOUT, async () => {
    const { swarm, node: before, path } = await left(2, "torn");
    const { node, torrent, client } = await restored(swarm, before);
    assert.equal(decodeWish(node.disk.bytes(`${path}.json`)!).options.uploadSlots, 2);
    await swarm.run(() => torrent.status().state === "done");
    assert.equal(torrent.status().wanted, 920 * KIB);
    await swarm.world.wait(client.close());
  });
});
