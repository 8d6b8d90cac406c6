/** One look-up with its query, from waiting for its turn until its end. */
import type { PeerAddress } from "../util/compact_address.ts";
import type { KrpcResponse } from "./krpc.ts";
import type { Candidate } from "./candidates.ts";
import type { Lookup } from "./lookup.ts";
import type { Question } from "./querier.ts";

export interface SearchSpec {
  /** 20 bytes. */
  readonly target: Uint8Array;
  /** The first nodes to ask, besides those of the table. */
  readonly also?: readonly PeerAddress[];
  /** The query; `want`: the families of nodes that an answer should have. */
  question(want: readonly (4 | 6)[] | null): Question;
  /** Valid answers as they arrive. */
  answered?(response: KrpcResponse, by: Candidate, now: number): void;
  /** Called once, last; the look-up is null if it never began. */
  done(lookup: Lookup | null, now: number): void;
}

export class Search {
  readonly spec: SearchSpec;
  readonly since: number;
  /** Null until its turn comes. */
  lookup: Lookup | null = null;
  #over = false;

  constructor(spec: SearchSpec, now: number) {
    this.spec = spec;
    this.since = now;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Ends it early; `done` is called as always. */
  stop(now: number): void {
    if (this.lookup !== null) this.lookup.stop(now);
    else this.finish(now);
  }

  finish(now: number): void {
    if (this.#over) return;
    this.#over = true;
    this.spec.done(this.lookup, now);
  }
}
