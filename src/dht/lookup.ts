/**
 * One iterative search for the nodes nearest to a target (BEP 5), as a state machine: who starts it
 * sends the questions and hands in what comes of them. Five are under way at once; who is slow frees
 * its slot. It ends when the nearest nodes have answered and nobody nearer is left to ask.
 *
 * Answers may lie. What limits the harm: an answer adds at most eight nodes; who answers under
 * another id than it was said to have does not count; an id that lies nearer to the target than any
 * node can be expected to must be one that BEP 42 ties to its address; other ids that BEP 42
 * does not allow count for a quarter, so that a crowd of made-up ones does not end the search.
 */
import { isPrivateOrLocal, type PeerAddress } from "../util/compact_address.ts";
import { commonPrefixLength, compareDistance } from "./dht_id.ts";
import type { NodeEntry } from "./krpc.ts";
import { equalBytes } from "../util/bytes.ts";
import { ANSWERED, ASKED, Candidate, Candidates, FAILED, FRESH, SLOW } from "./candidates.ts";
import type { IdCheck } from "./routing_table.ts";

/** Questions under way (alpha). */
export const QUESTIONS_AT_ONCE = 5;
/** How many of the nearest nodes have to answer (k). */
export const NEAREST = 8;
/** Nodes taken out of one answer. */
const NODES_PER_ANSWER = 8;
/** No search asks more. */
export const MAX_QUESTIONS = 100;
/** Bits beyond the depth of the network: one honest id in 1,024 lies that near to a target. */
const NEARER_THAN_EXPECTED_BITS = 10;
const WEIGHT_NOT_ALLOWED = 0.25;

export interface LookupPort {
  /** Sends the question; false if that is not possible now. */
  ask(candidate: Candidate, now: number): boolean;
  /** Once, last of all. */
  finished(now: number): void;
}

export interface LookupAnswer {
  /** What the node calls itself. */
  id: Uint8Array;
  /** Those it tells of, all of one family. */
  nodes: readonly NodeEntry[];
  token: Uint8Array | null;
}

export interface LookupRules {
  ownId: Uint8Array;
  isAllowed: IdCheck;
  /** Binary logarithm of the number of nodes in the network; null if not known. */
  depth: number | null;
}

export class Lookup {
  readonly target: Uint8Array;
  readonly #rules: LookupRules;
  readonly #port: LookupPort;
  readonly #candidates: Candidates;
  #asked = 0;
  #underWay = 0;
  #over = false;

