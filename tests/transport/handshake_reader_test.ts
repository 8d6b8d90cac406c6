import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concatBytes, fromHex, fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import { NetError, ProtocolError, type ShoalError } from "../../src/util/errors.ts";
import { encodeHandshake, type Handshake } from "../../src/wire/handshake.ts";
import { HandshakeReader } from "../../src/transport/handshake_reader.ts";
import { HandClock } from "../harness/clock.ts";
import { cutEvery } from "../harness/cuts.ts";
import { HandSocket } from "../harness/sockets.ts";

const theirs: Handshake = {
  infoHash: fromHex("ab".repeat(20)),
  peerId: fromLatin1("-TR3000-abcdefghijkl"),
  extensions: true,
  fast: true,
  dht: false,
};
const bytes = encodeHandshake(theirs);

/** Text of the chunks and the end, as the next in line gets them. */
class TextSink {
  readonly heard: string[] = [];
  onData(chunk: Uint8Array): void {
    this.heard.push(toLatin1(chunk));
  }
  onEnd(error: Error | null): void {
    this.heard.push(error === null ? "<end>" : `<${error.message}>`);
  }
}

/** A reader on a hand-driven socket; `on` is what is done with the handshake. */
function reading(on: (reader: HandshakeReader) => void = () => {}) {
  const socket = new HandSocket(), clock = new HandClock();
  const seen: Handshake[] = [], failures: Error[] = [];
  const reader = new HandshakeReader(socket, clock, 10_000, {
    handshake: (reader, handshake) => {
      seen.push(handshake);
      on(reader);
    },
    failed: (error) => failures.push(error),
  });
  return { socket, clock, seen, failures, reader };
}

const codes = (errors: Error[]) => errors.map((error) => (error as ShoalError).code);

describe("HandshakeReader", () => {
  it("reads a handshake in one chunk, byte by byte and in every cut", () => {
    for (let length = 1; length <= 68; length++) {
      const { socket, clock, seen, failures } = reading((reader) =>
        reader.handOver(new TextSink())
      );
      for (const chunk of cutEvery(bytes, length)) socket.receive(chunk);
      assert.deepEqual(seen, [theirs]);
      assert.deepEqual(failures, []);
      assert.equal(socket.isClosed, false);
      assert.equal(clock.pending, 0, "the deadline is called off");
    }
  });

  it("passes bytes after it to the next receiver, in order, and all later ones", () => {
    for (const length of [1, 3, 67, 68, 69, 71, 80]) {
      const sink = new TextSink();
      const { socket } = reading((reader) => reader.handOver(sink));
      for (const chunk of cutEvery(concatBytes(bytes, fromLatin1("hello")), length)) {
        socket.receive(chunk);
      }
      socket.receive(fromLatin1(" world"));
      socket.end(null);
      assert.equal(sink.heard.join(""), "hello world<end>", `chunks of ${length}`);
    }
  });

  it("passes nothing to the next receiver if there is only the handshake", () => {
    const sink = new TextSink();
    const { socket } = reading((reader) => reader.handOver(sink));
    socket.receive(bytes);
    assert.deepEqual(sink.heard, []);
  });

  it("passes on the end with its error too", () => {
    const sink = new TextSink();
    const { socket, failures } = reading((reader) => reader.handOver(sink));
    socket.receive(bytes);
    socket.end(new NetError("reset", "broken"));
    assert.deepEqual(sink.heard, ["<broken>"]);
    assert.deepEqual(failures, []);
  });

  it("turns another protocol away at its first wrong byte, once", () => {
    const { socket, seen, failures, clock } = reading();
    socket.receive(fromLatin1("\x13Bit"));
    assert.equal(failures.length, 0);
    socket.receive(fromLatin1("Z"));
    assert.deepEqual(codes(failures), ["bad-handshake"]);
    assert.ok(failures[0] instanceof ProtocolError);
    assert.equal(socket.isClosed, true);
    socket.receive(bytes);
    socket.end(null);
    clock.pass(60_000);
    assert.equal(failures.length, 1);
    assert.deepEqual(seen, []);
  });

  it("fails when the deadline passes, however the peer drips", () => {
    const { socket, seen, failures, clock } = reading();
    for (let i = 0; i < 9; i++) {
      socket.receive(bytes.slice(i, i + 1));
      clock.pass(1000);
    }
    assert.deepEqual(failures, []);
    clock.pass(1000);
    assert.deepEqual(codes(failures), ["timeout"]);
    assert.equal(socket.isClosed, true);
    socket.receive(bytes.slice(9));
    socket.end(null);
    assert.equal(failures.length, 1);
    assert.deepEqual(seen, []);
  });

  it("fails if the peer hangs up before, with the connection's error", () => {
    const orderly = reading();
    orderly.socket.receive(bytes.slice(0, 67));
    orderly.socket.end(null);
    assert.deepEqual(codes(orderly.failures), ["closed"]);
    const broken = reading();
    broken.socket.end(new NetError("refused", "nobody there"));
    assert.deepEqual(codes(broken.failures), ["refused"]);
    assert.equal(broken.clock.pending, 0);
  });

  it("close ends it silently, whatever arrives later", () => {
    const { socket, seen, failures, reader, clock } = reading();
    socket.receive(bytes.slice(0, 30));
    reader.close();
    assert.equal(socket.isClosed, true);
    assert.equal(clock.pending, 0);
    socket.receive(bytes.slice(30));
    socket.end(null);
    clock.pass(60_000);
    assert.deepEqual(failures, []);
    assert.deepEqual(seen, []);
  });

  it("closes the socket if no receiver takes it over, with or without a call of close", () => {
    for (const on of [(reader: HandshakeReader) => reader.close(), () => {}]) {
      const { socket, seen, failures } = reading(on);
      socket.receive(concatBytes(bytes, fromLatin1("rest")));
      assert.equal(seen.length, 1);
      assert.equal(socket.isClosed, true);
      socket.receive(fromLatin1("more"));
      socket.end(null);
      assert.deepEqual(failures, []);
      assert.equal(seen.length, 1);
    }
  });
});
