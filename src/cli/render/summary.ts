/** The final message about one torrent. */
import type { TorrentSnapshot } from "../../client/types.ts";
import type { Outcome } from "../outcome.ts";
import type { Output } from "../output.ts";
import { haveOf, ratioText } from "./phrases.ts";
import { formatDuration, formatPercent, formatRate, formatSize } from "./format.ts";
import { safeText } from "./text.ts";
import { EXIT_DONE, EXIT_INTERRUPTED } from "../errors.ts";

/** Successes and interruptions go to standard output, errors to standard error. */
export function printOutcome(outcome: Outcome, output: Output): void {
  if (outcome.exitCode === EXIT_DONE) return output.write(doneText(outcome));
  if (outcome.exitCode === EXIT_INTERRUPTED) return output.write(interruptedText(outcome));
  output.errorLine(errorText(outcome));
}

/** One line: "shoal: NAME: the error". */
export function errorText(outcome: Outcome): string {
  const about = outcome.torrent === null ? "" : `${safeText(outcome.torrent.name)}: `;
  return `shoal: ${about}${safeText(outcome.message ?? "failed")}`;
}

function doneText(outcome: Outcome): string {
  const { torrent, seconds, path, source } = outcome;
  if (outcome.code === "duplicate") return `${safeText(source)}: the same torrent again, ignored\n`;
  if (torrent === null) return "";
  const name = safeText(torrent.name), goal = goalText(outcome);
  if (outcome.metadataOnly) return `${name}: got the metadata\n`;
  if (outcome.seedOnly) return `${name}: done, ${uploadedText(torrent)}${goal}\n`;
  if (outcome.wasComplete) return `${name}: seeding done, ${uploadedText(torrent)}${goal}\n`;
  const where = path === null ? "" : `  in ${safeText(path)}\n`;
  if (torrent.downloaded === 0) {
    return `${name}: ${allText(torrent)} already on disk, verified${goal}\n${where}`;
  }
  // Duplicate blocks and parts of neighbouring files are not counted as downloaded.
  const fetched = Math.min(torrent.downloaded, torrent.wanted);
  const rate = seconds === null || seconds <= 0
    ? ""
    : ` in ${formatDuration(seconds)} (${formatRate(fetched / seconds)})`;
  const uploaded = torrent.uploaded > 0 ? `, uploaded ${formatSize(torrent.uploaded)}` : "";
  return `${name}: done, ${formatSize(fetched)}${rate}${uploaded}, verified${goal}\n${where}`;
}

function interruptedText({ torrent, seedOnly }: Outcome): string {
  if (torrent === null) return "";
  const name = safeText(torrent.name);
  if (seedOnly) return `${name}: stopped, ${uploadedText(torrent)}\n`;
  if (torrent.state === "finding") return `${name}: stopped before its metadata was found\n`;
  if (torrent.left === 0) {
    return `${name}: complete; seeding stopped, ${uploadedText(torrent)}\n`;
  }
  const part = formatPercent(haveOf(torrent), torrent.wanted);
  return `${name}: stopped at ${part}; run the same command again to resume\n`;
}

/** Why it ended sooner than this run alone explains. */
function goalText({ torrent, goalByEarlierRuns }: Outcome): string {
  if (torrent === null || !goalByEarlierRuns) return "";
  const inAll = ratioText(torrent.totals.uploaded, torrent);
  return `; the seed goal was reached with earlier runs (${inAll} in all)`;
}

function uploadedText(torrent: TorrentSnapshot): string {
  const { uploaded } = torrent;
  if (uploaded === 0) return "nothing was uploaded";
  return `uploaded ${formatSize(uploaded)}, ${ratioText(torrent.totals.uploaded, torrent)}`;
}

function allText({ wanted, size }: TorrentSnapshot): string {
  const all = formatSize(wanted);
  return wanted < size ? `the chosen files (${all} of ${formatSize(size)})` : `everything (${all})`;
}
