/**
 * All torrents of one client, which share one port, one timer and one pool of open files.
 * Everything else belongs to the torrents.
 */
import type { Platform } from "../platform/types.ts";
import type { Dht } from "../dht/dht.ts";
import { type Magnet, parseMagnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { Torrent } from "../torrent/torrent.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import type { TorrentEvent } from "../torrent/types.ts";
import { toHex } from "../util/bytes.ts";
import { ClosedError, NetError, TorrentFileError } from "../util/errors.ts";
import { addManualPeers } from "./manual_peers.ts";
import { type ClientParts, makeParts } from "./parts.ts";
import { Rounds } from "./rounds.ts";
import {
  checkAddOptions,
  checkClientOptions,
  checkClientPatch,
  checkSource,
  clientSettings,
} from "./settings.ts";
import { optionsOf, type SavedStart } from "./torrent_maker.ts";
import type {
  AddOptions,
  ClientFigures,
  ClientOptions,
  ClientPatch,
  ClientQueue,
  RemovedData,
} from "./types.ts";

/**
 * All torrents of one client: they share a port, limits and open files. `createClient` opens one.
 */
export class Client {
  readonly #parts: ClientParts;
  /** All, in the order in which they were added. */
  readonly #handles = new Map<string, Torrent>();
  readonly #rounds: Rounds;
  #closing: Promise<void> | null = null;

  private constructor(parts: ClientParts) {
    const { platform: { clock }, running, limits, quota, network } = parts;
    this.#parts = parts;
    this.#rounds = new Rounds(clock, running, {
      serve: (now) => limits.serve(now),
      tick: (due, now) => {
        quota.tick(now);
        for (const torrent of due) torrent.tick(now);
        network.discovery.tick(due, now);
      },
    });
  }

  /**
   * Opens the port. Rejects with a NetError ("address-in-use", "permission"), a FileError if
   * `stateDir` cannot be created, or a RangeError that names the invalid option.
   */
  static async open(platform: Platform, options: ClientOptions = {}): Promise<Client> {
    checkClientOptions(options);
    await platform.hasher.calibrate();
    const client = new Client(await makeParts(platform, options));
    const { network, limits, quota, state, warnings } = client.#parts;
    const { port, dht, lsd } = clientSettings(options);
    limits.setRates(options.limits ?? {});
    await network.listen(port);
    state?.tidy(platform.clock.wallTime());
    await quota.keep();
    try {
      await network.setDht(dht);
    } catch (error) {
      if (options.dht !== undefined || !(error instanceof NetError)) throw error;
      warnings.push(`The DHT is off: ${error.message}`);
    }
    if (lsd) await network.setLsd(true);
    return client;
  }

  /** Where peers can dial us; 0 when not listening. */
  get port(): number {
    return this.#parts.network.port;
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
    const { saved, network } = this.#parts;
    const meta = source instanceof Uint8Array ? saved.parse(source) : source;
    const torrent = this.#start(toHex(meta.infoHash), meta, options);
    if (!meta.private) {
      for (const { host, port } of meta.nodes) network.discovery.dhtNode(host, port);
    }
    saved.keepMeta(meta);
    return torrent;
  }

  /**
   * Adds every torrent that `stateDir` knows from earlier runs again, with its folders, files, limits
   * and seed goal. Paused torrents stay paused. A record that cannot be read becomes a warning.
   */
  async restore(): Promise<Torrent[]> {
    this.#demandOpen();
    const restored: Torrent[] = [];
    for (const infoHash of this.#parts.state?.torrents() ?? []) {
      if (this.#parts.running.has(infoHash)) continue;
      try {
        const torrent = await this.#restore(infoHash);
        if (torrent !== null) restored.push(torrent);
      } catch (error) {
        this.#warn(infoHash, `The torrent was not restored: ${(error as Error).message}`);
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

  /**
   * Stops a torrent and deletes its saved state; its files stay, unless `data` says otherwise. Rejects
   * with a FileError.
   */
  async remove(infoHash: string, _how: { data?: boolean } = {}): Promise<RemovedData> {
    const key = infoHash.toLowerCase(), { saved, paths, state, queue, figures } = this.#parts;
    await this.#handles.get(key)?.stop();
    await saved.written(key);
    this.#handles.delete(key);
    queue.remove(key);
    figures.removed(key);
    paths.release(key);
    state?.forget(key);
    return { removed: [], kept: [], bytes: 0 };
  }

  /** The order of the torrents, and how to change it. */
  get queue(): ClientQueue {
    return this.#parts.queue;
  }

  /** The DHT node, for queries; null if the DHT is off. */
  get dht(): Dht | null {
    return this.#parts.network.discovery.dht;
  }

  /**
   * Our external addresses, at most one for each address family, as trackers, peers and DHT nodes
   * report them.
   */
  get externalAddresses(): readonly string[] {
    return this.#parts.network.discovery.ownAddresses;
  }

  /** Problems while opening the client that it can do without. */
  get warnings(): readonly string[] {
    return this.#parts.warnings;
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
    const { network, limits, quota, platform, mostConnections } = this.#parts;
    const { port, dht, lsd, maxConnections } = patch;
    if (port !== undefined) await network.move(port);
    if (dht !== undefined) await network.setDht(dht);
    if (lsd !== undefined) await network.setLsd(lsd);
    if (maxConnections !== undefined) {
      limits.slots.setLimit(Math.min(maxConnections, mostConnections), platform.clock.now());
    }
    if (patch.limits !== undefined) {
      limits.setRates(patch.limits);
      this.#rounds.restart();
    }
    if (patch.quota !== undefined) {
      await quota.keep();
      limits.setQuota(patch.quota);
      await quota.keep();
    }
  }

  /** The figures of all torrents together, for monitoring; counters begin with the client. */
  figures(): ClientFigures {
    return this.#parts.figures.figures(this.#parts);
  }

  /** The events of all torrents from now on; ends with the client. */
  events(): AsyncIterableIterator<TorrentEvent> {
    return this.#parts.feed.listen();
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
    const { running, saved, network, quota, content, owners, feed } = this.#parts;
    await Promise.all([...running.values()].map(({ torrent }) => torrent.stop()));
    await saved.allWritten();
    this.#rounds.stop();
    await network.close();
    await quota.keep();
    content.close();
    owners?.close();
    feed.end();
  }

  #addMagnet(magnet: Magnet, chosen: AddOptions, start: SavedStart = {}): Torrent {
    const infoHash = toHex(magnet.infoHash), { options, link } = optionsOf(magnet, chosen);
    for (const { host, port } of magnet.nodes) this.#parts.network.discovery.dhtNode(host, port);
    const torrent = this.#start(infoHash, magnet, options, { ...start, link });
    for (const message of magnet.warnings) this.#warn(infoHash, message);
    return torrent;
  }

  #start(
    infoHash: string,
    source: Metainfo | Magnet,
    options: AddOptions,
    start: SavedStart = {},
  ): Torrent {
    const { maker, running, network, owners, feed, figures, platform } = this.#parts;
    if (running.has(infoHash)) {
      const name = source.name ?? infoHash;
      throw new TorrentFileError("duplicate", `"${name}" is already in this client`);
    }
    const isKnown = () => this.#handles.get(infoHash) === inside.torrent;
    const inside: TorrentInside = maker.make(source, options, start, {
      isKnown,
      mayStart: () => this.#closing === null && isKnown(),
      started: () => this.#enlist(inside),
      ended: (restarts) => {
        running.delete(infoHash);
        network.discovery.forget(inside);
        owners?.release(infoHash);
        if (!restarts) feed.endOf(infoHash);
      },
    });
    this.#handles.set(infoHash, inside.torrent);
    figures.added(inside);
    this.#parts.queue.add(infoHash, start.rank);
    this.#enlist(inside);
    inside.begin(start);
    void addManualPeers(platform.net, inside, options.peers ?? []);
    return inside.torrent;
  }

  /** Until it ends, it is ticked, found by peers, and stopped with the client. */
  #enlist(torrent: TorrentInside): void {
    this.#parts.running.set(torrent.infoHash, torrent);
    this.#rounds.add(torrent);
  }

  /** Null where only the metadata of a magnet is kept, for the next time it is added. */
  async #restore(infoHash: string): Promise<Torrent | null> {
    const saved = await this.#parts.saved.load(infoHash);
    if (saved === null) return null;
    const { source, options, ...start } = saved;
    if (!("layout" in source)) return this.#addMagnet(source, options, start);
    return this.#start(infoHash, source, options, start);
  }

  #warn(infoHash: string, message: string): void {
    this.#parts.feed.push({ infoHash, type: "warning", message });
  }
}
