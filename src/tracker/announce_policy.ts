/**
 * Decides which tracker of one torrent is announced to, when, and with which event: the rules of
 * BEP 12 (tiers) and BEP 3 (events), with libtorrent's back-off. A state machine without clock or
 * socket: every call takes the time in milliseconds, `tick` says what to send now.
 *
 * One rule decides which trackers are asked: walk them in order and stop at the first that works. A
 * tracker that fails, returns no peers while they are needed or answers slowly is passed over, and
 * the first such trouble lets all later tiers be asked in parallel. Tiers of different owners (a
 * magnet link lists unrelated trackers) are walked independently.
 */
import type { Random } from "../platform/types.ts";
import type { AnnounceEvent } from "./tracker_message.ts";

export interface PolicyTracker {
  readonly scheme: "http" | "https" | "udp";
  readonly host: string;
}

/** An announce to send now. */
export interface AnnounceOrder<T> {
  tracker: T;
  event: AnnounceEvent;
}

export interface AnnounceAnswer {
  /** Seconds, as the tracker said; null if it did not. */
  interval: number | null;
  minInterval: number | null;
  peers: number;
}

export interface TrackerView<T> {
  tracker: T;
  tier: number;
  state: "waiting" | "announcing" | "working" | "failing" | "disabled";
  /** Time of the next announce; null if the trackers before it suffice, or during an announce. */
  nextAt: number | null;
  /** The tracker demands no announce before this time; in the past if it did not refuse. */
  allowedAt: number;
}

export interface PolicyOptions {
  /** Never asks a second tracker before the first has failed (private torrents, BEP 27). */
  oneAtATime?: boolean;
  /** Each tier is asked independently of the others. No effect with `oneAtATime`. */
  independentTiers?: boolean;
}

const DEFAULT_INTERVAL_S = 1800;
const INTERVAL_S = { min: 60, max: 24 * 3600 };
const MIN_INTERVAL_S = { min: 5, max: 24 * 3600 };

/** After this long without an answer the next tracker is asked too. */
const PATIENCE_MS = 500;
/** The same for a tracker that answered the last time: its peers are known already. */
const KNOWN_PATIENCE_MS = 2_000;
/** The most simultaneous announces; those older than `SLOW_MS` are not counted. */
const MAX_AT_ONCE = 10;
const SLOW_MS = 4_000;
/** A tracker silent for this long counts as failing, though it is still tried. */
const SILENCE_MS = 15_000;
/** This few peers count as none: trackers often list ourselves. */
const FEW_PEERS = 1;

/** The value of a tier: a tracker that works, one that may still answer in time, or neither. */
type Comfort = "works" | "waits" | "none";

interface Entry<T> {
  readonly tracker: T;
  readonly scheme: string;
  readonly host: string;
  tier: number;
  disabled: boolean;
  /** When the running announce began. */
  since: number | null;
  event: AnnounceEvent;
  /** No announce before this time. */
  dueAt: number;
  /** The same, as demanded by a tracker that refused. */
  allowedAt: number;
  fails: number;
  /** The last announce was answered. */
  working: boolean;
  answeredAt: number;
  /** The interval that the tracker demands between two announces. */
  minIntervalMs: number;
  /** It was sent "started". */
  started: boolean;
  owesCompleted: boolean;
  /**
   * It returned too few peers: it is asked again as soon as it allows, and so are those behind it.
   */
  short: boolean;
  /** Consecutive announces that were sent early; each doubles the next wait. */
  hurries: number;
}

export class AnnouncePolicy<T extends PolicyTracker> {
  readonly #order: Entry<T>[] = [];
  readonly #random: Pick<Random, "uint32">;
  #oneAtATime = false;
  readonly #independent: boolean;
  #completed = false;
  #stopped = false;

  constructor(
    tiers: readonly (readonly T[])[],
    random: Pick<Random, "uint32">,
    options: PolicyOptions = {},
  ) {
    this.#oneAtATime = options.oneAtATime ?? false;
    this.#independent = options.independentTiers ?? false;
    this.#random = random;
    this.setTiers(tiers);
  }

