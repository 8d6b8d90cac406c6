/**
 * Announce and scrape over UDP (BEP 15): one socket per address family for all torrents, shared
 * connection ids, retries. An answer counts only if it comes from the very address and port that
 * were asked and carries the random transaction id of a request that is waiting.
 */
import type { Clock, DatagramNet, DatagramSocket, Random } from "../platform/types.ts";
import { addressFamily, formatEndpoint, type PeerAddress } from "../util/compact_address.ts";
import {
  decodeUdpReply,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  replyTransactionId,
  type UdpReply,
} from "./tracker_udp.ts";
import type { AnnounceRequest, AnnounceResponse, ScrapeEntry } from "./tracker_message.ts";
import { TrackerError } from "../util/errors.ts";
import { canonicalIp } from "../util/ip_address.ts";
import { asTrackerError } from "./tracker_errors.ts";

export interface UdpPorts {
  clock: Clock;
  random: Random;
  datagrams: DatagramNet;
}

export interface UdpAnnounceOptions {
  /** Packets sent without an answer before giving up, 1 to 9. */
  tries: number;
  signal: AbortSignal;
}

const CONNECTION_LIFE_MS = 60_000;
const FIRST_TIMEOUT_MS = 15_000;
const MAX_TRIES = 9;

/** A request on its way. */
interface Waiting {
  from: PeerAddress;
  family: 4 | 6;
  settle(result: UdpReply | Error | null): void;
}

export class UdpAnnouncer {
  readonly #ports: UdpPorts;
  readonly #sockets = new Map<4 | 6, Promise<DatagramSocket>>();
  readonly #waiting = new Map<number, Waiting>();
  /** By "address:port". */
  readonly #connections = new Map<string, { id: Uint8Array; until: number }>();
  #closed = false;
  #ignored = 0;

  constructor(ports: UdpPorts) {
    this.#ports = ports;
  }

  /** Datagrams that answered nothing we had asked their sender. */
  get ignored(): number {
    return this.#ignored;
  }

