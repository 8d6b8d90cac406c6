/**
 * Announces one torrent to its trackers for as long as the torrent runs, and passes on the peers of
 * the answers. It decides nothing itself: the policy knows which tracker to ask and when, a link
 * knows how.
 */
import type { Clock, DatagramNet, Http, Random, Timer } from "../platform/types.ts";
import {
  isLoopback,
  isPrivateOrLocal,
  isUsablePeer,
  type PeerAddress,
} from "../util/compact_address.ts";
import { type AnnounceEvent, displayText, type NamedPeer } from "./tracker_message.ts";
import { parseTrackerUrl, type TrackerUrl } from "./tracker_url.ts";
import type { TrackerError } from "../util/errors.ts";
import { AnnouncePolicy } from "./announce_policy.ts";
import { resolveHost } from "./resolve_host.ts";
import { asTrackerError } from "./tracker_errors.ts";
import { type LinkAnswer, TrackerLink } from "./tracker_link.ts";
import { UdpAnnouncer } from "./udp_announcer.ts";

export interface TrackerPorts {
  clock: Clock;
  random: Random;
  http: Pick<Http, "request">;
  datagrams: DatagramNet;
  lookup(host: string): Promise<string[]>;
  /** One for all torrents of a client; without it the manager opens its own sockets. */
  udp?: UdpAnnouncer;
  /** The user vouches for all trackers: see `TrackerUrl.trusted`. */
  anyUrl?: boolean;
}

export interface TrackedTorrent {
  /** 20 bytes each. */
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  /** Private torrents ask one tracker at a time (BEP 27). */
  readonly private?: boolean;
  /** Each tier is an independent tracker, as in a magnet link. */
  readonly independentTiers?: boolean;
  /** Lets a tracker know us again when our address changes (BEP 7): 32 bits. */
  readonly key: number;
  /** Where we listen; 0 or less if we do not. */
  listenPort(): number;
  /** Payload bytes. */
  totals(): { uploaded: number; downloaded: number; left: number };
  /** How many peers to ask for; 0 if there is no room for them. */
  numWant(): number;
  /** The torrent is stuck without peers, as a download is. */
  needsPeers(): boolean;
  /** All wanted files are complete, but not all files (BEP 21). */
  isPartialSeed(): boolean;
}

/** The outcome of one announce. */
export interface AnnounceOutcome {
  /** The tracker's announce URL. */
  url: string;
  /** Whether the tracker answered. */
  ok: boolean;
  /** The tracker's failure or warning text, or what went wrong; safe to show. */
  message: string | null;
  /** Number of peers in the answer. */
  peers: number;
  /** Seeds that the tracker knows; null if it does not say. */
  seeders: number | null;
  /** The same for downloads. */
  leechers: number | null;
}

export interface TrackerEvents {
  onPeers(peers: PeerAddress[], url: string): void;
  onAnnounce(outcome: AnnounceOutcome): void;
  /** Our own address as a tracker sees it: one vote, not a fact (BEP 24). */
  onExternalAddress?(address: string, url: string): void;
}

/** One tracker of a torrent. */
export interface TrackerStatus {
  /** The announce URL. */
  url: string;
  /** Its tier, from 0 (BEP 12). */
  tier: number;
  /** disabled: it is never asked; `message` says why. */
  state: "waiting" | "announcing" | "working" | "failing" | "disabled";
  /** The tracker's own failure or warning text, or ours about the connection; safe to show. */
  message: string | null;
  /** Seeds that the tracker knows; null if it does not say. */
  seeders: number | null;
  /** The same for downloads. */
  leechers: number | null;
  /** Milliseconds; null while none is planned. */
  nextAnnounceInMs: number | null;
  /** The last announce in this run: how it went, and how many peers it brought; null before. */
  last: { agoMs: number; ok: boolean; peers: number } | null;
}

const HTTP_TIMEOUT_MS = 30_000;
/** About as long (`UdpAnnouncer`). */
const UDP_TRIES = 4;
const MAX_TRACKERS = 100;
const MAX_NAMED_PEERS = 10;
/** Timers of the runtimes overflow at 2^31 ms, and a tracker may ask for longer waits. */
const MAX_TIMER_MS = 3_600_000;
/**
 * Share of the time for stopping after which "stopped" is sent even if "completed" is unanswered.
 */
const COMPLETED_SHARE = 0.6;

