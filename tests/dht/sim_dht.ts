/**
 * A DHT of thousands of real nodes in one loop: events in the order of virtual time, datagrams with
 * latency and loss, some nodes dead, some lying. One seed gives one run.
 */
import { DhtNode } from "../../src/dht/node.ts";
import type { DhtNodeOptions, PeersResult } from "../../src/dht/node_types.ts";
import { createEd25519 } from "../../src/platform/shared/ed25519.ts";
import type { PeerAddress } from "../../src/util/compact_address.ts";
import { generateId } from "../../src/dht/dht_id.ts";
import { type Crc32c, createCrc32c } from "../../src/util/crc32c.ts";
import { Prng } from "../harness/prng.ts";
import { digestOf } from "../harness/hasher.ts";
import { HandRandom } from "../harness/random.ts";
import { Liar } from "./liar.ts";

export const CLIENT = Uint8Array.of(0x53, 0x48, 0, 1);
const ed25519 = createEd25519();
const hasher = { digest: digestOf };
/** Milliseconds between two ticks of a node that waits for answers. */
const TICK_MS = 200;

export interface SimDhtOptions {
  seed?: string;
  nodes: number;
  /** Share of datagrams that are lost. */
  loss?: number;
  /** One way, in milliseconds: the least and the most. */
  latency?: readonly [number, number];
  /** Share of nodes that lie from the beginning. */
  lying?: number;
  /** Every node has an IPv6 address too, but is known to others by its IPv4 one at first. */
  both?: boolean;
  node?: Partial<DhtNodeOptions>;
}

/** Somebody on the simulated network. */
export interface SimNode {
  readonly index: number;
  readonly at: PeerAddress;
  readonly at6: PeerAddress;
  readonly node: DhtNode;
  readonly liar: Liar | null;
  alive: boolean;
  ticking: boolean;
}

/** Thousands of timers a second with few different times: a ring of lists, one for each millisecond. */
class Wheel {
  now = 0;
  #slots: (() => void)[][] = Array.from({ length: 8192 }, () => []);
  #count = 0;

  after(delayMs: number, run: () => void): void {
    const delay = Math.max(1, Math.min(8191, Math.round(delayMs)));
    this.#slots[(this.now + delay) & 8191]!.push(run);
    this.#count++;
  }

  /** Runs for so long, or until `until` holds. */
  run(ms: number, until: () => boolean = () => false): void {
    const end = this.now + ms;
    while (this.now < end && !until()) {
      this.now++;
      const due = this.#slots[this.now & 8191]!;
      if (due.length === 0) continue;
      this.#slots[this.now & 8191] = [];
      this.#count -= due.length;
      for (const run of due) run();
    }
  }
}

export class SimDht {
  readonly nodes: SimNode[] = [];
  readonly dice: Prng;
  datagrams = 0;
  /** Sees every datagram. */
  watch: ((bytes: Uint8Array) => void) | null = null;
  readonly #wheel = new Wheel();
  readonly #byAddress = new Map<string, SimNode>();
  readonly #options: Required<SimDhtOptions>;
  readonly #crc32c: Crc32c;

