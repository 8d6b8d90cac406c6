/**
 * The rate limits of one torrent: its own, those of the whole client above it, and those of each
 * peer below it. All may change while it runs.
 */
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import type { RequestAllowance } from "./peer/request_window.ts";
import { HEAVY, LIGHT, Throttle, ThrottleChain } from "../util/throttle.ts";

/** The longest that a block may take because of a limit. */
const BLOCK_MS = 50_000;
/** A peer that is unchoked gets a block at least this often. */
const UP_BLOCK_MS = 10_000;

/** Bytes a second; Infinity for no limit. */
export interface Rates {
  /** Download, in bytes a second. */
  down: number;
  /** Upload, in bytes a second. */
  up: number;
}

/**
 * The share of a download limit for useless bytes, which would otherwise slow the download down.
 */
const WASTE_PART = 1 / 16;

export interface ThrottlePair {
  readonly down: Throttle;
  readonly up: Throttle;
  /** For useless incoming bytes. */
  readonly waste: Throttle;
}

export function newThrottles(): ThrottlePair {
  return { down: new Throttle(), up: new Throttle(), waste: new Throttle() };
}

export function setRates(pair: ThrottlePair, { down, up }: Rates, now: number): void {
  if (pair.down.limit !== down) {
    pair.down.setLimit(down, now);
    pair.waste.setLimit(down * WASTE_PART, now);
  }
  if (pair.up.limit !== up) pair.up.setLimit(up, now);
}

/** Resumes waiting links. */
export function serveAll({ down, up, waste }: ThrottlePair, now: number): void {
  down.serve(now);
  up.serve(now);
  waste.serve(now);
}

/** The limits of one link. */
export interface LinkLimits {
  readonly down: ThrottleChain;
  readonly up: ThrottleChain;
  readonly waste: ThrottleChain;
  readonly own: ThrottlePair;
}

export class RateLimits implements RequestAllowance {
  readonly #client: ThrottlePair;
  /** Those that it shares with other torrents: of its labels, and at last of the client. */
  #shared: readonly ThrottlePair[];
  readonly #torrent = newThrottles();
  /** Null until the first link: an idle torrent has none. */
  #links: Set<LinkLimits> | null = null;
  #perPeer: Rates = { down: Infinity, up: Infinity };
  #weight = 1;
  /** Bytes that this torrent has requested. */
  #promised = 0;

  constructor(client: ThrottlePair) {
    this.#client = client;
    this.#shared = [client];
  }

  /** The limits that some torrents have in common, below those of the client. */
  shareWith(pairs: readonly ThrottlePair[]): void {
    this.#uncounted(() => this.#shared = [...pairs, this.#client]);
    for (const { down, up, waste, own } of this.#links ?? []) {
      const chains = this.#chains(own);
      down.throttles = chains.down;
      up.throttles = chains.up;
      waste.throttles = chains.waste;
    }
  }

  /** -1, 0 or 1: how much it gets of a limit that it shares. */
  setPriority(priority: number): void {
    this.#uncounted(() => this.#weight = priority > 0 ? HEAVY : priority < 0 ? LIGHT : 1);
    for (const limits of this.#links ?? []) this.#weighLink(limits);
  }

  /** Changes what the flows of this torrent count by, while they count nowhere. */
  #uncounted(change: () => void): void {
    const giving = this.#torrent.down.flows, wanting = this.#torrent.up.flows;
    this.shareDown(0);
    this.carriedUp(0);
    this.#countHeavy(-this.#linkCount);
    change();
    this.#countHeavy(this.#linkCount);
    this.shareDown(giving);
    this.carriedUp(wanting);
  }

