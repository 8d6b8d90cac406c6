import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { concatBytes, fromLatin1 } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
} from "../../src/wire/ut_metadata.ts";
import { MetadataServer } from "../../src/swarm/metadata_serve.ts";

const PIECE = 16384;
const INFO = new Prng(1).fill(new Uint8Array(3 * PIECE + 10));

/** What a server answered to a request: "data", "reject", or the code of what it threw. */
function asks(
  server: MetadataServer<string>,
  member: string,
  piece: number,
  now = 0,
  queued = 0,
): string {
  try {
    const answer = server.answer(member, encodeMetadataRequest(piece), queued, now);
    return decodeMetadataMessage(answer!)!.kind;
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error}`);
    return error.code;
  }
}

describe("MetadataServer", () => {
  it("serves every piece, including the short last one, and rejects missing ones", () => {
    const server = new MetadataServer<string>({ infoBytes: INFO, private: false });
    assert.equal(server.offeredSize, INFO.length);
    const parts: Uint8Array[] = [];
    for (const piece of [0, 1, 2, 3]) {
      const payload = server.answer("m", encodeMetadataRequest(piece), 0, 0);
      const message = decodeMetadataMessage(payload!);
      assert.ok(message?.kind === "data" && message.totalSize === INFO.length);
      parts.push(message.bytes);
    }
    assert.deepEqual(concatBytes(...parts), INFO);
    assert.equal(asks(server, "m", 4), "reject");
    assert.equal(asks(server, "m", 1919), "reject");
  });

  it("sends no metadata of a private torrent, and does not offer it", () => {
    const server = new MetadataServer<string>({ infoBytes: INFO, private: true });
    assert.equal(server.offeredSize, undefined);
    for (const piece of [0, 1, 2, 3]) assert.equal(asks(server, "m", piece), "reject");
  });

  it("serves a peer twice at once, and more only over time; each separately", () => {
    const server = new MetadataServer<string>({ infoBytes: INFO, private: false });
    const served = (member: string, now: number) => {
      let count = 0;
      while (asks(server, member, count % 4, now) === "data") count++;
      return count;
    };
    assert.equal(served("a", 0), 16); // twice four pieces, and eight to spare
    assert.equal(served("a", 30_000), 1);
    assert.equal(served("b", 30_000), 16);
    assert.equal(served("a", 10_000_000), 16);
    server.left("a");
    assert.equal(served("a", 10_000_000), 16);
  });

  it("rejects while much waits to be sent to the peer", () => {
    const server = new MetadataServer<string>({ infoBytes: INFO, private: false });
    assert.equal(asks(server, "m", 0, 0, 200_000), "reject");
    assert.equal(asks(server, "m", 0, 0, 100_000), "data");
  });

  it("disconnects a peer that requests endlessly, but not one that is sometimes refused", () => {
    const server = new MetadataServer<string>({ infoBytes: INFO, private: false });
    const answers: string[] = [];
    for (let i = 0; i < 300; i++) answers.push(asks(server, "m", 9));
    assert.equal(answers.indexOf("metadata-flood"), 200);
    for (let i = 0; i < 300; i++) assert.notEqual(asks(server, "n", 9, 1000 * i), "data");
    for (let hour = 1; hour < 50; hour++) {
      for (let i = 0; i < 30; i++) {
        assert.notEqual(asks(server, "slow", i % 4, hour * 3_600_000), "metadata-flood");
      }
    }
  });

  it("does not answer invalid requests, and throws on nonsense", () => {
    const server = new MetadataServer<string>({ infoBytes: INFO, private: false });
    for (
      const payload of [
        encodeMetadataReject(0),
        encodeMetadataData(INFO, 3),
        fromLatin1("d8:msg_typei9ee"),
      ]
    ) assert.equal(server.answer("m", payload, 0, 0), null);
    assert.throws(() => server.answer("m", fromLatin1("le"), 0, 0), ProtocolError);
  });
});
