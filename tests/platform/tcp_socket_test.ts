import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createStreamNet } from "../../src/platform/shared/tcp.ts";
import type { Socket, StreamNet } from "../../src/platform/types.ts";
import { liveMemory } from "../harness/live_memory.ts";
import { Collector, send } from "../conformance/platform/subject.ts";

const onBun = "Bun" in globalThis;
const reading = onBun ? "freed" : "shared";

/** The memory that the chunks of both ends of one connection lie in. */
async function buffersOf(
  net: StreamNet,
  length = 1000,
): Promise<{ near: ArrayBufferLike; far: ArrayBufferLike }> {
  let accept!: (socket: Socket) => void;
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const seen: { near?: ArrayBufferLike; far?: ArrayBufferLike } = {};
  const farSink = new Collector((chunk) => {
    seen.far ??= chunk.buffer;
  });
  const nearSink = new Collector((chunk) => {
    seen.near ??= chunk.buffer;
  });
  const listener = await net.listen({ port: 0 }, (socket) => {
    socket.attach(farSink);
    accept(socket);
  });
  const near = net.connect({ address: "127.0.0.1", port: listener.port, timeoutMs: 5000 });
  near.attach(nearSink);
  const far = await accepted;
  await Promise.all([send(near, new Uint8Array(length)), send(far, new Uint8Array(length))]);
  await Promise.all([nearSink.received(length), farSink.received(length)]);
  near.close();
  await Promise.all([farSink.ended, listener.close()]);
  return { near: seen.near!, far: seen.far! };
}

describe("TcpSocket", () => {
  it(
    "reads dialled and accepted connections into one shared buffer on Deno",
    { skip: onBun && "Bun makes a buffer for each chunk, whatever it is told" },
    async () => {
      // If a new Deno breaks this, the 'data' event takes over by itself, at twice the cost.
      const net = createStreamNet({ reading: "shared" });
      const [first, second] = [await buffersOf(net), await buffersOf(net)];
      assert.equal(first.near, second.near);
      assert.equal(first.far, first.near);
    },
  );

  it("frees a large chunk after its use", async () => {
    const net = createStreamNet({ reading: "freed" }), length = 100_000;
    const { near, far } = await buffersOf(net, length);
    assert.notEqual(far, near);
    if (onBun) assert.deepEqual([near.byteLength, far.byteLength], [0, 0]);
  });

  it("leaves small chunks, which may share their memory, to the garbage collector", async () => {
    const { near, far } = await buffersOf(createStreamNet({ reading: "freed" }), 100);
    assert.ok(near.byteLength > 0 && far.byteLength > 0);
  });

  it("keeps its reader only as long as the connection", async () => {
    const net = createStreamNet({ reading }), kept: Socket[] = [];
    let accepted!: (reader: WeakRef<object>) => void;
    const far = new Promise<WeakRef<object>>((resolve) => accepted = resolve);
    const listener = await net.listen({ port: 0 }, (socket) => {
      kept.push(socket);
      const reader = { onData() {}, onEnd: () => accepted(new WeakRef(reader)) };
      socket.attach(reader);
    });
    const near = net.connect({ address: "127.0.0.1", port: listener.port, timeoutMs: 5000 });
    await near.opened;
    near.close();
    const reader = await far;
    await liveMemory();
    assert.equal(kept.length, 1);
    assert.equal(reader.deref(), undefined);
    await listener.close();
  });

  it("keeps nothing of connections that ended", async () => {
    const net = createStreamNet({ reading });
    const listener = await net.listen({ port: 0 }, (socket) => {
      socket.attach({ onData() {}, onEnd() {} });
    });
    const visit = async () => {
      const near = net.connect({ address: "127.0.0.1", port: listener.port, timeoutMs: 5000 });
      await near.opened;
      near.close();
      await near.closed.catch(() => {});
    };
    const visits = async (count: number) => {
      for (let i = 0; i < count; i += 20) await Promise.all(Array.from({ length: 20 }, visit));
      return await liveMemory();
    };
    await visits(200);
    const before = await visits(200), grown = await visits(1000) - before;
    assert.ok(grown < 1_000_000, `${grown} bytes for 1,000 connections`);
    await listener.close();
  });

  it("ends a connection whose reader throws, and only that one", async () => {
    const net = createStreamNet({ reading });
    const bug = new Error("a bug in the reader");
    const [good, bad] = [
      new Collector(),
      new Collector(() => {
        throw bug;
      }),
    ];
    const sinks = [bad, good];
    const listener = await net.listen({ port: 0 }, (socket) => socket.attach(sinks.shift()!));
    const dial = () => net.connect({ address: "127.0.0.1", port: listener.port, timeoutMs: 5000 });
    const first = dial();
    first.attach(new Collector());
    await first.opened;
    await send(first, new Uint8Array(10));
    assert.equal(await bad.ended, bug);
    const second = dial();
    second.attach(new Collector());
    await send(second, new Uint8Array(10));
    await good.received(10);
    second.close();
    assert.equal(await good.ended, null);
    await listener.close();
  });
});