  /** `path`: path and query of the tracker URL (BEP 41). Throws a TrackerError. */
  async announce(
    tracker: PeerAddress,
    request: AnnounceRequest,
    path: string,
    options: UdpAnnounceOptions,
  ): Promise<AnnounceResponse> {
    const reply = await this.#ask(tracker, options, (connectionId, transactionId) => {
      return encodeAnnounce(connectionId, transactionId, request, path);
    });
    if (reply.kind !== "announce") throw wrongKind();
    return {
      interval: reply.interval,
      minInterval: null,
      peers: reply.peers,
      namedPeers: [],
      seeders: reply.seeders,
      leechers: reply.leechers,
      downloaded: null,
      warning: null,
      trackerId: null,
      externalAddress: null,
    };
  }

  /** One entry for each of up to 74 info-hashes that the tracker answered. Throws a TrackerError. */
  async scrape(
    tracker: PeerAddress,
    infoHashes: readonly Uint8Array[],
    options: UdpAnnounceOptions,
  ): Promise<ScrapeEntry[]> {
    const reply = await this.#ask(tracker, options, (connectionId, transactionId) => {
      return encodeScrape(connectionId, transactionId, infoHashes);
    });
    if (reply.kind !== "scrape") throw wrongKind();
    return reply.entries.slice(0, infoHashes.length);
  }

  /** Ends everything under way and closes the sockets. */
  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#waiting.values()]) waiting.settle(calledOff());
    for (const socket of this.#sockets.values()) socket.then((open) => open.close(), () => {});
  }

  /** Connects if need be, then asks. Unanswered packets wait 15, 30, 60 ... seconds (15·2^n). */
  async #ask(
    tracker: PeerAddress,
    options: UdpAnnounceOptions,
    encode: (connectionId: Uint8Array, transactionId: number) => Uint8Array,
  ): Promise<UdpReply> {
    const key = formatEndpoint(tracker);
    let fresh = false;
    for (let n = 0; n < Math.min(options.tries, MAX_TRIES);) {
      const timeoutMs = FIRST_TIMEOUT_MS * 2 ** n;
      const id = this.#connectionId(key);
      const packet = id === null ? encodeConnect : (tid: number) => encode(id, tid);
      const reply = await this.#exchange(tracker, packet, timeoutMs, options.signal);
      if (reply === null) {
        n++;
      } else if (id === null) {
        this.#connected(key, reply);
        fresh = true;
      } else if (reply.kind !== "error") {
        return reply;
      } else if (fresh) {
        throw failure(reply.message);
      } else {
        // The tracker may have forgotten the connection; only with a fresh one is it sure that
        // the request itself is refused.
        this.#connections.delete(key);
      }
    }
    throw new TrackerError("timeout", `The tracker at ${key} does not answer`);
  }

  #connectionId(key: string): Uint8Array | null {
    const known = this.#connections.get(key);
    return known !== undefined && known.until > this.#ports.clock.now() ? known.id : null;
  }

  #connected(key: string, reply: UdpReply): void {
    if (reply.kind === "error") throw failure(reply.message);
    if (reply.kind !== "connect") throw wrongKind();
    const now = this.#ports.clock.now();
    for (const [other, { until }] of this.#connections) {
      if (until <= now) this.#connections.delete(other);
    }
    this.#connections.set(key, { id: reply.connectionId, until: now + CONNECTION_LIFE_MS });
  }

  /** Sends one packet and waits for its answer; null if none came in time. */
  async #exchange(
    tracker: PeerAddress,
    encode: (transactionId: number) => Uint8Array,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<UdpReply | null> {
    const family = addressFamily(tracker.address);
    const socket = await this.#socket(family);
    return await new Promise((resolve, reject) => {
      if (signal.aborted || this.#closed) return reject(calledOff());
      const transactionId = this.#freeTransactionId();
      const settle = (result: UdpReply | Error | null) => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#waiting.delete(transactionId);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      const onAbort = () => settle(calledOff());
      const timer = this.#ports.clock.after(timeoutMs, () => settle(null));
      signal.addEventListener("abort", onAbort);
      this.#waiting.set(transactionId, { from: tracker, family, settle });
      socket.send(encode(transactionId), tracker.address, tracker.port);
    });
  }

  /** Random, so that nobody who cannot see our packets can answer them. */
  #freeTransactionId(): number {
    for (;;) {
      const id = this.#ports.random.uint32();
      if (!this.#waiting.has(id)) return id;
    }
  }

  #socket(family: 4 | 6): Promise<DatagramSocket> {
    const open = this.#sockets.get(family);
    if (open !== undefined) return open;
    const opening = this.#ports.datagrams.bind(
      { port: 0, family },
      (bytes, address, port) => this.#receive(bytes, family, address, port),
    );
    this.#sockets.set(family, opening);
    return opening.then((socket) => {
      if (this.#closed) socket.close();
      return socket;
    }, (error) => {
      // The next announce tries again: the network may come back.
      this.#sockets.delete(family);
      throw asTrackerError(error);
    });
  }

  #receive(bytes: Uint8Array, family: 4 | 6, address: string, port: number): void {
    const transactionId = replyTransactionId(bytes);
    const waiting = transactionId === null ? undefined : this.#waiting.get(transactionId);
    const expected = waiting !== undefined && waiting.family === family &&
      waiting.from.port === port && waiting.from.address === canonicalIp(address);
    if (!expected) {
      this.#ignored++;
      return;
    }
    try {
      waiting.settle(decodeUdpReply(bytes, family));
    } catch (error) {
      waiting.settle(asTrackerError(error));
    }
  }
}

function failure(message: string): TrackerError {
  return new TrackerError("failure", message === "" ? "The tracker refused" : message);
}

function wrongKind(): TrackerError {
  return new TrackerError("bad-response", "The tracker sent an unexpected answer");
}

function calledOff(): TrackerError {
  return new TrackerError("net", "The announce was cancelled");
}