  get #linkCount(): number {
    return this.#links?.size ?? 0;
  }

  /** Links that come, or go where it is less than 0. */
  #countHeavy(links: number): void {
    if (this.#weight <= 1) return;
    for (const { down, up } of this.#shared) {
      down.heavy += links;
      up.heavy += links;
    }
  }

  #weighLink({ down, up }: LinkLimits): void {
    down.weight = up.weight = this.#weight;
  }

  get torrent(): Rates {
    return { down: this.#torrent.down.limit, up: this.#torrent.up.limit };
  }

  get perPeer(): Rates {
    return this.#perPeer;
  }

  /** Whether any limit is set, so that a link may be waiting. */
  get limited(): boolean {
    return this.#shared.some(isLimited) || isLimited(this.#torrent) ||
      this.#perPeer.down !== Infinity || this.#perPeer.up !== Infinity;
  }

  /** Whether downloading or uploading waits for a limit right now. */
  get holdsBack(): boolean {
    const isWaiting = ({ down }: ThrottlePair) => down.waiting > 0;
    if (this.#shared.some(isWaiting) || isWaiting(this.#torrent)) return true;
    return [...this.#links ?? []].some(({ own }) => isWaiting(own));
  }

  /**
   * With this many uploading peers of this torrent: the share of each, in bytes a second, and how
   * many of them a limit can serve. A block should arrive within `BLOCK_MS`, since a seed takes its
   * slot back from a peer that requests nothing for a minute.
   */
  shareDown(giving: number): { rate: number; carried: number } {
    const even = this.#evenShare("down", giving);
    const carried = Math.floor(Math.max(1, giving) * even * BLOCK_MS / 1000 / BLOCK_LENGTH);
    return { rate: Math.min(this.#perPeer.down, even), carried: Math.max(1, carried) };
  }

  /** With this many interested peers of this torrent: how many of them the limits can serve. */
  carriedUp(wanting: number): number {
    const even = this.#evenShare("up", wanting);
    return Math.floor(Math.max(1, wanting) * even * UP_BLOCK_MS / 1000 / BLOCK_LENGTH);
  }

  /** Counts the flows of this torrent, and tells the share of each under the tightest limit. */
  #evenShare(way: "down" | "up", flows: number): number {
    const torrent = this.#torrent[way], weight = this.#weight;
    const more = (flows - torrent.flows) * weight;
    torrent.flows = flows;
    let even = torrent.shareOf(1);
    for (const pair of this.#shared) {
      pair[way].flows += more;
      even = Math.min(even, pair[way].shareOf(weight));
    }
    return even;
  }

  /** Null without a download quota; else its rest, which requests reserve. */
  get allowance(): RequestAllowance | null {
    return this.#client.down.unpromised === Infinity ? null : this;
  }

  get blocks(): number {
    return Math.max(0, Math.ceil(this.#client.down.unpromised / BLOCK_LENGTH));
  }

  promise(bytes: number): void {
    this.#promised += bytes;
    this.#client.down.promised += bytes;
  }

  /** A few times a second: the number of outstanding blocks. */
  settlePromises(blocks: number): void {
    this.promise(blocks * BLOCK_LENGTH - this.#promised);
  }

  setTorrent(rates: Rates, now: number): void {
    setRates(this.#torrent, rates, now);
  }

  setPerPeer(rates: Rates, now: number): void {
    this.#perPeer = rates;
    for (const { own } of this.#links ?? []) setRates(own, rates, now);
  }

  join(now: number): LinkLimits {
    const own = newThrottles();
    setRates(own, this.#perPeer, now);
    const { down, up, waste } = this.#chains(own);
    const limits: LinkLimits = {
      down: new ThrottleChain(down),
      waste: new ThrottleChain(waste),
      up: new ThrottleChain(up),
      own,
    };
    this.#weighLink(limits);
    (this.#links ??= new Set()).add(limits);
    this.#countHeavy(1);
    return limits;
  }

  #chains(own: ThrottlePair): Record<"down" | "up" | "waste", Throttle[]> {
    const pairs = [this.#torrent, ...this.#shared];
    const down = [own, ...pairs].map((pair) => pair.down);
    return {
      down,
      waste: [...pairs.map((pair) => pair.waste), ...down],
      up: [own, ...pairs].map((pair) => pair.up),
    };
  }

  leave(limits: LinkLimits): void {
    if (this.#links?.delete(limits)) this.#countHeavy(-1);
    if (this.#linkCount > 0) return;
    this.#links = null;
    this.shareDown(0);
    this.settlePromises(0);
    this.carriedUp(0);
  }

  /** Resumes waiting links; the client serves the limits that torrents share. */
  serve(now: number): void {
    serveAll(this.#torrent, now);
    for (const { own } of this.#links ?? []) serveAll(own, now);
  }
}

function isLimited({ down, up }: ThrottlePair): boolean {
  return down.limited || up.limited;
}
