/**
 * The DHT node on a real machine: passes it the time, the datagrams of a shared UDP port and the
 * addresses of names; turns its handlers into promises. The owner of the port calls `receive` with
 * each datagram.
 */
import type { Clock, Ed25519, Hasher, Random, StreamNet, Timer } from "../platform/types.ts";
import type { HostPort, PeerAddress } from "../util/compact_address.ts";
import type { DhtItem } from "./dht_item.ts";
import { createCrc32c } from "../util/crc32c.ts";
import { canonicalIp } from "../util/ip_address.ts";
import { BootstrapNames } from "./bootstrap_names.ts";
import { DhtNode } from "./node.ts";
import type {
  AnnounceOptions,
  DhtNodeOptions,
  DhtNodeParts,
  DhtState,
  DhtStats,
  Operation,
  PeersHandlers,
  PeersResult,
  PingResult,
  SampleHandlers,
  ScrapeResult,
} from "./node_types.ts";

/** Our end of a UDP port. */
export interface DatagramLine {
  /** Best effort; `bytes` may be reused after the return. */
  send(bytes: Uint8Array, address: string, port: number): void;
}

export interface DhtPorts {
  clock: Clock;
  random: Random;
  hasher: Pick<Hasher, "digest">;
  ed25519: Ed25519;
  net: Pick<StreamNet, "lookup">;
  line: DatagramLine;
  /** Votes of distinct networks agree on our address (BEP 42). */
  onAddress?(address: string): void;
}

export interface DhtOptions extends DhtNodeOptions {
  /** Nodes to begin with, by name or address. */
  bootstrap?: readonly HostPort[];
}

/** How `findPeers` searches. */
export interface FindOptions {
  /** New peers as they are found, without duplicates. */
  onPeers?(peers: PeerAddress[]): void;
  /** Ends the search; its promise resolves with the results so far. */
  signal?: AbortSignal;
}

/** How `get` searches. */
export interface GetOptions {
  /** Of a mutable item. */
  salt?: Uint8Array;
  /** Each item that is newer than the last. */
  onItem?(item: DhtItem): void;
  /** Ends the search. */
  signal?: AbortSignal;
}

const BUSY_TICK_MS = 100, IDLE_TICK_MS = 1000;
const NO_SALT = new Uint8Array(0);

/** A DHT node (BEP 5), for queries by hand. `Client.dht` is one. */
export class Dht {
  readonly #node: DhtNode;
  readonly #ports: DhtPorts;
  /** Closed with the DHT: from then on nothing is sent. */
  readonly #gate: { open: boolean };
  readonly #names: BootstrapNames;
  readonly #underWay = new Set<Operation>();
  #timer: Timer | null = null;
  #tickMs = 0;

  /** Joins the network until `close`. */
  static async open(ports: DhtPorts, options: DhtOptions): Promise<Dht> {
    const crc32c = await createCrc32c();
    const { random, hasher, ed25519, line, onAddress } = ports;
    const gate = { open: true };
    const parts: DhtNodeParts = {
      random,
      hasher,
      ed25519,
      crc32c,
      send: (bytes, { address, port }) => {
        if (gate.open) line.send(bytes, address, port);
      },
      ...(onAddress !== undefined ? { onAddress } : {}),
    };
    const node = new DhtNode(parts, options, ports.clock.now());
    return new Dht(node, ports, gate, options.bootstrap ?? []);
  }

