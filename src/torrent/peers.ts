/**
 * A torrent's peers for as long as the client has the torrent: one peer id, one list of peers, one
 * swarm, one set of trackers, with or without the metadata. What works on the files comes and goes
 * meanwhile, and is attached to it. Invariant: nobody is connected while it is not online.
 */
import type { Clock, Hasher, Random } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { SendBuffers } from "../swarm/peer/link.ts";
import type { PeerSession } from "../swarm/peer/session.ts";
import type { AnnounceOutcome, TrackerManager } from "../tracker/tracker_manager.ts";
import { parseTrackerUrl } from "../tracker/tracker_url.ts";
import { Blame } from "../swarm/blame.ts";
import type { ConnectionSlots } from "../peers/connection_slots.ts";
import {
  type ExtensionEvents,
  type ExtensionOptions,
  TorrentExtensions,
} from "../swarm/extensions.ts";
import { connectedNews, disconnectedNews } from "./member_news.ts";
import { type Unreached, UnreachedBook } from "../peers/unreached.ts";
import { PeerPool } from "../peers/peer_pool.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import type { PeerPoolConfig } from "../peers/pool_types.ts";
import type { Dial } from "../transport/dial.ts";
import { RateLimits, type Rates, type ThrottlePair } from "../swarm/rate_limits.ts";
import { type Identity, Swarm, type SwarmContent, type SwarmOptions } from "../swarm/swarm.ts";
import type { KeptIdentity, ResumeData } from "../state/resume_data.ts";
import { type Traffic, TrafficBook } from "./traffic.ts";
import type { TrackerChanges, TrackerTiers } from "./options.ts";
import type { TorrentHappening } from "./types.ts";

/** A download without connections asks its trackers this often, as far as they allow. */
const CALL_FOR_PEERS_MS = 15_000;
/** Of a magnet's torrent, which may have so many bytes: trackers take 0 bytes left for a seed. */
const LEFT_UNKNOWN = 16 * 1024;

/** Sources that a private torrent may have peers of (BEP 27). */
const OPEN_TO_PRIVATE = PEER_SOURCE.TRACKER | PEER_SOURCE.MANUAL;

export interface PeersPorts {
  clock: Clock;
  random: Random;
  hasher: Hasher;
  dial: Dial;
  buffers: SendBuffers;
  /** The limits of the whole client, which the client serves. */
  throttles: ThrottlePair;
  /** Connections of the whole client. */
  slots: ConnectionSlots;
  /** Makes the tracker manager, which reports to these peers. */
  trackers(peers: TorrentPeers): TrackerManager;
  /** What this torrent offers its peers beside pieces, and who hears what they tell of us. */
  extensions: ExtensionOptions;
  outside: Pick<ExtensionEvents, "dhtNode" | "ownAddress">;
  tell(happening: TorrentHappening): void;
}

export interface PeersOptions {
  /** Of the link or .torrent. */
  tiers: TrackerTiers;
  trackers: TrackerTiers | TrackerChanges | undefined;
  pool: Partial<PeerPoolConfig>;
  swarm: SwarmOptions;
  /** Of the torrent as a whole, and of each peer. */
  limits: Rates;
  peerLimits: Rates;
}

/** What can be changed at any time; what is left out stays as it is. */
export interface PeersPatch {
  trackers?: TrackerTiers | TrackerChanges;
  limits?: Partial<Rates>;
  peerLimits?: Partial<Rates>;
  uploadSlots?: number;
  maxPeers?: number;
  pex?: boolean;
  superSeed?: boolean;
}

/** What works on the torrent's files. */
export interface PeersContent extends SwarmContent {
  /** Something of ours failed (a FileError, a bug), in the middle of a chunk perhaps. */
  broke(error: unknown): void;
  /** The end of a turn in which something happened. */
  settled(): void;
}

/** The metadata, as far as it matters here. */
interface Known {
  readonly infoBytes: Uint8Array;
  readonly private: boolean;
  /** Tracker URLs in tiers. */
  readonly announce: readonly (readonly string[])[];
}

