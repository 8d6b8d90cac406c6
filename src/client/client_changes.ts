/** Changes of a client as a whole: other options, and the end of a torrent. */
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import type { ClientParts } from "./parts.ts";
import { keepAll, nothingRemoved, removeData } from "./remove_data.ts";
import type { ClientPatch, RemovedData } from "./types.ts";

/** Rejects with a NetError if it cannot listen on `port`. */
export async function applyPatch(parts: ClientParts, patch: ClientPatch): Promise<void> {
  const { network, limits, schedule, queue, space, platform, mostConnections } = parts;
  const { port, dht, lsd, maxConnections } = patch, now = platform.clock.now();
  if (port !== undefined) await network.move(port);
  if (dht !== undefined) await network.setDht(dht);
  if (lsd !== undefined) await network.setLsd(lsd);
  if (maxConnections !== undefined) {
    limits.slots.setLimit(Math.min(maxConnections, mostConnections), now);
  }
  if (patch.limits !== undefined) schedule.setUsual(patch.limits);
  if (patch.alternative !== undefined) schedule.setAlternative(patch.alternative);
  if (patch.queue !== undefined) queue.setLimits(patch.queue);
  if (patch.minFreeSpace !== undefined) space.setLeast(patch.minFreeSpace);
  if (patch.extraTrackers !== undefined) parts.extra.urls = patch.extraTrackers;
  if (patch.labels !== undefined) applyLabels(parts, patch.labels);
  if (patch.quota !== undefined) await applyQuota(parts, patch.quota);
}

function applyLabels(parts: ClientParts, labels: NonNullable<ClientPatch["labels"]>): void {
  const { limits, running, platform } = parts;
  limits.labels.set(labels, platform.clock.now());
  for (const inside of running.values()) inside.labelsChanged();
}

async function applyQuota(
  { quota, limits }: ClientParts,
  changed: NonNullable<ClientPatch["quota"]>,
): Promise<void> {
  await quota.keep();
  limits.setQuota(changed);
  await quota.keep();
}

/**
 * Removes the rest of an ended torrent: its files if `data` is true, its claims and its state. While
 * another process runs the torrent, its files and its state stay. Rejects with a FileError if the state
 * cannot be deleted.
 */
export async function forgetTorrent(
  { queue, figures, paths, state, owners, platform: { files } }: ClientParts,
  infoHash: string,
  ended: TorrentInside["left"],
  data: boolean,
): Promise<RemovedData> {
  queue.remove(infoHash);
  figures.removed(infoHash);
  const name = ended?.meta.name ?? infoHash;
  const other = await owners?.claimTorrent({ infoHash, name }) ?? null;
  if (other !== null) {
    const reason = `another shoal (process ${other.process}) uses it`;
    return data && ended !== null ? keepAll(ended, reason, files) : nothingRemoved();
  }
  const userOf = (path: string) => paths.userOf(infoHash, path);
  const done = data && ended !== null
    ? await removeData(ended, { files, userOf })
    : nothingRemoved();
  paths.release(infoHash);
  state?.forget(infoHash);
  return done;
}
