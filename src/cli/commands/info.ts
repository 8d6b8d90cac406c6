/** `shoal info`: everything about torrents of the daemon. */
import type {
  PeerSnapshot,
  SeedGoal,
  TorrentSnapshot,
  TrackerSnapshot,
} from "../../client/types.ts";
import { EXIT_DONE } from "../errors.ts";
import {
  formatCount,
  formatDuration,
  formatRate,
  formatSize,
  formatUtc,
} from "../render/format.ts";
import { amountText, ratioText, statePhrase } from "../render/phrases.ts";
import { safeJson, safeText } from "../render/text.ts";
import type { Remote } from "../remote/remote.ts";
import { defineRemote } from "../remote/remote_command.ts";
import { chosenTorrents, NAMING, TORRENT_CHOICE } from "../remote/torrents.ts";

/** What the API tells of one torrent. */
interface Whole extends TorrentSnapshot {
  magnet: string;
  options: Readonly<Record<string, unknown>>;
}

export const infoCommand = defineRemote({
  name: "info",
  operands: "[TORRENT...]",
  count: [0, 1000],
  summary: "Shows everything about torrents of the daemon",
  details: `The line "state" says in full why a download is slow.\n${NAMING}`,
  examples: ["shoal info debian", "shoal info 9ecd4676 --json"],
  flags: TORRENT_CHOICE,
  async run({ remote, output, json }, values, names) {
    const torrents = await chosenTorrents(remote, names, values);
    for (const [i, { infoHash }] of torrents.entries()) {
      const whole = await wholeOf(remote, infoHash);
      if (json) output.line(safeJson(whole));
      else output.write((i > 0 ? "\n" : "") + infoText(whole));
    }
    return EXIT_DONE;
  },
});

export async function wholeOf(remote: Remote, infoHash: string): Promise<Whole> {
  const [status, { trackers }, { peers }] = await Promise.all([
    remote.get<Whole>(`/torrents/${infoHash}`),
    remote.get<{ trackers: TrackerSnapshot[] }>(`/torrents/${infoHash}/trackers`),
    remote.get<{ peers: PeerSnapshot[] }>(`/torrents/${infoHash}/peers`),
  ]);
  return { ...status, trackers, peerList: peers };
}

/** Lines with a title each. */
export function infoText(torrent: Whole): string {
  const { totals, peers, queue, labels } = torrent;
  const lines: [string, string | null][] = [
    ["Name", safeText(torrent.name)],
    ["State", statePhrase(torrent)],
    ["Done", torrent.wanted === 0 ? null : amountText(torrent)],
    ["Size", torrent.size === torrent.wanted ? null : `${formatSize(torrent.size)} in all files`],
    [
      "Left",
      torrent.left > 0 && torrent.etaSeconds !== null ? formatDuration(torrent.etaSeconds) : null,
    ],
    ["Rates", `${formatRate(torrent.downRate)} down, ${formatRate(torrent.upRate)} up`],
    [
      "Totals",
      `${formatSize(totals.downloaded)} down, ${formatSize(totals.uploaded)} up` +
      (torrent.wanted > 0 ? `, ${ratioText(totals.uploaded, torrent)}` : ""),
    ],
    [
      "Peers",
      `${peers.connected} connected, ${torrent.seeds} of them complete; ` +
      `${formatCount(peers.known, "address")} known`.replace("addresss", "addresses"),
    ],
    ["Pieces", torrent.pieces > 0 ? `${torrent.piecesHave} of ${torrent.pieces}` : null],
    ["Folder", safeText(torrent.dir)],
    ["Labels", labels.length > 0 ? labels.map(safeText).join(", ") : null],
    ["Queue", queue === null ? null : `place ${queue.position + 1}`],
    ["Goal", goalText(torrent)],
    ["Added", formatUtc(torrent.addedAt * 1000)],
    ["Complete", torrent.completedAt === null ? null : formatUtc(torrent.completedAt * 1000)],
    [
      "Active",
      `${formatDuration(torrent.activeSeconds)}, ${formatDuration(torrent.seedingSeconds)} seeding`,
    ],
    ["Info-hash", torrent.infoHash],
    ["Magnet", safeText(torrent.magnet)],
  ];
  return lines.filter(([, text]) => text !== null)
    .map(([title, text]) => `${`${title}:`.padEnd(11)}${text}\n`).join("");
}

function goalText({ goalReached, options }: Whole): string | null {
  const goal = options["seedGoal"] as SeedGoal | undefined;
  if (goal === undefined) return goalReached ? "reached" : null;
  return goalWords(goal) + (goalReached ? ", reached" : "");
}

/** As the flag has it. */
function goalWords(goal: SeedGoal): string {
  switch (goal.kind) {
    case "ratio":
      return `ratio ${goal.ratio}`;
    case "time":
      return `${formatDuration(goal.seconds)} of seeding`;
    case "idle":
      return `${formatDuration(goal.seconds)} without an upload`;
    case "any":
      return goal.goals.map(goalWords).join(" or ");
    default:
      return goal.kind;
  }
}
