/**
 * A torrent's peers, for as long as the client has the torrent: one peer id, one list of peers, one
 * swarm, one set of trackers, with or without the metadata. The work on the files is attached while
 * it runs. Invariant: no peer is connected while the torrent is neither online nor
 * paused for less than two minutes.
 */
import type { PeerAddress } from "../util/compact_address.ts";
import type { PeerSession } from "../swarm/peer/session.ts";
import { Blame } from "../swarm/blame.ts";
import { TorrentExtensions } from "../swarm/extensions.ts";
import { connectedNews, disconnectedNews } from "./member_news.ts";
import { type Unreached, UnreachedBook } from "../peers/unreached.ts";
import { PeerPool } from "../peers/peer_pool.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import { RateLimits } from "../swarm/rate_limits.ts";
import { Swarm } from "../swarm/swarm.ts";
import type { Identity } from "../swarm/swarm_types.ts";
import type { KeptIdentity } from "../state/resume_data.ts";
import type { Known, PeersContent, PeersOptions, PeersPatch, PeersPorts } from "./peers_ports.ts";
import { TorrentTrackers } from "./trackers.ts";
import { TrafficBook } from "./traffic.ts";

/** Of a magnet link's torrent, whose size is unknown: trackers treat 0 bytes left as a seed. */
const LEFT_UNKNOWN = 16 * 1024;

/** How long a pause keeps the connections. */
const PAUSED_CONNECTIONS_MS = 120_000;

/** The sources from which a private torrent may get peers (BEP 27). */
const OPEN_TO_PRIVATE = PEER_SOURCE.TRACKER | PEER_SOURCE.MANUAL;

interface Progress {
  readonly complete: boolean;
  /** Bytes. */
  readonly left: number;
}

export class TorrentPeers {
  readonly identity: Identity;
  readonly pool: PeerPool;
  readonly swarm: Swarm;
  readonly limits: RateLimits;
  readonly blame: Blame;
  readonly trackers: TorrentTrackers;
  readonly traffic: TrafficBook;
  readonly #unreached = new UnreachedBook();
  readonly #ports: PeersPorts;
  readonly #extensions: TorrentExtensions;
  readonly #find = Promise.withResolvers<Uint8Array>();
  /** Null while there is no content. */
  #content: PeersContent | null = null;
  /** Its value in the last content. */
  #progress: Progress = { complete: false, left: LEFT_UNKNOWN };
  #known: Known | null = null;
  #online = false;
  #wasOnline = false;
  /** When the connections that a pause keeps end; null without a pause. */
  #restsUntil: number | null = null;
  /** Work for the end of the turn, when no peer is in the middle of a chunk. */
  #later: (() => void)[] = [];

