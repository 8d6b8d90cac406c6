/** Incoming connections of all torrents on one port: the handshake says for which torrent. */
import type { Clock, Listener, Socket, SocketInfo, StreamNet } from "../platform/types.ts";
import type { Connection } from "./connection.ts";
import type { Handshake } from "../wire/handshake.ts";
import { toHex } from "../util/bytes.ts";
import { HandshakeReader } from "./handshake_reader.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Connections whose handshake is still to come, at most. */
const MAX_PENDING = 200;
/** The same from one address. */
const MAX_PENDING_PER_ADDRESS = 20;

/** A torrent as the router sees it. */
export interface InboundTorrent {
  readonly running: boolean;
  readonly swarm: {
    /** What the torrent's peers are told first. */
    readonly handshake: Handshake;
    accept(connection: Connection): void;
  };
}

export class Inbound {
  readonly #clock: Clock;
  readonly #torrents: ReadonlyMap<string, InboundTorrent>;
  readonly #maxPending: number;
  /** Those that still owe their handshake, longest waiting first, and from where. */
  readonly #pending = new Map<HandshakeReader, string>();
  readonly #perAddress = new Map<string, number>();
  #listener: Listener | null = null;

  /** `torrents` by info-hash in hexadecimal; `maxPending`: fewer than usual, at least 1. */
  constructor(
    clock: Clock,
    torrents: ReadonlyMap<string, InboundTorrent>,
    maxPending = MAX_PENDING,
  ) {
    this.#clock = clock;
    this.#torrents = torrents;
    this.#maxPending = Math.min(maxPending, MAX_PENDING);
  }

  /** The port that peers can dial; 0 when we do not listen. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** Connections whose handshake is still to come. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Listens there from now on; connections stay. A port below 0 ends listening. Rejects with a NetError,
   * and then listens where it did before.
   */
  async listen(net: StreamNet, on: Parameters<StreamNet["listen"]>[0]): Promise<void> {
    if (on.port > 0 && on.port === this.port) return;
    const before = this.#listener;
    this.#listener = on.port < 0
      ? null
      : await net.listen(on, (socket, info) => this.#accept(socket, info));
    await before?.close();
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    this.#listener = null;
  }

  #accept(socket: Socket, info: SocketInfo): void {
    const from = info.remoteAddress, count = this.#perAddress.get(from) ?? 0;
    if (count >= MAX_PENDING_PER_ADDRESS) {
      socket.close();
      return;
    }
    if (this.#pending.size >= this.#maxPending) this.#dropLongest();
    const reader = new HandshakeReader(socket, this.#clock, HANDSHAKE_TIMEOUT_MS, {
      handshake: (reader, theirs) => {
        this.#settle(reader);
        this.#route(reader, theirs, info);
      },
      failed: () => this.#settle(reader),
    });
    this.#pending.set(reader, from);
    this.#perAddress.set(from, count + 1);
  }

  /** Honest peers speak at once, so the one that has been silent longest is missed least. */
  #dropLongest(): void {
    const [longest] = this.#pending.keys();
    this.#settle(longest!);
    longest!.close();
  }

  #route(reader: HandshakeReader, theirs: Handshake, info: SocketInfo): void {
    const torrent = this.#torrents.get(toHex(theirs.infoHash));
    if (torrent === undefined || !torrent.running) return reader.close();
    const { swarm } = torrent;
    swarm.accept(reader.connection(theirs, info, swarm.handshake));
  }

  #settle(reader: HandshakeReader): void {
    const from = this.#pending.get(reader)!;
    this.#pending.delete(reader);
    const left = this.#perAddress.get(from)! - 1;
    if (left > 0) this.#perAddress.set(from, left);
    else this.#perAddress.delete(from);
  }
}