export class TorrentPeers {
  readonly identity: Identity;
  readonly pool: PeerPool;
  readonly swarm: Swarm;
  readonly limits: RateLimits;
  readonly blame: Blame;
  readonly #unreached = new UnreachedBook();
  readonly #ports: PeersPorts;
  readonly #extensions: TorrentExtensions;
  readonly #find = Promise.withResolvers<Uint8Array>();
  #trackers: TrackerManager | null = null;
  #trackersStopped = false;
  readonly #linkTiers: TrackerTiers;
  #chosenTrackers: TrackerTiers | TrackerChanges | undefined;
  readonly #traffic = new TrafficBook();
  /** Traffic of this run when it last came online: trackers count from their `started`. */
  #before: Traffic = { downloaded: 0, uploaded: 0 };
  /** Null while nobody works on the files. */
  #content: PeersContent | null = null;
  /** Bytes that the torrent lacks, and whether it has all that is wanted, as the last content knew. */
  #left = LEFT_UNKNOWN;
  #complete = false;
  #nextCallAt = 0;
  #hadCompanyAt = 0;
  #known: Known | null = null;
  #online = false;
  #wasOnline = false;
  /** What is to be done at the end of the turn, when no peer is in the middle of a chunk. */
  #later: (() => void)[] = [];