  /**
   * Asks these trackers from now on; shuffles each tier (BEP 12). Returns the removed trackers that
   * must be sent "stopped".
   */
  setTiers(tiers: readonly (readonly T[])[]): T[] {
    const before = new Map(this.#order.map((entry) => [entry.tracker, entry]));
    this.#order.length = 0;
    tiers.forEach((trackers, tier) => {
      for (const tracker of shuffled(trackers, this.#random)) {
        this.#order.push({ ...before.get(tracker) ?? newEntry(tracker, tier), tier });
        before.delete(tracker);
      }
    });
    if (this.#independent) joinSameHost(this.#order);
    preferUdp(this.#order);
    return [...before.values()].filter(awaitsStopped).map((entry) => entry.tracker);
  }

  /** From now on no second tracker is asked before the first has failed (BEP 27). */
  askOneAtATime(): void {
    this.#oneAtATime = true;
  }

  /** The announces to send now. Each must be closed by `answered` or `failed`. */
  tick(now: number): AnnounceOrder<T>[] {
    const orders: AnnounceOrder<T>[] = [];
    if (this.#stopped) return orders;
    for (const entry of this.#order) {
      if (owesNow(entry) && isDue(entry, now)) orders.push(begin(entry, now));
    }
    for (const entry of this.#inReach(now)) {
      if (this.#freeAt(now) <= now && isDue(entry, now)) orders.push(begin(entry, now));
    }
    return orders;
  }

  /** When to call `tick` again; Infinity if only an answer can change anything. */
  nextDeadline(now: number): number {
    let at = Infinity;
    if (this.#stopped) return at;
    for (const entry of this.#order) {
      if (owesNow(entry) && entry.since === null) at = Math.min(at, entry.dueAt);
    }
    const free = this.#freeAt(now);
    for (const entry of this.#inReach(now)) {
      if (entry.since === null) at = Math.min(at, Math.max(entry.dueAt, free));
      else if (!this.#oneAtATime) {
        const end = patienceEnd(entry, entry.since);
        if (end > now) at = Math.min(at, end);
      }
    }
    return at;
  }

  /** `needsPeers`: the torrent is stuck without more of them. */
  answered(tracker: T, now: number, answer: AnnounceAnswer, needsPeers: boolean): void {
    const entry = this.#entry(tracker);
    const event = entry.event;
    entry.since = null;
    entry.fails = 0;
    entry.working = true;
    entry.started = true;
    entry.answeredAt = now;
    const interval = clampSeconds(answer.interval ?? DEFAULT_INTERVAL_S, INTERVAL_S);
    // A tracker that states only one interval wants that one respected.
    entry.minIntervalMs = answer.minInterval === null
      ? interval
      : clampSeconds(answer.minInterval, MIN_INTERVAL_S);
    entry.dueAt = now + Math.max(interval, entry.minIntervalMs);
    if (!entry.short) entry.hurries = 0;
    entry.short = false;
    if (answer.peers <= FEW_PEERS && needsPeers) shorten(entry);
    if (event === "completed") entry.owesCompleted = false;
    if (entry.owesCompleted) entry.dueAt = now;
    this.#promote(entry);
  }

  /** `retryInMs`: the wait that the tracker asked for; Infinity gives it up for good. */
  failed(tracker: T, now: number, retryInMs = 0): void {
    const entry = this.#entry(tracker);
    entry.since = null;
    entry.working = false;
    entry.fails++;
    entry.short = false;
    entry.disabled = retryInMs === Infinity;
    entry.allowedAt = now + retryInMs;
    entry.dueAt = Math.max(now + backoffMs(entry.fails), entry.allowedAt);
    // A tracker that never saw the start of a download need not hear of its end.
    if (!entry.started) entry.owesCompleted = false;
  }

  /** Another address of a tracker that answered demands this wait. */
  demand(tracker: T, now: number, waitMs: number): void {
    const entry = this.#entry(tracker);
    const minIntervalMs = Math.min(waitMs, MIN_INTERVAL_S.max * 1000);
    entry.minIntervalMs = Math.max(entry.minIntervalMs, minIntervalMs);
    entry.answeredAt = now;
    entry.dueAt = Math.max(entry.dueAt, now + minIntervalMs);
  }

  /** Does not ask a tracker before then, as it demanded earlier. */
  postpone(tracker: T, allowedAt: number): void {
    const entry = this.#entry(tracker);
    entry.allowedAt = Math.max(entry.allowedAt, allowedAt);
    entry.dueAt = Math.max(entry.dueAt, allowedAt);
  }

  /** Failed trackers may work again, as after the machine slept: forgets back-offs, not demands. */
  forgive(): void {
    for (const entry of this.#order) {
      if (entry.fails === 0) continue;
      entry.fails = 0;
      entry.dueAt = entry.allowedAt;
    }
    this.hurry();
  }

  /** Peers are badly needed: announces sooner, but never below a tracker's min interval. */
  hurry(): void {
    for (const entry of this.#order) {
      if (entry.working && entry.since === null) shorten(entry);
    }
  }

  /** The download is complete: every tracker that saw it start is told once. */
  completed(now: number): void {
    if (this.#completed) return;
    this.#completed = true;
    for (const entry of this.#order) {
      entry.owesCompleted = entry.started || entry.since !== null;
      if (entry.owesCompleted && entry.working && entry.since === null) entry.dueAt = now;
    }
  }

  /**
   * Ends everything; returns the trackers that saw "started", or may be seeing it right now, and
   * must be sent "stopped", after the "completed" that they may lack.
   */
  stop(): T[] {
    if (this.#stopped) return [];
    this.#stopped = true;
    return this.#order.filter(awaitsStopped).map((entry) => entry.tracker);
  }

  /** Whether a tracker that did not refuse still has to hear that the download is complete. */
  owesCompleted(tracker: T, now: number): boolean {
    const { owesCompleted, allowedAt } = this.#entry(tracker);
    return owesCompleted && allowedAt <= now;
  }

  /** Whether there are trackers and each of them has failed or stays silent. */
  failing(now: number): boolean {
    return this.#order.length > 0 && this.#order.every((entry) => {
      const silent = entry.since !== null && now - entry.since > SILENCE_MS;
      return entry.disabled || (!entry.working && (entry.fails > 0 || silent));
    });
  }

  /** All trackers in the current order of asking. */
  view(now: number): TrackerView<T>[] {
    const inReach = new Set(this.#stopped ? [] : this.#inReach(now));
    return this.#order.map((entry) => ({
      tracker: entry.tracker,
      tier: entry.tier,
      state: stateOf(entry),
      nextAt: entry.since === null && inReach.has(entry) ? Math.max(now, entry.dueAt) : null,
      allowedAt: entry.allowedAt,
    }));
  }

  /** Trackers in order, up to the one behind which all others stay in reserve. */
  *#inReach(now: number): Generator<Entry<T>> {
    let troubled = false;
    for (let at = 0; at < this.#order.length;) {
      const { tier } = this.#order[at]!;
      let comfort: Comfort = "none";
      for (; this.#order[at]?.tier === tier; at++) {
        const entry = this.#order[at]!;
        if (entry.disabled || comfort !== "none") continue;
        yield entry;
        comfort = this.#comfort(entry, now);
      }
      if (this.#isEnough(comfort, troubled)) return;
      troubled ||= comfort === "none";
    }
  }

  #comfort(entry: Entry<T>, now: number): Comfort {
    if (entry.since === null) {
      return entry.working && (this.#oneAtATime || !entry.short) ? "works" : "none";
    }
    return this.#oneAtATime || now < patienceEnd(entry, entry.since) ? "waits" : "none";
  }

  /** Whether the tiers behind one with this value stay in reserve. */
  #isEnough(comfort: Comfort, troubled: boolean): boolean {
    if (comfort === "none") return false;
    if (this.#oneAtATime) return true;
    return !this.#independent && (comfort === "works" || !troubled);
  }

  /** When another announce may begin; in the future only if too many are running. */
  #freeAt(now: number): number {
    let oldest = Infinity, count = 0;
    for (const { since } of this.#order) {
      if (since === null || now - since >= SLOW_MS) continue;
      oldest = Math.min(oldest, since);
      count++;
    }
    return count < MAX_AT_ONCE ? -Infinity : oldest + SLOW_MS;
  }

  #promote(entry: Entry<T>): void {
    this.#order.splice(this.#order.indexOf(entry), 1);
    const front = this.#order.findIndex((other) => other.tier >= entry.tier);
    this.#order.splice(front < 0 ? this.#order.length : front, 0, entry);
  }

  #entry(tracker: T): Entry<T> {
    return this.#order.find((entry) => entry.tracker === tracker)!;
  }
}

/** libtorrent's: 17, 55, 117 ... seconds, at most an hour. */
export function backoffMs(fails: number): number {
  return Math.min(3600, 5 + Math.floor(fails * fails * 5 * 2.5)) * 1000;
}

function newEntry<T extends PolicyTracker>(tracker: T, tier: number): Entry<T> {
  return {
    tracker,
    scheme: tracker.scheme,
    host: tracker.host,
    tier,
    disabled: false,
    since: null,
    event: null,
    dueAt: -Infinity,
    allowedAt: -Infinity,
    fails: 0,
    working: false,
    answeredAt: -Infinity,
    minIntervalMs: 0,
    started: false,
    owesCompleted: false,
    short: false,
    hurries: 0,
  };
}

function isDue(entry: Entry<unknown>, now: number): boolean {
  return !entry.disabled && entry.since === null && entry.dueAt <= now;
}

/** It saw "started", or may be seeing it right now. */
function awaitsStopped({ started, since, disabled }: Entry<unknown>): boolean {
  return (started || since !== null) && !disabled;
}

function begin<T>(entry: Entry<T>, now: number): AnnounceOrder<T> {
  entry.since = now;
  entry.event = !entry.started ? "started" : entry.owesCompleted ? "completed" : null;
  return { tracker: entry.tracker, event: entry.event };
}

/** An event that it would miss if we left now. */
function owesNow(entry: Entry<unknown>): boolean {
  return entry.owesCompleted && entry.working;
}

/** When an announce that began at `since` counts as slow. */
function patienceEnd({ working }: Entry<unknown>, since: number): number {
  return since + (working ? KNOWN_PATIENCE_MS : PATIENCE_MS);
}

function shorten(entry: Entry<unknown>): void {
  if (entry.short) return;
  entry.short = true;
  const wait = entry.minIntervalMs * 2 ** entry.hurries++;
  entry.dueAt = Math.min(entry.dueAt, entry.answeredAt + wait);
}

function stateOf(entry: Entry<unknown>): TrackerView<unknown>["state"] {
  if (entry.disabled) return "disabled";
  if (entry.since !== null) return "announcing";
  if (entry.working) return "working";
  return entry.fails > 0 ? "failing" : "waiting";
}

/** In milliseconds. */
function clampSeconds(said: number, bounds: { min: number; max: number }): number {
  return Math.min(Math.max(said, bounds.min), bounds.max) * 1000;
}

function shuffled<T>(items: readonly T[], random: Pick<Random, "uint32">): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const other = random.uint32() % (i + 1);
    [copy[i], copy[other]] = [copy[other]!, copy[i]!];
  }
  return copy;
}

/** A UDP tracker moves before an HTTP one of the same host: it costs less. */
function preferUdp(order: Entry<PolicyTracker>[]): void {
  for (const [j, udp] of order.entries()) {
    if (udp.scheme !== "udp") continue;
    const i = order.findIndex((other) => other.scheme !== "udp" && other.host === udp.host);
    if (i < 0 || i > j) continue;
    const http = order[i]!;
    [order[i], order[j]] = [udp, http];
    [udp.tier, http.tier] = [http.tier, udp.tier];
  }
}

/**
 * The same host by another protocol is the same tracker, whatever the tiers: it stays in reserve.
 */
function joinSameHost(order: Entry<PolicyTracker>[]): void {
  const hosts = new Map<string, { tier: number; schemes: Set<string> }>();
  for (const entry of order) {
    const { host, scheme, tier } = entry, first = hosts.get(host);
    if (first === undefined) hosts.set(host, { tier, schemes: new Set([scheme]) });
    else if (!first.schemes.has(scheme)) {
      first.schemes.add(scheme);
      entry.tier = first.tier;
    }
  }
  order.sort((a, b) => a.tier - b.tier);
}