  private constructor(options: SimDhtOptions, crc32c: Crc32c) {
    this.#options = {
      seed: "dht",
      loss: 0.01,
      latency: [10, 120],
      lying: 0,
      both: false,
      node: {},
      ...options,
    };
    this.#crc32c = crc32c;
    this.dice = new Prng(this.#options.seed);
    for (let index = 0; index < this.#options.nodes; index++) this.addNode();
  }

  static async create(options: SimDhtOptions): Promise<SimDht> {
    return new SimDht(options, await createCrc32c());
  }

  get now(): number {
    return this.#wheel.now;
  }

  get honest(): SimNode[] {
    return this.nodes.filter((one) => one.alive && one.liar === null);
  }

  /** Each has an address in a network of its own, and an id that BEP 42 allows there. */
  addNode(
    options: Partial<DhtNodeOptions> = {},
    onAddress: (address: string) => void = () => {},
  ): SimNode {
    const index = this.nodes.length;
    const address = `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.${
      1 + this.dice.below(250)
    }`;
    const at = { address, port: 1024 + this.dice.below(60_000) };
    const at6 = { address: `2001:db8:${(index + 1).toString(16)}::1`, port: at.port };
    const random = new HandRandom(`${this.#options.seed} ${index}`);
    const liar = this.dice.chance(this.#options.lying) ? new Liar(random.dice, this.nodes) : null;
    const node = new DhtNode({
      random,
      hasher,
      ed25519,
      crc32c: this.#crc32c,
      send: (bytes, to) => this.#send(index, bytes, to),
      onAddress,
    }, {
      client: CLIENT,
      families: this.#options.both ? [4, 6] : [4],
      state: { ids: { 4: generateId(this.#crc32c, address, random), 6: null }, nodes: [] },
      // A guard of full size would take 650 KB for each node.
      limits: { flood: { buckets: 64, perSecond: 1e4, burst: 1e5, surplusPerSecond: 1e8 } },
      ...this.#options.node,
      ...options,
    }, this.now);
    const one: SimNode = { index, at, at6, node, liar, alive: true, ticking: false };
    this.nodes.push(one);
    for (const { address, port } of [at, at6]) this.#byAddress.set(`${address} ${port}`, one);
    return one;
  }

  /**
   * Every node joins by one that is there already, `atOnce` at a time, the way real ones do; then
   * the network lives on for `settleMs`.
   */
  joinAll(atOnce: number, settleMs: number): void {
    for (let from = 1; from < this.nodes.length; from += atOnce) {
      for (const one of this.nodes.slice(from, from + atOnce)) {
        one.node.addBootstrap(this.nodes[this.dice.below(from)]!.at);
        this.wake(one);
      }
      this.#wheel.run(TICK_MS);
    }
    this.tickAll(settleMs, 1000);
  }

  /** Lets all nodes do their upkeep for a while, with a tick every `everyMs`. */
  tickAll(ms: number, everyMs: number): void {
    for (let passed = 0; passed < ms; passed += everyMs) {
      for (const one of this.nodes) this.wake(one);
      this.#wheel.run(everyMs);
    }
  }

  run(ms: number, until?: () => boolean): void {
    this.#wheel.run(ms, until);
  }

  kill(share: number): number {
    const victims = this.dice.shuffle([...this.nodes]).slice(
      0,
      Math.floor(share * this.nodes.length),
    );
    for (const one of victims) one.alive = false;
    return victims.length;
  }

  announce(by: SimNode, infoHash: Uint8Array): Promise<PeersResult> {
    return new Promise((resolve) => {
      const handlers = { onPeers() {}, onDone: resolve };
      by.node.announce(infoHash, { port: by.at.port }, handlers, this.now);
      this.wake(by);
    });
  }

  /** What a search finds, in virtual time. */
  find(
    by: SimNode,
    infoHash: Uint8Array,
  ): { peers: PeerAddress[]; result: PeersResult; ms: number } {
    const peers: PeerAddress[] = [], since = this.now;
    let result: PeersResult | null = null;
    by.node.getPeers(infoHash, {
      onPeers: (some) => peers.push(...some),
      onDone: (all) => result = all,
    }, this.now);
    this.wake(by);
    this.run(60_000, () => result !== null);
    if (result === null) throw new Error("A search does not end");
    return { peers, result, ms: this.now - since };
  }

  /** Ticks a node now and as long as it waits for something. */
  wake(one: SimNode): void {
    if (one.ticking || !one.alive) return;
    one.node.tick(this.now);
    if (!one.node.busy) return;
    one.ticking = true;
    this.#wheel.after(TICK_MS, () => {
      one.ticking = false;
      this.wake(one);
    });
  }

  #send(from: number, bytes: Uint8Array, to: PeerAddress): void {
    this.datagrams++;
    this.watch?.(bytes);
    const sender = this.nodes[from]!;
    const [least, most] = this.#options.latency;
    if (!sender.alive || this.dice.chance(this.#options.loss)) return;
    const target = this.#byAddress.get(`${to.address} ${to.port}`);
    if (target === undefined) return;
    const source = to.address.includes(":") ? sender.at6 : sender.at;
    this.#wheel.after(least + this.dice.below(most - least), () => {
      if (!target.alive) return;
      const lie = target.liar?.answerTo(bytes) ?? null;
      if (lie !== null) this.#send(target.index, lie, source);
      else target.node.receive(bytes, source, this.now);
    });
  }
}
