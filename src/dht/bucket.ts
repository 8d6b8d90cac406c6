/**
 * The nodes at one distance from us: those in use, which have all answered once, and a few spare
 * ones that replace failing nodes. Nodes whose id BEP 42 allows replace others.
 */
import { equalBytes } from "../util/bytes.ts";
import type { TableNode } from "./table_node.ts";

export const SPARES = 8;
/** Without a spare node, a node gets this many chances: our own network may be down. */
const MAX_FAILURES = 20;
/**
 * Time between two strangers that displace a spare one: no more than one a second is pinged anyway.
 */
const STRANGER_EVERY_MS = 1000;

export class Bucket {
  /** The most nodes in use. */
  readonly limit: number;
  readonly nodes: TableNode[] = [];
  /** Oldest first. */
  readonly spares: TableNode[] = [];
  /** When a node was last added or answered. */
  changedAt: number;
  #strangerAt = -Infinity;

  constructor(limit: number, now: number) {
    this.limit = limit;
    this.changedAt = now;
  }

  /** Whether a node that never answered would be accepted. */
  takesStrangers(now: number): boolean {
    return this.spares.length < SPARES || now - this.#strangerAt >= STRANGER_EVERY_MS;
  }

  /** Another node with its id or of its network, or null. */
  rivalOf(node: TableNode): TableNode | null {
    return this.nodes.find((other) => clash(node, other)) ??
      this.spares.find((other) => clash(node, other)) ?? null;
  }

  /** Adds a new node. Returns the node that was dropped for it, which may be `node`. */
  add(node: TableNode, now: number): TableNode | null {
    if (!node.confirmed) {
      this.#strangerAt = now;
      return this.#addSpare(node);
    }
    if (this.nodes.length < this.limit) {
      this.nodes.push(node);
      this.changedAt = now;
      return null;
    }
    const weakest = this.#weakerThan(node);
    if (weakest === null) return this.#addSpare(node);
    this.nodes[this.nodes.indexOf(weakest)] = node;
    this.changedAt = now;
    return weakest.good ? this.#addSpare(weakest) : weakest;
  }

  /** A node answered: a spare one may move up. Returns the node that was dropped for it. */
  answered(node: TableNode, now: number): TableNode | null {
    if (!this.#take(this.spares, node)) {
      this.changedAt = now;
      return null;
    }
    return this.add(node, now);
  }

  /** A node failed to answer once more. Returns true if it is dropped. */
  failed(node: TableNode, now: number): boolean {
    if (this.#take(this.spares, node)) return true;
    const spare = this.spares.findLast((other) => other.good);
    if (spare === undefined && node.failures < MAX_FAILURES) return false;
    this.#take(this.nodes, node);
    if (spare !== undefined) this.answered(spare, now);
    return true;
  }

  remove(node: TableNode): void {
    if (!this.#take(this.spares, node)) this.#take(this.nodes, node);
  }

  /**
   * A spare node that never answered and would be accepted if it did. The newest is the likeliest.
   */
  unproven(now: number): TableNode | null {
    const wanted = this.nodes.length < this.limit || this.nodes.some((node) => !node.good);
    if (!wanted && this.spares.some((spare) => spare.good)) return null;
    return this.spares.findLast((spare) => !spare.confirmed && spare.doubtfulAt <= now) ?? null;
  }

  /**
   * The node that a newcomer may replace: the longest failing one, else one whose id BEP 42
   * forbids.
   */
  #weakerThan(node: TableNode): TableNode | null {
    let weakest: TableNode | null = null;
    for (const other of this.nodes) {
      if (other.good && (other.allowed || !node.allowed)) continue;
      if (
        weakest === null || other.failures > weakest.failures ||
        (other.failures === weakest.failures && other.rttMs > weakest.rttMs)
      ) weakest = other;
    }
    return weakest;
  }

  /** Nodes that answered once are never replaced by one that did not. */
  #addSpare(node: TableNode): TableNode | null {
    this.spares.push(node);
    if (this.spares.length <= SPARES) return null;
    const index = this.spares.findIndex((spare) => !spare.confirmed);
    return this.spares.splice(Math.max(0, index), 1)[0]!;
  }

  #take(list: TableNode[], node: TableNode): boolean {
    const index = list.indexOf(node);
    if (index >= 0) list.splice(index, 1);
    return index >= 0;
  }
}

function clash(a: TableNode, b: TableNode): boolean {
  return (a.network !== null && a.network === b.network) || equalBytes(a.id, b.id);
}
