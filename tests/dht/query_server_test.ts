import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { BloomFilter } from "../../src/dht/bloom.ts";
import { compareDistance } from "../../src/dht/dht_id.ts";
import { immutableTarget, itemOfResponse, itemTarget, signItem } from "../../src/dht/dht_item.ts";
import { decodeKrpc, encodeQuery, type MutablePart } from "../../src/dht/krpc.ts";
import { fromLatin1, toHex } from "../../src/util/bytes.ts";
import {
  Answering,
  ASKER,
  ASKER6,
  ed25519,
  HEAD,
  OWN_ID,
  type Question,
  sha1,
} from "./answering.ts";

const MINUTE = 60_000;
const HASH = sha1(fromLatin1("a torrent"));
const NO_SALT = new Uint8Array(0);
const SEED = new Uint8Array(32).fill(3);
const getPeers = (more = {}): Question => ({
  method: "get_peers",
  target: HASH,
  want: null,
  noSeed: false,
  scrape: false,
  ...more,
});
const announce = (token: Uint8Array, more = {}): Question => ({
  method: "announce_peer",
  infoHash: HASH,
  token,
  port: 6881,
  impliedPort: false,
  seed: false,
  ...more,
});
const get = (target: Uint8Array, seq: bigint | null = null): Question => ({
  method: "get",
  target,
  want: null,
  seq,
});
const findNode = (want: readonly (4 | 6)[] | null): Question => ({
  method: "find_node",
  target: HASH,
  want,
});

describe("QueryServer: nodes (BEP 5, 32, 42, 43)", () => {
  it("ping: our id of the asker's family, and where we see the asker", () => {
    const node = new Answering();
    assert.deepEqual(node.response({ method: "ping" }).id, OWN_ID[4]);
    assert.deepEqual(node.response({ method: "ping" }, ASKER6).id, OWN_ID[6]);
  });

  it("the table learns of nodes that query us, but not of read-only ones", () => {
    const node = new Answering();
    node.ask({ method: "ping" });
    node.ask({ method: "ping", readOnly: true }, ASKER6);
    assert.deepEqual(node.heard, [{ id: HEAD.id, ...ASKER }]);
  });

  it("find_node: the 8 nearest nodes, of the asker's family unless others are wanted", () => {
    const node = new Answering().knowNodes(30);
    const nearest = (family: 4 | 6) =>
      node.known[family].toSorted((a, b) => compareDistance(HASH, a.id, b.id)).slice(0, 8);
    for (
      const [want, from, v4, v6] of [
        [null, ASKER, true, false],
        [null, ASKER6, false, true],
        [[4], ASKER6, true, false],
        [[6], ASKER, false, true],
        [[4, 6], ASKER, true, true],
      ] as const
    ) {
      const { nodes, nodes6 } = node.response(findNode(want), from);
      assert.deepEqual(nodes, v4 ? nearest(4) : []);
      assert.deepEqual(nodes6, v6 ? nearest(6) : []);
    }
  });

  it("an unknown method with a target is answered as find_node, without one by error 204", () => {
    const node = new Answering().knowNodes(3);
    const unknown = { method: "unknown", name: "vote", want: null } as const;
    assert.equal(node.response({ ...unknown, target: HASH }).nodes.length, 3);
    const bare = fromLatin1(`d1:ad2:id20:${"i".repeat(20)}e1:q4:vote1:t1:x1:y1:qe`);
    const answer = decodeKrpc(node.datagram(bare)!);
    assert.equal(answer.kind === "error" && answer.code, 204);
  });

  it("a query that makes no sense gets error 203 with its transaction id", () => {
    const answer = decodeKrpc(
      new Answering().datagram(fromLatin1("d1:ade1:q4:ping1:t2:xy1:y1:qe"))!,
    );
    assert.ok(answer.kind === "error");
    assert.deepEqual([answer.code, answer.t], [203, fromLatin1("xy")]);
  });

  it("no query is answered in read-only mode or to an impossible address", () => {
    const silent = new Answering({ readOnly: true });
    assert.equal(silent.ask({ method: "ping" }), null);
    assert.equal(silent.datagram(fromLatin1("d1:ade1:q4:ping1:t2:xy1:y1:qe")), null);
    assert.deepEqual(silent.heard, []);
    const node = new Answering();
    for (const address of ["0.0.0.0", "224.0.0.1", "255.255.255.255", "ff02::1"]) {
      assert.equal(node.ask({ method: "ping" }, { address, port: 6881 }), null, address);
    }
    assert.equal(node.ask({ method: "ping" }, { ...ASKER, port: 0 }), null);
  });

  it("an address over the rate is no longer answered, whatever it sends; others are", () => {
    const node = new Answering({}, { perSecond: 5, burst: 50 });
    let answers = 0;
    for (let i = 0; i < 500; i++) if (node.ask({ method: "ping" }) !== null) answers++;
    assert.equal(answers, 50);
    assert.equal(node.datagram(fromLatin1("d1:ade1:q4:ping1:t2:xy1:y1:qe")), null);
    assert.equal(node.heard.length, 50);
    assert.notEqual(node.ask({ method: "ping" }, { address: "192.0.2.78", port: 1234 }), null);
  });

  it("large answers stop when the budget is used up, pings do not", () => {
    const node = new Answering({}, { surplusPerSecond: 1000 }).knowNodes(30);
    let answers = 0;
    for (let i = 0; i < 100; i++) if (node.ask(findNode([4, 6])) !== null) answers++;
    assert.ok(answers > 0 && answers < 20, `${answers}`);
    assert.ok(node.guard.heldBack > 80);
    assert.notEqual(node.ask({ method: "ping" }), null);
  });
});

