import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { concatBytes, fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  MAX_METADATA_BYTES,
  METADATA_PIECE_LENGTH,
  metadataPieceCount,
  metadataPieceLength,
} from "../../src/wire/ut_metadata.ts";
import { readReferenceJson, skip } from "../conformance/reference.ts";
import { mutate } from "../harness/mutate.ts";

const decodeText = (text: string) => decodeMetadataMessage(fromLatin1(text));

function refusal(payload: Uint8Array): string | undefined {
  try {
    decodeMetadataMessage(payload);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error}`);
    return error.code;
  }
  return undefined;
}

describe("ut_metadata messages", () => {
  it("are written as BEP 9 has them", () => {
    assert.equal(toLatin1(encodeMetadataRequest(0)), "d8:msg_typei0e5:piecei0ee");
    assert.equal(toLatin1(encodeMetadataReject(3)), "d8:msg_typei2e5:piecei3ee");
    const data = encodeMetadataData(fromLatin1("abc"), 0);
    assert.equal(toLatin1(data), "d8:msg_typei1e5:piecei0e10:total_sizei3eeabc");
  });

  it("are read back, a last short piece included", () => {
    const metadata = new Prng(1).fill(new Uint8Array(METADATA_PIECE_LENGTH + 5));
    assert.equal(metadataPieceCount(metadata.length), 2);
    assert.deepEqual(decodeMetadataMessage(encodeMetadataRequest(7)), {
      kind: "request",
      piece: 7,
    });
    assert.deepEqual(decodeMetadataMessage(encodeMetadataReject(7)), { kind: "reject", piece: 7 });
    for (const [piece, length] of [[0, METADATA_PIECE_LENGTH], [1, 5]] as const) {
      const message = decodeMetadataMessage(encodeMetadataData(metadata, piece));
      assert.ok(message?.kind === "data");
      assert.equal(message.totalSize, metadata.length);
      assert.equal(message.bytes.length, length);
      assert.equal(metadataPieceLength(metadata.length, piece), length);
      const begin = piece * METADATA_PIECE_LENGTH;
      assert.deepEqual([...message.bytes], [...metadata.subarray(begin, begin + length)]);
    }
  });

  it("of an unknown kind are ignored", () => {
    assert.equal(decodeText("d8:msg_typei3e5:piecei0ee"), null);
    assert.equal(decodeText("d8:msg_typei-1ee"), null);
  });

  it("may have unknown keys in any order, and bytes that look like bencoding", () => {
    const message = decodeText("d1:zi1e10:total_sizei4e5:piecei0e8:msg_typei1eeeeee");
    assert.ok(message?.kind === "data");
    assert.equal(toLatin1(message.bytes), "eeee");
  });

  it("are refused when a number is missing, of a wrong type or out of bounds", () => {
    const most = MAX_METADATA_BYTES;
    for (
      const text of [
        "",
        "le",
        "i1e",
        "de",
        "d8:msg_type1:0e",
        "d8:msg_typei0ee",
        "d8:msg_typei0e5:piecei-1ee",
        "d8:msg_typei0e5:piecei1920ee",
        "d8:msg_typei2e5:piecei99999999999999999999ee",
        "d8:msg_typei1e5:piecei0eex",
        "d8:msg_typei1e5:piecei0e10:total_sizei0ee",
        `d8:msg_typei1e5:piecei0e10:total_sizei${most + 1}ee${"x".repeat(16384)}`,
        "d8:msg_typei1e5:piecei0e10:total_sizei3eeab",
        "d8:msg_typei1e5:piecei0e10:total_sizei3eeabcd",
        "d8:msg_typei1e5:piecei1e10:total_sizei3ee",
        `d8:msg_typei1e5:piecei0e10:total_sizei20000ee${"x".repeat(20000)}`,
        `${"l".repeat(6)}${"e".repeat(6)}`,
      ]
    ) assert.notEqual(refusal(fromLatin1(text)), undefined, text.slice(0, 60));
    assert.equal(refusal(encodeMetadataRequest(1919)), undefined);
  });

  it("throw only ProtocolErrors when damaged, over 30,000 of them", () => {
    const dice = new Prng("metadata");
    const samples = [
      encodeMetadataRequest(3),
      encodeMetadataReject(4),
      encodeMetadataData(dice.fill(new Uint8Array(100)), 0),
      concatBytes(fromLatin1("d8:msg_typei1e5:piecei1e10:total_sizei16394ee"), new Uint8Array(10)),
    ];
    let refused = 0, read = 0;
    for (let i = 0; i < 30_000; i++) {
      const damaged = mutate(dice.pick(samples), dice);
      if (refusal(damaged) !== undefined) {
        refused++;
        continue;
      }
      const message = decodeMetadataMessage(damaged);
      if (message === null) continue;
      read++;
      assert.ok(message.piece >= 0 && message.piece < 1920);
      if (message.kind === "data") {
        const { totalSize, piece, bytes } = message;
        assert.equal(bytes.length, metadataPieceLength(totalSize, piece));
      }
    }
    assert.ok(refused > 10_000 && read > 300, `${refused} ${read}`);
  });
});

describe("BEP 9's vectors of ../shared/reference", { skip }, () => {
  it("are what is written, or what the corrected ones say", { skip }, () => {
    interface Vector {
      bep: number;
      name: string;
      input: { dict?: Record<string, number> };
      expected: Record<string, string | number>;
      corrected?: Record<string, string>;
    }
    const all: Vector[] = readReferenceJson("vectors/bep_vectors.json");
    const byName = (name: string) => all.find((each) => each.bep === 9 && each.name === name)!;
    const request = byName("ut_metadata request");
    assert.equal(toLatin1(encodeMetadataRequest(0)), request.expected["bencoded"]);
    const reject = byName("ut_metadata reject");
    assert.equal(toLatin1(encodeMetadataReject(0)), reject.corrected!["bencoded"]);
    const head = byName("ut_metadata data").corrected!["for_3425"]!;
    assert.equal(toLatin1(encodeMetadataData(new Uint8Array(3425), 0)).slice(0, head.length), head);
    const sizes = byName("metadata block size").expected;
    const example = Number(sizes["metadata_size_example"]);
    assert.equal(metadataPieceCount(example), sizes["blocks_for_example"]);
    assert.equal(metadataPieceLength(example, 1), sizes["last_block_bytes"]);
  });
});
