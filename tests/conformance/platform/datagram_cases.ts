import assert from "node:assert/strict";
import { type AddCase, bytesOf, rejectsWith, sleep, text } from "./subject.ts";

interface Message {
  text: string;
  address: string;
  port: number;
}

/** A message handler and a way to wait for the next message. */
function inbox(): {
  onMessage(bytes: Uint8Array, address: string, port: number): void;
  next(): Promise<Message>;
} {
  const messages: Message[] = [];
  const waiting: ((message: Message) => void)[] = [];
  return {
    onMessage(bytes, address, port) {
      assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
      const message = { text: text(bytes), address, port };
      const first = waiting.shift();
      if (first) first(message);
      else messages.push(message);
    },
    next: () =>
      new Promise((resolve) => {
        const first = messages.shift();
        if (first) resolve(first);
        else waiting.push(resolve);
      }),
  };
}

export function datagramCases(add: AddCase): void {
  add("datagrams go both ways over IPv4 and IPv6, also on one port number", async (t) => {
    const [near, far] = [inbox(), inbox()];
    const four = await t.there.datagrams.bind({ port: 0, family: 4 }, far.onMessage);
    const six = await t.there.datagrams.bind({ port: four.port, family: 6 }, far.onMessage);
    assert.equal(six.port, four.port);
    for (const family of [4, 6] as const) {
      const own = await t.here.datagrams.bind({ port: 0, family }, near.onMessage);
      own.send(bytesOf(`ping ${family}`), family === 4 ? t.address : t.address6, four.port);
      const ping = await far.next();
      const address = family === 4 ? t.ownAddress : t.ownAddress6;
      assert.deepEqual(ping, { text: `ping ${family}`, address, port: own.port });
      (family === 4 ? four : six).send(bytesOf("pong"), ping.address, ping.port);
      const pong = await near.next();
      assert.deepEqual(pong, {
        text: "pong",
        address: family === 4 ? t.address : t.address6,
        port: four.port,
      });
      own.close();
    }
    four.close();
    six.close();
  });

  add("datagrams of up to 4 KiB arrive whole", async (t) => {
    const far = inbox();
    const socket = await t.there.datagrams.bind({ port: 0, family: 4 }, far.onMessage);
    const own = await t.here.datagrams.bind({ port: 0, family: 4 }, () => {});
    const long = `${"x".repeat(4095)}!`;
    own.send(bytesOf(long), t.address, socket.port);
    assert.equal((await far.next()).text, long);
    own.close();
    socket.close();
  });

  add("exceptions of a datagram handler are counted and end nothing", async (t) => {
    const far = inbox();
    const socket = await t.there.datagrams.bind({ port: 0, family: 4 }, (bytes, ...from) => {
      if (text(bytes) === "bad") throw new Error("a bug in the handler");
      far.onMessage(bytes, ...from);
    });
    const own = await t.here.datagrams.bind({ port: 0, family: 4 }, () => {});
    assert.equal(socket.errors, 0);
    for (const word of ["bad", "bad", "good"]) {
      own.send(bytesOf(word), t.address, socket.port);
      await sleep(t.here, 15); // in order: the network may swap them
    }
    assert.equal((await far.next()).text, "good");
    assert.equal(socket.errors, 2);
    assert.match(socket.lastError!.message, /a bug in the handler/);
    own.close();
    socket.close();
  });

  add("DatagramSocket.send never throws, and counts what it could not send", async (t) => {
    const far = inbox();
    const socket = await t.there.datagrams.bind({ port: 0, family: 4 }, far.onMessage);
    const own = await t.here.datagrams.bind({ port: 0, family: 4 }, () => {});
    const small = bytesOf("x");
    own.send(small, t.address6, socket.port);
    own.send(small, "not an address", socket.port);
    own.send(small, t.address, 0);
    own.send(small, t.address, 70_000);
    own.send(new Uint8Array(70_000), t.address, socket.port);
    await sleep(t.here, 20);
    assert.equal(own.errors, 5);
    own.send(small, t.address, 1); // nobody there: best effort
    own.send(small, t.address, socket.port);
    assert.equal((await far.next()).text, "x");
    own.close();
    own.close();
    own.send(small, t.address, socket.port);
    socket.close();
  });

  add("datagrams.bind refuses a port in use and frees it on close", async (t) => {
    const first = await t.here.datagrams.bind({ port: 0, family: 4 }, () => {});
    const again = () => t.here.datagrams.bind({ port: first.port, family: 4 }, () => {});
    await rejectsWith(again(), "address-in-use");
    first.close();
    await sleep(t.here, 5);
    (await again()).close();
  });

  add("a closed datagram socket hears nothing more", async (t) => {
    let heard = 0;
    const socket = await t.there.datagrams.bind({ port: 0, family: 4 }, () => heard++);
    const own = await t.here.datagrams.bind({ port: 0, family: 4 }, () => {});
    own.send(bytesOf("x"), t.address, socket.port);
    socket.close();
    await sleep(t.here, 50);
    assert.equal(heard, 0);
    own.close();
  });
}