describe("QueryServer: peers (BEP 5, 33)", () => {
  it("a peer that announces with a token is found by get_peers, with its announced port", () => {
    const node = new Answering().knowNodes(30);
    const first = node.response(getPeers());
    assert.deepEqual(first.values, []);
    assert.equal(first.nodes.length, 8);
    node.response(announce(first.token!));
    const second = node.response(getPeers(), { address: "192.0.2.99", port: 9 });
    assert.deepEqual(second.values, [{ address: ASKER.address, port: 6881 }]);
    assert.equal(second.nodes.length, 8, "nodes come along");
  });

  it("implied_port uses the source port of the datagram", () => {
    const node = new Answering();
    node.response(announce(node.response(getPeers()).token!, { impliedPort: true, port: 1234 }));
    assert.deepEqual(node.response(getPeers()).values, [ASKER]);
  });

  it("an answer has only peers of the querying family", () => {
    const node = new Answering();
    for (const from of [ASKER, ASKER6]) {
      node.response(announce(node.response(getPeers(), from).token!), from);
    }
    assert.deepEqual(node.response(getPeers()).values, [{ ...ASKER, port: 6881 }]);
    assert.deepEqual(node.response(getPeers(), ASKER6).values, [{ ...ASKER6, port: 6881 }]);
  });

  it("nothing is stored without the token of this address and torrent, or with an old one", () => {
    const node = new Answering();
    const token = node.response(getPeers()).token!;
    const elsewhere = { address: "192.0.2.78", port: 4077 };
    assert.equal(node.errorCode(announce(token), elsewhere), 203);
    assert.equal(node.errorCode(announce(token, { infoHash: sha1(HASH) })), 203);
    assert.equal(node.errorCode(announce(fromLatin1("guessing"))), 203);
    node.now = 11 * MINUTE;
    assert.equal(node.errorCode(announce(token)), 203);
    assert.equal(node.peers.torrentCount, 0);
  });

  it("a token is still good 5 minutes later", () => {
    const node = new Answering();
    const token = node.response(getPeers()).token!;
    node.now = 5 * MINUTE;
    node.response(announce(token));
    assert.equal(node.peers.peerCount, 1);
  });

  it("a port of 0 or 1 is refused with error 203", () => {
    const node = new Answering();
    const token = node.response(getPeers()).token!;
    for (const port of [0, 1]) assert.equal(node.errorCode(announce(token, { port })), 203);
    assert.equal(node.peers.peerCount, 0);
  });

  it("an answer has as many peers as fit into 1,024 bytes, different ones each time", () => {
    const node = new Answering().knowNodes(30);
    for (let n = 0; n < 250; n++) {
      node.peers.announce(HASH, { address: `10.0.${n >> 8}.${n & 255}`, port: 5000 }, false, 0);
      node.peers.announce(HASH, { address: `2001:db8::${n.toString(16)}`, port: 5000 }, false, 0);
    }
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      for (const from of [ASKER, ASKER6]) {
        for (const want of [null, [4, 6] as const]) {
          const t = new Uint8Array(1 + (i % 64)).fill(i);
          const query = encodeQuery({ ...HEAD, ...getPeers({ want }), t } as never);
          const bytes = node.datagram(query, from)!;
          const answer = decodeKrpc(bytes);
          assert.ok(answer.kind === "response");
          // One more entry would not have fitted.
          assert.ok(bytes.length <= 1024 && bytes.length > 1024 - 60, `${bytes.length}`);
          for (const peer of answer.values) seen.add(peer.address);
        }
      }
    }
    assert.ok(seen.size > 450, `${seen.size}`);
  });

  it("scrape answers with filters of seeds and others, noseed without seeds (BEP 33)", () => {
    const node = new Answering().knowNodes(30);
    for (let n = 0; n < 40; n++) {
      node.peers.announce(HASH, { address: `10.0.0.${n}`, port: 5000 }, n < 10, 0);
    }
    const { scrape } = node.response(getPeers({ scrape: true, want: [4, 6] }));
    assert.ok(Math.abs(new BloomFilter(scrape!.seeds).estimate() - 10) < 2);
    assert.ok(Math.abs(new BloomFilter(scrape!.peers).estimate() - 30) < 3);
    assert.equal(node.response(getPeers({ noSeed: true })).values.length, 30);
    assert.equal(node.response(getPeers()).scrape, null);
    assert.equal(node.response(getPeers({ scrape: true, target: sha1(HASH) })).scrape, null);
  });

  it("an announce as seed counts as seed", () => {
    const node = new Answering();
    node.response(announce(node.response(getPeers()).token!, { seed: true }));
    assert.deepEqual(node.response(getPeers({ noSeed: true })).values, []);
    assert.equal(node.response(getPeers()).values.length, 1);
  });
});

