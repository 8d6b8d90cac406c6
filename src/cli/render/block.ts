/** The block of three lines that shows one torrent on a terminal. A pure function of snapshots. */
import type { TorrentSnapshot } from "../../client/types.ts";
import { drawBar, type Glyphs, type Line, segment, type Style } from "./line.ts";
import { amountText, quotaPhrase, shownFraction, statePhrase } from "./phrases.ts";
import { formatDuration, formatPercent, formatRate } from "./format.ts";
import { safeText, widthOf } from "./text.ts";

/** Name; bar, percent, sizes, rates, time left; peers and what slows it down. */
export function torrentBlock(torrent: TorrentSnapshot, columns: number, glyphs: Glyphs): Line[] {
  return [
    [segment(safeText(torrent.name), "bold")],
    progressLine(torrent, columns, glyphs),
    [segment(peersPart(torrent)), segment(statePhrase(torrent), phraseStyle(torrent))],
  ];
}

/** A part that does not fit is left out whole: half a number says nothing. */
function progressLine(torrent: TorrentSnapshot, columns: number, glyphs: Glyphs): Line {
  const done = shownFraction(torrent);
  const barColumns = Math.min(40, Math.max(12, Math.floor(columns / 4)));
  const [arrowDown, arrowUp] = glyphs.unicode ? ["↓", "↑"] : ["down", "up"];
  const percent = ` ${formatPercent(done, 1).padStart(5)}`;
  const down = `${arrowDown} ${formatRate(torrent.downRate)}`;
  const up = `${arrowUp} ${formatRate(torrent.upRate)}`;
  const parts = [percent, amountText(torrent), down, ...timeLeft(torrent), up];
  const leastUse = [up, ...timeLeft(torrent), amountText(torrent), down];
  while (barColumns + widthOf(parts.join("  ")) > columns && leastUse.length > 0) {
    parts.splice(parts.indexOf(leastUse.shift()!), 1);
  }
  return [segment(drawBar(done, barColumns, glyphs), "good"), segment(parts.join("  "))];
}

function timeLeft({ state, etaSeconds }: TorrentSnapshot): string[] {
  if (state !== "downloading" || etaSeconds === null) return [];
  return [`${formatDuration(etaSeconds)} left`];
}

function peersPart(torrent: TorrentSnapshot): string {
  return `${torrent.peers.connected} of ${torrent.peers.known} peers connected, `;
}

function phraseStyle(torrent: TorrentSnapshot): Style {
  if (torrent.state === "failed") return "bad";
  if (torrent.state === "seeding") return quotaPhrase(torrent) === null ? "plain" : "warn";
  if (torrent.state !== "downloading" || statePhrase(torrent) === "downloading") return "plain";
  return "warn";
}
