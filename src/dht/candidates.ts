/**
 * The nodes that a look-up knows, nearest to its target first. Other nodes report them, so the list
 * is bounded, an end point and an id appear in it once, and few of one network are ever asked.
 */
import type { PeerAddress } from "../util/compact_address.ts";
import { isPrivateOrLocal } from "../util/compact_address.ts";
import { compareDistance, networkOf } from "./dht_id.ts";
import { equalBytes } from "../util/bytes.ts";
import { placeOf } from "./table_node.ts";

/** Candidates of one look-up; the farthest unasked one is dropped. */
export const MAX_CANDIDATES = 100;
/** The most queries to one /24 or /64, not counting unanswered ones. */
const ASKED_PER_NETWORK = 2;

export const FRESH = 0, ASKED = 1, SLOW = 2, ANSWERED = 3, FAILED = 4;
export type CandidateState =
  | typeof FRESH
  | typeof ASKED
  | typeof SLOW
  | typeof ANSWERED
  | typeof FAILED;

export class Candidate implements PeerAddress {
  readonly address: string;
  readonly port: number;
  /** The reported id, later the node's own; null while unknown. */
  id: Uint8Array | null;
  /** BEP 42 allows the id at the address. */
  allowed = false;
  state: CandidateState = FRESH;
  /** Its token for storing there. */
  token: Uint8Array | null = null;
  /** Null on local networks. */
  readonly network: string | null;

  constructor(id: Uint8Array | null, at: PeerAddress) {
    this.id = id;
    this.address = at.address;
    this.port = at.port;
    this.network = isPrivateOrLocal(at.address) ? null : networkOf(at.address);
  }
}

export class Candidates {
  readonly #target: Uint8Array;
  readonly #sorted: Candidate[] = [];
  readonly #places = new Set<string>();
  readonly #askedOf = new Map<string, number>();

  constructor(target: Uint8Array) {
    this.#target = target;
  }

  get size(): number {
    return this.#sorted.length;
  }

  /** Nearest first; candidates without an id come before all others. */
  [Symbol.iterator](): Iterator<Candidate> {
    return this.#sorted[Symbol.iterator]();
  }

  has(at: PeerAddress): boolean {
    return this.#places.has(placeOf(at));
  }

  /** Returns false if it is listed already, or too far for a full list. */
  add(candidate: Candidate): boolean {
    const place = placeOf(candidate);
    if (this.#places.has(place)) return false;
    const at = this.#indexFor(candidate);
    const here = this.#sorted[at];
    if (here !== undefined && sameId(here, candidate)) {
      // A node that has been asked or has answered under this id is not displaced by a mere claim.
      if (here.state !== FAILED) return false;
      this.#drop(at);
    }
    if (this.#sorted.length >= MAX_CANDIDATES && !this.#dropFarthest(at)) return false;
    this.#sorted.splice(at, 0, candidate);
    this.#places.add(place);
    return true;
  }

  /** A candidate without an id turned out to have this one: it moves to its position. */
  identify(candidate: Candidate, id: Uint8Array): void {
    const from = this.#sorted.indexOf(candidate);
    if (from < 0) return;
    this.#sorted.splice(from, 1);
    candidate.id = id;
    this.#sorted.splice(this.#indexFor(candidate), 0, candidate);
  }

  mayAsk(candidate: Candidate): boolean {
    const { network } = candidate;
    return network === null || (this.#askedOf.get(network) ?? 0) < ASKED_PER_NETWORK;
  }

  /** Counts the queries to each network. */
  setState(candidate: Candidate, state: CandidateState): void {
    const { network } = candidate;
    if (network !== null) {
      const change = Number(counts(state)) - Number(counts(candidate.state));
      if (change !== 0) this.#askedOf.set(network, (this.#askedOf.get(network) ?? 0) + change);
    }
    candidate.state = state;
  }

  #indexFor({ id }: Candidate): number {
    let low = 0, high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#isBefore(this.#sorted[middle]!.id, id)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBefore(a: Uint8Array | null, b: Uint8Array | null): boolean {
    if (a === null || b === null) return a === null && b !== null;
    return compareDistance(this.#target, a, b) < 0;
  }

  /** Makes room for a candidate at `index`, by dropping an unasked one behind it. */
  #dropFarthest(index: number): boolean {
    for (let at = this.#sorted.length - 1; at >= index; at--) {
      const { state } = this.#sorted[at]!;
      if (state !== FRESH && state !== FAILED) continue;
      this.#drop(at);
      return true;
    }
    return false;
  }

  #drop(at: number): void {
    const [gone] = this.#sorted.splice(at, 1);
    this.#places.delete(placeOf(gone!));
  }
}

function counts(state: CandidateState): boolean {
  return state === ASKED || state === SLOW || state === ANSWERED;
}

function sameId(a: Candidate, b: Candidate): boolean {
  return a.id !== null && b.id !== null && equalBytes(a.id, b.id);
}
