import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { concatBytes, fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import { compactPeer } from "../../src/util/compact_address.ts";
import {
  decodePex,
  encodePex,
  MAX_PEX_PEERS,
  PEX_REACHABLE,
  PEX_SEED,
  type PexPeer,
} from "../../src/wire/ut_pex.ts";
import { mutate } from "../harness/mutate.ts";

const four = (i: number, flags = 0): PexPeer => ({ address: `9.0.0.${i}`, port: 7000 + i, flags });
const six = (i: number, flags = 0): PexPeer => ({
  address: `2a00::${i.toString(16)}`,
  port: 7000 + i,
  flags,
});
const many = (make: (i: number) => PexPeer, count: number) =>
  Array.from({ length: count }, (_, i) => make(i + 1));
const plain = ({ address, port }: PexPeer) => ({ address, port });

/** A message with more in it than encodePex is to be given. */
const raw = (added: PexPeer[], added6: PexPeer[], dropped: PexPeer[] = []) =>
  concatBytes(
    ...[["5:added", added], ["6:added6", added6], ["7:dropped", dropped]].flatMap(
      ([key, peers]) => {
        const bytes = concatBytes(...(peers as PexPeer[]).map(compactPeer));
        return [fromLatin1(`${key === "5:added" ? "d" : ""}${key}${bytes.length}:`), bytes];
      },
    ),
    fromLatin1("e"),
  );

describe("encodePex", () => {
  it("writes compact lists of each family with a byte of flags per peer", () => {
    const payload = encodePex({
      added: [four(1, PEX_SEED), six(2, PEX_REACHABLE)],
      dropped: [plain(four(3))],
    });
    assert.equal(
      toLatin1(payload),
      `d5:added6:\x09\0\0\x01\x1b\x597:added.f1:\x026:added618:\x2a${"\0".repeat(14)}\x02\x1b\x5a` +
        "8:added6.f1:\x107:dropped6:\x09\0\0\x03\x1b\x5be",
    );
    assert.equal(toLatin1(encodePex({ added: [], dropped: [] })), "de");
  });

  it("writes messages that decodePex reads", () => {
    const added = [...many((i) => four(i, i % 32), 30), ...many((i) => six(i, i % 32), 20)];
    const dropped = [...many(four, 5), ...many(six, 5)].map(plain);
    assert.deepEqual(decodePex(encodePex({ added, dropped })), { added, dropped, surplus: 0 });
  });
});

describe("decodePex", () => {
  it("takes 50 of each kind, shared by the families, and counts the rest", () => {
    const cases: [four: number, six: number, ofFour: number, ofSix: number][] = [
      [200, 0, 50, 0],
      [0, 200, 0, 50],
      [200, 200, 25, 25],
      [10, 200, 10, 40],
      [200, 10, 40, 10],
    ];
    for (const [fours, sixes, ofFour, ofSix] of cases) {
      const { added, surplus } = decodePex(raw(many(four, fours), many(six, sixes)));
      const counted = added.filter(({ address }) => address.includes(":")).length;
      assert.deepEqual([added.length - counted, counted], [ofFour, ofSix]);
      assert.equal(surplus, fours + sixes - MAX_PEX_PEERS);
    }
    const { dropped, surplus } = decodePex(raw([], [], many(four, 120)));
    assert.deepEqual([dropped.length, surplus], [50, 70]);
  });

  it("reads missing flags as none and drops those it does not know", () => {
    const text = `d5:added12:${"\x09\0\0\x01\x1b\x59".repeat(2)}7:added.f1:\xffe`;
    assert.deepEqual(decodePex(fromLatin1(text)).added.map(({ flags }) => flags), [0x1f, 0]);
  });

  it("takes fields of a wrong type as absent", () => {
    assert.deepEqual(decodePex(fromLatin1("d5:addedi1e7:droppedlee")), {
      added: [],
      dropped: [],
      surplus: 0,
    });
  });

  it("refuses values other than dictionaries, truncated lists and long messages", () => {
    for (const text of ["", "le", "d5:added5:abcdee", "d6:added67:1234567e", "d5:added"]) {
      assert.throws(() => decodePex(fromLatin1(text)), ProtocolError, text);
    }
    assert.throws(() => decodePex(fromLatin1(`d1:x40000:${"x".repeat(40_000)}e`)), ProtocolError);
  });

  it("throws only ProtocolErrors and keeps its bounds, over 30,000 damaged messages", () => {
    const dice = new Prng("pex");
    const samples = [
      encodePex({ added: many(four, 20), dropped: many(six, 10).map(plain) }),
      raw(many(four, 90), many(six, 90), many(four, 60)),
      encodePex({ added: [six(1, 31)], dropped: [] }),
    ];
    let refused = 0, read = 0;
    for (let i = 0; i < 30_000; i++) {
      const damaged = mutate(dice.pick(samples), dice);
      try {
        const { added, dropped } = decodePex(damaged);
        read++;
        assert.ok(added.length <= 50 && dropped.length <= 50);
        for (const { flags, port } of added) assert.ok(flags <= 31 && port >= 0 && port < 65536);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, `${error}`);
        refused++;
      }
    }
    assert.ok(refused > 5000 && read > 1000, `${refused} ${read}`);
  });
});
