import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Bitfield } from "../../../src/util/bitfield.ts";
import { BLOCK_LENGTH, Layout } from "../../../src/metainfo/layout.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { type LoadWaiter, PeerLink, SendBuffers } from "../../../src/swarm/peer/link.ts";
import { NO_BOOK } from "../../../src/swarm/peer/early_pieces.ts";
import { type BlockBook, PeerSession } from "../../../src/swarm/peer/session.ts";
import { Throttle, ThrottleChain } from "../../../src/util/throttle.ts";
import { HandClock } from "../../harness/clock.ts";
import { HandSocket } from "../../harness/sockets.ts";

const PIECE = 64 * 1024;

/** A seed's link to one peer, over a socket and a disk that the test moves. */
function scene(fast = true) {
  const layout = new Layout(PIECE, [{ length: 20 * PIECE, pad: false }]);
  const have = new Bitfield(layout.pieceCount);
  have.setAll();
  const nothing = () => {};
  const book: BlockBook = { ...NO_BOOK, have };
  const clock = new HandClock(), socket = new HandSocket();
  /** Pieces that can be read at once, and what was read of them, in blocks. */
  const warm = new Set<number>(), reads: number[] = [];
  /** By piece: here, or waited for. */
  const here = new Set<number>(), waiting = new Map<number, Set<LoadWaiter>>();
  const reader = {
    readNow(piece: number, begin: number, into: Uint8Array): boolean {
      if (!warm.has(piece)) return false;
      reads.push(into.length / BLOCK_LENGTH);
      for (let at = 0; at < into.length; at += BLOCK_LENGTH) {
        into.fill(piece * 4 + (begin + at) / BLOCK_LENGTH, at, at + BLOCK_LENGTH);
      }
      return true;
    },
    prepare(piece: number, _begin: number, _length: number, waiter: LoadWaiter | null): boolean {
      if (here.has(piece)) return true;
      if (!waiting.has(piece)) waiting.set(piece, new Set());
      if (waiter !== null) waiting.get(piece)!.add(waiter);
      return false;
    },
    copy: (piece: number, begin: number, into: Uint8Array) => into.fill(piece * 4 + begin / 16384),
  };
  const session = new PeerSession(
    layout,
    book,
    { changed: nothing, interestChanged: nothing, extensionHandshake: nothing },
    { slot: 0, key: 1, peerId: new Uint8Array(20), connectedAt: 0, fast, extensions: false },
  );
  const errors: unknown[] = [];
  const up = new Throttle();
  const shared = { clock, buffers: new SendBuffers(), reader, up: new ThrottleChain([up]) };
  const link = new PeerLink(socket, session, shared, {
    received: () => link.flush(),
    ended: (_link, error) => errors.push(error),
    broke: (error) => errors.push(error),
  });
  socket.attach(link);
  session.taker.setChoking(false, clock.now());
  link.flush();
  socket.acknowledge();
  socket.take();
  const peer = new wire.WireEncoder();
  const says = (speak: (out: wire.WireEncoder) => void) => {
    speak(peer);
    socket.receive(peer.bytes);
    peer.clear();
  };
  const load = (piece: number) => {
    here.add(piece);
    for (const waiter of waiting.get(piece) ?? []) waiter.loaded();
    waiting.delete(piece);
  };
  return { session, link, socket, clock, says, here, waiting, load, errors, have, warm, reads, up };
}

function request(piece: number, block: number) {
  return (out: wire.WireEncoder) =>
    out.block(wire.REQUEST, piece, block * BLOCK_LENGTH, BLOCK_LENGTH);
}

