/** A node in the routing table, and when a node counts as good. */
import { isPrivateOrLocal } from "../util/compact_address.ts";
import { networkOf } from "./dht_id.ts";
import type { NodeEntry } from "./krpc.ts";

/** After this long without a message, a node is doubtful and gets a ping (BEP 5). */
export const DOUBTFUL_MS = 15 * 60_000;
/** A node that failed is tried again after this time. */
const RETRY_MS = 5 * 60_000;
/** A ping is not repeated before its outcome is certain. */
const PING_GAP_MS = 30_000;
/** How much a new measurement moves the round trip time. */
const RTT_GAIN = 0.25;

export class TableNode implements NodeEntry {
  readonly id: Uint8Array;
  readonly address: string;
  readonly port: number;
  /** BEP 42 allows the id at the address; not checked before the node is confirmed. */
  allowed = false;
  /** A bucket accepts only one node of it; null on local networks, where all are neighbours. */
  readonly network: string | null;
  /** It has answered us at least once, so its address is real. */
  confirmed = false;
  /** Consecutive queries without an answer. */
  failures = 0;
  /** When it last answered, or queried us after it had answered before. */
  heardAt = -Infinity;
  /** When a query to it last timed out. */
  failedAt = -Infinity;
  /** When it was last chosen for a ping. */
  pingedAt = -Infinity;
  /** Smoothed, in milliseconds; Infinity before the first answer. */
  rttMs = Infinity;

  constructor(entry: NodeEntry) {
    // A copy: the id of a decoded message is a view on the whole message.
    this.id = entry.id.slice();
    this.address = entry.address;
    this.port = entry.port;
    this.network = isPrivateOrLocal(entry.address) ? null : networkOf(entry.address);
  }

  /** Good enough to report to others and to ask first. */
  get good(): boolean {
    return this.confirmed && this.failures === 0;
  }

  answered(rttMs: number, now: number): void {
    this.confirmed = true;
    this.failures = 0;
    this.heardAt = now;
    this.rttMs = this.rttMs === Infinity ? rttMs : this.rttMs + RTT_GAIN * (rttMs - this.rttMs);
  }

  isAt(entry: { address: string; port: number }): boolean {
    return this.port === entry.port && this.address === entry.address;
  }

  /** Since when it is due for a ping. */
  get doubtfulAt(): number {
    const due = this.failures > 0 ? this.failedAt + RETRY_MS : this.heardAt + DOUBTFUL_MS;
    return Math.max(due, this.pingedAt + PING_GAP_MS);
  }
}

/**
 * The key that may be in a table only once: the address, whatever its ports. On the loopback
 * interface all nodes share one address, so there it is the end point.
 */
export function placeOf(entry: { address: string; port: number }): string {
  const { address, port } = entry;
  return address.startsWith("127.") || address === "::1" ? `${address} ${port}` : address;
}
