/** A torrent of a list in few words. */
import { formatDuration, formatPercent, formatRate, formatSize } from "../render/format.ts";
import type { RemoteTorrent } from "./torrents.ts";

/** Why a download is slow, in two words. */
const HELD_BACK: Readonly<Record<string, string>> = {
  "no-peers": "no peers",
  "connecting": "connecting",
  "choked": "choked",
  "no-needed-pieces": "peers lack pieces",
  "tracker-failing": "tracker failing",
  "disk": "slow disk",
  "hashing": "hashing",
  "limit": "limited",
};

/** "downloading", "no peers", "checking 12%": what it does, or why it does not. */
export function stateWords({ state, heldBackBy, checked, goalReached }: RemoteTorrent): string {
  if (checked !== null) return `${state} ${formatPercent(checked, 1)}`;
  if (state === "done") return goalReached ? "done, at goal" : "done";
  const why = state === "downloading" || state === "finding" ? HELD_BACK[heldBackBy] : undefined;
  return why ?? state;
}

/** "-" while the size is not known. */
export function doneText({ wanted, left }: RemoteTorrent): string {
  return wanted === 0 ? "-" : formatPercent(wanted - left, wanted);
}

export function sizeText({ wanted }: RemoteTorrent): string {
  return wanted === 0 ? "-" : formatSize(wanted);
}

/** "-" for nothing. */
export function rateText(rate: number): string {
  return rate > 0 ? formatRate(rate) : "-";
}

export function etaText({ etaSeconds, left }: RemoteTorrent): string {
  return left > 0 && etaSeconds !== null ? formatDuration(etaSeconds) : "-";
}

export function ratioText({ uploaded, wanted }: RemoteTorrent): string {
  return wanted === 0 ? "-" : (uploaded / wanted).toFixed(2);
}
