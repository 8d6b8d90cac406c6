/** A torrent's activity, what slows it down and its progress, each as one phrase. */
import type { TorrentSnapshot } from "../../client/types.ts";
import { formatCount, formatDuration, formatPercent, formatSize, formatUtc } from "./format.ts";
import { reasonsOf, reasonsPhrase } from "./reasons.ts";
import { safeText } from "./text.ts";

/** The current activity: one phrase without a full stop. */
export function statePhrase(torrent: TorrentSnapshot): string {
  switch (torrent.state) {
    case "checking":
      return `checking existing data${checkedPart(torrent)}`;
    case "verifying":
      return `verifying at the end${checkedPart(torrent)}`;
    case "seeding":
      return ["seeding", quotaPhrase(torrent), ratioText(torrent.totals.uploaded, torrent)]
        .filter((part) => part !== null).join(", ");
    case "downloading":
      return quotaPhrase(torrent) ?? heldBackPhrase(torrent) ?? "downloading";
    case "finding":
      return findingPhrase(torrent);
    case "moving":
      return "moving to its folder";
    case "waiting":
      return `waiting: ${safeText(torrent.error?.message ?? "the disk does not work")}`;
    case "failed":
      return `failed: ${safeText(torrent.error?.message ?? "unknown reason")}`;
    case "done":
    case "paused":
    case "queued":
    case "stopped":
      return torrent.state;
  }
}

function findingPhrase(torrent: TorrentSnapshot): string {
  const why = torrent.peers.connected > 0 ? null : heldBackPhrase(torrent) ?? "no peers yet";
  return `finding metadata${why === null ? "" : `: ${why}`}`;
}

/** The quota that blocks traffic now; null if none does. */
export function quotaPhrase({ state, quotaSpent }: TorrentSnapshot): string | null {
  const way = state === "downloading" ? "down" : "up";
  if (!quotaSpent?.[way]) return null;
  const until = formatUtc(quotaSpent.until);
  return `the ${way === "down" ? "download" : "upload"} quota is used up until ${until}`;
}

/** Why a download is not faster; null if only the peers' speed limits it. */
export function heldBackPhrase(torrent: TorrentSnapshot): string | null {
  switch (torrent.heldBackBy) {
    case "nothing":
      return null;
    case "no-peers":
      return noPeersPhrase(torrent);
    case "connecting":
      return connectingPhrase(torrent);
    case "choked":
      return "choked: waiting for an upload slot of a peer";
    case "no-needed-pieces":
      return "no connected peer has a missing piece";
    case "tracker-failing":
      return reasonsPhrase(torrent) || "tracker failing";
    case "disk":
      return "waiting for the disk to write";
    case "hashing":
      return "waiting for hash checks";
    case "limit":
      return "at the speed limit that was set";
  }
}

/** Why a run without peers ended after `seconds`, and what to do. */
export function noPeersMessage(torrent: TorrentSnapshot, seconds: number): string {
  return `no peer was reached in ${formatDuration(seconds)} (${alonePhrase(ended(torrent))}); ` +
    "run the same command again to resume";
}

/** Why a run ended because nothing could bring a peer. */
export function nowhereMessage(torrent: TorrentSnapshot): string {
  return `there is nowhere to look for peers (${alonePhrase(ended(torrent))}); ` +
    "name a peer with --peer, or leave out --no-dht and --no-lsd";
}

/** A run without peers continues; `flag` ends it. */
export function stillAloneMessage(
  torrent: TorrentSnapshot,
  seconds: number,
  flag: string | undefined,
): string {
  const hint = flag === undefined ? "" : ` (${flag} sets a limit)`;
  return `${safeText(torrent.name)}: no peer was reached in ${formatDuration(seconds)}: ` +
    `${alonePhrase(torrent)}; shoal keeps trying${hint}`;
}

/** No tracker is announced to after the end. */
function ended(torrent: TorrentSnapshot): TorrentSnapshot {
  const trackers = torrent.trackers.map((one) => ({ ...one, nextAnnounceInMs: null }));
  return { ...torrent, trackers };
}

function alonePhrase(torrent: TorrentSnapshot): string {
  return (heldBackPhrase(torrent) ?? "no peers").replace(/^no peers: /, "");
}

export function lowSpaceWarning(missing: number, free: number, folder: string): string {
  return `warning: All downloads together need ${formatSize(missing)} in ${safeText(folder)}, ` +
    `and its disk has ${formatSize(free)} free`;
}

function noPeersPhrase(torrent: TorrentSnapshot): string {
  const why = reasonsPhrase(torrent), { known } = torrent.peers;
  if (why !== "") return `no peers: ${why}`;
  return known === 0 ? "no peers yet" : `no peers yet: ${formatCount(known, "peer")} known`;
}

function connectingPhrase(torrent: TorrentSnapshot): string {
  const why = reasonsOf(torrent).length === 0 ? "" : `; ${reasonsPhrase(torrent)}`;
  return `connecting to ${formatCount(torrent.peers.connecting, "peer")}${why}`;
}

function checkedPart(torrent: TorrentSnapshot): string {
  return torrent.checked === null ? "" : `, ${formatPercent(torrent.checked, 1)}`;
}

type Amounts = Pick<TorrentSnapshot, "size" | "wanted" | "left">;

/** Verified bytes of the wanted files, not of all files. */
export function haveOf({ wanted, left }: Pick<Amounts, "wanted" | "left">): number {
  return Math.max(0, wanted - left);
}

/**
 * The fraction for the bar, 0 to 1: of the check while existing data is checked, else of verified
 * bytes.
 */
export function shownFraction(torrent: TorrentSnapshot): number {
  // Its size is not known yet, or it is not open.
  const isUnknown = torrent.state === "finding" || torrent.state === "waiting";
  if (torrent.size === 0 && isUnknown) return 0;
  if (torrent.checked !== null) return torrent.checked;
  return torrent.wanted > 0 ? haveOf(torrent) / torrent.wanted : 1;
}

/** "12.0 MiB of 30.0 MiB". */
export function amountText(torrent: Pick<Amounts, "wanted" | "left">): string {
  return `${formatSize(haveOf(torrent))} of ${formatSize(torrent.wanted)}`;
}

/** Uploaded bytes per wanted byte, as for trackers and seed goals. */
export function ratioText(uploaded: number, { wanted }: Pick<Amounts, "wanted">): string {
  return `ratio ${(wanted > 0 ? uploaded / wanted : 0).toFixed(2)}`;
}
