/**
 * Private torrents (BEP 27), by listening: a first DHT node that writes down every datagram, an ear
 * in the LSD groups and a peer that reads what it is offered. All hear of the public torrent of a
 * client, and never of the private one beside it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { SimWorld } from "../harness/sim/world.ts";
import type { Platform } from "../../src/platform/types.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { fromHex, toLatin1 } from "../../src/util/bytes.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { until as untilReally } from "../interop/until.ts";

const TIMEOUT = { timeout: 60_000 };

interface Stage {
  /** Where the client runs, and where the DHT node does. */
  here: Platform;
  there: Platform;
  /** How each is reached by the other. */
  hereAt: string;
  thereAt: string;
  dir: string;
  wait<T>(work: Promise<T>): Promise<T>;
  until(what: string, holds: () => boolean): Promise<void>;
}

/** What was heard, as one text of latin1 characters each. */
class Ears {
  readonly dht: string[] = [];
  readonly lsd: string[] = [];

  names(infoHash: string): { dht: number; lsd: number } {
    const raw = toLatin1(fromHex(infoHash));
    return {
      dht: this.dht.filter((text) => text.includes(raw)).length,
      lsd: this.lsd.filter((text) => text.toLowerCase().includes(infoHash)).length,
    };
  }
}

function torrentOf(name: string, more: Record<string, number>): Uint8Array {
  const pieces = new Uint8Array(20);
  return encode({ info: { name, length: 1000, "piece length": 16384, pieces, ...more } });
}

/** `there` with every datagram that comes in written down. */
function overheard(there: Platform, ears: Ears): Platform {
  const datagrams: Platform["datagrams"] = {
    bind: (on, onMessage) =>
      there.datagrams.bind(on, (bytes, address, port) => {
        ears.dht.push(toLatin1(bytes));
        onMessage(bytes, address, port);
      }),
  };
  return new Proxy(there, {
    get: (target, key) => key === "datagrams" ? datagrams : Reflect.get(target, key),
  });
}

/** `here`, with multicast that nobody receives, so that no real network does. */
function mumbling(here: Platform, ears: Ears): Platform {
  const multicast: Platform["multicast"] = {
    join: () =>
      Promise.resolve({
        errors: 0,
        lastError: null,
        send: (bytes: Uint8Array) => void ears.lsd.push(toLatin1(bytes)),
        close() {},
      }),
  };
  return new Proxy(here, {
    get: (target, key) => key === "multicast" ? multicast : Reflect.get(target, key),
  });
}

/** The client's first bytes to a peer that asks for this torrent. */
async function offersOf(stage: Stage, port: number, infoHash: string): Promise<string> {
  const socket = stage.there.net.connect({ address: stage.hereAt, port, timeoutMs: 10_000 });
  let said = "";
  socket.attach({ onData: (chunk) => void (said += toLatin1(chunk)), onEnd() {} });
  await stage.wait(socket.opened);
  const peerId = new Uint8Array(20).fill(7);
  const hello = { infoHash: fromHex(infoHash), peerId, extensions: true, fast: true, dht: true };
  socket.send(encodeHandshake(hello), () => {});
  // The extension handshake is a dictionary with "v", our name, in it.
  await stage.until("the extension handshake", () => /1:v\d+:/.test(said));
  socket.close();
  return said;
}

async function listenTo(stage: Stage, later: (client: Client) => Promise<void>): Promise<void> {
  const ears = new Ears();
  const node = await stage.wait(
    Client.open(overheard(stage.there, ears), {
      port: 0,
      address: stage.thereAt,
      lsd: false,
      dht: { bootstrap: [] },
    }),
  );
  const client = await stage.wait(Client.open(mumbling(stage.here, ears), {
    port: 0,
    address: stage.hereAt,
    lsd: true,
    dht: { bootstrap: [`${stage.thereAt}:${node.port}`] },
  }));
  try {
    const options = { dir: stage.dir };
    const closed = client.add(torrentOf("private", { private: 1 }), options).infoHash;
    const open = client.add(torrentOf("public", {}), options).infoHash;
    await stage.until("the ears hear", () => {
      const { dht, lsd } = ears.names(open);
      return dht >= 2 && lsd >= 1; // asked for, and announced
    });
    const said = await offersOf(stage, client.port, open);
    assert.match(said, /ut_metadata/);
    assert.match(said, /ut_pex/);
    assert.doesNotMatch(await offersOf(stage, client.port, closed), /ut_metadata|ut_pex/);
    await later(client);
    assert.deepEqual(ears.names(closed), { dht: 0, lsd: 0 });
  } finally {
    await stage.wait(Promise.all([client.close(), node.close()]));
  }
}

describe("a private torrent is only shared through its trackers", () => {
  it("for an hour in the simulator", TIMEOUT, async () => {
    await createCrc32c(); // compiled in real time, so before the virtual clock runs
    const world = new SimWorld(1);
    await listenTo({
      here: world.node("10.0.0.1"),
      there: world.node("10.0.0.2"),
      hereAt: "10.0.0.1",
      thereAt: "10.0.0.2",
      dir: "/data",
      wait: (work) => world.wait(work),
      until: (_what, holds) => world.run(holds, 60_000),
    }, () => world.runFor(60 * 60_000));
  });

  it("on a real network", TIMEOUT, async () => {
    const dir = mkdtempSync(join(tmpdir(), "shoal-private-"));
    const platform = selectPlatform();
    try {
      await listenTo({
        here: platform,
        there: platform,
        hereAt: "127.0.0.1",
        thereAt: "127.0.0.1",
        dir,
        wait: (work) => work,
        until: (what, holds) => untilReally(what, holds),
      }, () => Promise.resolve());
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
