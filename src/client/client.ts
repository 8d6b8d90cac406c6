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
import { applyPatch, forgetTorrent } from "./client_changes.ts";
import { addManualPeers } from "./manual_peers.ts";
import { type ClientParts, makeParts } from "./parts.ts";
import {
  checkAddOptions,
  checkClientOptions,
  checkClientPatch,
  checkPeers,
  checkSource,
  checkTorrentPatch,
  clientSettings,
} from "./settings.ts";
import { optionsOf, type SavedStart } from "./torrent_maker.ts";
import type {
  AddOptions,
  ClientFigures,
  ClientOptions,
  ClientPatch,
  ClientQueue,
  NewTorrent,
  RemovedData,
} from "./types.ts";

/**
 * All torrents of one client: they share a port, limits and open files. `createClient` opens one.
 */
export class Client {
  readonly #parts: ClientParts;
  /** All, in the order in which they were added. */
  readonly #handles = new Map<string, TorrentInside>();
  #closing: Promise<void> | null = null;

  private constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /**
   * Opens the port. Rejects with a NetError ("address-in-use", "permission"), a FileError if
   * `stateDir` cannot be created, or a RangeError that names the invalid option.
   */
  static async open(platform: Platform, options: ClientOptions = {}): Promise<Client> {
    checkClientOptions(options);
    await platform.hasher.calibrate();
    const client = new Client(await makeParts(platform, options));
    const { network, quota, state, warnings } = client.#parts;
    const { port, dht, lsd } = clientSettings(options);
    await network.listen(port);
    await state?.tidy(platform.clock.wallTime());
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
  add(source: Uint8Array | Metainfo | string, options: NewTorrent): Torrent {
    this.#demandOpen();
    const { saved, network, extra } = this.#parts, { paused = false, ...given } = options ?? {};
    const asked = this.#checked({ ...given, paused }), start = { paused };
    checkSource(source);
    if (typeof source === "string") {
      const magnet = parseMagnet(source);
      return this.#addMagnet(magnet, extra.with(magnet, asked), start);
    }
    const meta = source instanceof Uint8Array ? saved.parse(source) : source;
    const torrent = this.#start(toHex(meta.infoHash), meta, extra.with(meta, asked), start);
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
    return await this.#parts.queue.gather(() => this.#restoreAll());
  }

  async #restoreAll(): Promise<Torrent[]> {
    const { saved, running } = this.#parts, restored: Torrent[] = [];
    for await (const { infoHash, load } of saved.all()) {
      try {
        const found = await load;
        if (found === null || running.has(infoHash)) continue;
        const { source, options, ...start } = found;
        restored.push(
          "layout" in source
            ? this.#start(infoHash, source, options, start)
            : this.#addMagnet(source, options, start),
        );
      } catch (error) {
        this.#warn(infoHash, `The torrent was not restored: ${(error as Error).message}`);
      }
    }
    return restored;
  }

  /** Without `paused`, which is no option of the torrent but how it begins. */
  #checked(options: NewTorrent): AddOptions {
    if (options.labels !== undefined) checkTorrentPatch({ labels: options.labels });
    const placed = this.#parts.limits.labels.placed(options);
    checkAddOptions(placed);
    const { paused: _, ...others } = placed;
    return others;
  }

  #demandOpen(): void {
    if (this.#closing !== null) throw new ClosedError("The client is closed: open another one");
  }

  /** The torrent with this info-hash, 40 hexadecimal digits; null when there is none. */
  get(infoHash: string): Torrent | null {
    return this.#handles.get(infoHash.toLowerCase())?.torrent ?? null;
  }

  /**
   * Stops a torrent and deletes its saved state. Its files stay, unless `data` is true: then those that
   * are its own are deleted in place, with folders that are empty after that. Resolves to what was
   * deleted, and to files that were left alone with the reason. Rejects with a FileError if the state
   * cannot be deleted.
   */
  async remove(infoHash: string, { data = false } = {}): Promise<RemovedData> {
    const key = infoHash.toLowerCase(), inside = this.#handles.get(key);
    const { saved } = this.#parts;
    if (data) await inside?.torrent.pause(); // a crash from here on leaves it paused
    await inside?.torrent.stop();
    await saved.written(key);
    this.#handles.delete(key);
    return await forgetTorrent(this.#parts, key, inside?.left ?? null, data);
  }

  /**
   * Tries more peers of a torrent: "host:port" or "[v6]:port". Those that cannot be found are warnings
   * of the torrent. Throws a RangeError that names a wrong one. No effect on an unknown torrent.
   */
  addPeers(infoHash: string, peers: readonly string[]): void {
    checkPeers(peers);
    const torrent = this.#handles.get(infoHash.toLowerCase());
    if (torrent) void addManualPeers(this.#parts.platform.net, torrent, peers);
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
    return [...this.#handles.values()].map(({ torrent }) => torrent);
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
    await applyPatch(this.#parts, patch);
    this.#parts.rounds.restart();
  }

  /** The alternative limits hold now. */
  get alternativeOn(): boolean {
    return this.#parts.schedule.isOn;
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
    const { running, saved, network, quota, queue, content, owners, feed } = this.#parts;
    queue.close();
    await Promise.all([...running.values()].map(({ torrent }) => torrent.stop()));
    await saved.allWritten();
    this.#parts.rounds.stop();
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
    if (magnet.trackers.length > 0) void this.#parts.extra.later(this.#handles.get(infoHash)!);
    return torrent;
  }

  #start(
    infoHash: string,
    source: Metainfo | Magnet,
    options: AddOptions,
    start: SavedStart = {},
  ): Torrent {
    const { maker, running, network, owners, feed, figures, queue, space, platform } = this.#parts;
    if (running.has(infoHash)) {
      const name = source.name ?? infoHash;
      throw new TorrentFileError("duplicate", `"${name}" is already in this client`);
    }
    const isKnown = () => this.#handles.get(infoHash) === inside;
    const inside: TorrentInside = maker.make(source, options, start, {
      isKnown,
      mayStart: () => this.#closing === null && isKnown(),
      started: () => this.#enlist(inside),
      remove: (data) => {
        void this.remove(infoHash, { data }).catch((error: Error) =>
          this.#warn(infoHash, error.message)
        );
      },
      ended: (restarts) => {
        running.delete(infoHash);
        network.discovery.forget(inside);
        owners?.release(infoHash);
        if (!restarts) feed.endOf(infoHash);
      },
    });
    this.#handles.set(infoHash, inside);
    figures.added(inside);
    queue.add(inside, start.rank);
    space.changed();
    this.#enlist(inside);
    inside.begin(start);
    void addManualPeers(platform.net, inside, options.peers ?? []);
    return inside.torrent;
  }

  /** Until it ends, it is ticked, found by peers, and stopped with the client. */
  #enlist(torrent: TorrentInside): void {
    this.#parts.running.set(torrent.infoHash, torrent);
    this.#parts.rounds.add(torrent);
  }

  #warn(infoHash: string, message: string): void {
    this.#parts.feed.push({ infoHash, type: "warning", message });
  }
}
