/**
 * Our place in the DHT of one address family (BEP 32 keeps the two apart): our id, routing table
 * and searches. All queries of the family pass through `ask`, which updates the table and the votes
 * on our address.
 */
import type { Random } from "../platform/types.ts";
import { isPrivateOrLocal, type PeerAddress } from "../util/compact_address.ts";
import { generateId, isIdAllowed, matchesAddress, randomId } from "./dht_id.ts";
import { ExternalAddress } from "./external_address.ts";
import type { KrpcError, KrpcResponse, NodeEntry } from "./krpc.ts";
import { equalBytes } from "../util/bytes.ts";
import type { Crc32c } from "../util/crc32c.ts";
import type { Candidate } from "./candidates.ts";
import { Contacts } from "./contacts.ts";
import { Lookup, NEAREST } from "./lookup.ts";
import type { Querier, Question } from "./querier.ts";
import { RoutingTable } from "./routing_table.ts";
import { Search, type SearchSpec } from "./search.ts";

/** Running searches; the others are queued. */
const MAX_RUNNING = 16;
const MAX_WAITING = 2000;
/** A search without any node to ask gives up after this time. */
const MAX_WAIT_MS = 30_000;
/** The same if the other family has nodes: this one is then simply unavailable. */
const MAX_WAIT_BESIDE_MS = 1000;

/** The outcome of a query: either `answered` or `failed`, perhaps after `slow`. */
export interface Reply {
  answered(response: KrpcResponse, now: number): void;
  slow?(now: number): void;
  failed(now: number): void;
}

export interface OverlayParts {
  family: 4 | 6;
  random: Random;
  crc32c: Crc32c;
  querier: Querier;
  /** From an earlier run; null: a new one. */
  id: Uint8Array | null;
  /** Whether the other family wants reported nodes. */
  wantsOther(): boolean;
  /** Whether the other family has nodes. */
  otherIsUp(): boolean;
  /** Nodes of the other family. */
  tellOther(nodes: readonly NodeEntry[]): void;
  /** A majority agrees on our address now; `id` may have changed with it (BEP 42). */
  addressChanged(address: string): void;
}

export class Overlay {
  readonly family: 4 | 6;
  readonly contacts = new Contacts();
  readonly #parts: OverlayParts;
  readonly #external = new ExternalAddress();
  readonly #waiting: Search[] = [];
  readonly #running = new Set<Search>();
  #table: RoutingTable;
  /** Nodes that answered under another id than reported. */
  #liars = 0;

  constructor(parts: OverlayParts) {
    this.family = parts.family;
    this.#parts = parts;
    this.#table = this.#newTable(parts.id ?? randomId(parts.random));
  }

  /** 20 bytes. */
  get id(): Uint8Array {
    return this.#table.ownId;
  }

  get table(): RoutingTable {
    return this.#table;
  }

  /** As a majority sees us; null if unknown. */
  get address(): string | null {
    return this.family === 4 ? this.#external.ipv4 : this.#external.ipv6;
  }

