/** Puts a client together: makes its parts and connects them. */
import type { Platform } from "../platform/types.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import { createCrc32c } from "../util/crc32c.ts";
import { ClientLimits } from "./client_limits.ts";
import { ContentMaker } from "./content_maker.ts";
import { EventFeed } from "./event_feed.ts";
import { FiguresBook } from "./figures.ts";
import { ExtraTrackers } from "./extra_trackers.ts";
import { FreeSpace } from "./free_space.ts";
import { Network } from "./network.ts";
import { shareOut } from "./open_share.ts";
import { openOwners, type StateFolderOwners } from "./other_owners.ts";
import { ClientPaths } from "./path_claims.ts";
import { PeersMaker } from "./peers_maker.ts";
import { Queue } from "./queue.ts";
import { Rounds } from "./rounds.ts";
import { RateSchedule } from "./rate_schedule.ts";
import { QuotaWatch } from "./quota_watch.ts";
import { SavedTorrents } from "./saved_torrents.ts";
import { clientSettings } from "./settings.ts";
import { StateDir } from "./state_dir.ts";
import { TorrentMaker } from "./torrent_maker.ts";
import type { AddOptions, ClientOptions } from "./types.ts";

export interface ClientParts {
  readonly platform: Platform;
  /** By info-hash: torrents that have not ended. */
  readonly running: Map<string, TorrentInside>;
  readonly rounds: Rounds;
  readonly feed: EventFeed;
  readonly figures: FiguresBook;
  readonly limits: ClientLimits;
  readonly quota: QuotaWatch;
  readonly queue: Queue;
  readonly space: FreeSpace;
  readonly schedule: RateSchedule;
  readonly extra: ExtraTrackers;
  readonly network: Network;
  readonly maker: TorrentMaker;
  readonly saved: SavedTorrents;
  readonly paths: ClientPaths;
  /** Closes the files that are open. */
  readonly content: ContentMaker;
  /** Most connections that the system allows. */
  readonly mostConnections: number;
  /** Null without a state folder. */
  readonly state: StateDir | null;
  readonly owners: StateFolderOwners | null;
  /** Problems that the client can do without. */
  readonly warnings: string[];
}

export async function makeParts(platform: Platform, options: ClientOptions): Promise<ClientParts> {
  const { clock, files, hasher } = platform, { stateDir, address } = options;
  const { maxConnections, anyTrackerUrl } = clientSettings(options);
  const warnings: string[] = [], running = new Map<string, TorrentInside>();
  const warn = (message: string) => void warnings.push(message);
  const sha1 = (bytes: Uint8Array) => hasher.digest("sha1", bytes);
  const state = stateDir === undefined ? null : new StateDir(files, stateDir, sha1);
  const open = shareOut(files.openLimit());
  const limits = new ClientLimits(
    clock,
    Math.min(maxConnections, open.connections),
    options.quota,
  );
  const network = new Network(platform, address, open, { running, state, warn });
  const feed = new EventFeed();
  const quota = new QuotaWatch(limits, state, (message) => {
    for (const infoHash of running.keys()) feed.push({ infoHash, type: "warning", message });
  });
  const saved = new SavedTorrents(platform, state, (infoHash, message) => {
    feed.push({ infoHash, type: "warning", message });
  });
  const owners = state && openOwners(platform, state, (bytes) => saved.parse(bytes), warn);
  const paths = new ClientPaths((path) => files.stat(path), owners, (infoHash) => {
    return running.get(infoHash)?.complete ?? true;
  });
  const content = new ContentMaker(platform, options, (torrent) => ({
    claim: (place, written, overwrite) => paths.claim(torrent, place, written, overwrite),
    ownerOf: (path) => paths.ownerOf(torrent.infoHash, path),
  }));
  const crc32c = await createCrc32c();
  const peers = new PeersMaker(platform, { limits, network, crc32c, anyTrackerUrl });
  const ofClient = {
    quotaSpent: () => limits.quotaSpent,
    dht: () => network.discovery.dhtSize,
    withLabels: (options: AddOptions) => limits.labels.with(options),
    labelLimits: (options: AddOptions) => limits.labels.throttlesOf(options),
  };
  const schedule = new RateSchedule(clock, limits);
  schedule.setUsual(options.limits ?? {});
  if (options.alternative !== undefined) schedule.setAlternative(options.alternative);
  const extra = new ExtraTrackers(options.extraTrackers ?? []);
  const queue = new Queue(clock, running, options.queue ?? {});
  const space = new FreeSpace(files, running, options.minFreeSpace ?? 0);
  limits.labels.set(options.labels ?? {}, clock.now());
  const holdOf = (inside: TorrentInside) =>
    space.holds(inside) ?? (queue.holds(inside) ? "queue" as const : null);
  const shared = { platform, feed, saved, peers, content, owners, ofClient, queue, holdOf };
  const maker = new TorrentMaker(shared);
  const rounds = new Rounds(clock, running, {
    serve: (now) => limits.serve(now),
    tick: (due, now) => {
      quota.tick(now);
      schedule.tick();
      space.tick(now);
      queue.tick(now);
      for (const torrent of due) torrent.tick(now);
      network.discovery.tick(due, now);
    },
  });
  return {
    platform,
    running,
    rounds,
    feed,
    figures: new FiguresBook(),
    limits,
    quota,
    queue,
    space,
    schedule,
    extra,
    network,
    maker,
    saved,
    paths,
    content,
    mostConnections: open.connections,
    state,
    owners,
    warnings,
  };
}