  constructor(identity: Identity, options: PeersOptions, ports: PeersPorts) {
    this.identity = identity;
    this.#ports = ports;
    this.trackers = new TorrentTrackers(
      options.tiers,
      options.trackers,
      () => ports.trackers(this),
    );
    this.#find.promise.catch(() => {}); // only the caller that awaits it handles the error
    const { clock, random, hasher, dial, buffers, outside } = ports;
    this.#extensions = new TorrentExtensions(ports, identity.infoHash, ports.extensions, {
      learned: (peers) => this.#later.push(() => this.addPeers(peers, PEER_SOURCE.PEX)),
      lied: (session) => this.#later.push(() => this.#banLiar(session)),
      ...outside,
    });
    this.limits = new RateLimits(ports.throttles);
    this.limits.setTorrent(options.limits, this.#now);
    this.limits.setPerPeer(options.peerLimits, this.#now);
    const poolConfig = { ...options.pool, peerId: identity.peerId };
    this.pool = new PeerPool(poolConfig, ports.slots, ({ address, port }, reason) => {
      ports.tell({ type: "peer-banned", address, port, reason });
    });
    this.blame = new Blame(this.pool);
    this.swarm = new Swarm(
      {
        clock,
        random,
        hasher,
        dial,
        buffers,
        pool: this.pool,
        limits: this.limits,
        extensions: this.#extensions,
      },
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
          this.traffic.memberLeft(member);
          ports.tell(disconnectedNews(member, error));
        },
        broke: (error) => {
          if (this.#content !== null) this.#content.broke(error);
          else this.#find.reject(error);
        },
        settled: () => this.#endTurn(),
      },
    );
    this.traffic = new TrafficBook(() => this.swarm.members);
  }

  /** Whether it has or seeks connections. */
  get online(): boolean {
    return this.#online;
  }

  /**
   * Continues as the same peer as in an earlier run, so that trackers count it once and do not
   * refuse it for announcing too often. No effect once it was online.
   */
  continueAs({ peerId, trackerKey }: KeptIdentity): void {
    const { identity } = this;
    if (this.#wasOnline) return;
    identity.peerId.set(peerId); // the same bytes are everywhere
    identity.trackerKey = trackerKey;
  }

  /** Addresses that could not be reached; O(members). */
  get unreached(): Unreached {
    // Of those that dialled us, the address to dial is known some time after they connected.
    for (const { peer } of this.swarm.members) this.#unreached.reached(peer);
    return this.#unreached.counts;
  }

  get #now(): number {
    return this.#ports.clock.now();
  }

  /** The info dictionary from peers, once. Rejects after an internal error. */
  get found(): Promise<Uint8Array> {
    return this.#find.promise;
  }

  /** Also after `stop`, with the peers that it knows; no effect while it is online. */
  start(): void {
    if (this.trackers.stopped) this.pool.known?.forgiveFailures();
    if (!this.#online) this.traffic.start();
    this.#online = this.#wasOnline = true;
    this.#rest(null);
    this.pool.own.set(null, this.identity.listenPort());
    this.trackers.start(this.#now);
    this.pool.connectToPeers(this.#now);
    this.swarm.dialMore();
  }

  /**
   * Sends "stopped" to the trackers, which takes up to `timeoutMs`, and ends all connections. With `keeps`, as for a
   * pause, they stay for two minutes, unless another torrent needs their slots, and `start` continues
   * on them. Meanwhile no peer is dialled or accepted, and once the content is detached only keep-alives
   * are sent.
   */
  stop(timeoutMs: number, keeps = false): Promise<void> {
    if (!keeps) this.#disconnect();
    else if (this.#online) {
      this.#online = false;
      this.#rest(this.#now + PAUSED_CONNECTIONS_MS);
      this.pool.stop(this.#now, true);
    }
    return this.trackers.stop(timeoutMs);
  }

  #rest(until: number | null): void {
    this.#restsUntil = until;
    this.#extensions.resting = until !== null;
  }

  #disconnect(): void {
    this.#online = false;
    this.#rest(null);
    this.pool.stop(this.#now);
  }

  /** The metadata is known. Peers that a private torrent must not have are forgotten (BEP 27). */
  know(meta: Known): void {
    if (this.#known !== null) return;
    this.#known = meta;
    this.#extensions.know(meta);
    this.trackers.know(meta.announce, meta.private, this.#online);
    if (meta.private) this.pool.keepOnly(OPEN_TO_PRIVATE, this.#now);
    this.swarm.reintroduce();
    this.swarm.settle();
  }

  /** From now on, pieces are requested and uploaded, until the returned function is called. */
  attach(content: PeersContent): () => void {
    this.#content = content;
    this.pool.setFinished(false);
    this.swarm.attach(content);
    return () => {
      if (this.#content !== content) return;
      this.#progress = this.progress;
      this.#content = null;
      this.swarm.detach();
    };
  }

  /**
   * Whether all wanted pieces are complete, and how many bytes the whole torrent lacks, as far as
   * is known.
   */
  get progress(): Progress {
    if (this.#content === null) return this.#progress;
    const { layout, pieces } = this.#content;
    return { complete: pieces.complete, left: layout.totalLength - pieces.states.haveBytes };
  }

  /** Applies the changed options. */
  apply(patch: PeersPatch): void {
    if (patch.priority !== undefined) this.limits.setPriority(patch.priority);
    const { trackers, limits, peerLimits, uploadSlots, maxPeers, pex, superSeed } = patch;
    const now = this.#now;
    if (trackers !== undefined) this.trackers.choose(trackers);
    if (limits) this.limits.setTorrent({ ...this.limits.torrent, ...limits }, now);
    if (peerLimits) this.limits.setPerPeer({ ...this.limits.perPeer, ...peerLimits }, now);
    if (uploadSlots !== undefined) this.swarm.uploadSlots = uploadSlots;
    if (maxPeers !== undefined) this.pool.setMaxActive(maxPeers, now);
    if (pex !== undefined) this.#ports.extensions.pex = pex;
    if (superSeed !== undefined) this.swarm.setSuperSeed(superSeed);
  }

  addPeers(peers: PeerAddress[], source: number): void {
    this.pool.addPeers(peers, source, this.#now);
    this.swarm.dialMore();
  }

  /** The machine slept: others may have forgotten us, and our address may have changed. */
  woke(now: number): void {
    if (this.#restsUntil !== null) this.#disconnect();
    if (!this.#online) return;
    this.swarm.renew(now);
    this.pool.known?.forgiveFailures();
    this.trackers.manager.startOver();
  }

  /** A few times a second. */
  tick(now: number): void {
    if (this.#restsUntil !== null && now >= this.#restsUntil) this.#disconnect();
    if (this.#online || this.#restsUntil !== null) this.swarm.tick(now);
    if (!this.#online) return;
    if (this.#content?.pieces.complete === false) {
      this.trackers.callForPeers(now, this.swarm.size, () => {
        const { connecting, candidates } = this.pool.stats();
        return connecting + candidates;
      });
    }
    const searches = this.#known === null && this.#extensions.found === null;
    // Peers without metadata make room for others that may have it, and one for a newcomer.
    if (!searches || !this.pool.isFull) return;
    const places = Math.max(1, this.pool.stats().candidates);
    this.swarm.drop(this.#extensions.useless(now).slice(0, places));
  }

  #endTurn(): void {
    while (this.#later.length > 0) this.#later.shift()!();
    const found = this.#known === null ? this.#extensions.found : null;
    if (found !== null) this.#find.resolve(found);
    this.#content?.settled();
  }

  #banLiar(session: PeerSession): void {
    const peer = this.swarm.peerOf(session);
    if (peer !== undefined) this.pool.ban(peer, this.#now, "sent wrong metadata");
  }
}
