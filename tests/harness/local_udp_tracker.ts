/** The UDP front (BEP 15) of a small tracker; it can share its swarms with `serveTracker`. */
import type { Clock, DatagramNet, DatagramSocket, Random } from "../../src/platform/types.ts";
import { addressFamily } from "../../src/util/compact_address.ts";
import {
  decodeUdpRequest,
  encodeAnnounceReply,
  encodeConnectReply,
  encodeErrorReply,
  encodeScrapeReply,
  type UdpRequest,
} from "./udp_tracker_codec.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import { toHex } from "../../src/util/bytes.ts";
import { canonicalIp } from "../../src/util/ip_address.ts";
import {
  boundedNumWant,
  DEFAULT_INTERVAL_SECONDS,
  newSwarmStore,
} from "../../src/tracker/local_tracker.ts";
import type { SwarmStore } from "../../src/tracker/swarm_store.ts";

export interface UdpTrackerPorts {
  clock: Clock;
  random: Random;
  datagrams: DatagramNet;
}

export interface UdpTrackerOptions {
  /** 0 takes any free port. */
  port: number;
  /** Default "127.0.0.1". */
  address?: string;
  /** Seconds between announces, as told to peers. Default 1800. */
  intervalSeconds?: number;
  swarms?: SwarmStore;
}

export interface UdpTracker {
  readonly announceUrl: string;
  readonly port: number;
  readonly swarms: SwarmStore;
  close(): void;
}

const CONNECTION_LIFE_MS = 120_000;
const MAX_CONNECTIONS = 10_000;

/** Starts to serve. Rejects with a NetError if the port is taken. */
export async function serveUdpTracker(
  ports: UdpTrackerPorts,
  options: UdpTrackerOptions,
): Promise<UdpTracker> {
  const address = options.address ?? "127.0.0.1";
  const family = addressFamily(address);
  const intervalSeconds = options.intervalSeconds ?? DEFAULT_INTERVAL_SECONDS;
  const swarms = options.swarms ?? newSwarmStore(ports, intervalSeconds);
  const front = new UdpFront(ports, swarms, family, intervalSeconds);
  const socket: DatagramSocket = await ports.datagrams.bind(
    { port: options.port, family, address },
    (bytes, from, port) => {
      const reply = front.receive(bytes, canonicalIp(from) ?? from);
      if (reply !== null) socket.send(reply, from, port);
    },
  );
  const host = family === 6 ? `[${address}]` : address;
  return {
    announceUrl: `udp://${host}:${socket.port}/announce`,
    port: socket.port,
    swarms,
    close: () => socket.close(),
  };
}

class UdpFront {
  readonly #ports: UdpTrackerPorts;
  readonly #swarms: SwarmStore;
  readonly #family: 4 | 6;
  readonly #intervalSeconds: number;
  /** The issued connection ids, with the address of each. */
  readonly #connections = new Map<string, { address: string; until: number }>();

  constructor(
    ports: UdpTrackerPorts,
    swarms: SwarmStore,
    family: 4 | 6,
    intervalSeconds: number,
  ) {
    this.#ports = ports;
    this.#swarms = swarms;
    this.#family = family;
    this.#intervalSeconds = intervalSeconds;
  }

  /**
   * The answer to a packet; null if it gets none, so that the tracker cannot be used for floods.
   */
  receive(bytes: Uint8Array, address: string): Uint8Array | null {
    let request: UdpRequest;
    try {
      request = decodeUdpRequest(bytes);
    } catch (error) {
      if (error instanceof ProtocolError) return null;
      throw error;
    }
    const { transactionId } = request;
    if (request.kind === "connect") {
      return encodeConnectReply(transactionId, this.#connect(address));
    }
    if (!this.#isConnected(request.connectionId, address)) {
      return encodeErrorReply(transactionId, "Connection ID mismatch");
    }
    if (request.kind === "announce") return this.#announce(request, address);
    const entries = request.infoHashes.map((hash) => ({
      ...this.#swarms.scrape(hash),
      downloaders: null,
    }));
    return encodeScrapeReply(transactionId, entries);
  }

  /** A random id proves that its holder really receives packets at its address. */
  #connect(address: string): Uint8Array {
    const id = this.#ports.random.fill(new Uint8Array(8));
    const until = this.#ports.clock.now() + CONNECTION_LIFE_MS;
    this.#connections.set(toHex(id), { address, until });
    for (const [key, connection] of this.#connections) {
      const spare = this.#connections.size > MAX_CONNECTIONS;
      if (!spare && connection.until > this.#ports.clock.now()) break;
      this.#connections.delete(key);
    }
    return id;
  }

  #isConnected(id: Uint8Array, address: string): boolean {
    const known = this.#connections.get(toHex(id));
    return known?.address === address && known.until > this.#ports.clock.now();
  }

  #announce(request: UdpRequest & { kind: "announce" }, address: string): Uint8Array {
    const { infoHash, port, left, event, numWant } = request.announce;
    const answer = this.#swarms.announce({
      infoHash,
      peer: { address, port },
      left,
      event,
      numWant: boundedNumWant(numWant),
    });
    return encodeAnnounceReply(request.transactionId, {
      interval: this.#intervalSeconds,
      seeders: answer.seeders,
      leechers: answer.leechers,
      peers: answer.peers.filter((other) => addressFamily(other.address) === this.#family),
    });
  }
}
