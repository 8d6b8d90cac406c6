/** What a routing table knows of one node, and when a node counts as good. */
import { isPrivateOrLocal } from "../util/compact_address.ts";
import { networkOf } from "./dht_id.ts";
import type { NodeEntry } from "./krpc.ts";

/** Without a word for so long, a node is doubtful and gets a ping (BEP 5). */
export const DOUBTFUL_MS = 15 * 60_000;
/** A node that failed is tried again after so long. */
const RETRY_MS = 5 * 60_000;
/** A ping is not repeated before its outcome must be known. */
const PING_GAP_MS = 30_000;
/** How much a new measurement moves the round trip time. */
const RTT_GAIN = 0.25;

export class TableNode implements NodeEntry {
  readonly id: Uint8Array;
  readonly address: string;
  readonly port: number;
  /** The id is one that BEP 42 allows at the address; not looked at before it is confirmed. */
  allowed = false;
  /** Of which a bucket takes one node only; null on local networks, where all are neighbours. */
  readonly network: string | null;
  /** It has answered us at least once, so that it is where it says. */
  confirmed = false;
  /** Queries in a row without an answer. */
  failures = 0;
  /** When it last answered, or asked after it had answered before. */
  heardAt = -Infinity;
  /** When a query to it was last given up. */
  failedAt = -Infinity;
  /** When it was last chosen for a ping. */
  pingedAt = -Infinity;
  /** Smoothed, in milliseconds; Infinity before the first answer. */
  rttMs = Infinity;

  constructor(entry: NodeEntry) {
    // A copy: the id of a decoded message is a view on all of that message.
    this.id = entry.id.slice();
    this.address = entry.address;
    this.port = entry.port;
    this.network = isPrivateOrLocal(entry.address) ? null : networkOf(entry.address);
  }

  /** Worth telling others of and asking first. */
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

  /** Since when it should be asked whether it is still there. */
  get doubtfulAt(): number {
    const due = this.failures > 0 ? this.failedAt + RETRY_MS : this.heardAt + DOUBTFUL_MS;
    return Math.max(due, this.pingedAt + PING_GAP_MS);
  }
}

/**
 * What may be in a table only once: the address, whatever its ports. On the loopback interface all
 * share one address, so there it is the end point.
 */
export function placeOf(entry: { address: string; port: number }): string {
  const { address, port } = entry;
  return address.startsWith("127.") || address === "::1" ? `${address} ${port}` : address;
}