/** What was sent, as words: "piece 1 0", "reject 1 0". */
function read(bytes: Uint8Array): string[] {
  const seen: string[] = [];
  const target = new Uint8Array(BLOCK_LENGTH);
  let current = "", first = 0;
  const sink: wire.WireSink = {
    onSignal: (id) => seen.push(`signal ${id}`),
    onNumber: (id, value) => seen.push(`number ${id} ${value}`),
    onBitfield: () => seen.push("bitfield"),
    onBlockMessage: (id, piece, begin) =>
      seen.push(`${id === wire.REJECT ? "reject" : id} ${piece} ${begin / BLOCK_LENGTH}`),
    onExtended: (id) => seen.push(`extended ${id}`),
    onKeepAlive() {},
    blockStart(piece, begin) {
      current = `piece ${piece} ${begin / BLOCK_LENGTH}`;
      first = piece * 4 + begin / BLOCK_LENGTH;
      return target;
    },
    blockAt: 0,
    blockEnd() {
      assert.ok(target.every((byte) => byte === first), `content of ${current}`);
      seen.push(current);
    },
  };
  new wire.WireDecoder(sink, 3).push(bytes);
  return seen;
}

describe("PeerLink: uploads", () => {
  it("disconnects a choked peer that keeps requesting only after its CHOKE was sent", () => {
    const { socket, says, clock, session, link, warm, errors } = scene();
    for (let piece = 0; piece < 20; piece++) warm.add(piece);
    says(request(0, 0));
    assert.equal(socket.underWay.length, 1, "a block is under way");
    session.taker.setChoking(true, clock.now());
    link.flush();
    const late = (count: number) => {
      for (let i = 0; i < count && errors.length === 0; i++) says(request(1, 0));
    };
    clock.pass(10_000);
    late(500);
    socket.acknowledge();
    late(500);
    assert.equal(socket.underWay.length, 1, "and now the CHOKE");
    socket.acknowledge();
    clock.pass(1999);
    late(500);
    assert.deepEqual(errors, []);
    clock.pass(2);
    late(500);
    assert.match(String(errors[0]), /keeps requesting while choked/);
  });

  it("waits for data without holding anything else up, then sends in order", () => {
    const { socket, says, load, link, session } = scene();
    says((out) => {
      request(0, 0)(out);
      request(1, 2)(out);
    });
    assert.equal(socket.underWay.length, 0, "nothing is there yet");
    session.taker.announce(7);
    link.flush();
    assert.deepEqual(read(socket.take()), ["number 4 7"]);
    socket.acknowledge();
    load(1);
    assert.equal(socket.underWay.length, 0, "the first comes first");
    load(0);
    assert.deepEqual(read(socket.take()), ["piece 0 0", "piece 1 2"]);
  });

  it("reads the next blocks while it sends, so that the next write need not wait", () => {
    const { says, here, waiting } = scene();
    for (const piece of [0, 1, 2, 3]) here.add(piece);
    says((out) => {
      for (let i = 0; i < 40; i++) request(i >> 2, i & 3)(out);
    });
    assert.deepEqual([...waiting.keys()], [7], "24 requests behind the five that are sent");
  });

  it("puts up to sixteen blocks into a write and has one write under way", () => {
    const { socket, says, here, session } = scene();
    for (let piece = 0; piece < 20; piece++) here.add(piece);
    says((out) => {
      for (let i = 0; i < 180; i++) request((i >> 2) % 20, i & 3)(out);
    });
    const sizes: number[] = [];
    while (socket.underWay.length > 0) {
      assert.equal(socket.underWay.length, 1);
      sizes.push(read(socket.take()).length);
      const sent = sizes.reduce((sum, size) => sum + size);
      assert.equal(
        session.taker.upload.length,
        180 - sent,
        "the rest waits until the peer has taken it",
      );
      socket.acknowledge();
    }
    assert.deepEqual(sizes, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 16, 16, 6]);
  });

  it("halves its writes while they are slow, and otherwise grows them by one block", () => {
    const { socket, says, here, clock } = scene();
    for (let piece = 0; piece < 20; piece++) here.add(piece);
    says((out) => {
      for (let i = 0; i < 60; i++) request(i >> 2, i & 3)(out);
    });
    const sizes: number[] = [];
    for (const took of [10, 10, 10, 300, 300, 300, 300, 190, 190, 250, 10]) {
      sizes.push(read(socket.take()).length);
      clock.pass(took);
      socket.acknowledge();
    }
    assert.deepEqual(sizes, [5, 6, 7, 8, 4, 2, 1, 1, 2, 3, 1]);
  });

  it("reads blocks that follow one another with one call, if that is quick", () => {
    const { socket, says, warm, here, reads, waiting } = scene();
    for (const piece of [0, 1, 3]) warm.add(piece);
    here.add(2);
    const asked = [[0, 0], [0, 1], [0, 3], [1, 0], [1, 1], [2, 0], [3, 1]] as const;
    says((out) => {
      for (const [piece, block] of asked) request(piece, block)(out);
    });
    const seen = read(socket.take());
    socket.acknowledge();
    seen.push(...read(socket.take()));
    assert.deepEqual(seen, asked.map(([piece, block]) => `piece ${piece} ${block}`));
    assert.deepEqual(reads, [2, 1, 2, 1]);
    assert.equal(waiting.size, 0, "nothing is read ahead that is in memory");
  });

  it("under a limit each block is sent separately", () => {
    const { socket, says, warm, reads, up, clock } = scene();
    warm.add(0);
    up.setLimit(BLOCK_LENGTH * 10, clock.now());
    clock.pass(1000);
    says((out) => {
      for (const block of [0, 1, 2, 3]) request(0, block)(out);
    });
    assert.deepEqual(read(socket.take()), ["piece 0 0"], "what 100 ms allow");
    assert.deepEqual(reads, [1]);
    assert.equal(up.waiting, 1);
  });

  it("a buffer that the system has emptied serves the next link at once", () => {
    const { socket, says, warm } = scene();
    warm.add(0);
    const first = () => socket.underWay.at(-1)!.bytes.buffer;
    says(request(0, 0));
    const held = first();
    socket.acknowledge();
    socket.takesAtOnce = true;
    says(request(0, 1));
    assert.equal(first(), held, "given back when it was sent");
    const others = new SendBuffers();
    assert.notEqual(others.take().bytes.buffer, held);
    socket.underWay.shift()!.done();
    says(request(0, 2));
    assert.equal(first(), held, "and once only, though `sent` came later");
  });

  it("refuses only the request whose data cannot be read", () => {
    const { socket, says, waiting, load, errors } = scene();
    says((out) => {
      request(0, 0)(out);
      request(1, 0)(out);
    });
    const [waiter] = waiting.get(0)!;
    waiting.delete(0);
    waiter!.failed(0, 0, PIECE);
    load(1);
    const seen = read(socket.take());
    socket.acknowledge();
    assert.deepEqual([...seen, ...read(socket.take())], ["reject 0 0", "piece 1 0"]);
    assert.deepEqual(errors, []);
  });

  it("a failure after a cancelled request refuses no other one", () => {
    const { socket, says, waiting } = scene();
    says(request(0, 0));
    const [waiter] = waiting.get(0)!;
    says((out) => {
      out.block(wire.CANCEL, 0, 0, BLOCK_LENGTH);
      request(1, 0)(out);
    });
    assert.deepEqual(read(socket.take()), ["reject 0 0"]);
    socket.acknowledge();
    waiter!.failed(0, 0, PIECE);
    assert.equal(socket.underWay.length, 0);
  });

  it("refuses requests for a lost piece, and no others", () => {
    const { socket, says, session, link, have } = scene();
    says((out) => {
      for (const piece of [0, 1, 0]) request(piece, piece)(out);
    });
    have.clear(0);
    session.withdraw(0);
    link.flush();
    assert.deepEqual(read(socket.take()), ["reject 0 0", "reject 0 0"]);
    assert.equal(session.taker.upload.length, 1);
  });
});
