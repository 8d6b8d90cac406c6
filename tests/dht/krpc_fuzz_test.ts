import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  decodeKrpc,
  encodeError,
  encodeQuery,
  encodeResponse,
  KrpcFormatError,
  type KrpcMessage,
  type KrpcQuery,
  MAX_MESSAGE_BYTES,
  MAX_NODES,
  MAX_VALUES,
} from "../../src/dht/krpc.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import { Prng } from "../harness/prng.ts";
import { mutate } from "../harness/mutate.ts";

const ROUNDS = 30_000;

/** A random message of any kind, with every optional field there or not. */
function randomMessage(dice: Prng): KrpcMessage {
  const bytes = (length: number) => dice.fill(new Uint8Array(length));
  const maybe = <T>(make: () => T) => dice.chance(0.5) ? make() : null;
  const port = () => 2 + dice.below(65534);
  const v4 = () => ({ address: `10.${[...bytes(3)].join(".")}`, port: port() });
  const v6 = () => ({
    address: `2001:db8:1::${(1 + dice.below(65535)).toString(16)}`,
    port: port(),
  });
  const some = <T>(limit: number, make: () => T) => Array.from({ length: dice.below(limit) }, make);
  const seq = () => BigInt(dice.uint32()) << BigInt(dice.below(32));
  const value = () => new TextEncoder().encode(dice.pick(["i1e", "le", "d1:a3:xyze", "5:hello"]));
  const t = bytes(1 + dice.below(64)), client = maybe(() => bytes(4));
  const ownEndpoint = maybe(() => dice.pick([v4, v6])());
  if (dice.chance(0.1)) {
    return { kind: "error", t, code: dice.below(999), message: "some text", client, ownEndpoint };
  }
  if (dice.chance(0.5)) {
    return {
      kind: "response",
      t,
      id: bytes(20),
      client,
      ownEndpoint,
      nodes: some(9, () => ({ id: bytes(20), ...v4() })),
      nodes6: some(9, () => ({ id: bytes(20), ...v6() })),
      values: some(20, () => dice.pick([v4, v6])()),
      token: maybe(() => bytes(1 + dice.below(40))),
      scrape: dice.chance(0.2) ? { seeds: bytes(256), peers: bytes(256) } : null,
      samples: maybe(() => ({
        infoHashes: some(9, () => bytes(20)),
        total: 1000,
        interval: dice.below(21_601),
      })),
      value: maybe(value),
      key: maybe(() => bytes(32)),
      signature: maybe(() => bytes(64)),
      seq: maybe(seq),
    };
  }
  const head = { kind: "query" as const, t, id: bytes(20), readOnly: dice.chance(0.5), client };
  const targeted = {
    target: bytes(20),
    want: dice.pick([null, [4], [6], [4, 6]] as const),
  };
  return dice.pick<() => KrpcQuery>([
    () => ({ ...head, method: "ping" }),
    () => ({ ...head, ...targeted, method: "find_node" }),
    () => ({ ...head, ...targeted, method: "sample_infohashes" }),
    () => ({ ...head, ...targeted, method: "unknown", name: "vote" }),
    () => ({ ...head, ...targeted, method: "get", seq: maybe(seq) }),
    () => ({
      ...head,
      ...targeted,
      method: "get_peers",
      noSeed: dice.chance(0.5),
      scrape: dice.chance(0.5),
    }),
    () => ({
      ...head,
      method: "announce_peer",
      infoHash: bytes(20),
      token: bytes(8),
      port: dice.below(65536),
      impliedPort: dice.chance(0.5),
      seed: dice.chance(0.5),
    }),
    () => ({
      ...head,
      method: "put",
      token: bytes(8),
      value: value(),
      mutable: maybe(() => ({
        key: bytes(32),
        signature: bytes(64),
        seq: seq(),
        salt: bytes(dice.below(65)),
        cas: maybe(seq),
      })),
    }),
  ])();
}

function encode(message: KrpcMessage): Uint8Array {
  if (message.kind === "query") return encodeQuery(message);
  return message.kind === "response" ? encodeResponse(message) : encodeError(message);
}

describe("KRPC with any bytes", () => {
  it("encoded messages decode to the same, for random messages of every kind", () => {
    const dice = new Prng("krpc round trip");
    for (let i = 0; i < 5000; i++) {
      const message = randomMessage(dice);
      assert.deepEqual(decodeKrpc(encode(message)), message);
    }
  });

  it(`decodeKrpc ends ${ROUNDS} damaged messages with a message or a KrpcFormatError`, {
    timeout: 60_000,
  }, () => {
    const dice = new Prng("krpc damage"), seen = { whole: 0, refused: 0, answerable: 0 };
    for (let i = 0; i < ROUNDS; i++) {
      const bytes = mutate(encode(randomMessage(dice)), dice);
      const before = bytes.slice();
      try {
        const message = decodeKrpc(bytes);
        seen.whole++;
        checkBounds(message);
        // Whatever got through can be told on, and says the same again.
        assert.deepEqual(decodeKrpc(encode(message)), message);
      } catch (error) {
        assert.ok(error instanceof KrpcFormatError && error instanceof ProtocolError, `${error}`);
        seen.refused++;
        if (error.t !== null) seen.answerable++;
      }
      assert.deepEqual(bytes, before, "the input is not touched");
    }
    for (const count of Object.values(seen)) assert.ok(count > ROUNDS / 100, JSON.stringify(seen));
  });

  it(
    "decodeKrpc refuses random bytes, and takes its time for none of them",
    { timeout: 60_000 },
    () => {
      const dice = new Prng("krpc noise");
      for (let i = 0; i < 20_000; i++) {
        const bytes = dice.fill(new Uint8Array(dice.below(200)));
        if (dice.chance(0.5) && bytes.length > 0) bytes[0] = 0x64;
        assert.throws(() => decodeKrpc(bytes), KrpcFormatError);
      }
      for (const text of ["d", "l", "d1:a", "0:", "i1e", "d1:xl"]) {
        const bytes = new TextEncoder().encode(text.repeat(4000 / text.length));
        assert.throws(() => decodeKrpc(bytes), KrpcFormatError);
        assert.throws(() => decodeKrpc(bytes.subarray(0, MAX_MESSAGE_BYTES)), KrpcFormatError);
      }
    },
  );
});

function checkBounds(message: KrpcMessage): void {
  assert.ok(message.t.length >= 1 && message.t.length <= 64);
  if (message.kind === "error") return;
  assert.equal(message.id.length, 20);
  if (message.kind === "query") return;
  assert.ok(message.nodes.length <= MAX_NODES && message.nodes6.length <= MAX_NODES);
  assert.ok(message.values.length <= MAX_VALUES);
  for (const { port } of [...message.nodes, ...message.values]) assert.ok(port > 1 && port < 65536);
}