  private constructor(
    node: DhtNode,
    ports: DhtPorts,
    gate: { open: boolean },
    bootstrap: readonly HostPort[],
  ) {
    this.#node = node;
    this.#ports = ports;
    this.#gate = gate;
    this.#names = new BootstrapNames(ports, {
      router: (at) => this.#withNode(() => node.addBootstrap(at)),
      node: (at) => this.#withNode(() => node.addNode(at)),
      alone: () => !node.hasNodes,
    });
    this.#tick();
    for (const one of bootstrap) this.#names.addRouter(one);
  }

  /** A datagram that looks like a DHT message. Never throws; `bytes` are borrowed. */
  receive(bytes: Uint8Array, address: string, port: number): void {
    const text = address.includes(":") ? canonicalIp(address) : address;
    if (!this.#gate.open || text === null) return;
    this.#node.receive(bytes, { address: text, port }, this.#now);
  }

  /**
   * An address that may be a node: from a PORT message or a torrent file. A name is looked up once.
   */
  addNode(at: HostPort): void {
    this.#names.addNode(at);
  }

  /** Searches for peers; resolves when no node is left to ask. */
  findPeers(infoHash: Uint8Array, options: FindOptions = {}): Promise<PeersResult> {
    return this.#search(options, (handlers) => {
      return this.#node.getPeers(infoHash, handlers, this.#now);
    });
  }

  /** The same, and announces us as a peer. Repeat it every 15 minutes or so. */
  announce(
    infoHash: Uint8Array,
    own: AnnounceOptions,
    options: FindOptions = {},
  ): Promise<PeersResult> {
    return this.#search(options, (handlers) => {
      return this.#node.announce(infoHash, own, handlers, this.#now);
    });
  }

  /** How many seeds and peers a torrent has, by the estimate of the nodes (BEP 33). */
  scrape(infoHash: Uint8Array, signal?: AbortSignal): Promise<ScrapeResult> {
    return this.#run(signal, (done) => this.#node.scrape(infoHash, done, this.#now));
  }

  /** The item at `target`, the newest version found of a mutable one; null if there is none. */
  getItem(target: Uint8Array, options: GetOptions = {}): Promise<DhtItem | null> {
    const { salt = NO_SALT, signal } = options;
    let newest: DhtItem | null = null;
    return this.#run(signal, (done) =>
      this.#node.getItem(target, salt, {
        onItem: (item) => {
          newest = item;
          options.onItem?.(item);
        },
        onDone: () => done(newest),
      }, this.#now));
  }

  /** Resolves to the number of nodes that stored it. `cas`: see `DhtNode.putItem`. */
  putItem(item: DhtItem, cas: bigint | null = null, signal?: AbortSignal): Promise<number> {
    return this.#run(signal, (done) => this.#node.putItem(item, cas, done, this.#now));
  }

  /** Info-hashes that nodes near `target` know (null: anywhere). */
  sampleInfohashes(
    target: Uint8Array | null,
    onSamples: SampleHandlers["onSamples"],
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#run(
      signal,
      (done) => this.#node.sampleInfohashes(target, { onSamples, onDone: done }, this.#now),
    );
  }

  /** Null if no answer came within five seconds. */
  ping(at: PeerAddress): Promise<PingResult | null> {
    return this.#run(undefined, (done) => {
      this.#node.ping(at, done, this.#now);
      return { cancel: () => done(null) };
    });
  }

  /** The state for the next run. */
  state(): DhtState {
    return this.#node.state();
  }

  /** Good nodes, of all families. */
  get nodes(): number {
    return this.#node.nodes;
  }

  /** The node's state and counters. */
  stats(): DhtStats {
    return this.#node.stats();
  }

  /** Leaves the DHT; running operations resolve with their results so far. */
  close(): void {
    if (!this.#gate.open) return;
    this.#gate.open = false;
    this.#names.close();
    for (const operation of [...this.#underWay]) operation.cancel(this.#now);
    this.#timer?.cancel();
  }

  get #now(): number {
    return this.#ports.clock.now();
  }

  #search(
    { onPeers, signal }: FindOptions,
    start: (handlers: PeersHandlers) => Operation,
  ): Promise<PeersResult> {
    return this.#run(signal, (onDone) => start({ onPeers: (peers) => onPeers?.(peers), onDone }));
  }

  #run<T>(
    signal: AbortSignal | undefined,
    start: (done: (result: T) => void) => Operation,
  ): Promise<T> {
    return new Promise((resolve) => {
      let operation: Operation | null = null, over = false;
      const cancel = () => operation?.cancel(this.#now);
      const begun = start((result) => {
        over = true;
        if (operation !== null) this.#underWay.delete(operation);
        signal?.removeEventListener("abort", cancel);
        resolve(result);
      });
      if (over) return;
      this.#underWay.add(operation = begun);
      if (!this.#gate.open || signal?.aborted) return cancel();
      signal?.addEventListener("abort", cancel);
      this.#hurry();
    });
  }

  #withNode(change: () => void): void {
    change();
    this.#hurry();
  }

  #tick(): void {
    this.#node.tick(this.#now);
    this.#arm();
  }

  #arm(): void {
    this.#tickMs = this.#node.busy ? BUSY_TICK_MS : IDLE_TICK_MS;
    this.#timer = this.#ports.clock.after(this.#tickMs, () => this.#tick());
  }

  /** An operation began: the next tick must not be a second away. */
  #hurry(): void {
    if (!this.#gate.open || this.#tickMs === BUSY_TICK_MS) return;
    this.#timer?.cancel();
    this.#tickMs = BUSY_TICK_MS;
    this.#timer = this.#ports.clock.after(0, () => this.#tick());
  }
}
