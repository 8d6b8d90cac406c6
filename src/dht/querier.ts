/**
 * Sends our queries: assigns a transaction, encodes the query, and routes the answer to its caller.
 */
import type { Random } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import { encodeQuery, type KrpcError, type KrpcQuery, type KrpcResponse } from "./krpc.ts";
import { type Outcome, type TransactionLimits, Transactions } from "./transactions.ts";

type WithoutHead<Query> = Query extends KrpcQuery
  ? Omit<Query, "kind" | "t" | "id" | "readOnly" | "client">
  : never;

/** A query without the fields that all of ours share. */
export type Question = WithoutHead<KrpcQuery>;

export interface QuerierParts {
  random: Pick<Random, "uint32">;
  /** `bytes` may be kept. */
  send(bytes: Uint8Array, to: PeerAddress): void;
  /** `v` of our messages. */
  client: Uint8Array;
  /** We cannot be queried (BEP 43). */
  readOnly: boolean;
  limits: Partial<TransactionLimits>;
}

export class Querier {
  /** Queries sent so far. */
  sent = 0;
  readonly #parts: QuerierParts;
  readonly #transactions: Transactions;

  constructor(parts: QuerierParts) {
    this.#parts = parts;
    this.#transactions = new Transactions(parts.random, parts.limits);
  }

  /** Queries in flight. */
  get pending(): number {
    return this.#transactions.size;
  }

  get full(): boolean {
    return this.#transactions.full;
  }

  /** Returns false, without any later call, if too many are in flight. */
  ask(
    to: PeerAddress,
    ownId: Uint8Array,
    question: Question,
    outcome: Outcome,
    now: number,
  ): boolean {
    const { client, readOnly } = this.#parts;
    const t = this.#transactions.open(to, outcome, now);
    if (t === null) return false;
    const head = { kind: "query", t, id: ownId, readOnly, client } as const;
    this.sent++;
    this.#parts.send(encodeQuery({ ...head, ...question } as KrpcQuery), to);
    return true;
  }

  /** False if there was no such query. */
  settle(message: KrpcResponse | KrpcError, from: PeerAddress, now: number): boolean {
    return this.#transactions.settle(message, from, now);
  }

  expire(now: number): void {
    this.#transactions.expire(now);
  }
}
