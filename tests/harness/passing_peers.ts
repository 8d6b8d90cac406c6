/**
 * A seed or a leech with passing peers: each comes from its own address, speaks and leaves, over
 * lightweight sockets, so that a million of them take minutes and not days. A test checks what the
 * client remembers of them. Meanwhile the machine sleeps, its clock is set, and its external address
 * changes. A leech receives only wrong blocks.
 */
import type { Client } from "../../src/client/client.ts";
import { encodeExtensionHandshake, EXTENSION_IDS } from "../../src/wire/extension.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { HAVE_ALL, HAVE_NONE, INTERESTED, UNCHOKE, WireEncoder } from "../../src/wire/peer_wire.ts";
import { encodePex } from "../../src/wire/ut_pex.ts";
import type { Socket, SocketInfo, StreamNet, StreamSink } from "../../src/platform/types.ts";
import type { SimNode } from "./sim/sim_node.ts";
import { SimWorld } from "./sim/world.ts";
import { NetError } from "../../src/util/errors.ts";
import { makeSimTorrent, SimSwarm } from "./sim_swarm.ts";

/** Peers connected at a time; then this much time passes, and they leave. */
const AT_ONCE = 20, STAY_MS = 500;
/** The clock is set, or the machine sleeps, after so many rounds; by up to a day. */
const ROUNDS_BETWEEN = 40, DAY_MS = 86_400_000;
const REQUEST = 6, REQUEST_BYTES = 17;
const PORT = 6881;

class PassingSocket implements Socket {
  readonly #opening = Promise.withResolvers<SocketInfo>();
  readonly opened = this.#opening.promise;
  sink: StreamSink | null = null;
  isClosed = false;

  constructor(readonly info: SocketInfo, readonly answers: boolean) {
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

  send(bytes: Uint8Array, sent: () => void): boolean {
    queueMicrotask(sent);
    if (this.answers) { for (const piece of requestsIn(bytes)) this.#answer(piece); }
    return true;
  }

  /** With a block of wrong bytes, a turn later. */
  #answer({ piece, begin, length }: { piece: number; begin: number; length: number }): void {
    const out = new WireEncoder();
    out.piece(piece, begin, length);
    const bytes = out.bytes.slice();
    queueMicrotask(() => void (this.isClosed || this.sink?.onData(bytes)));
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
  /** The numbers of peers that came, were accepted, were dialled, and answered, and of failed pieces. */
  readonly seen = { came: 0, connected: 0, banned: 0, dialled: 0, answered: 0, failed: 0 };
  readonly #dialled: PassingSocket[] = [];
  readonly #leech: boolean;
  #rounds = 0;
  #node!: SimNode;
  #client!: Client;
  #infoHash!: Uint8Array;
  #take!: (socket: Socket, info: SocketInfo) => void;

  constructor({ leech = false } = {}) {
    this.#leech = leech;
  }

  async open(): Promise<void> {
    const { world } = this, swarm = new SimSwarm(0, {}, world), node = world.node("30.0.0.1");
    this.#node = node;
    swarm.torrent = makeSimTorrent(world, [1024 * 1024], 32 * 1024);
    if (!this.#leech) swarm.plant(node);
    (node as { net: StreamNet }).net = {
      connect: ({ address, port }) => this.#dial(address, port),
      listen: (_on, take) => {
        this.#take = take;
        return Promise.resolve({ port: PORT, close: () => Promise.resolve() });
      },
      lookup: (host) => Promise.resolve([host]),
    };
    const options = { trustFiles: !this.#leech, seedGoal: { kind: "forever" } } as const;
    const { client, torrent } = await swarm.join(node, options, { stateDir: "/state" });
    this.#client = client;
    this.#infoHash = Uint8Array.from(Buffer.from(torrent.infoHash, "hex"));
    void this.#count(torrent.events());
    if (!this.#leech) await world.wait(torrent.finished);
  }

  async #count(events: AsyncIterable<{ type: string }>): Promise<void> {
    for await (const { type } of events) {
      if (type === "peer-connected") this.seen.connected++;
      if (type === "peer-banned") this.seen.banned++;
      if (type === "piece-failed") this.seen.failed++;
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
      if (++this.#rounds % ROUNDS_BETWEEN === 0) this.#setClock();
    }
  }

  /** Forth, as it also looks after a sleep, or back. */
  #setClock(): void {
    const { dice } = this.world;
    this.#node.wallOffMs += Math.round((dice.unit() - 0.3) * DAY_MS);
  }

  async close(): Promise<void> {
    await this.world.wait(this.#client.close());
  }

  #come(): PassingSocket {
    const n = this.seen.came++;
    // Peers that break the protocol return until they are banned.
    const address = n % 3 === 0 ? addressOf(50, Math.floor(n / 24)) : addressOf(40, n);
    const socket = new PassingSocket(infoOf(address, 1025 + n % 60_000), this.#leech);
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
    out.signal(this.#leech ? HAVE_ALL : HAVE_NONE);
    if (this.#leech) out.signal(UNCHOKE);
    out.extended(
      0,
      encodeExtensionHandshake({
        messages: new Map([["ut_metadata", 2], ["ut_pex", 1]]),
        client: `Passing ${n}`,
        port: 2000 + n % 60_000,
        yourAddress: `30.0.${(n >> 12) & 255}.1`,
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
    const socket = new PassingSocket(infoOf(address, port), this.#leech);
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

/** What is requested in one write; a write holds whole messages, behind a handshake perhaps. */
function* requestsIn(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = bytes[0] === 19 ? 68 : 0; at + 4 <= bytes.length;) {
    const size = 4 + view.getUint32(at);
    if (size === REQUEST_BYTES && bytes[at + 4] === REQUEST) {
      const [piece, begin, length] = [5, 9, 13].map((from) => view.getUint32(at + from));
      yield { piece: piece!, begin: begin!, length: length! };
    }
    at += size;
  }
}

function addressOf(first: number, n: number): string {
  return `${first}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}

function infoOf(remoteAddress: string, remotePort: number): SocketInfo {
  return { remoteAddress, remotePort, localAddress: "30.0.0.1", localPort: PORT };
}
