/**
 * The nodes a look-up knows of, nearest to its target first. Others tell us of them, so the list is
 * bounded, an end point and an id stand in it once, and few of one network are ever asked.
 */
import type { PeerAddress } from "../util/compact_address.ts";
import { isPrivateOrLocal } from "../util/compact_address.ts";
import { compareDistance, networkOf } from "./dht_id.ts";
import { equalBytes } from "../util/bytes.ts";
import { placeOf } from "./table_node.ts";

/** Candidates of one look-up; the farthest that was not asked yet gives way. */
export const MAX_CANDIDATES = 100;
/** Of one /24 or /64, so many are asked, beyond those that did not answer. */
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
  /** What it is said to be, later what it says itself; null while nobody knows. */
  id: Uint8Array | null;
  /** BEP 42 allows the id at the address. */
  allowed = false;
  state: CandidateState = FRESH;
  /** What it gave us for storing at it. */
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

  /** Nearest first; those without an id come before all. */
  [Symbol.iterator](): Iterator<Candidate> {
    return this.#sorted[Symbol.iterator]();
  }

  has(at: PeerAddress): boolean {
    return this.#places.has(placeOf(at));
  }

  /** Returns false if it is in the list already, or too far for a full one. */
  add(candidate: Candidate): boolean {
    const place = placeOf(candidate);
    if (this.#places.has(place)) return false;
    const at = this.#indexFor(candidate);
    const here = this.#sorted[at];
    if (here !== undefined && sameId(here, candidate)) {
      // Who has been asked or has answered under this id is not displaced by a mere claim.
      if (here.state !== FAILED) return false;
      this.#drop(at);
    }
    if (this.#sorted.length >= MAX_CANDIDATES && !this.#dropFarthest(at)) return false;
    this.#sorted.splice(at, 0, candidate);
    this.#places.add(place);
    return true;
  }

  /** A candidate without an id turned out to have this one: it moves to where it belongs. */
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

  /** Keeps count of what is asked of each network. */
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

  /** Makes room for one that comes in at `index`, by dropping one behind it that was not asked. */
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
