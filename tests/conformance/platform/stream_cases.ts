import assert from "node:assert/strict";
import { socketFromStream } from "../../../src/platform/shared/stream_socket.ts";
import type { ByteStream, Socket } from "../../../src/platform/types.ts";
import { type AddCase, Collector, pattern, send, sleep, type UnderTest } from "./subject.ts";

/** Both ends of a connection, untouched. */
async function ends(t: UnderTest): Promise<{ near: Socket; far: Socket }> {
  let accept!: (far: Socket) => void;
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const listener = await t.there.net.listen({ port: 0 }, (far) => accept(far));
  const { port } = listener;
  const near = t.here.net.connect({ address: t.address, port, timeoutMs: 5000 });
  await near.opened;
  const far = await accepted;
  await listener.close();
  return { near, far };
}

/** Reads a byte stream to its end with one buffer that goes round. */
async function readAll(stream: ByteStream, bufferBytes: number): Promise<Uint8Array> {
  const reader = stream.readable.getReader({ mode: "byob" });
  const parts: number[] = [];
  let buffer = new ArrayBuffer(bufferBytes);
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done) break;
    assert.ok(value.length > 0 && value.length <= bufferBytes);
    for (const byte of value) parts.push(byte);
    buffer = value.buffer;
  }
  return Uint8Array.from(parts);
}

export function streamCases(add: AddCase): void {
  add("Socket.readable is a byte stream for BYOB reads, writable takes bytes", async (t) => {
    const { near, far } = await ends(t);
    const bytes = pattern(1_000_000, 3);
    const writer = near.writable.getWriter();
    const reading = readAll(far, 10_000);
    for (let at = 0; at < bytes.length; at += 30_000) {
      await writer.write(bytes.subarray(at, at + 30_000));
    }
    await writer.close();
    assert.deepEqual(await reading, bytes);
    await far.closed;
    assert.equal((await readAll(near, 100)).length, 0);
    await near.closed;
  });

  add("Socket.readable serves default readers too", async (t) => {
    const { near, far } = await ends(t);
    const writer = near.writable.getWriter();
    const reading = (async () => {
      let length = 0;
      for await (const chunk of far.readable) length += chunk.length;
      return length;
    })();
    await writer.write(pattern(200_000, 1));
    await writer.close();
    assert.equal(await reading, 200_000);
  });

  add("Socket.readable pushes back on the writer while nobody reads", async (t) => {
    const { near, far } = await ends(t);
    const reader = far.readable.getReader({ mode: "byob" });
    const writer = near.writable.getWriter();
    let written = false;
    const writing = writer.write(new Uint8Array(30_000_000)).then(() => {
      written = true;
    }, () => {});
    const { value } = await reader.read(new Uint8Array(100));
    assert.equal(value!.length, 100);
    await sleep(t.here, 100);
    assert.equal(written, false);
    await reader.cancel();
    await far.closed;
    await near.closed.catch(() => {});
    await writing;
  });

  add("Socket.writable fails after the connection ended", async (t) => {
    const { near, far } = await ends(t);
    const writer = near.writable.getWriter();
    writer.closed.catch(() => {});
    const reading = readAll(near, 100);
    far.close();
    await reading;
    await near.closed;
    await sleep(t.here, 5);
    await assert.rejects(writer.write(new Uint8Array(1)));
  });

  add("socketFromStream gives the synchronous path over a user's stream", async (t) => {
    const { near, far } = await ends(t);
    const [a, b] = [socketFromStream(near), socketFromStream(far)];
    const [sinkA, sinkB] = [new Collector(), new Collector()];
    a.attach(sinkA);
    b.attach(sinkB);
    assert.deepEqual(await a.opened, await near.opened);
    const bytes = pattern(700_000, 9);
    await Promise.all([send(a, bytes), send(b, bytes.subarray(0, 1000))]);
    await Promise.all([sinkB.received(bytes.length), sinkA.received(1000)]);
    assert.deepEqual(sinkB.bytes(), bytes);
    b.pause();
    let sent = false;
    a.send(new Uint8Array(30_000_000), () => {
      sent = true;
    });
    await sleep(t.here, 100);
    assert.equal(sinkB.length, bytes.length, "nothing comes while paused");
    assert.equal(sent, false);
    b.resume();
    await sinkB.received(bytes.length + 30_000_000);
    a.close();
    assert.deepEqual([await sinkA.ended, await sinkB.ended], [null, null]);
    await sleep(t.here, 20);
    assert.deepEqual([sinkA.endings, sinkB.endings], [1, 1]);
    assert.equal(sent, true);
  }, 60_000);

  add("socketFromStream reports a stream that fails to open", async (t) => {
    const gone = await t.there.net.listen({ port: 0 }, () => {});
    await gone.close();
    const dialled = t.here.net.connect({ address: t.address, port: gone.port, timeoutMs: 5000 });
    const socket = socketFromStream(dialled);
    const sink = new Collector();
    socket.attach(sink);
    const error = await sink.ended;
    assert.equal((error as { code?: string } | null)?.code, "refused");
    await assert.rejects(socket.opened);
  });
}