  constructor(target: Uint8Array, rules: LookupRules, port: LookupPort) {
    this.target = target;
    this.#rules = rules;
    this.#port = port;
    this.#candidates = new Candidates(target);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Questions sent so far. */
  get asked(): number {
    return this.#asked;
  }

  /** For tests and stats. */
  get candidateCount(): number {
    return this.#candidates.size;
  }

  /** Somewhere to begin. Without an id (a bootstrap node) it is asked before all others. */
  start(nodes: Iterable<PeerAddress & { id: Uint8Array | null }>, now: number): void {
    for (const { id, address, port } of nodes) this.#add(id, { address, port });
    this.#advance(now);
  }

  /**
   * An answer came: "sound" if it may be used. Call `resume` when that is done. An answer under
   * another id than the node was said to have is a "lie", one after the end is "late".
   */
  take(candidate: Candidate, answer: LookupAnswer): "sound" | "lie" | "late" {
    if (this.#over || !this.#settle(candidate)) return "late";
    const { id, nodes, token } = answer;
    if (candidate.id !== null && !equalBytes(candidate.id, id)) {
      this.#candidates.setState(candidate, FAILED);
      return "lie";
    }
    if (candidate.id === null) this.#candidates.identify(candidate, id);
    candidate.allowed = this.#rules.isAllowed(id, candidate.address);
    candidate.token = token;
    this.#candidates.setState(candidate, ANSWERED);
    this.#addTold(nodes, candidate);
    return "sound";
  }

  slow(candidate: Candidate, now: number): void {
    if (this.#over || candidate.state !== ASKED) return;
    this.#underWay--;
    this.#candidates.setState(candidate, SLOW);
    this.#advance(now);
  }

  failed(candidate: Candidate, now: number): void {
    if (this.#over || !this.#settle(candidate)) return;
    this.#candidates.setState(candidate, FAILED);
    this.#advance(now);
  }

  /** Goes on, after an answer was taken or when `ask` could not send before. */
  resume(now: number): void {
    if (!this.#over) this.#advance(now);
  }

  /** Ends it now; answers that still come are not used. */
  stop(now: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#port.finished(now);
  }

  /**
   * Who is nearest of those who answered: up to `count` whose ids BEP 42 allows, and up to half as
   * many others, so that neither made-up ids nor a network that ignores BEP 42 leaves us with none.
   */
  nearest(count = NEAREST): Candidate[] {
    let allowed = 0, others = 0;
    const all = [...this.#candidates].filter((candidate) => candidate.state === ANSWERED);
    const known = all.filter((candidate) => candidate.allowed).length;
    const room = Math.max(count >> 1, count - known);
    return all.filter((one) => one.allowed ? allowed++ < count : others++ < room);
  }

  #settle(candidate: Candidate): boolean {
    if (candidate.state === ASKED) this.#underWay--;
    return candidate.state === ASKED || candidate.state === SLOW;
  }

  #addTold(nodes: readonly NodeEntry[], by: Candidate): void {
    const nearest = nodes.length <= NODES_PER_ANSWER
      ? nodes
      : nodes.toSorted((a, b) => compareDistance(this.target, a.id, b.id));
    const byLocal = isPrivateOrLocal(by.address);
    for (const node of nearest.slice(0, NODES_PER_ANSWER)) {
      // Nobody out there knows what is in our own network, and may make us knock on its doors.
      if (!byLocal && isPrivateOrLocal(node.address)) continue;
      this.#add(node.id, node);
    }
  }

  #add(id: Uint8Array | null, at: PeerAddress): void {
    // Most are told of again and again.
    if (this.#candidates.has(at)) return;
    const candidate = new Candidate(id, at);
    if (id !== null) {
      if (equalBytes(id, this.#rules.ownId)) return;
      candidate.allowed = this.#rules.isAllowed(id, at.address);
      if (!candidate.allowed && this.#isTooNear(id)) return;
    }
    this.#candidates.add(candidate);
  }

  #isTooNear(id: Uint8Array): boolean {
    const { depth } = this.#rules;
    if (depth === null) return false;
    return commonPrefixLength(id, this.target) > depth + NEARER_THAN_EXPECTED_BITS;
  }

  /** Asks whom it can; ends the search if there is nothing left to wait for. */
  #advance(now: number): void {
    let weight = 0, waiting = false, slow = false;
    for (const candidate of [...this.#candidates]) {
      if (weight >= NEAREST) break;
      if (candidate.state === ANSWERED) {
        weight += candidate.allowed ? 1 : WEIGHT_NOT_ALLOWED;
      } else if (candidate.state === ASKED) {
        waiting = true;
      } else if (candidate.state === SLOW) {
        slow = true;
      } else if (candidate.state === FRESH && this.#mayAsk(candidate)) {
        waiting = true;
        if (this.#underWay < QUESTIONS_AT_ONCE) this.#ask(candidate, now);
      }
    }
    // Who is slow is waited for only while there are too few others.
    if (!waiting && (weight >= NEAREST || !slow)) this.stop(now);
  }

  #mayAsk(candidate: Candidate): boolean {
    return this.#asked < MAX_QUESTIONS && this.#candidates.mayAsk(candidate);
  }

  #ask(candidate: Candidate, now: number): void {
    if (!this.#port.ask(candidate, now)) return;
    this.#asked++;
    this.#underWay++;
    this.#candidates.setState(candidate, ASKED);
  }
}
