/** The daemon's torrents, and which of them the user means. */
import type { TorrentRow } from "../../daemon/api/torrent_row.ts";
import type { Platform } from "../../platform/types.ts";
import { repeated, toggle } from "../args.ts";
import { UsageError } from "../errors.ts";
import { formatCount } from "../render/format.ts";
import { cutTo, safeText } from "../render/text.ts";
import { notEmpty } from "../values.ts";
import { WhichTorrentError } from "./errors.ts";
import type { Remote } from "./remote.ts";

/** A torrent of the daemon. */
export interface RemoteTorrent extends TorrentRow {
  infoHash: string;
}

/** Digits of an info-hash that are shown, and the fewest that name a torrent. */
export const ID_DIGITS = 8, FEWEST_DIGITS = 4;

/** The flags that name torrents besides the operands. */
export const TORRENT_CHOICE = {
  all: toggle("All torrents"),
  label: repeated("LABEL", "All torrents with this label; may be repeated", notEmpty),
};

interface Choice {
  readonly all: boolean;
  readonly label: readonly string[];
}

/** How torrents are named, for the help of a command. */
export const NAMING =
  "TORRENT is the ID that shoal list shows, an info-hash, or a part of the name that only one has.";

/** All torrents, in the order in which they were added. */
export async function listTorrents(remote: Remote): Promise<RemoteTorrent[]> {
  const { torrents } = await remote.get<{ torrents: Record<string, TorrentRow> }>("/torrents");
  return Object.entries(torrents).map(([infoHash, row]) => ({ infoHash, ...row }));
}

/** Throws a WhichTorrentError for a name that fits none or several, a UsageError if nothing is named. */
export async function chosenTorrents(
  remote: Remote,
  names: readonly string[],
  { all, label }: Choice = { all: false, label: [] },
): Promise<RemoteTorrent[]> {
  if (names.length === 0 && !all && label.length === 0) {
    throw new UsageError("Missing TORRENT: name torrents, or use --label or --all");
  }
  const torrents = await listTorrents(remote);
  if (all) return torrents;
  const labelled = torrents.filter(({ labels }) => labels.some((each) => label.includes(each)));
  const chosen = new Set([...names.map((name) => torrentNamed(torrents, name)), ...labelled]);
  return torrents.filter((torrent) => chosen.has(torrent));
}

/** The one torrent that `name` means. Throws a WhichTorrentError. */
export function torrentNamed(torrents: readonly RemoteTorrent[], name: string): RemoteTorrent {
  const found = fitting(torrents, name);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new WhichTorrentError(`No torrent is called "${name}"; shoal list shows all of them`);
  }
  const shown = found.slice(0, 5).map((torrent) => {
    return `${idOf(torrent)} ${cutTo(safeText(torrent.name), 40)}`;
  });
  const more = found.length > shown.length ? ", ..." : "";
  throw new WhichTorrentError(
    `"${name}" fits ${formatCount(found.length, "torrent")}: ${shown.join(", ")}${more}`,
  );
}

export function idOf({ infoHash }: { readonly infoHash: string }): string {
  return infoHash.slice(0, ID_DIGITS);
}

/** A whole name or info-hash comes before parts of them. */
function fitting(torrents: readonly RemoteTorrent[], name: string): RemoteTorrent[] {
  const wanted = name.toLowerCase();
  const isId = new RegExp(`^[0-9a-f]{${FEWEST_DIGITS},40}$`).test(wanted);
  const byId = isId ? torrents.filter(({ infoHash }) => infoHash.startsWith(wanted)) : [];
  if (byId.length > 0) return byId;
  const exact = torrents.filter((torrent) => torrent.name === name);
  if (exact.length > 0) return exact;
  return torrents.filter((torrent) => torrent.name.toLowerCase().includes(wanted));
}

/** The daemon of this machine gets an absolute path; for another one, a path is taken as it is. */
export function absoluteFor(
  { remote, platform: { files } }: { remote: Remote; platform: Pick<Platform, "files"> },
  path: string,
): string {
  return remote.isLocal ? files.absolute(path) : path;
}
