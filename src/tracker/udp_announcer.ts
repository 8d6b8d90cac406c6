/**
 * Announce and scrape over UDP (BEP 15): one socket per address family for all torrents, shared
 * connection ids, retries. An answer counts only if it comes from the address and port that were
 * asked and carries the random transaction id of a pending request.
 */
import type { Clock, DatagramNet, DatagramSocket, Random, Timer } from "../platform/types.ts";
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
  /** How often a packet is sent before its tracker counts as silent, 1 to 9. */
  tries: number;
  signal: AbortSignal;
}

const CONNECTION_LIFE_MS = 60_000;
/**
 * An unanswered packet is sent again after this time, then after twice the time, and so on. BEP 15
 * waits for 15 seconds, which a single lost packet should not cost.
 */
const RESEND_MS = 2_500;
const MAX_TRIES = 9;
/** Connection ids that one announce may request: a tracker may forget them early. */
const MAX_CONNECTS = 3;

/** A pending request. */
interface Waiting {
  from: PeerAddress;
  family: 4 | 6;
  settle(result: UdpReply | Error): void;
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

  /** Datagrams that did not answer a request to their sender. */
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

  /** Aborts all requests and closes the sockets. */
  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#waiting.values()]) waiting.settle(calledOff());
    for (const socket of this.#sockets.values()) socket.then((open) => open.close(), () => {});
  }

  /** Connects if necessary, then sends the request. */
  async #ask(
    tracker: PeerAddress,
    options: UdpAnnounceOptions,
    encode: (connectionId: Uint8Array, transactionId: number) => Uint8Array,
  ): Promise<UdpReply> {
    const key = formatEndpoint(tracker);
    for (let connects = 0;;) {
      const id = this.#connectionId(key);
      if (id === null) {
        connects++;
        this.#connected(key, (await this.#exchange(tracker, encodeConnect, options)).reply);
        continue;
      }
      const packet = (transactionId: number) => encode(id, transactionId);
      const { reply, sent } = await this.#exchange(tracker, packet, options);
      if (reply.kind !== "error") return reply;
      // The tracker may have forgotten the connection; only a refusal over a fresh one is about the
      // request itself.
      this.#connections.delete(key);
      if ((connects > 0 && sent === 1) || connects >= MAX_CONNECTS) throw failure(reply.message);
    }
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

  /** Sends a packet repeatedly until its answer arrives; `sent`: how often. */
  async #exchange(
    tracker: PeerAddress,
    encode: (transactionId: number) => Uint8Array,
    { tries, signal }: UdpAnnounceOptions,
  ): Promise<{ reply: UdpReply; sent: number }> {
    const family = addressFamily(tracker.address);
    const socket = await this.#socket(family);
    return await new Promise((resolve, reject) => {
      if (signal.aborted || this.#closed) return reject(calledOff());
      const transactionId = this.#freeTransactionId(), packet = encode(transactionId);
      let sent = 0, timer: Timer;
      const send = () => {
        if (sent >= Math.min(tries, MAX_TRIES)) return settle(silent(tracker));
        timer = this.#ports.clock.after(RESEND_MS * 2 ** sent++, send);
        socket.send(packet, tracker.address, tracker.port);
      };
      const settle = (result: UdpReply | Error) => {
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        this.#waiting.delete(transactionId);
        if (result instanceof Error) reject(result);
        else resolve({ reply: result, sent });
      };
      const onAbort = () => settle(calledOff());
      signal.addEventListener("abort", onAbort);
      this.#waiting.set(transactionId, { from: tracker, family, settle });
      send();
    });
  }

  /** Random, so that only a host that sees our packets can answer them. */
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

function silent(tracker: PeerAddress): TrackerError {
  return new TrackerError("timeout", `The tracker at ${formatEndpoint(tracker)} does not answer`);
}

function wrongKind(): TrackerError {
  return new TrackerError("bad-response", "The tracker sent an unexpected answer");
}

function calledOff(): TrackerError {
  return new TrackerError("net", "The announce was cancelled");
}
