/** The block of three lines that shows one torrent on a terminal. A pure function of snapshots. */
import type { TorrentSnapshot } from "../../client/types.ts";
import { drawBar, type Glyphs, type Line, segment, type Style } from "./line.ts";
import { amountText, quotaPhrase, shownFraction, statePhrase } from "./phrases.ts";
import { formatDuration, formatPercent, formatRate } from "./format.ts";
import { safeText } from "./text.ts";

const NARROW_COLUMNS = 60;

/** Name; bar, percent, sizes, rates, time left; peers and what holds it back. */
export function torrentBlock(torrent: TorrentSnapshot, columns: number, glyphs: Glyphs): Line[] {
  return [
    [segment(safeText(torrent.name), "bold")],
    progressLine(torrent, columns, glyphs),
    [segment(peersPart(torrent)), segment(statePhrase(torrent), phraseStyle(torrent))],
  ];
}

function progressLine(torrent: TorrentSnapshot, columns: number, glyphs: Glyphs): Line {
  const done = shownFraction(torrent);
  const barColumns = columns < NARROW_COLUMNS ? 12 : Math.min(40, Math.floor(columns / 3));
  const [down, up] = glyphs.unicode ? ["↓", "↑"] : ["down", "up"];
  const parts = [
    ` ${formatPercent(done, 1).padStart(5)}`,
    amountText(torrent),
    `${down} ${formatRate(torrent.downRate)}`,
  ];
  if (torrent.state === "downloading" && torrent.etaSeconds !== null) {
    parts.push(`${formatDuration(torrent.etaSeconds)} left`);
  }
  // Last, because it is what a narrow terminal can do without.
  parts.push(`${up} ${formatRate(torrent.upRate)}`);
  return [segment(drawBar(done, barColumns, glyphs), "good"), segment(parts.join("  "))];
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
