/**
 * Many torrents (the TorrentManager): one port, one timer, one pool of open files for all of them.
 * Everything else belongs to the torrents.
 */
import type { Platform, Timer } from "../platform/types.ts";
import { type Metainfo, parseTorrent } from "../protocol/metainfo.ts";
import { parseHostPort, type PeerAddress } from "../protocol/compact_address.ts";
import { toHex } from "../util/bytes.ts";
import { type Crc32c, createCrc32c } from "../util/crc32c.ts";
import { TorrentFileError } from "../util/errors.ts";
import { SendBuffers } from "../peer/link.ts";
import { HandlePool } from "../storage/handle_pool.ts";
import { ReadCache } from "../storage/read_cache.ts";
import { TorrentStorage } from "../storage/torrent_storage.ts";
import { TrackerManager } from "../tracker/tracker_manager.ts";
import { UdpAnnouncer } from "../tracker/udp_announcer.ts";
import { DEFAULT_UPLOAD_SLOTS } from "../torrent/choker.ts";
import { ConnectionSlots } from "../torrent/connection_slots.ts";
import { PEER_SOURCE } from "../torrent/pool_peer.ts";
import { newThrottles, type Rates } from "../torrent/rate_limits.ts";
import { Torrent as Engine } from "../torrent/torrent.ts";
import { dialPeer } from "../transport/dial.ts";
import { EventFeed } from "./event_feed.ts";
import { Inbound } from "./inbound.ts";
import { CLIENT_NAME, makePeerId } from "../protocol/peer_id.ts";
import { Quota } from "./quota.ts";
import { Torrent } from "./torrent_handle.ts";
import type { AddOptions, ClientOptions } from "./types.ts";

const TICK_MS = 500;
/** How often those who wait for a rate limit are looked at: what keeps the rates smooth. */
const LIMIT_TICK_MS = 25;
const NO_LIMITS: Rates = { down: Infinity, up: Infinity };
const DEFAULT_OPEN_FILES = 128;
const DEFAULT_PIECE_BUDGET = 20 * 1024 * 1024;
const DEFAULT_READ_CACHE = 32 * 1024 * 1024;
const DEFAULT_MAX_PEERS = 25;
const DEFAULT_MAX_CONNECTIONS = 500;
/** Peers asked for in one announce. */
const NUM_WANT = 100;

export class Client {
  readonly #platform: Platform;
  readonly #options: ClientOptions;
  readonly #crc32c: Crc32c;
  readonly #engines = new Map<string, Engine>();
  readonly #handles = new Map<string, Torrent>();
  readonly #files: HandlePool;
  readonly #buffers = new SendBuffers();
  readonly #readCache: ReadCache;
  readonly #throttles = newThrottles();
  readonly #slots: ConnectionSlots;
  readonly #quota: Quota | null;
  #limits: Rates = NO_LIMITS;
  readonly #feed = new EventFeed();
  readonly #inbound: Inbound;
  readonly #udp: UdpAnnouncer;
  #timer: Timer | null = null;
  #nextTickAt = 0;
  #closing: Promise<void> | null = null;

  private constructor(platform: Platform, options: ClientOptions, crc32c: Crc32c) {
    this.#platform = platform;
    this.#options = options;
    this.#crc32c = crc32c;
    this.#files = new HandlePool(platform.files, options.maxOpenFiles ?? DEFAULT_OPEN_FILES);
    this.#readCache = new ReadCache(options.readCacheBytes ?? DEFAULT_READ_CACHE);
    this.#slots = new ConnectionSlots(options.maxConnections ?? DEFAULT_MAX_CONNECTIONS);
    this.#quota = options.quota === undefined
      ? null
      : new Quota(options.quota, null, platform.clock.wallTime());
    this.#inbound = new Inbound(platform.clock, this.#engines);
    this.setLimits(options.limits ?? {});
    const { clock, random, datagrams } = platform;
    this.#udp = new UdpAnnouncer({ clock, random, datagrams });
  }

