import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromHex, fromLatin1, toHex } from "../../src/util/bytes.ts";
import { NetError, type ShoalError } from "../../src/util/errors.ts";
import { encodeHandshake, type Handshake } from "../../src/wire/handshake.ts";
import { dialPeer } from "../../src/transport/dial.ts";
import type { SocketInfo } from "../../src/platform/types.ts";
import { HandClock } from "../harness/clock.ts";
import { HandNet, SOME_INFO } from "../harness/sockets.ts";

const ours: Handshake = {
  infoHash: fromHex("01".repeat(20)),
  peerId: fromLatin1("-SH0100-aaaaaaaaaaaa"),
  extensions: true,
  fast: true,
  dht: false,
};
const theirs: Handshake = { ...ours, peerId: fromLatin1("-TR3000-bbbbbbbbbbbb"), fast: false };
const sink = { onData: () => {}, onEnd: () => {} };

function dialling() {
  const net = new HandNet(), clock = new HandClock();
  const connected: { theirs: Handshake; info: SocketInfo }[] = [], failures: string[] = [];
  const dialling = dialPeer({ net, clock }, { address: "10.0.0.2", port: 6881 }, ours, {
    connected: (connection) => {
      const { theirs, info, incoming, transport, encryption } = connection;
      assert.deepEqual([incoming, transport, encryption], [false, "tcp", "none"]);
      connected.push({ theirs, info });
      connection.handOver(sink);
    },
    failed: (error) => failures.push((error as ShoalError).code),
  });
  return {
    socket: net.dialled[0]!.socket,
    to: net.dialled[0]!.to,
    clock,
    connected,
    failures,
    dialling,
  };
}

describe("dialPeer", () => {
  it("sends its handshake once connected, and not before", async () => {
    const { socket, to } = dialling();
    await Promise.resolve();
    assert.deepEqual(to, { address: "10.0.0.2", port: 6881 });
    assert.deepEqual(socket.sent, []);
    socket.open();
    await Promise.resolve();
    assert.equal(toHex(socket.take()), toHex(encodeHandshake(ours)));
  });

  it("reports a peer that answers for the same torrent, with both ends' addresses", async () => {
    const { socket, connected, failures, clock } = dialling();
    socket.open();
    await Promise.resolve();
    socket.receive(encodeHandshake(theirs));
    assert.deepEqual(connected, [{ theirs, info: SOME_INFO }]);
    assert.deepEqual(failures, []);
    assert.equal(socket.isClosed, false);
    clock.pass(60_000);
    assert.equal(socket.isClosed, false);
  });

  it("refuses an answer for another torrent", async () => {
    const { socket, connected, failures } = dialling();
    socket.open();
    await Promise.resolve();
    socket.receive(encodeHandshake({ ...theirs, infoHash: new Uint8Array(20) }));
    assert.deepEqual(failures, ["wrong-torrent"]);
    assert.deepEqual(connected, []);
    assert.equal(socket.isClosed, true);
    socket.end(null);
    assert.equal(failures.length, 1);
  });

  it("knows itself by the peer id", async () => {
    const { socket, connected, failures } = dialling();
    socket.open();
    await Promise.resolve();
    socket.receive(encodeHandshake(ours));
    assert.deepEqual(failures, ["self"]);
    assert.deepEqual(connected, []);
    assert.equal(socket.isClosed, true);
  });

  it("fails once when the connection fails, breaks or stays silent", async () => {
    const refused = dialling();
    refused.socket.end(new NetError("refused", "nobody there"));
    refused.clock.pass(60_000);
    assert.deepEqual(refused.failures, ["refused"]);
    const silent = dialling();
    silent.socket.open();
    await Promise.resolve();
    silent.clock.pass(60_000);
    silent.socket.end(null);
    assert.deepEqual(silent.failures, ["timeout"]);
    assert.equal(silent.socket.isClosed, true);
  });

  it("fails and does not break when a peer speaks before the connection was reported open", () => {
    const { socket, connected, failures } = dialling();
    socket.receive(encodeHandshake(theirs));
    assert.deepEqual(failures, ["early"]);
    assert.deepEqual(connected, []);
    assert.equal(socket.isClosed, true);
  });

  it("cancel closes the socket and reports nothing, before and after it opened", async () => {
    for (const opened of [false, true]) {
      const { socket, connected, failures, dialling: one, clock } = dialling();
      if (opened) {
        socket.open();
        await Promise.resolve();
      }
      one.cancel();
      assert.equal(socket.isClosed, true);
      socket.open();
      await Promise.resolve();
      socket.receive(encodeHandshake(theirs));
      socket.end(null);
      clock.pass(60_000);
      assert.deepEqual(connected, []);
      assert.deepEqual(failures, []);
    }
  });
});
