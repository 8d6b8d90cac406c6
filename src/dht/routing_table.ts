/**
 * The known nodes of one address family (BEP 5, 32), by their distance from our own id. One bucket
 * per common prefix length; the first ones are larger, since they make the first step of a look-up
 * longer. Invariants: nodes in use have answered us; an address has one place in the table, a /24
 * or /64 one in a bucket; a good node is never displaced by one that only claims to exist.
 */
import { commonPrefixLength, compareDistance } from "./dht_id.ts";
import type { NodeEntry } from "./krpc.ts";
import { equalBytes } from "../util/bytes.ts";
import { Bucket } from "./bucket.ts";
import { DOUBTFUL_MS, placeOf, TableNode } from "./table_node.ts";

/** Nodes of a bucket (k), and of the first four. */
export const BUCKET_NODES = 8;
const FIRST_BUCKETS = [128, 64, 32, 16];
/** Nodes nearer than this many bits share the last bucket. */
export const MAX_BUCKETS = 50;

/** Whether BEP 42 allows the id at the address. */
export type IdCheck = (id: Uint8Array, address: string) => boolean;

export class RoutingTable {
  readonly ownId: Uint8Array;
  readonly #isAllowed: IdCheck;
  readonly #buckets: Bucket[] = [];
  readonly #byPlace = new Map<string, TableNode>();

  constructor(ownId: Uint8Array, isAllowed: IdCheck) {
    this.ownId = ownId;
    this.#isAllowed = isAllowed;
  }

  /** Nodes in use. */
  get size(): number {
    return this.#buckets.reduce((sum, bucket) => sum + bucket.nodes.length, 0);
  }

  get spareCount(): number {
    return this.#byPlace.size - this.size;
  }

  /** Nodes in use of each bucket, the farthest first. */
  sizes(): number[] {
    return this.#buckets.map((bucket) => bucket.nodes.length);
  }