  /** Opens the port. Rejects with a NetError ("address-in-use", "permission"). */
  static async open(platform: Platform, options: ClientOptions = {}): Promise<Client> {
    await platform.hasher.calibrate();
    const client = new Client(platform, options, await createCrc32c());
    const port = options.port ?? 0;
    if (port >= 0) {
      const on = options.address === undefined ? { port } : { port, address: options.address };
      await client.#inbound.listen(platform.net, on);
    }
    return client;
  }

  /** Where peers can dial us; 0 when not listening. */
  get port(): number {
    return this.#inbound.port;
  }

  /**
   * Starts a torrent. Throws a TorrentFileError when the bytes are no torrent we can take, or
   * ("duplicate") when this client has it already.
   */
  add(source: Uint8Array | Metainfo, options: AddOptions): Torrent {
    const meta = source instanceof Uint8Array ? this.#parse(source) : source;
    const infoHash = toHex(meta.infoHash);
    if (this.#engines.has(infoHash)) {
      throw new TorrentFileError("duplicate", `"${meta.name}" is already in this client`);
    }
    const engine = this.#makeEngine(meta, infoHash, options);
    const torrent = new Torrent(infoHash, engine, this.#feed);
    this.#engines.set(infoHash, engine);
    this.#handles.set(infoHash, torrent);
    engine.ended.then(() => this.#engines.delete(infoHash));
    engine.start();
    this.#addManualPeers(engine, options.peers ?? []);
    this.#schedule();
    return torrent;
  }

  /** All that were added, ended ones included, in the order of adding. */
  torrents(): Torrent[] {
    return [...this.#handles.values()];
  }

  /** Rate limits of all torrents together, in bytes a second; what is left out stays as it is. */
  setLimits(limits: Partial<Rates>): void {
    this.#limits = { down: limits.down ?? this.#limits.down, up: limits.up ?? this.#limits.up };
    this.#applyLimits();
    this.#timer?.cancel();
    this.#timer = null;
    this.#schedule();
  }

  /** What happens to all torrents from now on; ends with the client. */
  events(): ReturnType<EventFeed["listen"]> {
    return this.#feed.listen();
  }

  /** Stops all torrents (trackers are told, for up to three seconds) and closes the port. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#engines.values()].map((engine) => engine.stop()));
    this.#timer?.cancel();
    this.#timer = null;
    await this.#inbound.close();
    this.#udp.close();
    this.#files.close();
    this.#feed.end();
  }

  #parse(bytes: Uint8Array): Metainfo {
    const { hasher, process } = this.#platform;
    return parseTorrent(bytes, (part) => hasher.sha1(part), { windows: process.os === "windows" });
  }

  #makeEngine(meta: Metainfo, infoHash: string, options: AddOptions): Engine {
    const { clock, random, hasher, files } = this.#platform;
    const identity = {
      infoHash: meta.infoHash,
      peerId: makePeerId(random),
      listenPort: () => this.#inbound.port,
      clientName: CLIENT_NAME,
    };
    const storage = new TorrentStorage(
      files,
      this.#files,
      options.dir,
      meta.files,
      meta.layout,
      { preallocate: options.preallocate ?? false },
    );
    return new Engine(meta, identity, {
      dir: options.dir,
      pieces: {
        budgetBytes: this.#options.pieceBudgetBytes ?? DEFAULT_PIECE_BUDGET,
        piecesPerPeer: options.piecesPerPeer ?? Infinity,
        sequential: options.sequential ?? false,
      },
      pool: {
        maxActiveConnections: options.maxPeers ?? DEFAULT_MAX_PEERS,
        crc32c: this.#crc32c,
      },
      swarm: {
        uploadSlots: options.uploadSlots ?? DEFAULT_UPLOAD_SLOTS,
        superSeed: options.superSeed ?? false,
      },
      seedGoal: options.seedGoal ?? { kind: "none" },
      finalCheck: options.finalCheck ?? "changed",
      trustFiles: options.trustFiles ?? false,
      seedOnly: options.seedOnly ?? false,
      limits: { ...NO_LIMITS, ...options.limits },
      peerLimits: { ...NO_LIMITS, ...options.peerLimits },
    }, {
      clock,
      random,
      hasher,
      storage,
      dialer: { dial: (to, ours, events) => dialPeer(this.#platform, to, ours, events) },
      buffers: this.#buffers,
      readCache: this.#readCache,
      throttles: this.#throttles,
      slots: this.#slots,
      trackers: (engine) => this.#makeTrackers(engine),
      tell: (happening) => this.#feed.push({ infoHash, ...happening }),
    });
  }

  #makeTrackers(engine: Engine): TrackerManager {
    const { clock, random, http, datagrams, net } = this.#platform;
    const { infoHash, peerId, listenPort } = engine.identity;
    return new TrackerManager(
      { clock, random, http, datagrams, lookup: (host) => net.lookup(host), udp: this.#udp },
      {
        infoHash,
        peerId,
        private: engine.meta.private,
        listenPort,
        totals: () => engine.totals,
        wantsPeers: () => engine.pieces.complete ? 0 : NUM_WANT,
      },
      engine.meta.announce,
      {
        onPeers: (peers) => engine.addPeers(peers),
        onAnnounce: (result) => engine.announced(result),
        onExternalAddress: (address) => engine.pool.setOwnEndpoint(address, listenPort()),
      },
    );
  }

  /** Names are looked up; one that cannot be found is told as a warning. */
  async #addManualPeers(engine: Engine, peers: readonly string[]): Promise<void> {
    for (const text of peers) {
      const to = parseHostPort(text);
      if (to === null) {
        engine.warn(`"${text}" is not a peer: write host:port or [v6]:port`);
        continue;
      }
      try {
        const addresses = await this.#platform.net.lookup(to.host);
        const found: PeerAddress[] = addresses.map((address) => ({ address, port: to.port }));
        engine.addPeers(found, PEER_SOURCE.MANUAL);
      } catch (error) {
        engine.warn(`Cannot find the peer ${text}: ${(error as Error).message}`);
      }
    }
  }

  /** One timer for all torrents, as long as one runs; a quick one while limits are set. */
  #schedule(): void {
    if (this.#timer !== null || this.#engines.size === 0) return;
    this.#timer = this.#platform.clock.after(this.#limited ? LIMIT_TICK_MS : TICK_MS, () => {
      this.#timer = null;
      this.#tick(this.#platform.clock.now());
      this.#schedule();
    });
  }

  get #limited(): boolean {
    for (const engine of this.#engines.values()) if (engine.limits.limited) return true;
    return false;
  }

  /** The limits that were set, or none of it where the quota is spent. */
  #applyLimits(): void {
    const now = this.#platform.clock.now(), { down, up } = this.#throttles;
    const wanted = {
      down: this.#quota?.downSpent ? 0 : this.#limits.down,
      up: this.#quota?.upSpent ? 0 : this.#limits.up,
    };
    if (down.limit !== wanted.down) down.setLimit(wanted.down, now);
    if (up.limit !== wanted.up) up.setLimit(wanted.up, now);
  }

  #countQuota(): void {
    if (this.#quota === null) return;
    const { down, up } = this.#throttles;
    this.#quota.update({ down: down.total, up: up.total }, this.#platform.clock.wallTime());
    this.#applyLimits();
  }

  #tick(now: number): void {
    const engines = [...this.#engines.values()];
    this.#throttles.down.serve(now);
    this.#throttles.up.serve(now);
    for (const engine of engines) engine.limits.serve(now);
    if (now < this.#nextTickAt) return;
    this.#nextTickAt = now + TICK_MS;
    this.#countQuota();
    for (const engine of engines) engine.tick(now);
  }
}
