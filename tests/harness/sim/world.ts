/**
 * A simulated world: many nodes, one virtual clock, one seed. The same seed and the same code
 * produce the same events in the same order on every runtime.
 */
import { Prng } from "../prng.ts";
import { SimDisk } from "./disk.ts";
import { EventLog } from "./event_log.ts";
import { SimHost } from "./host.ts";
import { linkWith } from "./link.ts";
import { Network } from "./network.ts";
import { type NodeOptions, SimNode } from "./sim_node.ts";
import { Timeline } from "./timeline.ts";

export interface WorldOptions {
  /** Events happen at whole multiples of this. Default 1. */
  resolutionMs?: number;
}

const DEFAULT_LIMIT_MS = 3_600_000;

export class SimWorld {
  readonly seed: number | string;
  /** For the test's own choices. */
  readonly dice: Prng;
  readonly #timeline: Timeline;
  readonly #log = new EventLog();
  readonly #network: Network;
  readonly #names = new Map<string, readonly string[]>();
  #nodeCount = 0;

  constructor(seed: number | string, options: WorldOptions = {}) {
    this.seed = seed;
    this.dice = new Prng(seed);
    this.#timeline = new Timeline(options.resolutionMs ?? 1);
    this.#network = new Network(this.#timeline, this.#log);
  }

  /** Virtual milliseconds since the world began. */
  get now(): number {
    return this.#timeline.now;
  }

  /** A new machine at an IP address. After a `kill()` the address can be given again. */
  node(address: string, options: NodeOptions = {}): SimNode {
    const dice = this.dice.fork(`node ${this.#nodeCount++} ${address}`);
    const disk = options.disk ?? new SimDisk(dice.fork("disk"), this.#log);
    const addresses = [address, ...options.also ?? []];
    const link = linkWith(options.link ?? {});
    const host = new SimHost(addresses, link, dice.fork("link"), this.#timeline);
    this.#network.add(host);
    return new SimNode(host, this.#network, disk, dice.fork("own"), this.#names, options);
  }

  /** Lets every node look `host` up. */
  name(host: string, ...addresses: string[]): void {
    this.#names.set(host, addresses);
  }

  /** Connections to the address fail at once; without it a missing host just never answers. */
  unreachable(address: string): void {
    this.#network.setUnreachable(address);
  }

  /** Blocks traffic between two nodes until `heal`: connections stall, they do not break. */
  partition(a: SimNode, b: SimNode): void {
    this.#log.fault("partition");
    this.#network.cut(a.host, b.host);
  }

  heal(a: SimNode, b: SimNode): void {
    this.#network.heal(a.host, b.host);
  }

  /** An action of the test at a moment of virtual time. */
  at(timeMs: number, fn: () => void): void {
    this.#timeline.at(timeMs, fn);
  }

  /**
   * Advances time until `until()` holds, or until a moment of virtual time in ms. Throws if no
   * event is left, or after `limitMs` more of virtual time (default an hour).
   */
  async run(until: number | (() => boolean), limitMs: number = DEFAULT_LIMIT_MS): Promise<void> {
    try {
      await this.#timeline.run(until, limitMs);
    } catch (error) {
      if (error instanceof Error) error.message += ` (seed ${this.seed}, at ${this.now} ms)`;
      throw error;
    }
  }

  async runFor(ms: number): Promise<void> {
    await this.run(this.now + ms);
  }

  /** Runs until the promise settles, and returns its result. */
  async wait<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.run(() => settled, limitMs);
    return await promise;
  }

  /** Adds a line to the log, with the time. */
  log(line: string): void {
    this.#log.add(`${this.now} ${line}`);
  }

  /** Of all events so far: equal for two runs of one seed. */
  logHash(): string {
    return this.#log.digest();
  }

  /** The last 2000 lines at least, oldest first. */
  logLines(): readonly string[] {
    return this.#log.recent();
  }

  /** How often an injected fault happened; see link.ts and disk.ts for the names. */
  faults(name: string): number {
    return this.#log.faults(name);
  }

  allFaults(): ReadonlyMap<string, number> {
    return this.#log.allFaults();
  }
}
