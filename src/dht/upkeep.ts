/**
 * Keeps one overlay's table alive: finds a first node, searches for the neighbours of our own id,
 * fills and refreshes buckets, and pings doubtful nodes. The rate is low, so that an attacker
 * cannot make us ping strangers with more than a few datagrams a second.
 */
import type { Random } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import { randomIdAt } from "./dht_id.ts";
import type { Overlay } from "./overlay.ts";
import type { Question } from "./querier.ts";
import { BUCKET_NODES } from "./routing_table.ts";
import { DOUBTFUL_MS } from "./table_node.ts";

const PING: Question = { method: "ping" };
const PING_EVERY_MS = 1000;
/** Contacts are few and needed, above all at the start. */
const CONTACTS_EVERY_MS = 250;
const REFRESH_EVERY_MS = 5000;
/**
 * The pause between two searches for our neighbours; each is twice the last. While there are hardly
 * any nodes, others may appear at any moment.
 */
const SEARCH_EVERY_MS = { first: 30_000, longest: DOUBTFUL_MS };
const RETRY_EVERY_MS = { first: 2000, longest: 60_000 };
/** The most bootstrap nodes that are remembered. */
const MAX_ROUTERS = 32;
const ROUTERS_AT_ONCE = 8;

export class Upkeep {
  readonly #overlay: Overlay;
  readonly #random: Random;
  /** The nodes to begin with when the table is empty. */
  readonly #routers = new Map<string, PeerAddress>();
  /** One of them has answered. Until then, the known nodes may be an isolated group. */
  #joined = false;
  #searching = false;
  /** When to search for our neighbours next. */
  #selfAt = -Infinity;
  #few = true;
  #attempts = 0;
  #contactAt = -Infinity;
  #pingAt = -Infinity;
  #refreshAt = -Infinity;
  /** Buckets still to be filled after the search for neighbours, nearest first. */
  #toFill: number[] = [];

  constructor(overlay: Overlay, random: Random) {
    this.#overlay = overlay;
    this.#random = random;
  }

  /** A bootstrap node, also tried again whenever no other node is left. */
  addRouter(at: PeerAddress): void {
    if (this.#routers.size >= MAX_ROUTERS) return;
    this.#routers.set(keyOf(at), at);
    this.#overlay.contacts.add(at);
  }

  /** Our id changed, or the network came back: search for our neighbours soon. */
  startOver(): void {
    this.#selfAt = -Infinity;
    this.#attempts = 0;
  }

  tick(now: number): void {
    this.#findNeighbours(now);
    if (now >= this.#contactAt) {
      this.#contactAt = now + CONTACTS_EVERY_MS;
      const contact = this.#overlay.contacts.next();
      if (contact !== null) this.#ping({ id: null, ...contact }, now);
    }
    if (now >= this.#pingAt) {
      this.#pingAt = now + PING_EVERY_MS;
      const node = this.#overlay.table.nextToPing(now);
      if (node !== null) this.#ping(node, now);
    }
    if (now >= this.#refreshAt) {
      this.#refreshAt = now + REFRESH_EVERY_MS;
      this.#refresh(now);
    }
  }

  #ping(to: PeerAddress & { id: Uint8Array | null }, now: number): void {
    // The overlay records the outcome.
    this.#overlay.ask(to, PING, { answered() {}, failed() {} }, now);
  }

  #findNeighbours(now: number): void {
    const { table, contacts } = this.#overlay;
    const first = table.size === 0;
    // With a first contact there is no reason to wait.
    if (this.#searching || (now < this.#selfAt && !(first && contacts.size > 0))) return;
    const routers = first || !this.#joined ? [...this.#routers.values()] : [];
    if (first && contacts.size + routers.length === 0) return;
    this.#searching = true;
    const target = table.ownId, also = routers.slice(0, ROUTERS_AT_ONCE);
    this.#overlay.search({
      target,
      also,
      question: (want) => ({ method: "find_node", target, want }),
      answered: (_, by) => this.#joined ||= this.#routers.has(keyOf(by)),
      done: (_, at) => {
        this.#searching = false;
        this.#selfAt = at + this.#untilNextSearch();
        if (this.#overlay.table.size > 0) this.#planFilling();
      },
    }, now);
  }

  #untilNextSearch(): number {
    const few = this.#overlay.table.size < BUCKET_NODES;
    if (few !== this.#few) this.#attempts = 0;
    this.#few = few;
    const { first, longest } = few ? RETRY_EVERY_MS : SEARCH_EVERY_MS;
    const wait = Math.min(longest, first * 2 ** this.#attempts);
    this.#attempts++;
    // Spread out: many nodes start at the same time after a power cut.
    return wait * (0.75 + 0.5 * this.#random.uint32() / 2 ** 32);
  }

  /**
   * The neighbours are known. Of the buckets before theirs, those for which the network has more
   * than enough nodes can be filled; the others hold all there are already.
   */
  #planFilling(): void {
    const { table } = this.#overlay;
    const depth = table.depth();
    if (depth === null) return;
    const rich = Math.floor(depth - Math.log2(BUCKET_NODES));
    this.#toFill = [];
    table.sizes().slice(0, rich).forEach((size, index) => {
      if (size < BUCKET_NODES) this.#toFill.push(index);
    });
    this.#refreshAt = -Infinity;
  }

  #refresh(now: number): void {
    const { table } = this.#overlay;
    if (table.size === 0) return;
    const index = this.#toFill.pop() ?? table.nextToRefresh(now);
    if (index === null || index === undefined) return;
    const target = randomIdAt(table.ownId, index, this.#random);
    this.#overlay.search({
      target,
      question: (want) => ({ method: "find_node", target, want }),
      done() {},
    }, now);
  }
}

function keyOf({ address, port }: PeerAddress): string {
  return `${address} ${port}`;
}
