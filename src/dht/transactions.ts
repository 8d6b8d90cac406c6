/**
 * Our queries that wait for an answer. An answer counts only from the end point that was asked and
 * with the random id of that query. All queries have the same timeout, so they time out in the
 * order in which they were sent, and no list is ever searched.
 */
import type { Random } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { KrpcError, KrpcResponse } from "./krpc.ts";

/** Limits on our own queries. */
export interface TransactionLimits {
  /** After this time an unanswered query no longer holds up others. Default 1 s. */
  slowMs: number;
  /** After this time it times out. Default 5 s. */
  giveUpMs: number;
  /** The most queries in flight. Default 2,048. */
  max: number;
}

const DEFAULTS: TransactionLimits = { slowMs: 1000, giveUpMs: 5000, max: 2048 };

/** The outcome of a query: at most one `slow`, then exactly one of the other two. */
export interface Outcome {
  answered(message: KrpcResponse | KrpcError, rttMs: number, now: number): void;
  slow(now: number): void;
  gaveUp(now: number): void;
}

interface Waiting {
  readonly address: string;
  readonly port: number;
  readonly sentAt: number;
  readonly outcome: Outcome;
}

export class Transactions {
  readonly #random: Pick<Random, "uint32">;
  readonly #limits: TransactionLimits;
  /** By id, oldest first: those within `slowMs`, and those beyond. */
  readonly #fresh = new Map<number, Waiting>();
  readonly #slow = new Map<number, Waiting>();

  constructor(random: Pick<Random, "uint32">, limits: Partial<TransactionLimits> = {}) {
    this.#random = random;
    this.#limits = { ...DEFAULTS, ...limits };
  }

  get size(): number {
    return this.#fresh.size + this.#slow.size;
  }

  get full(): boolean {
    return this.size >= this.#limits.max;
  }

  /** The id for a query to `to`, 2 bytes; null if too many are in flight. */
  open(to: PeerAddress, outcome: Outcome, now: number): Uint8Array | null {
    if (this.full) return null;
    let id: number;
    do id = this.#random.uint32() & 0xffff; while (this.#fresh.has(id) || this.#slow.has(id));
    this.#fresh.set(id, { address: to.address, port: to.port, sentAt: now, outcome });
    return Uint8Array.of(id >> 8, id);
  }

  /** Passes an answer to its caller; false if there is none. */
  settle(message: KrpcResponse | KrpcError, from: PeerAddress, now: number): boolean {
    const { t } = message;
    if (t.length !== 2) return false;
    const id = (t[0]! << 8) | t[1]!;
    const waiting = this.#fresh.get(id) ?? this.#slow.get(id);
    if (waiting === undefined) return false;
    if (waiting.port !== from.port || waiting.address !== from.address) return false;
    this.#fresh.delete(id);
    this.#slow.delete(id);
    waiting.outcome.answered(message, now - waiting.sentAt, now);
    return true;
  }

  /** Call it a few times a second. */
  expire(now: number): void {
    const { slowMs, giveUpMs } = this.#limits;
    for (const [id, waiting] of this.#fresh) {
      if (now - waiting.sentAt < slowMs) break;
      this.#fresh.delete(id);
      this.#slow.set(id, waiting);
      waiting.outcome.slow(now);
    }
    for (const [id, waiting] of this.#slow) {
      if (now - waiting.sentAt < giveUpMs) break;
      this.#slow.delete(id);
      waiting.outcome.gaveUp(now);
    }
  }
}
