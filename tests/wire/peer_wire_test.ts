import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, fromHex, toHex } from "../../src/util/bytes.ts";
import { Prng } from "../harness/prng.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import * as wire from "../../src/wire/peer_wire.ts";
import { arraysMadeBy } from "../harness/allocations.ts";
import { cutAtRandom, cutEvery } from "../harness/cuts.ts";
import { type Recorded, WireRecorder } from "../harness/wire_recorder.ts";

const BLOCK = 16384;
const BITFIELD_BYTES = 3;

function decoded(chunks: Uint8Array[], maxBitfield = BITFIELD_BYTES): Recorded[] {
  const sink = new WireRecorder();
  const decoder = new wire.WireDecoder(sink, maxBitfield);
  for (const chunk of chunks) decoder.push(chunk);
  return sink.messages;
}

/** The code of the ProtocolError with which the bytes are refused; undefined when they are not. */
function refusal(hex: string): string | undefined {
  try {
    decoded([fromHex(hex.replaceAll(" ", ""))]);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error}`);
    return error.code;
  }
  return undefined;
}

/** A record like a literal, with a prototype. */
function plain<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

function encode(encoder: wire.WireEncoder, message: Recorded): void {
  switch (message.kind) {
    case "signal":
      return encoder.signal(message.id);
    case "number":
      return encoder.number(message.id, message.value);
    case "bitfield":
      return encoder.bitfield(Uint8Array.from(message.bytes));
    case "block":
      return encoder.block(message.id, message.piece, message.begin, message.length);
    case "extended":
      return encoder.extended(message.id, Uint8Array.from(message.payload));
    case "piece":
      encoder.piece(message.piece, message.begin, message.data.length).set(message.data);
      return;
    case "keep-alive":
      return encoder.keepAlive();
  }
}

/** One of every kind, as bytes written by hand from BEP 3, 6 and 10, and what they mean. */
const EVERY: [hex: string, meaning: Recorded][] = [
  ["00000000", { kind: "keep-alive" }],
  ["00000001 00", { kind: "signal", id: wire.CHOKE }],
  ["00000001 01", { kind: "signal", id: wire.UNCHOKE }],
  ["00000001 02", { kind: "signal", id: wire.INTERESTED }],
  ["00000001 03", { kind: "signal", id: wire.NOT_INTERESTED }],
  ["00000005 04 00000102", { kind: "number", id: wire.HAVE, value: 0x102 }],
  ["00000004 05 a5ff80", { kind: "bitfield", bytes: [0xa5, 0xff, 0x80] }],
  [
    "0000000d 06 00000007 00004000 00004000",
    { kind: "block", id: wire.REQUEST, piece: 7, begin: BLOCK, length: BLOCK },
  ],
  ["0000000c 07 fffffffe 00008000 010203", {
    kind: "piece",
    piece: 0xfffffffe,
    begin: 0x8000,
    data: [1, 2, 3],
  }],
  [
    "0000000d 08 00000007 00000000 00000005",
    { kind: "block", id: wire.CANCEL, piece: 7, begin: 0, length: 5 },
  ],
  ["00000003 09 1ae1", { kind: "number", id: wire.PORT, value: 6881 }],
  ["00000005 0d 00000003", { kind: "number", id: wire.SUGGEST, value: 3 }],
  ["00000001 0e", { kind: "signal", id: wire.HAVE_ALL }],
  ["00000001 0f", { kind: "signal", id: wire.HAVE_NONE }],
  [
    "0000000d 10 ffffffff 80000000 00004000",
    { kind: "block", id: wire.REJECT, piece: 0xffffffff, begin: 0x80000000, length: BLOCK },
  ],
  ["00000005 11 80000001", { kind: "number", id: wire.ALLOWED_FAST, value: 0x80000001 }],
  ["00000004 14 00 6465", { kind: "extended", id: 0, payload: [0x64, 0x65] }],
  ["00000002 14 07", { kind: "extended", id: 7, payload: [] }],
];

describe("WireDecoder", () => {
  const bytes = fromHex(EVERY.map(([hex]) => hex).join("").replaceAll(" ", ""));
  const meaning = EVERY.map(([, message]) => message);

  it("understands one message of every kind, alone", () => {
    for (const [hex, message] of EVERY) {
      assert.deepEqual(decoded([fromHex(hex.replaceAll(" ", ""))]), [message], hex);
    }
  });

  it("understands them in one chunk, byte by byte and in chunks of every small length", () => {
    for (let length = 1; length <= 64; length++) {
      assert.deepEqual(decoded(cutEvery(bytes, length)), meaning, `chunks of ${length}`);
    }
    assert.deepEqual(decoded([bytes]), meaning);
  });

  it("understands them in random cuts", () => {
    for (let seed = 0; seed < 200; seed++) {
      assert.deepEqual(decoded(cutAtRandom(bytes, seed, 30)), meaning, `seed ${seed}`);
    }
  });

  it("delivers a message with its last byte, and not before", () => {
    for (const [hex, message] of EVERY) {
      const whole = fromHex(hex.replaceAll(" ", ""));
      assert.deepEqual(decoded([whole.slice(0, -1)]), [], hex);
      assert.deepEqual(decoded([whole.slice(0, -1), whole.slice(-1)]), [message], hex);
    }
  });

  it("copies a block of full length straight to its place, whatever the cuts", () => {
    const data = new Prng(1).fill(new Uint8Array(BLOCK));
    const encoder = new wire.WireEncoder();
    encoder.piece(2, BLOCK, BLOCK).set(data);
    encoder.signal(wire.CHOKE);
    for (
      const chunks of [
        [encoder.bytes],
        ...[1, 999, 4096].map((n) => cutEvery(encoder.bytes, n)),
      ]
    ) {
      const sink = new WireRecorder();
      const decoder = new wire.WireDecoder(sink, BITFIELD_BYTES);
      for (const chunk of chunks) decoder.push(chunk);
      assert.equal(sink.blocksBegun, 1);
      assert.equal(sink.blocksEnded, 1);
      assert.ok(sink.marginsUntouched);
      assert.deepEqual(sink.messages, [
        { kind: "piece", piece: 2, begin: BLOCK, data: [...data] },
        { kind: "signal", id: wire.CHOKE },
      ]);
    }
  });

  it("copies in one pass: one set() for each chunk, and no intermediate array", () => {
    const encoder = new wire.WireEncoder();
    encoder.piece(0, 0, BLOCK).fill(7);
    const chunks = [encoder.bytes.slice(0, 5000), encoder.bytes.slice(5000)];
    const sink = new WireRecorder();
    let sets = 0;
    const decoder = new wire.WireDecoder(
      new Proxy(sink, {
        get(target, name) {
          const value = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          if (name !== "blockStart") return value.bind(target);
          return (piece: number, begin: number, length: number) => {
            const array = sink.blockStart(piece, begin, length)!;
            array.set = (from: ArrayLike<number>, at?: number) => {
              sets++;
              Uint8Array.prototype.set.call(array, from, at);
            };
            return array;
          };
        },
      }),
      BITFIELD_BYTES,
    );
    decoder.push(chunks[0]!);
    assert.deepEqual(arraysMadeBy(() => decoder.push(chunks[1]!)), []);
    assert.equal(sets, 2);
    assert.ok(sink.marginsUntouched);
    assert.equal(sink.blocksEnded, 1);
  });

  it("skips the bytes of an unwanted block, and continues after it", () => {
    const encoder = new wire.WireEncoder();
    encoder.piece(0, 0, 100).fill(1);
    encoder.number(wire.HAVE, 5);
    for (const chunks of [[encoder.bytes], cutEvery(encoder.bytes, 7)]) {
      const sink = new WireRecorder();
      sink.wantsBlocks = false;
      const decoder = new wire.WireDecoder(sink, BITFIELD_BYTES);
      for (const chunk of chunks) decoder.push(chunk);
      assert.deepEqual(sink.messages, [{ kind: "number", id: wire.HAVE, value: 5 }]);
      assert.equal(sink.blocksEnded, 1);
    }
  });

  it("dropTarget in the middle of a block discards the rest, and still ends the block", () => {
    const encoder = new wire.WireEncoder();
    encoder.piece(0, 0, 100).fill(1);
    encoder.keepAlive();
    const sink = new WireRecorder();
    const decoder = new wire.WireDecoder(sink, BITFIELD_BYTES);
    decoder.push(encoder.bytes.slice(0, 13 + 40));
    decoder.dropTarget();
    decoder.push(encoder.bytes.slice(13 + 40));
    const data = [...sink.target!.subarray(16, 116)];
    assert.deepEqual(data, [...Array(40).fill(1), ...Array(60).fill(0xee)]);
    assert.equal(sink.blocksEnded, 1);
    assert.deepEqual(sink.messages.at(-1), { kind: "keep-alive" });
  });

  it("dropTarget between blocks does not touch the next one", () => {
    const encoder = new wire.WireEncoder();
    encoder.piece(0, 0, 3).set([1, 2, 3]);
    const sink = new WireRecorder();
    const decoder = new wire.WireDecoder(sink, BITFIELD_BYTES);
    decoder.dropTarget();
    decoder.push(encoder.bytes);
    assert.deepEqual(sink.messages, [{ kind: "piece", piece: 0, begin: 0, data: [1, 2, 3] }]);
  });

  it("refuses wrong lengths of every kind as soon as the id arrives", () => {
    const wrong = {
      "a choke with a body": "00000002 00",
      "an unchoke with a body": "000000ff 01",
      "a have that is short": "00000004 04",
      "a have that is long": "00000006 04",
      "a have without a number": "00000001 04",
      "a request that is short": "0000000c 06",
      "a request that is long": "0000000e 06",
      "a cancel that is long": "00000011 08",
      "a reject that is short": "00000001 10",
      "a port that is long": "00000005 09",
      "have-all with a body": "00000005 0e",
      "have-none with a body": "00000002 0f",
      "a suggestion that is short": "00000001 0d",
      "an allowed-fast that is long": "00000009 11",
      "a bitfield that is short": "00000003 05",
      "a bitfield that is long": "00000005 05",
      "an empty bitfield": "00000001 05",
      "a piece without data": "00000009 07",
      "a piece without a place": "00000005 07",
      "a piece of nothing": "00000001 07",
      "a block of over 16 KiB": "0000400a 07",
      "a huge piece": "ffffffff 07",
      "a huge choke": "ffffffff 00",
      "a huge bitfield": "ffffffff 05",
      "a huge extended message": "ffffffff 14",
      "a huge message of an unknown kind": "ffffffff 63",
      "an extended message without an id": "00000001 14",
      "an extended message of over 64 KiB": "00010003 14",
      "an unknown message of over 1 MiB": "00100001 63",
    };
    for (const [what, hex] of Object.entries(wrong)) assert.equal(refusal(hex), "bad-length", what);
  });

  it("takes the greatest lengths that are right", () => {
    assert.equal(refusal("00004009 07"), undefined);
    assert.equal(refusal("00010002 14"), undefined);
    assert.equal(refusal("00100000 63"), undefined);
  });

  it("refuses a wrong length that arrives byte by byte too", () => {
    const decoder = new wire.WireDecoder(new WireRecorder(), BITFIELD_BYTES);
    for (const byte of fromHex("ffffffff")) decoder.push(Uint8Array.of(byte));
    assert.throws(() => decoder.push(Uint8Array.of(wire.PIECE)), ProtocolError);
  });

  it("skips messages of unknown kinds, with and without a body", () => {
    const hex = "00000001 0a  00000006 63 0102030405  00000003 15 ffff  00000001 02";
    const all = fromHex(hex.replaceAll(" ", ""));
    for (const chunks of [[all], cutEvery(all, 1), cutEvery(all, 3)]) {
      assert.deepEqual(decoded(chunks), [{ kind: "signal", id: wire.INTERESTED }]);
    }
  });

  it("accepts bitfields of any torrent while ours is unknown", () => {
    const recorder = new WireRecorder();
    const decoder = new wire.WireDecoder(recorder, null);
    const hex = "00000004 05 ffffff  00000001 05  00000001 02  00000002 14 03  00000003 09 1ae1";
    for (const byte of fromHex(hex.replaceAll(" ", ""))) decoder.push(Uint8Array.of(byte));
    assert.deepEqual(recorder.messages, [
      { kind: "bitfield", bytes: [255, 255, 255] },
      { kind: "signal", id: wire.INTERESTED },
      { kind: "extended", id: 3, payload: [] },
      { kind: "number", id: wire.PORT, value: 6881 },
    ]);
    assert.throws(() => decoder.push(fromHex("0004000205")), ProtocolError, "one byte too many");
    const again = new wire.WireDecoder(recorder, null);
    again.expectBitfield(1);
    assert.throws(() => again.push(fromHex("0000000405")), ProtocolError);
  });

  it("makes no array on the word of a length prefix", () => {
    const sink = new WireRecorder();
    const decoder = new wire.WireDecoder(sink, 1 << 19);
    const bitfieldHead = fromHex("00080001" + "05"), extendedHead = fromHex("00010002" + "14");
    const part = new Uint8Array(100);
    const made = arraysMadeBy(() => {
      decoder.push(bitfieldHead);
      decoder.push(part);
      decoder.push(part);
    });
    assert.ok(made.length > 0, "the parts are gathered");
    assert.ok(Math.max(...made) <= 400, `made arrays of ${made} bytes for 200 that came`);
    const other = new wire.WireDecoder(sink, 1);
    assert.deepEqual(arraysMadeBy(() => other.push(extendedHead)), []);
  });

  it("uses less than twice the received bytes of a long message in small parts", () => {
    const decoder = new wire.WireDecoder(new WireRecorder(), 1);
    decoder.push(fromHex("00010002" + "14"));
    const made = arraysMadeBy(() => {
      for (let i = 0; i < 1000; i++) decoder.push(new Uint8Array(10));
    }).filter((length) => length !== 10);
    assert.ok(Math.max(...made) < 2 * 10_000, `${Math.max(...made)}`);
  });

  it("throws only ProtocolErrors on random bytes", () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0 }), (bytes, seed) => {
        try {
          decoded(cutAtRandom(bytes, seed, 20));
        } catch (error) {
          assert.ok(error instanceof ProtocolError, `${error}`);
          refused++;
        }
      }),
      { numRuns: 2000, seed: 1 },
    );
    assert.ok(refused > 500, `${refused} of 2000 were refused`);
  });

  it("throws only ProtocolErrors on real messages with one or two bytes changed", () => {
    let refused = 0;
    const dice = new Prng(7);
    for (let run = 0; run < 3000; run++) {
      const changed = bytes.slice();
      for (let i = 0; i <= dice.below(2); i++) {
        changed[dice.below(changed.length)] = dice.below(256);
      }
      try {
        decoded(cutAtRandom(changed, run));
      } catch (error) {
        assert.ok(error instanceof ProtocolError, `${error}`);
        refused++;
      }
    }
    assert.ok(refused > 300, `${refused} of 3000 were refused`);
  });
});

describe("WireEncoder", () => {
  const number = fc.integer({ min: 0, max: 0xffffffff });
  const byte = fc.integer({ min: 0, max: 255 });
  const message: fc.Arbitrary<Recorded> = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 14, 15).map((id): Recorded => ({ kind: "signal", id })),
    plain({ kind: fc.constant("number" as const), id: fc.constantFrom(4, 13, 17), value: number }),
    fc.array(byte, { minLength: BITFIELD_BYTES, maxLength: BITFIELD_BYTES })
      .map((bytes): Recorded => ({ kind: "bitfield", bytes })),
    plain({
      kind: fc.constant("block" as const),
      id: fc.constantFrom(6, 8, 16),
      piece: number,
      begin: number,
      length: number,
    }),
    plain({ kind: fc.constant("extended" as const), id: byte, payload: fc.array(byte) }),
    plain({
      kind: fc.constant("piece" as const),
      piece: number,
      begin: number,
      data: fc.array(byte, { minLength: 1, maxLength: 200 }),
    }),
    fc.constant<Recorded>({ kind: "keep-alive" }),
  );

  it("writes every message as BEP 3, 6 and 10 have it", () => {
    for (const [hex, meaning] of EVERY) {
      // We never send PORT: it would need a DHT node.
      if (meaning.kind === "number" && meaning.id === wire.PORT) continue;
      const encoder = new wire.WireEncoder();
      encode(encoder, meaning);
      assert.equal(toHex(encoder.bytes), hex.replaceAll(" ", ""));
    }
  });

  it("writes messages that the decoder reads back, however they are split", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 30 }),
        fc.integer({ min: 0 }),
        (messages, seed) => {
          const encoder = new wire.WireEncoder(8);
          for (const one of messages) encode(encoder, one);
          assert.deepEqual(decoded(cutAtRandom(encoder.bytes, seed)), messages);
          assert.deepEqual(decoded([encoder.bytes]), messages);
        },
      ),
      { numRuns: 300, seed: 2 },
    );
  });

  it("grows over many messages and keeps them all in order", () => {
    const encoder = new wire.WireEncoder(16);
    const expected: Recorded[] = [];
    for (let i = 0; i < 2000; i++) {
      encoder.block(wire.REQUEST, i, BLOCK * i, BLOCK);
      expected.push({ kind: "block", id: wire.REQUEST, piece: i, begin: BLOCK * i, length: BLOCK });
    }
    assert.equal(encoder.length, 2000 * 17);
    assert.deepEqual(decoded([encoder.bytes]), expected);
  });

  it("append adds the output of another encoder; clear starts over", () => {
    const first = new wire.WireEncoder(), second = new wire.WireEncoder(4);
    first.signal(wire.INTERESTED);
    second.number(wire.HAVE, 3);
    second.append(first.bytes);
    assert.equal(toHex(second.bytes), "000000050400000003" + "0000000102");
    second.clear();
    assert.equal(second.length, 0);
    second.keepAlive();
    assert.equal(toHex(second.bytes), "00000000");
  });

  it("piece returns the very bytes that are sent, even if it had to grow", () => {
    const encoder = new wire.WireEncoder(4);
    encoder.signal(wire.UNCHOKE);
    encoder.piece(1, 2, 4).set([9, 8, 7, 6]);
    const expected = concatBytes(
      fromHex("0000000101"),
      fromHex("0000000d07000000010000000209080706"),
    );
    assert.equal(toHex(encoder.bytes), toHex(expected));
  });

  it("pieces makes the same of one run of bytes as piece does block by block", () => {
    const lengths = [16384, 5, 16384, 1], total = lengths.reduce((a, b) => a + b);
    const data = Uint8Array.from({ length: total }, (_, i) => i * 7 + (i >> 8));
    const run = new wire.WireEncoder(), single = new wire.WireEncoder();
    for (const encoder of [run, single]) encoder.number(wire.HAVE, 9);
    run.room(2, 100).fill(1); // given up: nothing was added
    run.room(lengths.length, total).set(data);
    run.pieces(3, 100, lengths);
    let at = 0;
    for (const length of lengths) {
      single.piece(3, 100 + at, length).set(data.subarray(at, at + length));
      at += length;
    }
    for (const encoder of [run, single]) encoder.keepAlive();
    assert.deepEqual(run.bytes, single.bytes);
  });
});
