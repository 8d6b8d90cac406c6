/** What a torrent does now and what holds it back, each in one phrase for a person. */
import type { TorrentSnapshot } from "../../client/types.ts";
import { formatCount, formatDuration, formatPercent, formatUtc } from "./format.ts";
import { ratioText } from "./figures.ts";
import { safeText } from "./text.ts";

/** What it does now: one phrase without a full stop. */
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
      return `finding metadata${torrent.peers.connected > 0 ? "" : ": no peers yet"}`;
    case "moving":
      return "moving to its folder";
    case "waiting":
      return `waiting: ${safeText(torrent.error?.message ?? "the disk does not work")}`;
    case "failed":
      return `failed: ${safeText(torrent.error?.message ?? "unknown reason")}`;
    case "done":
    case "paused":
    case "stopped":
      return torrent.state;
  }
}

/** Which quota lets nothing pass that now should; null if none does. */
export function quotaPhrase({ state, quotaSpent }: TorrentSnapshot): string | null {
  const way = state === "downloading" ? "down" : "up";
  if (!quotaSpent?.[way]) return null;
  const until = formatUtc(quotaSpent.until);
  return `the ${way === "down" ? "download" : "upload"} quota is used up until ${until}`;
}

/** Why a download is not faster; null when nothing but the peers' speed limits it. */
export function heldBackPhrase(torrent: TorrentSnapshot): string | null {
  switch (torrent.heldBackBy) {
    case "nothing":
      return null;
    case "no-peers":
      return noPeersPhrase(torrent);
    case "connecting":
      return `connecting to ${formatCount(torrent.peers.connecting, "peer")}`;
    case "choked":
      return "choked: waiting for an upload slot of a peer";
    case "no-needed-pieces":
      return "no connected peer has a missing piece";
    case "tracker-failing":
      return trackerFailingPhrase(torrent);
    case "disk":
      return "waiting for the disk to write";
    case "hashing":
      return "waiting for hash checks";
    case "limit":
      return "at the speed limit that was set";
  }
}

function noPeersPhrase(torrent: TorrentSnapshot): string {
  if (torrent.peers.known > 0) return "no peers: no known peer answers";
  if (torrent.trackers.length === 0) {
    return "no peers: the torrent has no tracker (--peer names a peer by hand)";
  }
  if (torrent.trackers.some((tracker) => tracker.state === "announcing")) {
    return "no peers yet: asking the tracker";
  }
  return `no peers: the tracker knows none${nextAnnouncePart(torrent)}`;
}

function trackerFailingPhrase(torrent: TorrentSnapshot): string {
  const failing = torrent.trackers.find((tracker) =>
    (tracker.state === "failing" || tracker.state === "disabled") && tracker.message !== null
  );
  const why = failing?.message ? `: ${safeText(failing.message)}` : "";
  return `tracker failing${why}${nextAnnouncePart(torrent)}`;
}

function nextAnnouncePart(torrent: TorrentSnapshot): string {
  let soonest = Infinity;
  for (const { nextAnnounceInMs } of torrent.trackers) {
    if (nextAnnounceInMs !== null) soonest = Math.min(soonest, nextAnnounceInMs);
  }
  return soonest === Infinity
    ? ""
    : `, next announce in ${formatDuration(Math.ceil(soonest / 1000))}`;
}

function checkedPart(torrent: TorrentSnapshot): string {
  return torrent.checked === null ? "" : `, ${formatPercent(torrent.checked, 1)}`;
}