/** A tracker and what its last announce brought. */
interface Tracked {
  readonly scheme: TrackerUrl["scheme"];
  readonly host: string;
  readonly link: TrackerLink;
  message: string | null;
  seeders: number | null;
  leechers: number | null;
  /** `at` by the clock. */
  last: { readonly at: number; readonly ok: boolean; readonly peers: number } | null;
  /** Ends the announce under way. */
  abort: AbortController;
  /** Resolves when the latest announce has ended. */
  done: Promise<void>;
  /** The event of the announce under way; undefined without one. */
  saying: AnnounceEvent | undefined;
}

export class TrackerManager {
  readonly #ports: TrackerPorts;
  readonly #torrent: TrackedTorrent;
  readonly #events: TrackerEvents;
  readonly #udp: UdpAnnouncer;
  readonly #policy: AnnouncePolicy<Tracked>;
  /** Trackers that are never asked, with the reason. */
  readonly #refused: TrackerStatus[] = [];
  /** Aborts the farewells. */
  readonly #farewells = new AbortController();
  #timer: Timer | null = null;
  #started = false;
  #stopping: Promise<void> | null = null;

  constructor(
    ports: TrackerPorts,
    torrent: TrackedTorrent,
    tiers: readonly (readonly string[])[],
    events: TrackerEvents,
  ) {
    this.#ports = ports;
    this.#torrent = torrent;
    this.#events = events;
    this.#udp = ports.udp ?? new UdpAnnouncer(ports);
    const tracked = this.#readTiers(tiers);
    this.#policy = new AnnouncePolicy(tracked, ports.random, {
      oneAtATime: torrent.private ?? false,
      independentTiers: torrent.independentTiers ?? false,
    });
  }

  /** Whether there are trackers and none of them answers. */
  get failing(): boolean {
    const now = this.#now();
    const { length } = this.#policy.view(now);
    return length === 0 ? this.#refused.length > 0 : this.#policy.failing(now);
  }

  /** Announces to these trackers from now on; removed ones are sent "stopped". */
  setTiers(tiers: readonly (readonly string[])[]): void {
    const before = new Map(
      this.#policy.view(this.#now()).map(({ tracker }) => {
        return [tracker.link.url.text, tracker];
      }),
    );
    this.#refused.length = 0;
    const tracked = this.#readTiers(tiers, before);
    const awaiting = this.#policy.setTiers(tracked), kept = new Set(tracked.flat());
    for (const tracker of before.values()) if (!kept.has(tracker)) tracker.abort.abort();
    for (const tracker of awaiting) void this.#tell(tracker, "stopped", this.#farewells.signal);
    this.#pump();
  }

  /** Trackers that refused `earlier` are not asked before the time that they demanded. */
  heed(earlier: TrackerManager): void {
    const now = this.#now(), demands = new Map<string, number>();
    for (const { tracker, allowedAt } of earlier.#policy.view(now)) {
      if (allowedAt < Infinity) demands.set(tracker.link.url.text, allowedAt);
    }
    for (const { tracker } of this.#policy.view(now)) {
      this.#policy.postpone(tracker, demands.get(tracker.link.url.text) ?? -Infinity);
    }
  }

  start(): void {
    this.#started = true;
    this.#pump();
  }

  /** The torrent turned out to be private: trackers are asked one at a time (BEP 27). */
  askOneAtATime(): void {
    this.#policy.askOneAtATime();
  }

  /** The download is complete. */
  completed(): void {
    this.#policy.completed(this.#now());
    this.#pump();
  }

  /** Peers are badly needed: announces as soon as the trackers' min interval allows. */
  announceNow(): void {
    this.#policy.hurry();
    this.#pump();
  }

  /** The machine slept, or the network is back: retries all trackers as far as they allow. */
  startOver(): void {
    this.#policy.forgive();
    this.#pump();
  }

  /** Ends all announcing and sends "stopped", waiting at most `timeoutMs` for the answers. */
  stop(timeoutMs: number): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  /** In the order in which they are asked; refused ones last. */
  snapshot(): TrackerStatus[] {
    const now = this.#now();
    const statuses = this.#policy.view(now).map(({ tracker, tier, state, nextAt }) => ({
      url: tracker.link.url.text,
      tier,
      state,
      message: tracker.message,
      seeders: tracker.seeders,
      leechers: tracker.leechers,
      nextAnnounceInMs: nextAt === null || !this.#started ? null : nextAt - now,
      last: lastOf(tracker, now),
    }));
    return [...statuses, ...this.#refused];
  }

  #readTiers(
    tiers: readonly (readonly string[])[],
    known: ReadonlyMap<string, Tracked> = new Map(),
  ): Tracked[][] {
    const seen = new Set<string>();
    return tiers.map((urls, tier) =>
      urls.flatMap((text) => {
        if (seen.size >= MAX_TRACKERS || seen.has(text)) return [];
        seen.add(text);
        try {
          const url = parseTrackerUrl(text, this.#ports.anyUrl);
          if (url.text !== text && seen.has(url.text)) return [];
          seen.add(url.text);
          const link = () => new TrackerLink(url, { ...this.#ports, udp: this.#udp });
          return [known.get(url.text) ?? newTracked(url, link())];
        } catch (error) {
          this.#refused.push(refusedStatus(text, tier, asTrackerError(error)));
          return [];
        }
      })
    );
  }

  /** Sends what the policy wants sent now, and sets the timer for the next announce. */
  #pump(): void {
    if (!this.#started || this.#stopping !== null) return;
    const now = this.#now();
    for (const { tracker, event } of this.#policy.tick(now)) {
      tracker.done = this.#announce(tracker, event);
    }
    this.#timer?.cancel();
    const wait = this.#policy.nextDeadline(now) - now;
    this.#timer = wait === Infinity
      ? null
      : this.#ports.clock.after(Math.min(Math.max(wait, 0), MAX_TIMER_MS), () => this.#pump());
  }

  /**
   * The first address family to answer decides for the policy. Later answers only add peers, and
   * perhaps a longer wait.
   */
  async #announce(tracked: Tracked, event: AnnounceEvent): Promise<void> {
    tracked.abort.abort();
    tracked.abort = new AbortController();
    const { signal } = tracked.abort;
    tracked.saying = event;
    const wanted = this.#torrent.numWant();
    const needsPeers = wanted > 0 && this.#torrent.needsPeers();
    let answered = false, demandedMs = 0;
    const onDemand = (waitMs: number) => {
      demandedMs = Math.max(demandedMs, waitMs);
      if (answered && !signal.aborted) this.#policy.demand(tracked, this.#now(), demandedMs);
    };
    const onAnswer = (answer: LinkAnswer) => {
      if (signal.aborted) return;
      this.#deliverPeers(tracked, answer, signal);
      if (signal.aborted) return;
      const { minInterval, interval } = answer.response;
      if (answered) return onDemand((minInterval ?? interval ?? 0) * 1000);
      answered = true;
      this.#answered(tracked, answer, needsPeers, demandedMs);
    };
    try {
      const said = event ?? (this.#torrent.isPartialSeed() ? "paused" : null);
      const options = { ...this.#options(signal), onDemand };
      await tracked.link.announce(said, this.#request(wanted), options, onAnswer);
    } catch (error) {
      const problem = asTrackerError(error);
      if (!signal.aborted) this.#failed(tracked, problem, demandedMs);
    } finally {
      if (tracked.abort.signal === signal) tracked.saying = undefined;
    }
  }

  #answered(
    tracked: Tracked,
    { response }: LinkAnswer,
    needsPeers: boolean,
    demandedMs: number,
  ): void {
    const peers = response.peers.length + response.namedPeers.length;
    const { interval, minInterval } = response;
    this.#policy.answered(tracked, this.#now(), { interval, minInterval, peers }, needsPeers);
    if (demandedMs > 0) this.#policy.demand(tracked, this.#now(), demandedMs);
    tracked.message = response.warning;
    tracked.seeders = response.seeders;
    tracked.leechers = response.leechers;
    this.#report(tracked, true, peers);
  }

  #failed(tracked: Tracked, error: TrackerError, demandedMs: number): void {
    // Trackers that our own rules refuse today are refused tomorrow.
    const retryInMs = error.code === "refused-url" ? Infinity : error.retryInMs ?? 0;
    this.#policy.failed(tracked, this.#now(), Math.max(retryInMs, demandedMs));
    tracked.message = displayText(error.message);
    this.#report(tracked, false, 0);
  }

  #report(tracked: Tracked, ok: boolean, peers: number): void {
    const { message, seeders, leechers } = tracked;
    tracked.last = { at: this.#now(), ok, peers };
    this.#events.onAnnounce({ url: tracked.link.url.text, ok, message, peers, seeders, leechers });
    this.#pump();
  }

  #deliverPeers(tracked: Tracked, { response, address }: LinkAnswer, signal: AbortSignal): void {
    const url = tracked.link.url.text;
    if (response.externalAddress !== null) {
      this.#events.onExternalAddress?.(response.externalAddress, url);
    }
    // A tracker on the internet that names this machine wants us to attack ourselves.
    const trusted = isPrivateOrLocal(address);
    const usable = (peer: PeerAddress) =>
      isUsablePeer(peer) && (trusted || !isLoopback(peer.address));
    const peers = response.peers.filter(usable);
    if (peers.length > 0) this.#events.onPeers(peers, url);
    for (const named of response.namedPeers.slice(0, MAX_NAMED_PEERS)) {
      this.#resolvePeer(named, signal).then((found) => {
        const resolved = found.filter(usable);
        if (resolved.length > 0 && !signal.aborted) this.#events.onPeers(resolved, url);
      });
    }
  }

  /** No peers if the name cannot be found. */
  async #resolvePeer({ host, port }: NamedPeer, signal: AbortSignal): Promise<PeerAddress[]> {
    try {
      const found = await resolveHost(this.#ports, host, signal);
      return [...found[4], ...found[6]].map((address) => ({ address, port }));
    } catch (error) {
      asTrackerError(error);
      return [];
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#timer?.cancel();
    const informed = this.#policy.stop();
    const owed = new Set(
      informed.filter((tracker) => this.#policy.owesCompleted(tracker, this.#now())),
    );
    for (const { tracker } of this.#policy.view(this.#now())) {
      if (!owed.has(tracker)) tracker.abort.abort();
    }
    const { clock } = this.#ports, abort = this.#farewells;
    const patience = clock.after(timeoutMs * COMPLETED_SHARE, () => {
      for (const tracker of owed) tracker.abort.abort();
    });
    const farewells = Promise.all(informed.map(async (tracker) => {
      if (owed.has(tracker)) await this.#tellCompleted(tracker);
      await this.#tell(tracker, "stopped", abort.signal);
    }));
    await new Promise<void>((resolve, reject) => {
      const timer = clock.after(timeoutMs, () => {
        abort.abort();
        resolve();
      });
      farewells.then(() => resolve(), reject).finally(() => timer.cancel());
    });
    patience.cancel();
    if (this.#ports.udp === undefined) this.#udp.close();
  }

  /** The running announce ends first: it is this event already, or the "started" before it. */
  async #tellCompleted(tracked: Tracked): Promise<void> {
    const isTold = tracked.saying === "completed";
    await tracked.done;
    if (isTold || !this.#policy.owesCompleted(tracked, this.#now())) return;
    if (tracked.abort.signal.aborted) return;
    await this.#tell(tracked, "completed", tracked.abort.signal);
  }

  /** The answer no longer matters; without it, the tracker notices our silence. */
  async #tell(
    { link }: Tracked,
    event: "completed" | "stopped",
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await link.announce(event, this.#request(0), this.#options(signal), () => {});
    } catch (error) {
      asTrackerError(error);
    }
  }

  #request(numWant: number) {
    const { infoHash, peerId, key } = this.#torrent;
    const port = this.#torrent.listenPort();
    return {
      infoHash,
      peerId,
      ...this.#torrent.totals(),
      // Some trackers refuse 0, and other clients know that 1 stands for nobody listening.
      port: port > 0 ? port : 1,
      numWant,
      key,
    };
  }

  #options(signal: AbortSignal) {
    return { udpTries: UDP_TRIES, httpTimeoutMs: HTTP_TIMEOUT_MS, signal };
  }

  #now(): number {
    return this.#ports.clock.now();
  }
}

function newTracked(url: TrackerUrl, link: TrackerLink): Tracked {
  return {
    scheme: url.scheme,
    host: url.host,
    link,
    message: null,
    seeders: null,
    leechers: null,
    last: null,
    abort: new AbortController(),
    done: Promise.resolve(),
    saying: undefined,
  };
}

function refusedStatus(text: string, tier: number, error: TrackerError): TrackerStatus {
  return {
    url: displayText(text),
    tier,
    state: "disabled",
    message: error.message,
    seeders: null,
    leechers: null,
    nextAnnounceInMs: null,
    last: null,
  };
}

function lastOf({ last }: Tracked, now: number): TrackerStatus["last"] {
  return last === null ? null : { agoMs: now - last.at, ok: last.ok, peers: last.peers };
}
