import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { immutableTarget, itemTarget, signItem } from "../../src/dht/dht_item.ts";
import { decodeKrpc, encodeQuery, type KrpcQuery } from "../../src/dht/krpc.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";
import { Prng } from "../harness/prng.ts";
import { mutate } from "../harness/mutate.ts";
import { Answering, ASKER, ed25519, HEAD, type Question, sha1 } from "./answering.ts";

const ROUNDS = 20_000;
const HASH = sha1(fromLatin1("a torrent"));
const VALUE = fromLatin1("12:Hello World!");
const SIGNED = signItem(ed25519, new Uint8Array(32).fill(1), {
  value: VALUE,
  seq: 3n,
  salt: fromLatin1("salt"),
}).signed;

/** Sound queries of every kind, with tokens that are valid. */
function soundQueries(node: Answering): Uint8Array[] {
  const lookup = { target: HASH, want: [4, 6] as const };
  const questions: Question[] = [
    { method: "ping" },
    { ...lookup, method: "find_node" },
    { ...lookup, method: "get_peers", noSeed: true, scrape: true },
    { ...lookup, method: "get", seq: 1n },
    { ...lookup, method: "sample_infohashes" },
    { ...lookup, method: "unknown", name: "vote" },
    {
      method: "announce_peer",
      infoHash: HASH,
      token: node.token(HASH),
      port: 7000,
      impliedPort: true,
      seed: true,
    },
    {
      method: "put",
      token: node.token(immutableTarget(sha1, VALUE)),
      value: VALUE,
      mutable: null,
    },
    {
      method: "put",
      token: node.token(itemTarget(sha1, { value: VALUE, signed: SIGNED })),
      value: VALUE,
      mutable: { ...SIGNED, cas: 2n },
    },
  ];
  return questions.map((question) => encodeQuery({ ...HEAD, ...question } as KrpcQuery));
}

describe("QueryServer with hostile queries", () => {
  it(`answers ${ROUNDS} damaged queries soundly or not at all, and stores nothing false`, {
    timeout: 60_000,
  }, () => {
    const node = new Answering().knowNodes(20), dice = new Prng("hostile queries");
    const queries = soundQueries(node), seen = { silence: 0, response: 0, error: 0 };
    for (let i = 0; i < ROUNDS; i++) {
      const bytes = mutate(dice.pick(queries), dice);
      const answer = node.datagram(bytes);
      if (answer === null) {
        seen.silence++;
        continue;
      }
      assert.ok(answer.length <= 1400);
      const message = decodeKrpc(answer);
      assert.ok(message.kind !== "query");
      seen[message.kind]++;
    }
    for (const count of Object.values(seen)) assert.ok(count > ROUNDS / 100, JSON.stringify(seen));
    // Tokens are tied to an address and a target: only what was meant to be stored can be there.
    const told = { family: 4, noSeed: false, limit: 99 } as const;
    const peers = node.peers.peersOf(HASH, told, 0);
    assert.ok(peers.length === 1 && peers[0]!.address === ASKER.address);
    assert.deepEqual([node.peers.torrentCount, node.items.size], [1, 2]);
  });

  it("the bytes sent to addresses that never proved themselves stay within rate and budget", () => {
    const node = new Answering({}, { perSecond: 5, burst: 50, surplusPerSecond: 8000 });
    node.knowNodes(30);
    for (let n = 0; n < 250; n++) {
      node.peers.announce(HASH, { address: `10.0.0.${n}`, port: 5000 }, false, 0);
    }
    const query = soundQueries(new Answering())[2]!;
    // One victim: what it gets is bounded by the rate of an address.
    let sent = 0;
    for (let i = 0; i < 10_000; i++, node.now += 1) {
      sent += node.datagram(query, { address: "203.0.113.1", port: 6881 })?.length ?? 0;
    }
    assert.ok(sent > 0 && sent <= 100 * 1400, `${sent} bytes to one address in 10 s`);
    // Many victims: what all of them get beyond what was asked is bounded by the budget.
    let surplus = 0;
    for (let i = 0; i < 20_000; i++, node.now += 0.5) {
      const to = { address: `203.${i >> 14}.${i >> 7 & 127}.${i & 127}`, port: 6881 };
      const answer = node.datagram(query, to);
      if (answer !== null) surplus += Math.max(0, answer.length - 2 * query.length - 28);
    }
    assert.ok(surplus > 0 && surplus <= 8000 * (10 + 3), `${surplus} bytes to all in 10 s`);
  });

  it("keeps its bounds under a flood of forged nodes, torrents and items", () => {
    const node = new Answering(), dice = new Prng("flood");
    for (let i = 0; i < 3000; i++) {
      const from = { address: `10.${i & 255}.${i >> 8}.9`, port: 2000 };
      const infoHash = dice.fill(new Uint8Array(20));
      const token = node.token(infoHash, from);
      const announce = { infoHash, token, port: 7, impliedPort: false, seed: false };
      node.response({ method: "announce_peer", ...announce }, from);
      const value = fromLatin1(`i${i}e`), target = sha1(value);
      node.ask({ method: "put", token: node.token(target, from), value, mutable: null }, from);
    }
    assert.equal(node.peers.torrentCount, 2000);
    assert.equal(node.items.size, 700);
  });
});
