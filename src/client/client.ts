/**
 * All torrents of one client, which share one port, one timer and one pool of open files.
 * Everything else belongs to the torrents.
 */
import type { Platform, Timer } from "../platform/types.ts";
import { formatHostPort, formatMagnet, type Magnet, parseMagnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { parseHostPort, type PeerAddress } from "../util/compact_address.ts";
import { toHex } from "../util/bytes.ts";
import { type Crc32c, createCrc32c } from "../util/crc32c.ts";
import { ClosedError, NetError, TorrentFileError } from "../util/errors.ts";
import { UdpAnnouncer } from "../tracker/udp_announcer.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import type { Rates } from "../swarm/rate_limits.ts";
import type { TorrentEvent, TorrentHappening } from "../torrent/types.ts";
import { ClientLimits } from "./client_limits.ts";
import type { Dht } from "../dht/dht.ts";
import { withNodesOf } from "../discovery/dht_state.ts";
import { Discovery } from "../discovery/discovery.ts";
import { ContentMaker } from "./content_maker.ts";
import { PeersMaker } from "./peers_maker.ts";
import { EventFeed } from "./event_feed.ts";
import { selectedBy } from "../torrent/file_priorities.ts";
import { Inbound } from "../transport/inbound.ts";
import { spentMessage } from "./quota.ts";
import { openOwners, type StateFolderOwners } from "./other_owners.ts";
import { type OpenShare, shareOut } from "./open_share.ts";
import { ClientPaths } from "./path_claims.ts";
import {
  checkAddOptions,
  checkClientOptions,
  checkClientPatch,
  checkSource,
  checkTorrentPatch,
  clientSettings,
} from "./settings.ts";
import { StateDir } from "./state_dir.ts";
import { makeTorrent, type Torrent } from "../torrent/torrent.ts";
import type {
  TorrentInside,
  TorrentPorts,
  TorrentSource,
  TorrentStart,
} from "../torrent/torrent_ports.ts";
import { inUse } from "../torrent/take_over.ts";
import { UdpPort } from "../transport/udp_port.ts";
import { Waking } from "./waking.ts";
import { SavedTorrents, tiersOf } from "./saved_torrents.ts";
import type { AddOptions, ClientOptions, ClientPatch, DhtSettings, QuotaSpent } from "./types.ts";

const TICK_MS = 500;
/** An idle torrent has its turn in one of so many ticks. */
const IDLE_TURNS = 4;
/** Clients that share a quota know each other's bytes after twice this: one saves, the other reads. */
const QUOTA_EVERY_MS = 10_000;
/** How often links that wait for a rate limit are served; this keeps the rates smooth. */
const LIMIT_TICK_MS = 25;

interface Start extends TorrentStart {
  /** Of a magnet: the link. */
  readonly link?: string | null;
  /** Seconds since 1970. Default: now. */
  readonly addedAt?: number;
}

/**
 * All torrents of one client: they share a port, limits and open files. `createClient` opens one.
 */
export class Client {
  readonly #platform: Platform;
  /** Those that have not ended. */
  readonly #running = new Map<string, TorrentInside>();
  /** All, in the order in which they were added. */
  readonly #handles = new Map<string, Torrent>();
  readonly #state: StateDir | null;
  readonly #saved: SavedTorrents;
  readonly #limits: ClientLimits;
  /** The only one to listen on; undefined: all. */
  readonly #address: string | undefined;
  readonly #feed = new EventFeed();
  readonly #open: OpenShare;
  readonly #inbound: Inbound;
  readonly #udpPort: UdpPort;
  readonly #udp: UdpAnnouncer;
  readonly #peersMaker: PeersMaker;
  readonly #contentMaker: ContentMaker;
  readonly #discovery: Discovery;
  readonly #paths: ClientPaths;
  /** Null without a state folder. */
  readonly #owners: StateFolderOwners | null;
  readonly #warnings: string[] = [];
  /** Those that the last tick found at work. */
  #awake: TorrentInside[] = [];
  #turn = 0;
  #timer: Timer | null = null;
  #nextTickAt = 0;
  /** Null while no torrent runs: then time may pass unseen. */
  #waking: Waking | null = null;
  #nextQuotaAt = 0;
  /** The quota as it was told last. */
  #spent: QuotaSpent | null = null;
  #closing: Promise<void> | null = null;

  private constructor(platform: Platform, options: ClientOptions, crc32c: Crc32c) {
    const { clock, random, datagrams } = platform;
    this.#platform = platform;
    this.#state = options.stateDir === undefined
      ? null
      : new StateDir(platform.files, options.stateDir, (bytes) =>
        platform.hasher.digest("sha1", bytes));
    this.#open = shareOut(platform.files.openLimit());
    this.#address = options.address;
    const connections = Math.min(clientSettings(options).maxConnections, this.#open.connections);
    this.#limits = new ClientLimits(clock, connections, options.quota);
    this.#inbound = new Inbound(clock, this.#running, this.#open.newcomers);
    this.#udpPort = new UdpPort(datagrams, () => this.#at(this.port));
    this.#udp = new UdpAnnouncer({ clock, random, datagrams: this.#udpPort.lane("tracker") });
    this.#saved = new SavedTorrents(platform, this.#state, (infoHash, message) => {
      this.#feed.push({ infoHash, type: "warning", message });
    });
    const parse = (bytes: Uint8Array) => this.#saved.parse(bytes);
    const warn = (message: string) => void this.#warnings.push(message);
    this.#owners = this.#state && openOwners(platform, this.#state, parse, warn);
    this.#paths = new ClientPaths((path) => platform.files.stat(path), this.#owners);
    this.#contentMaker = new ContentMaker(platform, options, (torrent) => ({
      claim: (place, written, overwrite) => this.#paths.claim(torrent, place, written, overwrite),
      ownerOf: (path) => this.#paths.ownerOf(torrent.infoHash, path),
    }));
    this.#peersMaker = new PeersMaker(platform, {
      limits: this.#limits,
      udp: this.#udp,
      crc32c,
      anyTrackerUrl: clientSettings(options).anyTrackerUrl,
      listenPort: () => this.port,
      dhtPort: () => this.#discovery.dhtPort,
      ownAddresses: () => this.#discovery.ownAddresses,
      outside: {
        dhtNode: (address, port) => this.#discovery.dhtNode(address, port),
        ownAddress: (address, from) => this.#discovery.ownAddress(address, from),
      },
    });
    this.#discovery = new Discovery(platform, {
      krpc: this.#udpPort.lane("krpc"),
      listenPort: () => this.port,
      torrents: () => this.#running.values(),
      addressChanged: (address) => this.#onOwnAddress(address),
      warn: (message) => this.#warnings.push(message),
    });
    this.#setRates(options.limits ?? {});
  }

  /**
   * Opens the port. Rejects with a NetError ("address-in-use", "permission"), a FileError if
   * `stateDir` cannot be created, or a RangeError that names the invalid option.
   */
  static async open(platform: Platform, options: ClientOptions = {}): Promise<Client> {
    checkClientOptions(options);
    await platform.hasher.calibrate();
    const client = new Client(platform, options, await createCrc32c());
    const { port, dht, lsd } = clientSettings(options);
    await client.#inbound.listen(platform.net, client.#at(port));
    client.#state?.tidy(platform.clock.wallTime());
    await client.#keepQuota();
    try {
      await client.#setDht(dht);
    } catch (error) {
      if (options.dht !== undefined || !(error instanceof NetError)) throw error;
      client.#warnings.push(`The DHT is off: ${error.message}`);
    }
    if (lsd) await client.#discovery.openLsd();
    return client;
  }

  #at(port: number): { port: number; queue: number; address?: string } {
    const { queue } = this.#open;
    return { port, queue, ...(this.#address === undefined ? {} : { address: this.#address }) };
  }

  /** Where peers can dial us; 0 when not listening. */
  get port(): number {
    return this.#inbound.port;
  }

  /**
   * Starts a torrent: the bytes of a .torrent file, its metainfo, or a magnet link or info-hash as
   * text. Throws a TorrentFileError if the bytes are not a usable torrent, or ("duplicate") if this
   * client has it already; a MagnetError if the text is not a magnet link; a RangeError for another
   * kind of source, or that names the invalid option; a ClosedError after `close`.
   */
  add(source: Uint8Array | Metainfo | string, options: AddOptions): Torrent {
    this.#demandOpen();
    checkAddOptions(options ?? {});
    checkSource(source);
    if (typeof source === "string") return this.#addMagnet(parseMagnet(source), options);
    const meta = source instanceof Uint8Array ? this.#saved.parse(source) : source;
    const torrent = this.#start(toHex(meta.infoHash), meta, options);
    if (!meta.private) {
      for (const { host, port } of meta.nodes) this.#discovery.dhtNode(host, port);
    }
    this.#saved.keepMeta(meta);
    return torrent;
  }

  /**
   * Adds every torrent that `stateDir` knows from earlier runs again, with its folders, files, limits
   * and seed goal. Paused torrents stay paused. A record that cannot be read becomes a warning.
   */
  async restore(): Promise<Torrent[]> {
    this.#demandOpen();
    const restored: Torrent[] = [];
    for (const infoHash of this.#state?.torrents() ?? []) {
      if (this.#running.has(infoHash)) continue;
      try {
        const torrent = await this.#restore(infoHash);
        if (torrent !== null) restored.push(torrent);
      } catch (error) {
        const message = `The torrent was not restored: ${(error as Error).message}`;
        this.#feed.push({ infoHash, type: "warning", message });
      }
    }
    return restored;
  }

  #demandOpen(): void {
    if (this.#closing !== null) throw new ClosedError("The client is closed: open another one");
  }

  /** The torrent with this info-hash, 40 hexadecimal digits; null when there is none. */
  get(infoHash: string): Torrent | null {
    return this.#handles.get(infoHash.toLowerCase()) ?? null;
  }

  /** Stops a torrent and deletes its saved state; its files stay. Rejects with a FileError. */
  async remove(infoHash: string): Promise<void> {
    const key = infoHash.toLowerCase();
    await this.#handles.get(key)?.stop();
    await this.#saved.written(key);
    this.#handles.delete(key);
    this.#paths.release(key);
    this.#state?.forget(key);
  }

  /** The DHT node, for queries; null if the DHT is off. */
  get dht(): Dht | null {
    return this.#discovery.dht;
  }

  /**
   * Our external addresses, at most one for each address family, as trackers, peers and DHT nodes
   * report them.
   */
  get externalAddresses(): readonly string[] {
    return this.#discovery.ownAddresses;
  }

  /** Problems while opening the client that it can do without. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** All torrents, including ended ones, in the order in which they were added. */
  torrents(): Torrent[] {
    return [...this.#handles.values()];
  }

  /**
   * Changes options of the client; they apply at once, and to this run alone. Options that are left out
   * stay unchanged. Rejects with a RangeError that names an option that is invalid or cannot be changed;
   * then none is changed. Rejects with a NetError if it cannot listen on `port`. Connections survive a
   * new port; trackers learn of it with the next announce.
   */
  async update(patch: ClientPatch): Promise<void> {
    this.#demandOpen();
    checkClientPatch(patch);
    const { port, dht, lsd, limits, maxConnections, quota } = patch;
    if (port !== undefined) await this.#setPort(port);
    if (dht !== undefined) await this.#setDht(dht);
    if (lsd === false) this.#discovery.closeLsd();
    else if (lsd) await this.#discovery.openLsd();
    const now = this.#platform.clock.now();
    if (maxConnections !== undefined) {
      this.#limits.slots.setLimit(Math.min(maxConnections, this.#open.connections), now);
    }
    if (limits !== undefined) this.#setRates(limits);
    if (quota !== undefined) {
      await this.#keepQuota();
      this.#limits.setQuota(quota);
      await this.#keepQuota();
    }
  }

  async #setPort(port: number): Promise<void> {
    await this.#inbound.listen(this.#platform.net, this.#at(port));
    await this.#udpPort.move();
    for (const address of [null, ...this.#discovery.ownAddresses]) this.#onOwnAddress(address);
  }

  async #setDht(dht: DhtSettings | boolean): Promise<void> {
    await this.#keepDht();
    this.#discovery.closeDht();
    if (dht === false) return;
    const settings = dht === true ? {} : dht;
    await this.#discovery.openDht(settings, await this.#state?.loadDht() ?? null);
  }

  #setRates(limits: Partial<Rates>): void {
    this.#limits.setRates(limits);
    this.#timer?.cancel();
    this.#timer = null;
    this.#schedule();
  }

  /** The events of all torrents from now on; ends with the client. */
  events(): AsyncIterableIterator<TorrentEvent> {
    return this.#feed.listen();
  }

  /** Stops all torrents (trackers are told, for up to three seconds) and closes the port. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** As `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ torrent }) => torrent.stop()));
    await this.#saved.allWritten();
    this.#timer?.cancel();
    this.#timer = null;
    await this.#inbound.close();
    await this.#keepDht();
    await this.#keepQuota();
    this.#discovery.close();
    this.#udp.close();
    this.#udpPort.close();
    this.#contentMaker.close();
    this.#owners?.close();
    this.#feed.end();
  }

  #addMagnet(magnet: Magnet, options: AddOptions, start: Start = {}): Torrent {
    const infoHash = toHex(magnet.infoHash), { peers = [], files = selectedBy(magnet) } = options;
    for (const { host, port } of magnet.nodes) this.#discovery.dhtNode(host, port);
    const all = [...peers, ...magnet.peers.map(formatHostPort)];
    const chosen = { ...options, peers: all, ...(files ? { files } : {}) };
    const link = formatMagnet(magnet),
      torrent = this.#start(infoHash, magnet, chosen, { ...start, link });
    for (const message of magnet.warnings) this.#feed.push({ infoHash, type: "warning", message });
    return torrent;
  }

  #start(
    infoHash: string,
    source: Metainfo | Magnet,
    options: AddOptions,
    { link = null, addedAt = this.#wallSeconds(), ...start }: Start = {},
  ): Torrent {
    const { name } = source;
    if (this.#running.has(infoHash)) {
      throw new TorrentFileError("duplicate", `"${name ?? infoHash}" is already in this client`);
    }
    const meta = "layout" in source ? source : null;
    const about = { infoHash, meta, link, name, addedAt };
    const ports = this.#portsOf(about, source, options);
    const inside: TorrentInside = makeTorrent(about, options, {
      ...ports,
      claim: async () => {
        const owner = await this.#owners?.claimTorrent({ infoHash, name: inside.name }) ?? null;
        return owner === null ? null : inUse(null, owner);
      },
      mayStart: () => this.#closing === null && this.#handles.get(infoHash) === inside.torrent,
      started: () => this.#enlist(inside),
      ended: (restarts) => {
        this.#running.delete(infoHash);
        this.#discovery.forget(inside);
        this.#owners?.release(infoHash);
        if (!restarts) this.#feed.endOf(infoHash);
      },
    });
    this.#handles.set(infoHash, inside.torrent);
    this.#enlist(inside);
    inside.begin(start);
    this.#addManualPeers(inside, options.peers ?? []);
    return inside.torrent;
  }

  #portsOf(
    { infoHash, link, addedAt }: Pick<TorrentSource, "infoHash" | "link" | "addedAt">,
    source: Metainfo | Magnet,
    options: AddOptions,
  ): Omit<TorrentPorts, "claim" | "mayStart" | "started" | "ended"> {
    const { clock, files } = this.#platform;
    const magnet = "layout" in source ? null : source;
    const tiers = "layout" in source ? source.announce : tiersOf(source);
    const tell = (happening: TorrentHappening) => this.#feed.push({ infoHash, ...happening });
    return {
      clock,
      // A link lists trackers that have nothing to do with each other.
      peers: this.#peersMaker.make(
        source.infoHash,
        { tiers, independent: link !== null },
        options,
        tell,
      ),
      makeContent: (...args) => this.#contentMaker.make(...args),
      loadRecord: (meta, options) => this.#saved.recordFor(meta, options),
      loadMeta: async () => magnet && await this.#saved.loadMeta(infoHash, magnet),
      parse: (infoBytes) => this.#saved.parseFound(magnet!, infoBytes),
      keepMeta: (meta) => this.#saved.keepMeta(meta),
      keepWish: this.#saved.wishKeeper(infoHash, link, addedAt),
      checkPatch: checkTorrentPatch,
      quotaSpent: () => this.#limits.quotaSpent,
      dht: () => this.#discovery.dhtSize,
      absolute: (path) => files.absolute(path),
      listen: (first, hasEnded) => this.#feed.listenTo(first, hasEnded),
      tell,
    };
  }

  /** Until it ends, it is ticked, found by peers, and stopped with the client. */
  #enlist(torrent: TorrentInside): void {
    this.#running.set(torrent.infoHash, torrent);
    this.#awake.push(torrent);
    this.#schedule();
  }

  /** Null where only the metadata of a magnet is kept, for whoever adds it again. */
  async #restore(infoHash: string): Promise<Torrent | null> {
    const saved = await this.#saved.load(infoHash);
    if (saved === null) return null;
    const { source, options, ...start } = saved;
    if (!("layout" in source)) return this.#addMagnet(source, options, start);
    return this.#start(infoHash, source, options, start);
  }

  #wallSeconds(): number {
    return Math.floor(this.#platform.clock.wallTime() / 1000);
  }

  /** Names are looked up; one that cannot be found is told as a warning. */
  async #addManualPeers(torrent: TorrentInside, peers: readonly string[]): Promise<void> {
    for (const text of peers) {
      const to = parseHostPort(text);
      if (to === null) {
        torrent.warn(`"${text}" is not a peer: write host:port or [v6]:port`);
        continue;
      }
      try {
        const addresses = await this.#platform.net.lookup(to.host);
        const found: PeerAddress[] = addresses.map((address) => ({ address, port: to.port }));
        torrent.addPeers(found, PEER_SOURCE.MANUAL);
      } catch (error) {
        torrent.warn(`Cannot find the peer ${text}: ${(error as Error).message}`);
      }
    }
  }

  async #keepDht(): Promise<void> {
    const { dhtState } = this.#discovery;
    if (dhtState === null || dhtState.nodes.length === 0) return;
    // A short run meets few nodes: those that it had no time for are kept for the next one.
    const before = await this.#state?.loadDht() ?? null;
    await this.#state?.keepDht(withNodesOf(before, dhtState))
      .catch(() => {}); // the next run can begin without
  }

  async #keepQuota(): Promise<void> {
    if (this.#state !== null) await this.#limits.shareQuota(this.#state);
  }

  #countQuota(): void {
    this.#limits.count();
    const spent = this.#limits.quotaSpent, before = this.#spent;
    this.#spent = spent;
    for (const way of ["down", "up"] as const) {
      if (spent === null || !spent[way] || before?.[way]) continue;
      const message = spentMessage(way, spent.until);
      for (const infoHash of this.#running.keys()) {
        this.#feed.push({ infoHash, type: "warning", message });
      }
    }
  }

  #onOwnAddress(address: string | null): void {
    for (const { peers } of this.#running.values()) peers.pool.own.set(address, this.port);
  }

  /** One timer for all torrents, as long as one runs; a quick one while limits are set. */
  #schedule(): void {
    if (this.#timer !== null) return;
    this.#waking = this.#running.size === 0
      ? null
      : this.#waking ?? new Waking(this.#platform.clock);
    if (this.#waking === null) return;
    this.#timer = this.#platform.clock.after(this.#limited ? LIMIT_TICK_MS : TICK_MS, () => {
      this.#timer = null;
      this.#tick(this.#platform.clock.now());
      this.#schedule();
    });
  }

  get #limited(): boolean {
    return this.#awake.some(({ peers }) => peers.online && peers.limits.limited);
  }

  #tick(now: number): void {
    this.#limits.serve(now);
    for (const { peers } of this.#awake) if (peers.online) peers.limits.serve(now);
    if (now < this.#nextTickAt) return;
    this.#nextTickAt = now + TICK_MS;
    if (this.#waking?.woke()) { for (const { peers } of this.#running.values()) peers.woke(now); }
    this.#countQuota();
    if (now >= this.#nextQuotaAt) {
      this.#nextQuotaAt = now + QUOTA_EVERY_MS;
      void this.#keepQuota();
    }
    const due = this.#takeTurn();
    for (const inside of due) inside.tick(now);
    this.#discovery.tick(due, now);
  }

  /** All that are at work, and every fourth of those that are idle, another one each time. */
  #takeTurn(): TorrentInside[] {
    const due: TorrentInside[] = [], turn = this.#turn = (this.#turn + 1) % IDLE_TURNS;
    let place = 0;
    this.#awake = [];
    for (const inside of this.#running.values()) {
      const isIdle = inside.idle;
      if (!isIdle) this.#awake.push(inside);
      if (place++ % IDLE_TURNS === turn || !isIdle) due.push(inside);
    }
    return due;
  }
}
