/** A machine with a socket of both families, one of which leads nowhere. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DhtNode } from "../../src/dht/node.ts";
import type { DhtNodeParts, PeersResult } from "../../src/dht/node_types.ts";
import type { PeerAddress } from "../../src/util/compact_address.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { digestOf } from "../harness/hasher.ts";
import { HandRandom } from "../harness/random.ts";

const TORRENT = new Uint8Array(20).fill(7);
const HERE = { address: "10.0.0.1", port: 1000 }, THERE = { address: "10.0.0.2", port: 2000 };

/** Two nodes that hear each other by IPv4; `turn` lets 100 ms pass. */
async function twoNodes() {
  const crc32c = await createCrc32c();
  const mail: { bytes: Uint8Array; to: PeerAddress; from: PeerAddress }[] = [];
  const nodes = [HERE, THERE].map((from, i) => {
    const parts: DhtNodeParts = {
      random: new HandRandom(i + 1),
      hasher: { digest: digestOf },
      ed25519: { verify: () => false, sign: () => bytes(64), publicKey: () => bytes(32) },
      crc32c,
      send: (bytes, to) => void mail.push({ bytes: bytes.slice(), to, from }),
    };
    return new DhtNode(parts, { families: [4, 6], client: bytes(4) }, 0);
  });
  let now = 0;
  const turn = () => {
    now += 100;
    for (const node of nodes) node.tick(now);
    for (let letter = mail.shift(); letter !== undefined; letter = mail.shift()) {
      const at = [HERE, THERE].findIndex(({ address }) => address === letter!.to.address);
      nodes[at]?.receive(letter.bytes, letter.from, now);
    }
    return now;
  };
  return { nodes, turn };
}

function bytes(length: number): Uint8Array {
  return new Uint8Array(length).fill(1);
}

describe("a search", () => {
  it("ends soon after the family that has nodes", async () => {
    const { nodes: [node], turn } = await twoNodes();
    node!.addNode(THERE);
    let now = 0, result: PeersResult | null = null;
    while (!node!.hasNodes) now = turn();
    const since = now;
    const onDone = (done: PeersResult) => void (result = done);
    node!.getPeers(TORRENT, { onPeers() {}, onDone }, now);
    while (result === null && now < 60_000) now = turn();
    assert.equal((result as PeersResult | null)?.queries, 1);
    assert.ok(now - since >= 1000, "the other family had its chance");
    assert.ok(now - since <= 1500, `${now - since} ms`);
  });
});
