import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { NetError, type ShoalError } from "../../../src/util/errors.ts";
import { concatBytes, toHex } from "../../../src/util/bytes.ts";
import { Throttle, ThrottleChain } from "../../../src/util/throttle.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { PeerLink, SendBuffers } from "../../../src/swarm/peer/link.ts";
import { HandClock } from "../../harness/clock.ts";
import { SessionBench } from "../../harness/session_bench.ts";
import { HandSocket } from "../../harness/sockets.ts";
import { Workshop } from "../../harness/workshop.ts";

/** A link of a torrent that lacks everything; blocks for uploads cannot be had. */
function linked(downLimit = Infinity) {
  const bench = new SessionBench(new Workshop({ sequential: true }), { extensions: false });
  const clock = new HandClock(), socket = new HandSocket(), buffers = new SendBuffers();
  const heard: string[] = [];
  const reader = { readNow: () => false, prepare: () => false, copy: () => {} };
  const throttle = new Throttle(), down = new ThrottleChain([throttle]);
  throttle.setLimit(downLimit, clock.now());
  const link = new PeerLink(socket, bench.session, { clock, buffers, reader, down }, {
    received: () => heard.push("received"),
    ended: (_link, error) =>
      heard.push(`ended: ${(error as ShoalError | null)?.code ?? "orderly"}`),
    broke: (error) => heard.push(`broke: ${(error as Error).message}`),
  });
  socket.attach(link);
  return { bench, session: bench.session, clock, socket, link, heard, throttle };
}

function message(say: (voice: wire.WireEncoder) => void): Uint8Array {
  const voice = new wire.WireEncoder();
  say(voice);
  return voice.bytes;
}