  get searches(): { running: number; waiting: number } {
    return { running: this.#running.size, waiting: this.#waiting.length };
  }

  get liars(): number {
    return this.#liars;
  }

  /** Returns false, without any later call, if too many queries are in flight. */
  ask(
    to: PeerAddress & { readonly id: Uint8Array | null },
    question: Question,
    reply: Reply,
    now: number,
  ): boolean {
    return this.#parts.querier.ask(to, this.id, question, {
      answered: (message, rttMs, at) => this.#answered(to, message, rttMs, reply, at),
      slow: (at) => reply.slow?.(at),
      gaveUp: (at) => {
        this.#table.failed(to, at);
        reply.failed(at);
      },
    }, now);
  }

  /** Begins a search, or queues it. */
  search(spec: SearchSpec, now: number): Search {
    const search = new Search(spec, now);
    if (this.#waiting.length >= MAX_WAITING) {
      search.finish(now);
      return search;
    }
    this.#waiting.push(search);
    this.#begin(now);
    return search;
  }

  /** A few times a second: continues with unsent queries and with the queue. */
  tick(now: number): void {
    for (const search of [...this.#running]) search.lookup!.resume(now);
    this.#begin(now);
    // All but those beyond MAX_RUNNING and those without a node to ask begin.
    const isBeside = this.#running.size === 0 && this.#parts.otherIsUp();
    const longest = isBeside ? MAX_WAIT_BESIDE_MS : MAX_WAIT_MS;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      if (!first.over && now - first.since < longest) break;
      this.#waiting.shift();
      first.finish(now);
    }
  }

  #begin(now: number): void {
    while (this.#running.size < MAX_RUNNING && this.#waiting.length > 0) {
      const search = this.#waiting[0]!;
      const from = search.over ? [] : this.#startFor(search.spec);
      if (!search.over && from.length === 0) return;
      this.#waiting.shift();
      if (!search.over) this.#run(search, from, now);
    }
  }

  /** Good nodes; without any, all that might be one. */
  #startFor({ target, also = [] }: SearchSpec): (PeerAddress & { id: Uint8Array | null })[] {
    const named = also.map(({ address, port }) => ({ id: null, address, port }));
    const good = this.#table.closest(target, 2 * NEAREST);
    if (good.length > 0) return [...named, ...good];
    const failing = this.#table.closest(target, NEAREST, () => true);
    const contacts = this.contacts.first(NEAREST).map((at) => ({ id: null, ...at }));
    return [...named, ...failing, ...contacts];
  }

  #run(
    search: Search,
    from: (PeerAddress & { id: Uint8Array | null })[],
    now: number,
  ): void {
    const { crc32c } = this.#parts;
    const rules = {
      ownId: this.id,
      isAllowed: (id: Uint8Array, address: string) => isIdAllowed(crc32c, id, address),
      depth: this.#table.depth(),
    };
    const lookup: Lookup = new Lookup(search.spec.target, rules, {
      ask: (candidate, at) => this.#askFor(search, lookup, candidate, at),
      finished: (at) => {
        this.#running.delete(search);
        search.finish(at);
        this.#begin(at);
      },
    });
    search.lookup = lookup;
    this.#running.add(search);
    lookup.start(from, now);
  }

  #askFor(search: Search, lookup: Lookup, candidate: Candidate, now: number): boolean {
    const want = this.#parts.wantsOther() ? [4, 6] as const : null;
    return this.ask(candidate, search.spec.question(want), {
      answered: (response, at) => {
        const nodes = this.family === 4 ? response.nodes : response.nodes6;
        const { id, token } = response;
        const taken = lookup.take(candidate, { id, nodes, token });
        if (taken === "sound") search.spec.answered?.(response, candidate, at);
        if (taken === "lie") this.#liars++;
        lookup.resume(at);
      },
      slow: (at) => lookup.slow(candidate, at),
      failed: (at) => lookup.failed(candidate, at),
    }, now);
  }

  #answered(
    from: PeerAddress,
    message: KrpcResponse | KrpcError,
    rttMs: number,
    reply: Reply,
    now: number,
  ): void {
    // A node with our id is our own message sent back.
    if (message.kind === "error" || equalBytes(message.id, this.id)) return reply.failed(now);
    this.#table.answered({ id: message.id, address: from.address, port: from.port }, rttMs, now);
    const others = this.family === 4 ? message.nodes6 : message.nodes;
    if (others.length > 0) this.#parts.tellOther(worthKnocking(others, from));
    if (message.ownEndpoint !== null) this.#vote(from, message.ownEndpoint.address, now);
    reply.answered(message, now);
  }

  #vote(voter: PeerAddress, address: string, now: number): void {
    if (address.includes(":") !== (this.family === 6)) return;
    if (!this.#external.vote(address, voter.address, now)) return;
    const { crc32c, random } = this.#parts;
    if (!matchesAddress(crc32c, this.id, address)) {
      const old = this.#table;
      this.#table = this.#newTable(generateId(crc32c, address, random));
      this.#table.adopt(old);
    }
    this.#parts.addressChanged(address);
  }

  #newTable(id: Uint8Array): RoutingTable {
    const { crc32c } = this.#parts;
    return new RoutingTable(id, (other, address) => isIdAllowed(crc32c, other, address));
  }
}

/** Without nodes in a local network, unless a neighbour reports them. */
function worthKnocking(nodes: readonly NodeEntry[], by: PeerAddress): readonly NodeEntry[] {
  if (isPrivateOrLocal(by.address)) return nodes;
  return nodes.filter((node) => !isPrivateOrLocal(node.address));
}
