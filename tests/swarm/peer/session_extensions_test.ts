import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromLatin1, toLatin1 } from "../../../src/util/bytes.ts";
import { ProtocolError } from "../../../src/util/errors.ts";
import {
  decodeExtensionHandshake,
  EXTENSION_IDS,
  UT_METADATA,
  UT_PEX,
} from "../../../src/wire/extension.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import type { ExtensionPort } from "../../../src/swarm/peer/session.ts";
import { SessionBench } from "../../harness/session_bench.ts";
import { Workshop } from "../../harness/workshop.ts";

const PEX = EXTENSION_IDS.get(UT_PEX)!, METADATA = EXTENSION_IDS.get(UT_METADATA)!;

/** An extension port that keeps what it got, and a session with it. */
function bench(names: string[] = [UT_PEX, UT_METADATA]) {
  const got: [name: string, payload: string][] = [];
  const port: ExtensionPort = {
    names,
    received: (_session, name, payload) => got.push([name, toLatin1(payload)]),
  };
  return { got, one: new SessionBench(new Workshop({ sequential: true }), { port }) };
}

const says = (one: SessionBench, id: number, text: string) =>
  one.hears((voice) => voice.extended(id, fromLatin1(text)));

function refusal(act: () => void): string | undefined {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error}`);
    return error.code;
  }
  return undefined;
}

describe("PeerSession: extension messages of the torrent", () => {
  it("offers those that the torrent handles, besides its own", () => {
    const { one } = bench([UT_PEX]);
    one.session.open({ messages: new Map() });
    const handshake = one.said().find((message) => message.kind === "extended");
    assert.ok(handshake?.kind === "extended");
    const { messages } = decodeExtensionHandshake(Uint8Array.from(handshake.payload));
    assert.deepEqual(messages, new Map([["lt_donthave", 7], [UT_PEX, PEX]]));
  });

  it("passes on messages with our numbers by name, and refuses those not offered", () => {
    const { one, got } = bench();
    says(one, PEX, "one");
    says(one, METADATA, "two");
    assert.deepEqual(got, [[UT_PEX, "one"], [UT_METADATA, "two"]]);
    const { one: other, got: none } = bench([UT_PEX]);
    assert.equal(refusal(() => says(other, METADATA, "x")), "bad-extension");
    assert.equal(refusal(() => says(other, 99, "x")), "bad-extension");
    assert.deepEqual(none, []);
  });

  it("ends the connection with the error that the torrent throws", () => {
    const port: ExtensionPort = {
      names: [UT_PEX],
      received() {
        throw new ProtocolError("pex-flood", "too much");
      },
    };
    const one = new SessionBench(new Workshop({}), { port });
    assert.equal(refusal(() => says(one, PEX, "")), "pex-flood");
  });

  it("sends under the peer's numbers, and only what the peer supports", () => {
    const { one } = bench();
    const ping = fromLatin1("ping");
    assert.equal(one.session.extension.send(UT_PEX, ping), false);
    says(one, 0, "d1:md6:ut_pexi44e11:ut_metadatai3e3:fooi9eee");
    assert.ok(one.session.extension.knows(UT_PEX) && one.session.extension.knows(UT_METADATA));
    assert.equal(one.session.extension.knows("foo"), false);
    const changes = one.changes;
    assert.equal(one.session.extension.send(UT_PEX, ping), true);
    assert.ok(one.changes > changes, "it is to be settled");
    assert.deepEqual(one.said(), [{ kind: "extended", id: 44, payload: [...ping] }]);
  });

  it("merges later handshakes: a number changes, 0 takes a message back", () => {
    const { one } = bench();
    says(one, 0, "d1:md6:ut_pexi44e11:ut_metadatai3eee");
    says(one, 0, "d1:md6:ut_pexi45eee");
    says(one, 0, "d1:md11:ut_metadatai0eee");
    assert.equal(one.session.extension.knows(UT_METADATA), false);
    one.session.extension.send(UT_PEX, new Uint8Array(0));
    assert.deepEqual(one.said(), [{ kind: "extended", id: 45, payload: [] }]);
  });
});

describe("PeerSession: PORT messages", () => {
  it("reports the peer's DHT node, and announces ours", () => {
    const { one } = bench();
    one.receives(Uint8Array.of(0, 0, 0, 3, wire.PORT, 0x1a, 0xe1));
    one.receives(Uint8Array.of(0, 0, 0, 3, wire.PORT, 0, 0));
    assert.deepEqual(one.dhtPorts, [6881]);
    one.session.tellDhtPort(51413);
    assert.deepEqual(one.said(), [{ kind: "number", id: wire.PORT, value: 51413 }]);
  });
});
