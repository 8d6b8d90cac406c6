/**
 * One iterative search for the nodes nearest to a target (BEP 5), as a state machine: its owner
 * sends the queries and passes in the outcomes. Five queries are in flight at once; a slow node
 * frees its slot. It ends when the nearest nodes have answered and no nearer one is left to ask.
 *
 * Answers may lie. These rules limit the harm: an answer adds at most eight nodes; a node that
 * answers under another id than reported does not count; an id that lies nearer to the target than
 * any node can be expected to must be one that BEP 42 ties to its address; other ids that BEP 42
 * does not allow count for a quarter, so that a crowd of forged ones does not end the search.
 */
import { isPrivateOrLocal, type PeerAddress } from "../util/compact_address.ts";
import { commonPrefixLength, compareDistance } from "./dht_id.ts";
import type { NodeEntry } from "./krpc.ts";
import { equalBytes } from "../util/bytes.ts";
import { ANSWERED, ASKED, Candidate, Candidates, FAILED, FRESH, SLOW } from "./candidates.ts";
import type { IdCheck } from "./routing_table.ts";

/** Queries in flight (alpha). */
export const QUESTIONS_AT_ONCE = 5;
/** The number of nearest nodes that must answer (k). */
export const NEAREST = 8;
/** The most nodes read from one answer. */
const NODES_PER_ANSWER = 8;
/** The most queries of a search. */
export const MAX_QUESTIONS = 100;
/** Bits beyond the depth of the network: one honest id in 1,024 is this near to a target. */
const NEARER_THAN_EXPECTED_BITS = 10;
const WEIGHT_NOT_ALLOWED = 0.25;

export interface LookupPort {
  /** Sends the query; false if that is not possible now. */
  ask(candidate: Candidate, now: number): boolean;
  /** Called once, last. */
  finished(now: number): void;
}

export interface LookupAnswer {
  /** The node's own id. */
  id: Uint8Array;
  /** The nodes it reports, all of one family. */
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

  /** Queries sent so far. */
  get asked(): number {
    return this.#asked;
  }

  /** For tests and stats. */
  get candidateCount(): number {
    return this.#candidates.size;
  }

  /** A starting point. Without an id (a bootstrap node) it is asked before all others. */
  start(nodes: Iterable<PeerAddress & { id: Uint8Array | null }>, now: number): void {
    for (const { id, address, port } of nodes) this.#add(id, { address, port });
    this.#advance(now);
  }

  /**
   * An answer arrived: "sound" if it may be used. Then call `resume`. An answer under another id
   * than reported is a "lie", one after the end is "late".
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

  /** Continues after an answer was used, or if `ask` could not send before. */
  resume(now: number): void {
    if (!this.#over) this.#advance(now);
  }

  /** Ends it now; later answers are not used. */
  stop(now: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#port.finished(now);
  }

  /**
   * The nearest nodes that answered: up to `count` whose ids BEP 42 allows, and up to half as many
   * others, so that neither forged ids nor a network that ignores BEP 42 leaves us with none.
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
      // A remote node cannot know our own network, and could make us probe it.
      if (!byLocal && isPrivateOrLocal(node.address)) continue;
      this.#add(node.id, node);
    }
  }

  #add(id: Uint8Array | null, at: PeerAddress): void {
    // Most nodes are reported again and again.
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

  /** Sends as many queries as it may; ends the search if no outcome is pending. */
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
    // Slow nodes are waited for only while there are too few others.
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
