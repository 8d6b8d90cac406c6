import assert from "node:assert/strict";
import type { Socket, SocketInfo } from "../../../src/platform/types.ts";
import {
  type AddCase,
  Collector,
  pattern,
  rejectsWith,
  send,
  sleep,
  type UnderTest,
} from "./subject.ts";

const TIMEOUT_MS = 5000;

/** Both ends of one connection, each with a collector if `attach`. */
async function connected(t: UnderTest, attach: boolean): Promise<{
  near: Socket;
  far: Socket;
  nearInfo: SocketInfo;
  farInfo: SocketInfo;
  nearSink: Collector;
  farSink: Collector;
}> {
  const [nearSink, farSink] = [new Collector(), new Collector()];
  let accept!: (end: { far: Socket; farInfo: SocketInfo }) => void;
  const accepted = new Promise<{ far: Socket; farInfo: SocketInfo }>((resolve) => {
    accept = resolve;
  });
  const listener = await t.there.net.listen({ port: 0 }, (far, farInfo) => {
    if (attach) far.attach(farSink);
    accept({ far, farInfo });
  });
  const { port } = listener;
  const near = t.here.net.connect({ address: t.address, port, timeoutMs: TIMEOUT_MS });
  if (attach) near.attach(nearSink);
  const nearInfo = await near.opened;
  const { far, farInfo } = await accepted;
  await listener.close();
  return { near, far, nearInfo, farInfo, nearSink, farSink };
}

export function connectCases(add: AddCase): void {
  add("net.connect and listen tell both ends who they are, over IPv4 and IPv6", async (t) => {
    const seen: SocketInfo[] = [];
    let both!: () => void;
    const two = new Promise<void>((resolve) => {
      both = resolve;
    });
    const listener = await t.there.net.listen({ port: 0 }, (far, info) => {
      far.attach(new Collector());
      seen.push(info);
      if (seen.length === 2) both();
    });
    const { port } = listener;
    const infos: SocketInfo[] = [];
    for (const address of [t.address, t.address6]) {
      const near = t.here.net.connect({ address, port, timeoutMs: TIMEOUT_MS });
      near.attach(new Collector());
      infos.push(await near.opened);
    }
    await two;
    const [own, own6] = [t.ownAddress, t.ownAddress6];
    infos.forEach((info, i) => {
      const there = seen[i]!;
      assert.equal(info.remoteAddress, [t.address, t.address6][i]);
      assert.equal(info.remotePort, port);
      assert.equal(info.localAddress, [own, own6][i]);
      assert.equal(there.remoteAddress, [own, own6][i], "IPv4 peers show as plain IPv4");
      assert.equal(there.remotePort, info.localPort);
      assert.equal(there.localPort, port);
    });
    await listener.close();
  });

  add("net.connect to a closed port fails as refused, everywhere it can be seen", async (t) => {
    const gone = await t.there.net.listen({ port: 0 }, () => {});
    await gone.close();
    const to = { address: t.address, port: gone.port, timeoutMs: TIMEOUT_MS };
    const socket = t.here.net.connect(to);
    const sink = new Collector();
    socket.attach(sink);
    let sent = 0;
    socket.send(new Uint8Array(10), () => sent++);
    const failure = await rejectsWith(socket.opened, "refused");
    assert.match(failure.message, new RegExp(`:${gone.port}`));
    await rejectsWith(socket.closed, "refused");
    assert.equal(((await sink.ended) as typeof failure).code, "refused");
    await sleep(t.here, 20);
    assert.equal(sent, 1);
    assert.equal(sink.endings, 1);
  });

  add("net.connect without an answer times out", async (t) => {
    const { address, port } = await t.silent();
    const start = t.here.clock.now();
    const socket = t.here.net.connect({ address, port, timeoutMs: 150 });
    const sink = new Collector();
    socket.attach(sink);
    await rejectsWith(socket.opened, "timeout");
    assert.ok(await sink.ended !== null);
    const took = t.here.clock.now() - start;
    assert.ok(took >= 149 && took < 20_000, `${took} ms`);
  });

  add("Socket.close while connecting ends it at once", async (t) => {
    const { address, port } = await t.silent();
    const socket = t.here.net.connect({ address, port, timeoutMs: TIMEOUT_MS });
    const sink = new Collector();
    socket.attach(sink);
    await sleep(t.here, 20);
    const start = t.here.clock.now();
    socket.close();
    assert.equal(await sink.ended, null);
    await rejectsWith(socket.opened, "closed");
    await socket.closed;
    assert.ok(t.here.clock.now() - start < 1000);
  });

  add("net.connect takes no names and never throws", async (t) => {
    for (const address of ["localhost", "", "300.1.2.3"]) {
      const socket = t.here.net.connect({ address, port: 80, timeoutMs: 100 });
      const failure = await socket.opened.then(() => null, (error) => error);
      assert.equal(failure?.code, "other", address);
    }
  });

  add("failed promises that nobody looks at harm nobody", async (t) => {
    const gone = await t.there.net.listen({ port: 0 }, () => {});
    await gone.close();
    const to = { address: t.address, port: gone.port, timeoutMs: TIMEOUT_MS };
    const quiet = t.here.net.connect(to);
    void quiet.opened;
    void quiet.closed;
    void quiet.writable;
    t.here.net.connect(to);
    await sleep(t.here, 100); // an unhandled rejection would fail the test run
  });

  add("net.listen refuses a port in use and frees it on close", async (t) => {
    const first = await t.there.net.listen({ port: 0 }, () => {});
    const failure = await rejectsWith(
      t.there.net.listen({ port: first.port }, () => {}),
      "address-in-use",
    );
    assert.match(failure.message, /another program uses that port/);
    await first.close();
    const again = await t.there.net.listen({ port: first.port }, () => {});
    assert.equal(again.port, first.port);
    await again.close();
  });

  add("Listener.close lets accepted sockets live on", async (t) => {
    const { near, far, nearSink, farSink } = await connected(t, true);
    await send(near, pattern(1000, 1));
    await send(far, pattern(2000, 2));
    await Promise.all([nearSink.received(2000), farSink.received(1000)]);
    near.close();
    await farSink.ended;
  });

  add("net.lookup gives literals back and fails on unknown names", async ({ here }) => {
    assert.deepEqual(await here.net.lookup("10.1.2.3"), ["10.1.2.3"]);
    assert.deepEqual(await here.net.lookup("2001:db8::1"), ["2001:db8::1"]);
    const local = await here.net.lookup("localhost");
    assert.ok(local.includes("127.0.0.1") || local.includes("::1"));
    await rejectsWith(here.net.lookup("no-such-host.invalid"), "name-not-found");
  }, 40_000);
}

