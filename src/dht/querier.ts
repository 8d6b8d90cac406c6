/** Sends our queries: gives each a transaction, writes it, and leads the answer back to its asker. */
import type { Random } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import { encodeQuery, type KrpcError, type KrpcQuery, type KrpcResponse } from "./krpc.ts";
import { type Outcome, type TransactionLimits, Transactions } from "./transactions.ts";

type WithoutHead<Query> = Query extends KrpcQuery
  ? Omit<Query, "kind" | "t" | "id" | "readOnly" | "client">
  : never;

/** A query without what is the same in all of ours. */
export type Question = WithoutHead<KrpcQuery>;

export interface QuerierParts {
  random: Pick<Random, "uint32">;
  /** `bytes` may be kept. */
  send(bytes: Uint8Array, to: PeerAddress): void;
  /** `v` of our messages. */
  client: Uint8Array;
  /** We cannot be asked back (BEP 43). */
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

  /** Queries under way. */
  get pending(): number {
    return this.#transactions.size;
  }

  get full(): boolean {
    return this.#transactions.full;
  }

  /** Returns false, and nothing will come of it, if too many are under way. */
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

  /** False if nobody had asked for it. */
  settle(message: KrpcResponse | KrpcError, from: PeerAddress, now: number): boolean {
    return this.#transactions.settle(message, from, now);
  }

  expire(now: number): void {
    this.#transactions.expire(now);
  }
}
