/**
 * The wires of a simulated world: reachability, delays and faults. Rates are kept by booking: each
 * packet occupies the sender's line, travels, and occupies the receiver's.
 */
import { canonicalIp } from "../../../src/util/ip_address.ts";
import type { EventLog } from "./event_log.ts";
import type { SimHost } from "./host.ts";
import { isLoopbackText } from "./host.ts";
import type { SimSocket } from "./sim_socket.ts";
import type { Timeline } from "./timeline.ts";

/** What travels in one direction of a connection, in order. */
export type Segment =
  | { kind: "open"; bytes: null }
  | { kind: "data"; bytes: Uint8Array }
  | { kind: "fin"; bytes: null }
  | { kind: "reset"; bytes: null };

/** One direction of a connection. */
export interface Flow {
  readonly from: SimSocket;
  readonly to: SimSocket;
  /** Segments must not overtake each other. */
  lastArrival: number;
  /** Packets that a cut line holds back until it heals, as TCP would send them again. */
  stalled: Segment[];
}

/** A member of a multicast group. */
export interface SimGroupMember {
  readonly host: SimHost;
  receive(bytes: Uint8Array, address: string, port: number): void;
}

export class Network {
  /** By group and port; the sender determines which members are near enough. */
  readonly groups = new Map<string, Set<SimGroupMember>>();
  /**
   * Delivered chunks are views of this, and it is overwritten afterwards: they are only borrowed.
   */
  readonly scratch = new Uint8Array(65536);
  readonly #hosts = new Map<string, SimHost>();
  readonly #unreachable = new Set<string>();
  readonly #cuts = new Set<string>();
  readonly #stalledFlows = new Set<Flow>();

  constructor(readonly timeline: Timeline, readonly log: EventLog) {}

  add(host: SimHost): void {
    for (const written of host.addresses) {
      const address = canonicalIp(written);
      if (address === null) throw new Error(`${written} is not an IP address`);
      if (this.#hosts.get(address)?.alive) throw new Error(`Two living nodes at ${address}`);
      this.#hosts.set(address, host);
    }
  }

  /** The host at `address` as seen from `from`; null if there is none. */
  find(from: SimHost, address: string): SimHost | null {
    return isLoopbackText(address) ? from : this.#hosts.get(canonicalIp(address) ?? "") ?? null;
  }

  /** Connections to the address fail at once instead of getting no answer. */
  setUnreachable(address: string): void {
    this.#unreachable.add(address);
  }

  isUnreachable(address: string): boolean {
    return this.#unreachable.has(address);
  }

  cut(a: SimHost, b: SimHost): void {
    this.#cuts.add(pairKey(a, b));
  }

  heal(a: SimHost, b: SimHost): void {
    this.#cuts.delete(pairKey(a, b));
    for (const flow of this.#stalledFlows) {
      const [from, to] = [flow.from.host, flow.to.host];
      this.timeline.after(this.delay(from, to), () => this.#sendAgain(flow));
    }
  }

  isCut(a: SimHost, b: SimHost): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(pairKey(a, b));
  }

  /** One way, now, in milliseconds. */
  delay(from: SimHost, to: SimHost): number {
    if (from === to) return 0;
    const jitter = from.link.jitterMs + to.link.jitterMs;
    const extra = jitter > 0 ? from.dice.unit() * jitter : 0;
    return from.link.latencyMs + to.link.latencyMs + extra;
  }

  /**
   * Sends `length` bytes; `arrive` runs when the last of them arrives. Returns the time when the
   * last of them left. `notBefore`: the earliest time of arrival.
   */
  transmit(
    from: SimHost,
    to: SimHost,
    length: number,
    notBefore: number,
    arrive: () => void,
  ): { departed: number; reached: number } {
    const now = this.timeline.now;
    if (from === to) {
      this.timeline.at(now, arrive);
      return { departed: now, reached: now };
    }
    const departed = book(from.upFreeAt, now, length, from.link.upBytesPerSec);
    from.upFreeAt = departed;
    const reached = Math.max(notBefore, departed + this.delay(from, to));
    this.timeline.at(reached, () => {
      to.downFreeAt = book(to.downFreeAt, this.timeline.now, length, to.link.downBytesPerSec);
      // On a line with a rate an earlier packet may wait for this very instant: queue behind it.
      if (to.link.downBytesPerSec === Infinity) arrive();
      else this.timeline.at(to.downFreeAt, arrive);
    });
    return { departed, reached };
  }

  /** Transmits a segment; returns when it left the sender. */
  carry(flow: Flow, segment: Segment): number {
    const { from, to } = flow;
    const length = segment.bytes?.length ?? 0;
    const { departed, reached } = this.transmit(
      from.host,
      to.host,
      length,
      flow.lastArrival,
      () => {
        if (flow.stalled.length > 0 || this.isCut(from.host, to.host)) {
          this.#stall(flow, segment);
          return;
        }
        if (!to.host.alive) return;
        this.log.add(
          `${this.timeline.now} ${segment.kind} ${from.host.name} ${to.host.name} ${length}`,
        );
        to.arrive(segment);
      },
    );
    flow.lastArrival = reached;
    return departed;
  }

  #stall(flow: Flow, segment: Segment): void {
    this.log.fault("segment-stalled");
    flow.stalled.push(segment);
    this.#stalledFlows.add(flow);
  }

  /** Later segments queue behind the stalled ones until these have arrived. */
  #sendAgain(flow: Flow): void {
    if (this.isCut(flow.from.host, flow.to.host)) return;
    this.#stalledFlows.delete(flow);
    for (const segment of flow.stalled.splice(0)) {
      if (flow.to.host.alive) flow.to.arrive(segment);
    }
  }
}

function book(freeAt: number, now: number, length: number, bytesPerSec: number): number {
  return Math.max(freeAt, now) + length * 1000 / bytesPerSec;
}

function pairKey(a: SimHost, b: SimHost): string {
  return a.name < b.name ? `${a.name} ${b.name}` : `${b.name} ${a.name}`;
}
