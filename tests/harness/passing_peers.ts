/**
 * A seed with passing peers: each comes from its own address, speaks and leaves, over lightweight
 * sockets, so that a million of them take minutes and not days. A test checks what the client
 * remembers of them.
 */
import type { Client } from "../../src/client/client.ts";
import { encodeExtensionHandshake, EXTENSION_IDS } from "../../src/wire/extension.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { HAVE_NONE, INTERESTED, WireEncoder } from "../../src/wire/peer_wire.ts";
import { encodePex } from "../../src/wire/ut_pex.ts";
import type { Socket, SocketInfo, StreamNet, StreamSink } from "../../src/platform/types.ts";
import { SimWorld } from "./sim/world.ts";
import { NetError } from "../../src/util/errors.ts";
import { makeSimTorrent, SimSwarm } from "./sim_swarm.ts";

/** Peers connected at a time; then this much time passes, and they leave. */
const AT_ONCE = 20, STAY_MS = 500;
const PORT = 6881;

class PassingSocket implements Socket {
  readonly #opening = Promise.withResolvers<SocketInfo>();
  readonly opened = this.#opening.promise;
  sink: StreamSink | null = null;
  isClosed = false;

  constructor(readonly info: SocketInfo) {
    this.opened.catch(() => {});
  }

  get closed(): never {
    throw new Error("nobody asks");
  }

  get readable(): never {
    throw new Error("nobody reads here");
  }

  get writable(): never {
    throw new Error("nobody writes here");
  }

  attach(sink: StreamSink): void {
    this.sink = sink;
  }

  send(_bytes: Uint8Array, sent: () => void): boolean {
    queueMicrotask(sent);
    return true;
  }

  pause(): void {}
  resume(): void {}

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.#opening.resolve(this.info);
  }

  end(error: Error | null): void {
    this.isClosed = true;
    this.sink?.onEnd(error);
  }
}

export class PassingPeers {
  readonly world = new SimWorld("passing peers");
  /** The numbers of peers that came, were accepted, were dialled, and answered. */
  readonly seen = { came: 0, connected: 0, banned: 0, dialled: 0, answered: 0 };
  readonly #dialled: PassingSocket[] = [];
  #client!: Client;
  #infoHash!: Uint8Array;
  #take!: (socket: Socket, info: SocketInfo) => void;

  async open(): Promise<void> {
    const { world } = this, swarm = new SimSwarm(0, {}, world), node = world.node("30.0.0.1");
    swarm.torrent = makeSimTorrent(world, [1024 * 1024], 16 * 1024);
    swarm.plant(node);
    (node as { net: StreamNet }).net = {
      connect: ({ address, port }) => this.#dial(address, port),
      listen: (_on, take) => {
        this.#take = take;
        return Promise.resolve({ port: PORT, close: () => Promise.resolve() });
      },
      lookup: (host) => Promise.resolve([host]),
    };
    const options = { trustFiles: true, seedGoal: { kind: "forever" } } as const;
    const { client, torrent } = await swarm.join(node, options, { stateDir: "/state" });
    this.#client = client;
    this.#infoHash = Uint8Array.from(Buffer.from(torrent.infoHash, "hex"));
    void this.#count(torrent.events());
    await world.wait(torrent.finished);
  }

  async #count(events: AsyncIterable<{ type: string }>): Promise<void> {
    for await (const { type } of events) {
      if (type === "peer-connected") this.seen.connected++;
      if (type === "peer-banned") this.seen.banned++;
    }
  }

  /** This many more come and go. */
  async pass(count: number): Promise<void> {
    for (let left = count; left > 0; left -= AT_ONCE) {
      const here = Array.from({ length: Math.min(AT_ONCE, left) }, () => this.#come());
      await this.world.runFor(STAY_MS);
      for (const socket of here) socket.end(null);
      for (const socket of this.#dialled.splice(0)) socket.end(null);
      await this.world.runFor(STAY_MS);
    }
  }

  async close(): Promise<void> {
    await this.world.wait(this.#client.close());
  }

  #come(): PassingSocket {
    const n = this.seen.came++;
    // Peers that break the protocol return until they are banned.
    const address = n % 3 === 0 ? addressOf(50, Math.floor(n / 24)) : addressOf(40, n);
    const socket = new PassingSocket(infoOf(address, 1025 + n % 60_000));
    this.#take(socket, socket.info);
    socket.sink!.onData(this.#greeting(n));
    return socket;
  }

  /** Of those that dial us every third breaks the protocol; the others report more peers. */
  #greeting(n: number, dialled = false): Uint8Array {
    const out = new WireEncoder();
    const peerId = new Uint8Array(20);
    new DataView(peerId.buffer).setUint32(0, n);
    const { extensions, fast, dht } = { extensions: true, fast: true, dht: true };
    out.append(encodeHandshake({ infoHash: this.#infoHash, peerId, extensions, fast, dht }));
    out.signal(HAVE_NONE);
    out.extended(
      0,
      encodeExtensionHandshake({
        messages: new Map([["ut_metadata", 2], ["ut_pex", 1]]),
        client: `Passing ${n}`,
        port: 2000 + n % 60_000,
        yourAddress: "30.0.0.1",
      }),
    );
    out.signal(INTERESTED);
    if (dialled) return out.bytes.slice();
    const added = [1, 2].map((i) => ({ address: addressOf(60 + i, n), port: PORT, flags: 0 }));
    out.extended(EXTENSION_IDS.get("ut_pex")!, encodePex({ added, dropped: [] }));
    if (n % 3 === 0) out.signal(HAVE_NONE);
    return out.bytes.slice();
  }

  /** Every other one answers. */
  #dial(address: string, port: number): Socket {
    const n = this.seen.dialled++;
    const socket = new PassingSocket(infoOf(address, port));
    queueMicrotask(() => {
      if (socket.isClosed) return;
      if (n % 2 === 0) return socket.end(new NetError("refused", "The connection was refused"));
      this.seen.answered++;
      this.#dialled.push(socket);
      socket.open();
      queueMicrotask(() => {
        if (!socket.isClosed) socket.sink!.onData(this.#greeting(0x8000_0000 + n, true));
      });
    });
    return socket;
  }
}

function addressOf(first: number, n: number): string {
  return `${first}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}

function infoOf(remoteAddress: string, remotePort: number): SocketInfo {
  return { remoteAddress, remotePort, localAddress: "30.0.0.1", localPort: PORT };
}