describe("PeerLink", () => {
  it("passes the bytes to its session and reports the end of each chunk", () => {
    const { socket, session, heard } = linked();
    socket.receive(message((voice) => voice.number(wire.HAVE, 3)));
    assert.equal(session.source.have.has(3), true);
    assert.deepEqual(heard, ["received"]);
  });

  it("sends queued bytes in one write, and later ones when that has ended", () => {
    const { socket, session, link } = linked();
    link.flush();
    assert.equal(socket.sent.length, 0, "nothing to say");
    session.taker.announce(1);
    session.taker.announce(2);
    link.flush();
    assert.equal(toHex(socket.take()), "0000000504000000010000000504" + "00000002");
    session.taker.announce(3);
    link.flush();
    link.flush();
    assert.equal(socket.sent.length, 1, "one write at a time");
    socket.acknowledge();
    assert.equal(toHex(socket.take()), "000000050400000003");
    socket.acknowledge();
    assert.equal(socket.sent.length, 2);
  });

  it("ends the connection on a protocol breach, and reports it once", () => {
    const { socket, link, heard } = linked();
    socket.receive(message((voice) => voice.number(wire.HAVE, 99)));
    assert.equal(socket.isClosed, true);
    assert.deepEqual(heard, ["ended: bad-piece", "received"]);
    socket.receive(message((voice) => voice.number(wire.HAVE, 99)));
    socket.end(null);
    link.close(null);
    assert.deepEqual(heard, ["ended: bad-piece", "received", "received"]);
  });

  it("passes on the end of the connection with its error", () => {
    const orderly = linked(), broken = linked();
    orderly.socket.end(null);
    broken.socket.end(new NetError("reset", "gone"));
    assert.deepEqual(orderly.heard, ["ended: orderly", "received"]);
    assert.deepEqual(broken.heard, ["ended: reset", "received"]);
  });

  it("does not blame the peer for an error of ours", () => {
    const { bench, socket, heard } = linked();
    bench.shop.manager.holders.has = () => {
      throw new Error("a bug");
    };
    socket.receive(message((voice) => voice.number(wire.HAVE, 3)));
    assert.deepEqual(heard, ["broke: a bug", "received"]);
    assert.equal(socket.isClosed, false);
  });

  it("sends nothing more once it ended", () => {
    const { socket, session, link, clock } = linked();
    session.taker.announce(1);
    link.flush();
    link.close(null);
    session.taker.announce(2);
    socket.acknowledge();
    link.flush();
    clock.pass(500_000);
    link.tick(clock.now());
    assert.equal(socket.sent.length, 1);
  });

  it("keeps a quiet connection alive with a message a minute", () => {
    const { socket, link, clock } = linked();
    for (let half = 0; half < 240; half++) {
      clock.pass(500);
      link.tick(clock.now());
      if (socket.underWay.length > 0) socket.acknowledge();
    }
    assert.equal(toHex(socket.take()), "00000000");
    clock.pass(2000);
    link.tick(clock.now());
    assert.equal(toHex(socket.take()), "00000000");
  });

  it("queues no keep-alives for a peer that reads nothing", () => {
    const { socket, session, link, clock } = linked();
    session.taker.announce(1);
    link.flush();
    socket.take();
    for (let half = 0; half < 240; half++) {
      clock.pass(500);
      socket.receive(message((voice) => voice.keepAlive()));
      link.tick(clock.now());
    }
    assert.equal(socket.underWay.length, 1);
    assert.ok(session.out.length <= 4, `${session.out.length} bytes of keep-alives`);
  });

  it("takes as many bytes as a limit allows and holds the rest", () => {
    const { session, socket, clock, throttle } = linked(1000);
    clock.pass(8); // eight bytes may pass
    const haves = [1, 2, 3].map((piece) => message((voice) => voice.number(wire.HAVE, piece)));
    socket.receive(concatBytes(...haves));
    assert.equal(socket.paused, true);
    assert.equal(throttle.total, 8);
    assert.deepEqual([1, 2, 3].map((piece) => session.source.have.has(piece)), [
      false,
      false,
      false,
    ]);
    clock.pass(10);
    throttle.serve(clock.now());
    assert.deepEqual([1, 2, 3].map((piece) => session.source.have.has(piece)), [true, true, false]);
    socket.receive(message((voice) => voice.number(wire.HAVE, 4)));
    assert.equal(throttle.total, 18, "what was in flight waits in its place");
    clock.pass(100);
    throttle.serve(clock.now());
    assert.deepEqual([3, 4].map((piece) => session.source.have.has(piece)), [true, true]);
    assert.equal(throttle.total, 36);
    assert.equal(socket.paused, false);
  });

  it("does not blame a peer for time in which our limit stopped reading", () => {
    const { bench, session, socket, link, heard, clock, throttle } = linked(100);
    clock.pass(100); // ten bytes may pass
    socket.receive(message((voice) => voice.signal(wire.HAVE_ALL)));
    socket.receive(message((voice) => voice.signal(wire.UNCHOKE)));
    session.settle(clock.now());
    assert.equal(session.source.outstanding, 8);
    socket.receive(
      message((voice) => voice.piece(0, 0, 16384).set(bench.shop.right({ piece: 0, block: 0 }))),
    );
    assert.equal(socket.paused, true);
    const pass = (halfSeconds: number) => {
      for (let half = 0; half < halfSeconds; half++) {
        clock.pass(500);
        throttle.serve(clock.now());
        link.tick(clock.now());
      }
    };
    pass(4 * 320); // 640 s of the 1640 that the block takes: ten bytes a time
    assert.equal(socket.paused, true);
    assert.equal(session.source.snubbed, false);
    assert.ok(session.source.down.total > 0, "what came so far counts");
    throttle.setLimit(10_000, clock.now());
    for (let half = 0; half < 40 && socket.paused; half++) pass(1);
    assert.equal(socket.paused, false);
    assert.equal(session.source.outstanding, 7);
    assert.equal(session.source.down.total, 16384);
    assert.equal(socket.isClosed, false);
    pass(100);
    assert.equal(session.source.snubbed, true, "from then on it is the peer's turn");
    assert.equal(heard.includes("ended: silent"), false);
  });

  it("ends a connection that was silent for over two minutes, and no other", () => {
    const { socket, link, heard, clock } = linked();
    clock.pass(129_000);
    link.tick(clock.now());
    socket.receive(message((voice) => voice.keepAlive()));
    clock.pass(129_000);
    link.tick(clock.now());
    assert.deepEqual(heard, ["received"]);
    clock.pass(2000);
    link.tick(clock.now());
    assert.deepEqual(heard, ["received", "ended: silent"]);
    assert.equal(socket.isClosed, true);
  });
});

describe("SendBuffers", () => {
  it("reuses returned buffers, emptied, and makes new ones if there are none", () => {
    const buffers = new SendBuffers();
    const first = buffers.take(), second = buffers.take();
    assert.notEqual(first, second);
    first.keepAlive();
    buffers.give(first);
    assert.equal(buffers.take(), first);
    assert.equal(first.length, 0);
  });

  it("keeps a bounded number", () => {
    const buffers = new SendBuffers();
    const taken = Array.from({ length: 200 }, () => buffers.take());
    for (const buffer of taken) buffers.give(buffer);
    const again = new Set(Array.from({ length: 200 }, () => buffers.take()));
    assert.ok(taken.filter((buffer) => again.has(buffer)).length <= 64);
  });
});
