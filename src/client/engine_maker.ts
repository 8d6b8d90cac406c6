/**
 * Makes the engines of torrents out of what a user asked for and what all torrents of a client
 * share: open files, buffers, limits, the read cache, the UDP port.
 */
import type { KeptIdentity, ResumeData } from "../state/resume_data.ts";
import type { Platform } from "../platform/types.ts";
import type { Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { verifierOf } from "../metainfo/piece_verifier.ts";
import { CLIENT_NAME, isOwnPeerId, makePeerId } from "../wire/peer_id.ts";
import { toHex } from "../util/bytes.ts";
import type { Crc32c } from "../util/crc32c.ts";
import { SendBuffers } from "../swarm/peer/link.ts";
import { HandlePool } from "../storage/handle_pool.ts";
import { ReadCache } from "../storage/read_cache.ts";
import { resumePath } from "../state/resume_file.ts";
import { type KeeperPorts, ResumeKeeper } from "../state/resume_keeper.ts";
import { findReusable } from "../storage/reuse.ts";
import type { FollowedLinks } from "../storage/safe_paths.ts";
import { TorrentStorage } from "../storage/torrent_storage.ts";
import { TrackerManager } from "../tracker/tracker_manager.ts";
import type { UdpAnnouncer } from "../tracker/udp_announcer.ts";
import type { PathClaims } from "../torrent/take_over.ts";
import { FileChoice } from "../torrent/file_choice.ts";
import type { KeeperMaker } from "../torrent/persistence.ts";
import { type PeersPorts, TorrentPeers } from "../torrent/peers.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import type { PeerPool } from "../peers/peer_pool.ts";
import type { PeerPoolConfig } from "../peers/pool_types.ts";
import type { Rates } from "../swarm/rate_limits.ts";
import type { Identity } from "../swarm/swarm.ts";
import { Content } from "../torrent/content.ts";
import type { TorrentHappening } from "../torrent/types.ts";
import type {
  ContentEvents,
  ContentOptions,
  ContentPorts,
  ContentStart,
} from "../torrent/content_ports.ts";
import { type Dial, dialPeer } from "../transport/dial.ts";
import type { ClientLimits } from "./client_limits.ts";
import { placeFiles } from "./file_places.ts";
import { shareOut } from "./open_share.ts";
import type { ClaimingTorrent } from "./path_claims.ts";
import { fileChoiceOptions } from "../torrent/file_priorities.ts";
import { type ClientSettings, clientSettings, torrentSettings } from "./settings.ts";
import type { AddOptions, ClientOptions } from "./types.ts";

const NO_LIMITS: Rates = { down: Infinity, up: Infinity };
/**
 * Trust at which a peer is banned that was only ever among several: so many failed pieces that proof
 * (the next attempt is one peer's alone) should have come long before. Many liars at once take the
 * honest ones among them down to -10 and below in the first seconds.
 */
const BAN_TRUST = -40;
/** Peers asked for in one announce. */
const NUM_WANT = 100;
/** Trackers forget a peer after one or two intervals without a word, of half an hour as a rule. */
const TRACKER_MEMORY_MS = 60 * 60_000;

/** What the client alone knows. */
export interface MakerPorts {
  limits: ClientLimits;
  udp: UdpAnnouncer;
  crc32c: Crc32c;
  listenPort(): number;
  /** UDP port of our DHT node; 0 without one. */
  dhtPort(): number;
  /** As others see us, as far as that is known. */
  ownAddresses(): readonly string[];
  /** The paths of all torrents, as one of them sees them. */
  claims(torrent: ClaimingTorrent): PathClaims;
  /** Hears what peers and trackers tell of us and of DHT nodes. */
  outside: PeersPorts["outside"];
}

export class EngineMaker {
  readonly #platform: Platform;
  readonly #options: ClientSettings;
  readonly #ports: MakerPorts;
  readonly #files: HandlePool;
  readonly #buffers = new SendBuffers();
  readonly #readCache: ReadCache;
  readonly #dial: Dial;
  readonly #keeping: Pick<KeeperPorts, "files" | "sha1" | "now" | "sleep">;

  constructor(platform: Platform, options: ClientOptions, ports: MakerPorts) {
    this.#platform = platform;
    const settings = this.#options = clientSettings(options);
    this.#ports = ports;
    const { clock, files, hasher, process } = platform;
    const maxOpenFiles = Math.min(settings.maxOpenFiles, shareOut(files.openLimit()).files);
    const time = { now: () => clock.now(), waited: () => process.waitedMs() };
    this.#files = new HandlePool(files, maxOpenFiles, time);
    this.#keeping = {
      files,
      sha1: (bytes) => hasher.digest("sha1", bytes),
      now: () => clock.now(),
      sleep: (ms) => new Promise((resolve) => clock.after(ms, resolve)),
    };
    this.#dial = (to, ours, events) => dialPeer(platform, to, ours, events);
    this.#readCache = new ReadCache(settings.readCacheBytes, platform);
  }

  /** The peers of a torrent, of which nothing but a magnet may be known. */
  makePeers(
    { infoHash }: Metainfo | Magnet,
    trackers: { tiers: readonly (readonly string[])[]; independent: boolean },
    options: AddOptions,
    tell: (happening: TorrentHappening) => void,
  ): TorrentPeers {
    const { clock, random, hasher } = this.#platform, { limits, outside } = this.#ports;
    const { uploadSlots, superSeed, pex } = torrentSettings(options);
    const { tiers, independent } = trackers;
    const identity = this.#identity(infoHash);
    const peersOptions = {
      tiers,
      trackers: options.trackers,
      pool: this.#poolConfig(options),
      swarm: { uploadSlots, superSeed },
      limits: { ...NO_LIMITS, ...options.limits },
      peerLimits: { ...NO_LIMITS, ...options.peerLimits },
    };
    const peers = new TorrentPeers(identity, peersOptions, {
      clock,
      random,
      hasher,
      dial: this.#dial,
      buffers: this.#buffers,
      throttles: limits.throttles,
      slots: limits.slots,
      trackers: (peers) => this.#makeTrackers(peers, independent),
      extensions: { pex, dhtPort: this.#ports.dhtPort },
      outside,
      tell,
    });
    this.#tellOwnAddresses(peers.pool);
    return peers;
  }

  /** Closes the files that are still open. */
  close(): void {
    this.#files.close();
  }

  /**
   * Throws a RangeError for a choice of files or names that cannot be, a FileError for a name that
   * the disk does not take.
   */
  make(
    meta: Metainfo,
    options: AddOptions,
    start: ContentStart,
    events: ContentEvents,
  ): Content {
    const { clock, random, hasher, files } = this.#platform;
    const { layout } = meta;
    const contentOptions = this.#contentOptions(meta, options);
    const { wanted } = new FileChoice(layout, contentOptions.files);
    const { dir, renamed, record, notes } = placeFiles(this.#platform, meta, options, start);
    const known = start.record && identityKnown(start.record, clock.wallTime());
    if (known) start.peers.continueAs(known);
    const entries = meta.files.map((entry, file) => {
      return { ...entry, path: renamed.get(file) ?? entry.path };
    });
    const storage = new TorrentStorage(files, this.#files, dir, entries, layout, {
      preallocate: contentOptions.preallocate,
      infoHash: meta.infoHash,
      wanted,
      follow: followedBy(options),
      rest: () => new Promise<void>((resolve) => void clock.after(0, resolve)),
    });
    return new Content(meta, contentOptions, {
      ...start,
      ...events,
      clock,
      random,
      hasher,
      storage,
      record,
      renamed,
      notes,
      claims: this.#ports.claims({ infoHash: toHex(meta.infoHash), name: meta.name }),
      reuse: options.reuse === undefined ? null : this.#reuse(meta, options.reuse, storage),
      keeper: (ports) => this.#makeKeeper(meta, ports),
      readCache: this.#readCache,
    });
  }

  /** Those that turn out later the client tells. */
  #tellOwnAddresses(pool: PeerPool): void {
    const { ownAddresses, listenPort } = this.#ports;
    for (const address of ownAddresses()) pool.setOwnEndpoint(address, listenPort());
  }

  #reuse(
    meta: Metainfo,
    dirs: readonly string[],
    storage: TorrentStorage,
  ): NonNullable<ContentPorts["reuse"]> {
    const { files, hasher } = this.#platform, { layout } = meta;
    const verifier = verifierOf(meta);
    const pathOf = (file: number) => storage.pathOf(file);
    return async (sought, signal) => {
      const found = new Map<number, string>();
      for (const dir of dirs) {
        const left = sought.filter(({ file }) => !found.has(file));
        const ports = { files, hasher, layout, verifier, pathOf };
        const more = await findReusable(ports, files.absolute(dir), left, signal);
        for (const [file, path] of more) found.set(file, path);
      }
      return found;
    };
  }

  /** Kept where the client keeps its state; in memory only if it keeps none. */
  #makeKeeper(
    { infoHash }: Metainfo,
    ports: Parameters<KeeperMaker>[0],
  ): ResumeKeeper | null {
    const { stateDir, saveEveryMs } = this.#options;
    if (stateDir === undefined) return null;
    const path = resumePath(stateDir, infoHash);
    return new ResumeKeeper({ ...this.#keeping, ...ports, path }, saveEveryMs);
  }

  #contentOptions(meta: Metainfo, options: AddOptions): ContentOptions {
    const settings = torrentSettings(options);
    const { dir, seedGoal, finalCheck, preallocate, piecesPerPeer, sequential } = settings;
    const { trustFiles, seedOnly, anew, overwrite, repair } = settings;
    return {
      dir,
      absoluteDir: this.#platform.files.absolute(dir),
      files: fileChoiceOptions(meta, options.files),
      pieces: { budgetBytes: this.#options.pieceBudgetBytes, piecesPerPeer, sequential },
      seedGoal,
      finalCheck,
      trustFiles,
      seedOnly,
      anew,
      overwrite,
      repair,
      preallocate,
    };
  }

  #makeTrackers(peers: TorrentPeers, independentTiers: boolean): TrackerManager {
    const { clock, random, http, datagrams, net } = this.#platform;
    const { identity } = peers, { infoHash, peerId, listenPort } = identity;
    return new TrackerManager(
      {
        clock,
        random,
        http,
        datagrams,
        lookup: (host) => net.lookup(host),
        udp: this.#ports.udp,
        anyUrl: this.#options.anyTrackerUrl,
      },
      {
        infoHash,
        peerId,
        get key() {
          return identity.trackerKey;
        },
        listenPort,
        private: peers.known?.private ?? false,
        independentTiers,
        totals: () => peers.totalsForTrackers,
        // A seed behind a NAT has to dial the leeches itself. A full download may still swap peers.
        numWant: () => peers.complete && peers.pool.isFull ? 0 : NUM_WANT,
        needsPeers: () => !peers.complete,
        isPartialSeed: () => peers.complete && peers.totalsForTrackers.left > 0,
      },
      peers.tiers,
      {
        onPeers: (found) => peers.addPeers(found, PEER_SOURCE.TRACKER),
        onAnnounce: (result) => peers.announced(result),
        onExternalAddress: (address, url) => this.#ports.outside.ownAddress(address, url),
      },
    );
  }

  #identity(infoHash: Uint8Array): Identity {
    const { random } = this.#platform, { listenPort } = this.#ports;
    const peerId = makePeerId(random), trackerKey = random.uint32();
    return { infoHash, peerId, trackerKey, listenPort, clientName: CLIENT_NAME };
  }

  #poolConfig(options: AddOptions): Partial<PeerPoolConfig> {
    return {
      maxActiveConnections: torrentSettings(options).maxPeers,
      banTrust: BAN_TRUST,
      crc32c: this.#ports.crc32c,
    };
  }
}

/** What trackers may still know us by. */
function identityKnown(
  { identity, savedAtMs }: ResumeData,
  nowMs: number,
): KeptIdentity | null {
  const isRecent = Math.abs(nowMs - savedAtMs) < TRACKER_MEMORY_MS;
  return identity !== null && isRecent && isOwnPeerId(identity.peerId) ? identity : null;
}

/** Where something may be written no link is followed. */
function followedBy({ seedOnly, followLinks }: AddOptions): FollowedLinks {
  if (!seedOnly) return "none";
  return followLinks ? "all" : "top folder";
}