  /** All that have answered once, for saving: plain data. */
  nodes(): NodeEntry[] {
    return this.#buckets.flatMap((bucket) =>
      bucket.nodes.map(({ id, address, port }) => ({ id, address, port }))
    );
  }

  /** A node answered a query of ours. */
  answered(entry: NodeEntry, rttMs: number, now: number): void {
    const known = this.#known(entry);
    if (known !== null) {
      if (!known.confirmed) known.allowed = this.#isAllowed(known.id, known.address);
      known.answered(rttMs, now);
      this.#forget(this.#bucketOf(known.id, now).answered(known, now));
    } else if (this.#makePlaceFor(entry)) {
      const node = new TableNode(entry);
      node.allowed = this.#isAllowed(entry.id, entry.address);
      node.answered(rttMs, now);
      this.#add(node, now);
    }
  }

  /** A node sent us a query, whose sender anyone can forge. */
  heardFrom(entry: NodeEntry, now: number): void {
    const there = this.#byPlace.get(placeOf(entry));
    if (there !== undefined) {
      if (there.good && there.isAt(entry) && equalBytes(there.id, entry.id)) there.heardAt = now;
      return;
    }
    // A hot path: called for the query of every stranger.
    if (equalBytes(entry.id, this.ownId)) return;
    const bucket = this.#bucketOf(entry.id, now);
    if (!bucket.takesStrangers(now)) return;
    const node = new TableNode(entry);
    if (bucket.rivalOf(node) === null) this.#add(node, now);
  }

  /** A query timed out. `id`: the intended node; null if unknown. */
  failed(to: { id: Uint8Array | null; address: string; port: number }, now: number): void {
    const node = this.#byPlace.get(placeOf(to));
    if (node === undefined || !node.isAt(to)) return;
    if (to.id !== null && !equalBytes(node.id, to.id)) return;
    node.failures++;
    node.failedAt = now;
    if (this.#bucketOf(node.id, now).failed(node, now)) this.#forget(node);
  }

  /** Takes over all nodes of another table with another own id, which is no longer used. */
  adopt(other: RoutingTable): void {
    for (const bucket of other.#buckets) {
      for (const node of [...bucket.nodes, ...bucket.spares]) {
        if (equalBytes(node.id, this.ownId)) continue;
        const rival = this.#bucketOf(node.id, bucket.changedAt).rivalOf(node);
        if (rival === null) this.#add(node, bucket.changedAt);
      }
    }
  }

  /** The nodes in use nearest to `target`, nearest first. By default the good ones alone. */
  closest(
    target: Uint8Array,
    count: number,
    accept: (node: TableNode) => boolean = isGood,
  ): TableNode[] {
    const found: TableNode[] = [];
    for (const index of this.#nearestFirst(target)) {
      if (found.length >= count) break;
      addNearest(found, count, this.#buckets[index]!.nodes, target, accept);
    }
    return found;
  }

  /** The node to ping now: a needed spare one, else one that has been silent for too long. */
  nextToPing(now: number): TableNode | null {
    const node = this.#unproven(now) ?? this.#doubtful(now);
    if (node !== null) node.pingedAt = now;
    return node;
  }

  /**
   * A bucket in which nothing has happened for 15 minutes, as the prefix length that its nodes
   * share with us; null if there is none. It counts as refreshed from now on.
   */
  nextToRefresh(now: number): number | null {
    for (let index = 0; index < this.#buckets.length; index++) {
      const bucket = this.#buckets[index]!;
      if (now - bucket.changedAt < DOUBTFUL_MS) continue;
      bucket.changedAt = now;
      return index;
    }
    return null;
  }

  /**
   * About how many leading bits the nearest nodes share with any target: the binary logarithm of
   * the number of all nodes. Null while too few nodes are known.
   */
  depth(): number | null {
    const near = this.closest(this.ownId, BUCKET_NODES);
    if (near.length < BUCKET_NODES) return null;
    return commonPrefixLength(this.ownId, near[BUCKET_NODES - 1]!.id) + Math.log2(BUCKET_NODES);
  }

  #unproven(now: number): TableNode | null {
    for (const bucket of this.#buckets) {
      const node = bucket.unproven(now);
      if (node !== null) return node;
    }
    return null;
  }

  #doubtful(now: number): TableNode | null {
    let longest: TableNode | null = null;
    for (const bucket of this.#buckets) {
      for (const node of bucket.nodes) {
        if (longest === null || node.doubtfulAt < longest.doubtfulAt) longest = node;
      }
    }
    return longest !== null && longest.doubtfulAt <= now ? longest : null;
  }

  /** The node with this id at exactly this end point. */
  #known(entry: NodeEntry): TableNode | null {
    const node = this.#byPlace.get(placeOf(entry));
    return node !== undefined && node.isAt(entry) && equalBytes(node.id, entry.id) ? node : null;
  }

  /**
   * Whether a node that has just answered may be added. It displaces the node that held its end
   * point under another id (one of the two is gone), and a node that is not good and in its way.
   */
  #makePlaceFor(entry: NodeEntry): boolean {
    if (equalBytes(entry.id, this.ownId)) return false;
    const there = this.#byPlace.get(placeOf(entry));
    if (there !== undefined) {
      if (there.good && !there.isAt(entry)) return false;
      this.#remove(there);
    }
    const node = new TableNode(entry);
    for (;;) {
      const rival = this.#buckets[this.#indexOf(entry.id)]?.rivalOf(node) ?? null;
      if (rival === null) return true;
      if (rival.good) return false;
      this.#remove(rival);
    }
  }

  #add(node: TableNode, now: number): void {
    this.#byPlace.set(placeOf(node), node);
    this.#forget(this.#bucketOf(node.id, now).add(node, now));
  }

  #remove(node: TableNode): void {
    this.#buckets[this.#indexOf(node.id)]!.remove(node);
    this.#forget(node);
  }

  #forget(node: TableNode | null): void {
    if (node !== null) this.#byPlace.delete(placeOf(node));
  }

  #indexOf(id: Uint8Array): number {
    return Math.min(MAX_BUCKETS - 1, commonPrefixLength(this.ownId, id));
  }

  #bucketOf(id: Uint8Array, now: number): Bucket {
    const index = this.#indexOf(id);
    while (this.#buckets.length <= index) {
      const limit = FIRST_BUCKETS[this.#buckets.length] ?? BUCKET_NODES;
      this.#buckets.push(new Bucket(limit, now));
    }
    return this.#buckets[index]!;
  }

  /**
   * Buckets in the order of their distance from `target`. With p common bits, bucket p is the
   * nearest: its nodes have the target's bit there. All deeper ones differ from the target in that
   * bit; among them bucket j is nearer than what is below it exactly if target and own id differ in
   * bit j. The buckets before p are the farther the earlier they come.
   */
  *#nearestFirst(target: Uint8Array): Generator<number> {
    const last = this.#buckets.length - 1, home = this.#indexOf(target);
    if (home <= last) yield home;
    for (let index = home + 1; index <= last; index++) {
      if (this.#differsAt(target, index)) yield index;
    }
    for (let index = last; index > home; index--) {
      if (!this.#differsAt(target, index)) yield index;
    }
    for (let index = Math.min(home - 1, last); index >= 0; index--) yield index;
  }

  #differsAt(target: Uint8Array, bit: number): boolean {
    const byte = bit >> 3;
    return ((target[byte]! ^ this.ownId[byte]!) & (0x80 >> (bit & 7))) !== 0;
  }
}

/** Adds the nearest of some nodes, all of them farther than those in `found`, up to `count`. */
function addNearest(
  found: TableNode[],
  count: number,
  nodes: readonly TableNode[],
  target: Uint8Array,
  accept: (node: TableNode) => boolean,
): void {
  for (const node of nodes) {
    if (!accept(node)) continue;
    let at = found.length;
    if (at === count) {
      if (compareDistance(target, found[at - 1]!.id, node.id) < 0) continue;
      found.pop();
      at--;
    }
    while (at > 0 && compareDistance(target, found[at - 1]!.id, node.id) > 0) at--;
    found.splice(at, 0, node);
  }
}

function isGood(node: TableNode): boolean {
  return node.good;
}