export function transferCases(add: AddCase): void {
  add("many sockets at once each get their own bytes, both ways", async (t) => {
    const sockets = 60;
    const length = 300_000;
    let listener!: Awaited<ReturnType<typeof t.there.net.listen>>;
    const echoed = new Promise<void>((resolve, reject) => {
      let open = sockets;
      t.there.net.listen({ port: 0 }, (far) => {
        // Sends back what comes, one send at a time, and pauses meanwhile.
        const sink = new Collector((chunk) => {
          far.pause();
          far.send(chunk.slice(), () => far.resume());
        });
        far.attach(sink);
        sink.ended.then((error) => {
          if (error !== null) reject(error);
          else if (--open === 0) resolve();
        });
      }).then(async (bound) => {
        listener = bound;
        await Promise.all(
          Array.from({ length: sockets }, (_, i) => exchange(t, bound.port, length + i, i)),
        );
      }).catch(reject);
    });
    await echoed;
    await listener.close();
  }, 60_000);

  add("Socket.send calls sent in order, exactly once, also when the socket breaks", async (t) => {
    const { near, far, nearSink, farSink } = await connected(t, true);
    const calls: number[] = [];
    near.send(pattern(10, 1), () => calls.push(1));
    near.send(pattern(10, 2), () => calls.push(2));
    await send(near, pattern(10, 3));
    assert.deepEqual(calls, [1, 2]);
    far.pause(); // so that not all of this can leave
    near.send(new Uint8Array(30_000_000), () => calls.push(4));
    near.send(new Uint8Array(10), () => calls.push(5));
    await sleep(t.here, 50);
    assert.deepEqual(calls, [1, 2]);
    far.close();
    await nearSink.ended;
    assert.deepEqual(calls, [1, 2, 4, 5], "before onEnd");
    await send(near, new Uint8Array(10));
    await sleep(t.here, 20);
    assert.deepEqual(calls, [1, 2, 4, 5]);
    assert.deepEqual([nearSink.endings, farSink.endings], [1, 1]);
    assert.equal(await farSink.ended, null);
  });

  add("Socket.pause stops the bytes and the sender, resume brings all of them", async (t) => {
    const { near, far, farSink } = await connected(t, true);
    const bytes = pattern(20_000_000, 5);
    await send(near, bytes.subarray(0, 1000));
    await farSink.received(1000);
    far.pause();
    far.pause();
    let sent = false;
    near.send(bytes.subarray(1000), () => {
      sent = true;
    });
    await sleep(t.here, 150);
    assert.equal(farSink.length, 1000);
    assert.equal(sent, false, "back-pressure reaches the sender");
    far.resume();
    far.resume();
    assert.equal(farSink.length, 1000, "never from within resume()");
    await farSink.received(bytes.length);
    assert.equal(sent, true);
    assert.deepEqual(farSink.bytes(), bytes);
    near.close();
    await farSink.ended;
  }, 60_000);

  add("Socket.send: bytes that it says are taken may change at once", async (t) => {
    const { near, farSink } = await connected(t, true);
    const sentAll = pattern(3_000_000, 9), part = new Uint8Array(100_000);
    for (let at = 0; at < sentAll.length; at += part.length) {
      part.set(sentAll.subarray(at, at + part.length));
      let returned = false;
      await new Promise<void>((resolve) => {
        const free = near.send(part, () => {
          assert.ok(returned, "sent comes after send has returned");
          resolve();
        });
        returned = true;
        if (free) part.fill(0xdb);
      });
    }
    await farSink.received(sentAll.length);
    assert.deepEqual(farSink.bytes(), sentAll);
    near.close();
  }, 60_000);

  add("Socket.pause from within onData takes effect with that chunk", async (t) => {
    const { near, far } = await connected(t, false);
    const sink: Collector = new Collector(() => far.pause());
    far.attach(sink);
    const bytes = pattern(500_000, 6);
    near.attach(new Collector());
    near.send(bytes, () => {});
    for (let chunks = 1; sink.length < bytes.length; chunks++) {
      await sink.received(sink.length + 1);
      await sleep(t.here, 2);
      assert.equal(sink.chunks, chunks);
      far.resume();
    }
    assert.deepEqual(sink.bytes(), bytes);
    near.close();
  });

  add("Socket.attach gets what came before it", async (t) => {
    const { near, far, farInfo } = await connected(t, false);
    assert.ok(farInfo.remotePort > 0);
    near.attach(new Collector());
    await send(near, pattern(5000, 1));
    await sleep(t.here, 50);
    const sink = new Collector();
    far.attach(sink);
    assert.equal(sink.length, 0, "never from within attach()");
    await send(near, pattern(5000, 1));
    near.close();
    assert.equal(await sink.ended, null);
    assert.equal(sink.length, 10_000);
  });
}