  constructor(identity: Identity, options: PeersOptions, ports: PeersPorts) {
    this.identity = identity;
    this.#ports = ports;
    this.#linkTiers = options.tiers;
    this.#chosenTrackers = options.trackers;
    this.#find.promise.catch(() => {}); // only who looks for it is to hear of it
    const { clock, random, hasher, dial, buffers, outside } = ports;
    this.#extensions = new TorrentExtensions(ports, identity.infoHash, ports.extensions, {
      learned: (peers) => this.#later.push(() => this.addPeers(peers, PEER_SOURCE.PEX)),
      lied: (session) => this.#later.push(() => this.#banLiar(session)),
      ...outside,
    });
    this.limits = new RateLimits(ports.throttles);
    this.limits.setTorrent(options.limits, this.now);
    this.limits.setPerPeer(options.peerLimits, this.now);
    const poolConfig = { ...options.pool, peerId: identity.peerId };
    this.pool = new PeerPool(poolConfig, ports.slots, ({ address, port }, reason) => {
      ports.tell({ type: "peer-banned", address, port, reason });
    });
    this.blame = new Blame(this.pool);
    this.swarm = new Swarm(
      { clock, random, hasher },
      { dial, pool: this.pool, buffers, limits: this.limits, extensions: this.#extensions },
      identity,
      options.swarm,
      {
        unreached: (peer, error) => this.#unreached.failed(peer, error),
        connected: (member) => {
          this.#unreached.reached(member.peer);
          this.blame.joined(member);
          ports.tell(connectedNews(member));
        },
        disconnected: (member, error) => {
          this.blame.left(member);
          this.#traffic.memberLeft(member);
          ports.tell(disconnectedNews(member, error));
        },
        broke: (error) => {
          if (this.#content !== null) this.#content.broke(error);
          else this.#find.reject(error);
        },
        settled: () => this.#endTurn(),
      },
    );
  }

  /** Whether it has connections, or looks for some. */
  get online(): boolean {
    return this.#online;
  }

  /** Null while nobody works on the files. */
  get content(): PeersContent | null {
    return this.#content;
  }

  /** Null before the metadata is known. */
  get known(): Known | null {
    return this.#known;
  }

  /**
   * Goes on as the peer that an earlier run was: trackers that remember it count one, and do not
   * take it for one that comes too often. No effect once it was online.
   */
  continueAs({ peerId, trackerKey }: KeptIdentity): void {
    const { identity } = this;
    if (this.#wasOnline) return;
    identity.peerId.set(peerId); // the same bytes are everywhere
    identity.trackerKey = trackerKey;
  }

  /** The URLs of all trackers, those that were chosen included. */
  get tiers(): TrackerTiers {
    return changedTiers(this.#known?.announce ?? this.#linkTiers, this.#chosenTrackers ?? {});
  }

  /** Of the run under way, the last one, or the next. */
  get trackers(): TrackerManager {
    return this.#trackers ??= this.#ports.trackers(this);
  }

  /** Addresses that could not be connected; O(members). */
  get unreached(): Unreached {
    // Of those that dialled us, the address to dial is known some time after they connected.
    for (const { peer } of this.swarm.members) this.#unreached.reached(peer);
    return this.#unreached.counts;
  }

  /** Payload bytes in this run of the client. */
  get totals(): Traffic {
    return this.#traffic.run(this.swarm.members);
  }

  /** The same over all runs. */
  get totalsEver(): Traffic {
    return this.#traffic.ever(this.swarm.members);
  }

  /** What trackers are told: payload bytes since `started`, and what the whole torrent lacks. */
  get totalsForTrackers(): Traffic & { left: number } {
    const { downloaded, uploaded } = this.totals, before = this.#before;
    return {
      downloaded: downloaded - before.downloaded,
      uploaded: uploaded - before.uploaded,
      left: this.#leftNow,
    };
  }

  get now(): number {
    return this.#ports.clock.now();
  }

  /** The info dictionary that peers gave, once. Rejects when something of ours failed. */
  get found(): Promise<Uint8Array> {
    return this.#find.promise;
  }

  /** Also after `stop`, with the peers that it knows; no effect while it is online. */
  start(): void {
    if (this.#trackersStopped) {
      // One that was stopped cannot be started again; and much may have changed meanwhile.
      const earlier = this.#trackers;
      this.#trackers = null;
      if (earlier !== null) this.trackers.heed(earlier);
      this.pool.known?.forgiveFailures();
    }
    if (!this.#online) this.#before = this.totals;
    this.#trackersStopped = false;
    this.#online = this.#wasOnline = true;
    this.#hadCompanyAt = this.now;
    this.pool.own.set(null, this.identity.listenPort());
    this.trackers.start();
    this.pool.connectToPeers(this.now);
    this.swarm.dialMore();
  }

  /** Ends all connections, and tells the trackers, which takes up to `timeoutMs`. */
  stop(timeoutMs: number): Promise<void> {
    this.#online = false;
    this.pool.disconnectAll(this.now);
    if (this.#trackers === null) return Promise.resolve();
    this.#trackersStopped = true;
    return this.#trackers.stop(timeoutMs).catch(() => {});
  }

  /** The metadata is known. Peers that a private torrent may not have are forgotten (BEP 27). */
  know(meta: Known): void {
    if (this.#known !== null) return;
    this.#known = meta;
    this.#extensions.know(meta);
    if (!this.#online) this.#trackers = null; // they may be more now
    if (meta.private) {
      this.#trackers?.askOneAtATime();
      this.pool.keepOnly(OPEN_TO_PRIVATE, this.now);
    }
    this.swarm.reintroduce();
    this.swarm.settle();
  }

  /** From here on peers are asked for pieces, and served. */
  attach(content: PeersContent): void {
    this.#content = content;
    this.pool.setFinished(false);
    this.swarm.attach(content);
  }

  /** The work on the files ends. */
  detach(): void {
    if (this.#content === null) return;
    this.#left = this.#leftNow;
    this.#complete = this.complete;
    this.#content = null;
    this.swarm.detach();
  }

  /** All wanted pieces are here, as far as is known. */
  get complete(): boolean {
    return this.#content?.pieces.complete ?? this.#complete;
  }

  get #leftNow(): number {
    if (this.#content === null) return this.#left;
    const { layout, pieces } = this.#content;
    return layout.totalLength - pieces.haveBytes;
  }

  /** What an earlier run knew: good peers are dialled, banned ones are not. */
  recall({ goodPeers, bannedPeers }: Pick<ResumeData, "goodPeers" | "bannedPeers">): void {
    this.pool.recallBans(bannedPeers, this.now);
    this.addPeers([...goodPeers], PEER_SOURCE.RESUME);
  }

  /** The totals of all runs before this one, and of this one so far. */
  recallTotals(ever: Traffic): void {
    const { downloaded, uploaded } = this.totals;
    this.#traffic.before = {
      downloaded: ever.downloaded - downloaded,
      uploaded: ever.uploaded - uploaded,
    };
  }

  /** Takes over what was changed. */
  apply(patch: PeersPatch): void {
    const { trackers, limits, peerLimits, uploadSlots, maxPeers, pex, superSeed } = patch;
    const { now } = this;
    if (trackers !== undefined) {
      this.#chosenTrackers = changedTiers(this.tiers, trackers);
      if (!this.#trackersStopped) this.#trackers?.setTiers(this.tiers);
    }
    if (limits) this.limits.setTorrent({ ...this.limits.torrent, ...limits }, now);
    if (peerLimits) this.limits.setPerPeer({ ...this.limits.perPeer, ...peerLimits }, now);
    if (uploadSlots !== undefined) this.swarm.uploadSlots = uploadSlots;
    if (maxPeers !== undefined) this.pool.setMaxActive(maxPeers, now);
    if (pex !== undefined) this.#ports.extensions.pex = pex;
    if (superSeed !== undefined) this.swarm.setSuperSeed(superSeed);
  }

  addPeers(peers: PeerAddress[], source: number): void {
    this.pool.addPeers(peers, source, this.now);
    this.swarm.dialMore();
  }

  /** A tracker answered, or failed to. */
  announced(result: AnnounceOutcome): void {
    this.#ports.tell({ type: "tracker", ...result });
  }

  /** The machine slept: others may have forgotten us, and we may be elsewhere. */
  woke(now: number): void {
    if (!this.#online) return;
    this.swarm.renew(now);
    this.pool.known?.forgiveFailures();
    this.trackers.startOver();
  }

  /** A few times a second. */
  tick(now: number): void {
    if (!this.#online) return;
    this.swarm.tick(now);
    if (this.#content?.pieces.complete === false) this.#callForPeers(now);
    const searches = this.#known === null && this.#extensions.found === null;
    // Peers that give no metadata make room for others that may have it, and one for a newcomer.
    if (!searches || !this.pool.isFull) return;
    const places = Math.max(1, this.pool.stats().candidates);
    this.swarm.drop(this.#extensions.useless(now).slice(0, places));
  }

  /** Nobody connected for a while, or nobody to dial: the trackers are asked as they allow. */
  #callForPeers(now: number): void {
    const hasCompany = this.swarm.size > 0;
    if (hasCompany) this.#hadCompanyAt = now;
    if (hasCompany || now < this.#nextCallAt) return;
    const { connecting, candidates } = this.pool.stats();
    if (connecting + candidates > 0 && now - this.#hadCompanyAt < CALL_FOR_PEERS_MS) return;
    this.#nextCallAt = now + CALL_FOR_PEERS_MS;
    this.trackers.announceNow();
  }

  #endTurn(): void {
    while (this.#later.length > 0) this.#later.shift()!();
    const found = this.#known === null ? this.#extensions.found : null;
    if (found !== null) this.#find.resolve(found);
    this.#content?.settled();
  }

  #banLiar(session: PeerSession): void {
    const peer = this.swarm.peerOf(session);
    if (peer !== undefined) this.pool.ban(peer, this.now, "sent wrong metadata");
  }
}

const MAX_TRACKERS = 100;
const MAX_TRACKER_URL = 2000;

function changedTiers(present: TrackerTiers, chosen: TrackerTiers | TrackerChanges): TrackerTiers {
  if (isTiers(chosen)) return chosen;
  const { add = [], remove = [] } = chosen;
  if (add.length + remove.length === 0) return present;
  const before = new Set(present.flat().map(asListed)), removed = new Set(remove.map(asListed));
  const added = add.filter((url) => !before.has(asListed(url))).map((url) => [url]);
  let room = MAX_TRACKERS - added.length;
  const kept = present.map((tier) =>
    tier.filter((url) => !removed.has(asListed(url)) && url.length <= MAX_TRACKER_URL && room-- > 0)
  );
  return [...kept.filter((tier) => tier.length > 0), ...added];
}

/** As `Torrent.trackers` lists it. */
function asListed(text: string): string {
  try {
    return parseTrackerUrl(text).text;
  } catch {
    return text;
  }
}

function isTiers(chosen: TrackerTiers | TrackerChanges): chosen is TrackerTiers {
  return Array.isArray(chosen);
}
