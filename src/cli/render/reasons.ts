/** Why a torrent has no peers: as data for programs, and in words. docs/json.md has the table. */
import type { TorrentSnapshot } from "../../client/types.ts";
import { formatCount, formatDuration } from "./format.ts";
import { safeText } from "./text.ts";

export type Reason =
  /** Addresses that could not be reached. */
  | { reason: "no-answer" | "refused" | "hung-up" | "unfit"; addresses: number }
  /** A tracker that refuses, cannot be reached, or is not asked because of our rules. */
  | { reason: "tracker-failing"; tracker: string; message: string }
  | { reason: "tracker-asked"; trackers: number }
  /** Trackers that answer and know no peer. */
  | { reason: "tracker-empty"; trackers: number }
  | { reason: "no-tracker" }
  | { reason: "dht-silent" }
  | { reason: "dht-empty"; nodes: number };

/** Empty for a torrent that has peers, or needs none. */
export function reasonsOf(torrent: TorrentSnapshot): Reason[] {
  const { state, peers } = torrent;
  const looks = state === "downloading" || state === "finding";
  if (!looks || peers.connected > 0) return [];
  return [...addressReasons(torrent), ...trackerReasons(torrent), ...dhtReasons(torrent)];
}

/** All reasons in one phrase; "" if none is known. */
export function reasonsPhrase(torrent: TorrentSnapshot): string {
  const reasons = reasonsOf(torrent), failing = failingPart(torrent);
  const parts = reasons.map((reason) => wordsFor(reason, torrent)).filter((part) => part !== null);
  if (failing !== null) parts.push(failing);
  return [parts.join("; "), nextAnnouncePart(torrent)].filter((part) => part !== "").join(", ");
}

/** Peers that can be dialled: not those that are banned, such as our own address. */
function usablePeers({ peers }: TorrentSnapshot): number {
  return peers.known - peers.banned;
}

function addressReasons({ unreached }: TorrentSnapshot): Reason[] {
  const { silent, refused, hungUp, unfit } = unreached;
  const found: Reason[] = [
    { reason: "no-answer", addresses: silent },
    { reason: "refused", addresses: refused },
    { reason: "hung-up", addresses: hungUp },
    { reason: "unfit", addresses: unfit },
  ];
  return found.filter((reason) => "addresses" in reason && reason.addresses > 0);
}

function trackerReasons(torrent: TorrentSnapshot): Reason[] {
  const { trackers, dht } = torrent, usable = usablePeers(torrent);
  if (trackers.length === 0 && usable === 0 && dht === null) return [{ reason: "no-tracker" }];
  const found: Reason[] = [];
  for (const { url, state, message } of trackers) {
    const isFailing = state === "failing" || state === "disabled";
    if (isFailing && message !== null) {
      found.push({ reason: "tracker-failing", tracker: url, message });
    }
  }
  if (usable > 0) return found;
  const asked =
    trackers.filter(({ state }) => state === "announcing" || state === "waiting").length;
  const empty = trackers.filter(({ state }) => state === "working").length;
  if (empty > 0) found.push({ reason: "tracker-empty", trackers: empty });
  else if (asked > 0) found.push({ reason: "tracker-asked", trackers: asked });
  return found;
}

function dhtReasons(torrent: TorrentSnapshot): Reason[] {
  const { dht } = torrent;
  if (dht === null) return [];
  if (dht.nodes === 0) return [{ reason: "dht-silent" }];
  return usablePeers(torrent) === 0 ? [{ reason: "dht-empty", nodes: dht.nodes }] : [];
}

/** Null for failing trackers, which are listed together. */
function wordsFor(reason: Reason, { trackers }: TorrentSnapshot): string | null {
  const verb = (one: string, more: string) => {
    const { addresses } = reason as { addresses: number };
    return addresses === 1 ? `1 address ${one}` : `${formatCount(addresses, "addresse")} ${more}`;
  };
  switch (reason.reason) {
    case "no-answer":
      return verb("does not answer", "do not answer");
    case "refused":
      return verb("refuses the connection", "refuse the connection");
    case "hung-up":
      return `${formatCount(reason.addresses, "peer")} took the connection and closed it ` +
        "(may insist on encryption, which shoal does not support yet)";
    case "unfit":
      return verb("does not have this torrent", "do not have this torrent");
    case "tracker-failing":
      return null;
    case "tracker-asked":
      return `asking the ${trackers.length === 1 ? "tracker" : "trackers"}`;
    case "tracker-empty":
      return reason.trackers === 1 ? "the tracker knows none" : "the trackers know none";
    case "no-tracker":
      return "the torrent has no tracker (--peer names a peer by hand)";
    case "dht-silent":
      return "no DHT node has answered yet";
    case "dht-empty":
      return `the DHT (${formatCount(reason.nodes, "node")}) knows none yet`;
  }
}

const SHOWN_FAILURES = 2;

function failingPart(torrent: TorrentSnapshot): string | null {
  const failing = reasonsOf(torrent).filter((reason) => reason.reason === "tracker-failing");
  if (failing.length === 0) return null;
  const all = torrent.trackers.length;
  if (all === 1) return `tracker failing: ${causeIn(failing[0]!.message)}`;
  const shown = failing.slice(0, SHOWN_FAILURES)
    .map(({ tracker, message }) => `${safeText(tracker)}: ${causeIn(message)}`).join(", ");
  const more = failing.length > SHOWN_FAILURES ? ", ..." : "";
  return `${failing.length} of ${all} trackers failing: ${shown}${more}`;
}

/** Without the URL at its start, which fills the line of a terminal and hides the cause. */
function causeIn(message: string): string {
  return safeText(message.replace(/^Cannot get \S+: (?=\S)/, ""));
}

function nextAnnouncePart({ trackers }: TorrentSnapshot): string {
  let soonest = Infinity;
  for (const { nextAnnounceInMs } of trackers) {
    if (nextAnnounceInMs !== null) soonest = Math.min(soonest, nextAnnounceInMs);
  }
  return soonest === Infinity
    ? ""
    : `next announce in ${formatDuration(Math.ceil(soonest / 1000))}`;
}