export function closeCases(add: AddCase): void {
  add("Socket.close sends what is queued, then both ends see an orderly end", async (t) => {
    const { near, nearSink, farSink, far } = await connected(t, true);
    const bytes = pattern(1_000_000, 7);
    near.send(bytes, () => {});
    near.close();
    near.close();
    assert.equal(await nearSink.ended, null);
    assert.equal(await farSink.ended, null);
    assert.deepEqual(farSink.bytes(), bytes);
    await Promise.all([near.closed, far.closed]);
    assert.deepEqual([nearSink.endings, farSink.endings], [1, 1]);
  });

  add("Socket.close from within onData delivers nothing more", async (t) => {
    const { near, far } = await connected(t, false);
    const sink: Collector = new Collector(() => far.close());
    far.attach(sink);
    near.attach(new Collector());
    near.send(pattern(2_000_000, 1), () => {});
    assert.equal(await sink.ended, null);
    assert.equal(sink.chunks, 1);
    near.close();
  });

  add("Socket.close does not wait long for a reader that stands still", async (t) => {
    const { near, far, nearSink } = await connected(t, true);
    far.pause();
    near.send(new Uint8Array(30_000_000), () => {});
    await sleep(t.here, 20);
    const start = t.here.clock.now();
    near.close();
    assert.equal(await nearSink.ended, null);
    assert.ok(t.here.clock.now() - start < 3000);
    far.close();
  });

  add("Socket.close right after the other side's end is harmless", async (t) => {
    const { near, far, nearSink, farSink } = await connected(t, true);
    far.close();
    await nearSink.ended;
    near.close();
    await Promise.all([farSink.ended, near.closed, far.closed]);
    await sleep(t.here, 10);
    assert.deepEqual([nearSink.endings, farSink.endings], [1, 1]);
  });
}

/** One client of the echo: everything must come back as it went. */
async function exchange(t: UnderTest, port: number, length: number, seed: number): Promise<void> {
  const socket = t.here.net.connect({ address: t.address, port, timeoutMs: TIMEOUT_MS });
  const sink = new Collector();
  socket.attach(sink);
  await socket.opened;
  const bytes = pattern(length, seed);
  for (let at = 0; at < length; at += 70_000) await send(socket, bytes.subarray(at, at + 70_000));
  await sink.received(length);
  assert.deepEqual(sink.bytes(), bytes, `socket ${seed}`);
  socket.close();
  assert.equal(await sink.ended, null);
}