describe("QueryServer: items (BEP 44)", () => {
  const value = fromLatin1("12:Hello World!");
  const put = (token: Uint8Array, what: Uint8Array, mutable: MutablePart | null): Question => ({
    method: "put",
    token,
    value: what,
    mutable,
  });
  const item = (seq: bigint, salt: Uint8Array = NO_SALT, content: Uint8Array = value) =>
    signItem(ed25519, SEED, { value: content, seq, salt });

  it("an immutable item is stored and returned", () => {
    const node = new Answering().knowNodes(9), target = immutableTarget(sha1, value);
    node.response(put(node.token(target), value, null));
    const answer = node.response(get(target));
    assert.deepEqual(itemOfResponse(sha1, ed25519, answer, target, NO_SALT), {
      value,
      signed: null,
    });
    assert.equal(answer.nodes.length, 8);
    assert.notEqual(answer.token, null);
  });

  it("a mutable item is stored, returned and replaced", () => {
    const node = new Answering(), salt = fromLatin1("foobar");
    for (const seq of [1n, 2n, 2n ** 63n - 1n]) {
      const { signed, value } = item(seq, salt, fromLatin1(`i${seq}e`));
      const target = itemTarget(sha1, { value, signed });
      node.response(put(node.token(target), value, { ...signed, cas: null }));
      const answer = node.response(get(target));
      assert.deepEqual(itemOfResponse(sha1, ed25519, answer, target, salt), { value, signed });
    }
    assert.equal(node.items.size, 1);
  });

  it("get with seq gets the number alone if it has that value already", () => {
    const node = new Answering(), { signed } = item(5n);
    const target = itemTarget(sha1, { value, signed });
    node.response(put(node.token(target), value, { ...signed, cas: null }));
    for (const [seq, known] of [[4n, false], [5n, true], [6n, true]] as const) {
      const answer = node.response(get(target, seq));
      assert.equal(answer.seq, 5n);
      const parts = [answer.value, answer.key, answer.signature];
      assert.ok(parts.every((part) => (part === null) === known));
    }
  });

  it("put: 203 without a valid token, 205, 206 and 207 for invalid items, 301 and 302", () => {
    const node = new Answering(), { signed } = item(5n);
    const target = itemTarget(sha1, { value, signed }), token = node.token(target);
    const mutable = { ...signed, cas: null };
    assert.equal(node.errorCode(put(fromLatin1("guessing"), value, mutable)), 203);
    assert.equal(node.errorCode(put(node.token(HASH), value, mutable)), 203);
    const unsorted = fromLatin1("d1:bi1e1:ai1ee");
    assert.equal(node.errorCode(put(node.token(sha1(unsorted)), unsorted, null)), 203);
    const large = fromLatin1(`997:${"v".repeat(997)}`);
    assert.equal(node.errorCode(put(node.token(sha1(large)), large, null)), 205);
    const forged = { ...mutable, signature: new Uint8Array(64) };
    assert.equal(node.errorCode(put(token, value, forged)), 206);
    const salt = new Uint8Array(65), salted = { ...mutable, salt };
    const saltedTarget = itemTarget(sha1, { value, signed: salted });
    assert.equal(node.errorCode(put(node.token(saltedTarget), value, salted)), 207);
    assert.equal(node.items.size, 0);
    node.response(put(token, value, mutable));
    assert.equal(node.errorCode(put(token, value, { ...item(6n).signed, cas: 4n })), 301);
    assert.equal(node.errorCode(put(token, value, { ...item(4n).signed, cas: null })), 302);
    node.response(put(token, value, { ...item(6n).signed, cas: 5n }));
  });

  it("the largest item fits into 1,400 bytes together with some nodes, whatever t and want", () => {
    const node = new Answering().knowNodes(30);
    const big = fromLatin1(`996:${"v".repeat(996)}`);
    const { signed } = item(2n ** 63n - 1n, NO_SALT, big);
    const target = itemTarget(sha1, { value: big, signed });
    for (const from of [ASKER, ASKER6]) {
      node.response(put(node.token(target, from), big, { ...signed, cas: null }), from);
      for (const length of [1, 4, 20, 64]) {
        const t = new Uint8Array(length);
        const answer = node.response({ ...get(target), want: [4, 6], t } as Question, from);
        assert.deepEqual(answer.value, big);
        assert.ok(answer.nodes.length >= 2, `${answer.nodes.length} nodes`);
      }
    }
  });
});

describe("QueryServer: sample_infohashes (BEP 51)", () => {
  const sample: Question = { method: "sample_infohashes", target: HASH, want: null };

  it("returns samples of info-hashes and their number, unchanged until the interval ends", () => {
    const node = new Answering().knowNodes(30);
    for (let n = 0; n < 60; n++) node.peers.announce(sha1(fromLatin1(`${n}`)), ASKER, false, 0);
    const hashes = () => node.response(sample).samples!.infoHashes.map(toHex).join();
    const first = node.response(sample);
    assert.equal(first.samples?.infoHashes.length, 20);
    assert.deepEqual([first.samples?.total, first.samples?.interval], [60, 3600]);
    assert.equal(first.nodes.length, 8);
    const before = hashes();
    node.now = 59 * MINUTE;
    assert.equal(hashes(), before);
    assert.equal(node.response(sample).samples?.interval, 60);
    node.now = 60 * MINUTE;
    assert.notEqual(hashes(), before);
  });

  it("has samples even if we know none; switched off it is an unknown method", () => {
    const { samples } = new Answering().response(sample);
    assert.deepEqual([samples?.infoHashes, samples?.total], [[], 0]);
    assert.equal(new Answering({ samples: false }).errorCode(sample), 204);
  });
});
