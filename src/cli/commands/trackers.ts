/** `shoal trackers`: the trackers of a torrent of the daemon. */
import type { TrackerSnapshot } from "../../client/types.ts";
import { type Flags, repeated, toggle } from "../args.ts";
import { EXIT_DONE } from "../errors.ts";
import type { Column } from "../render/columns.ts";
import { formatDuration } from "../render/format.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printRows } from "../remote/remote_command.ts";
import { listTorrents, NAMING, torrentNamed } from "../remote/torrents.ts";
import { notEmpty, trackerUrl } from "../values.ts";

const FLAGS = {
  add: repeated("URL", "Add a tracker; may be repeated", trackerUrl),
  remove: repeated("URL", "Remove a tracker; may be repeated", notEmpty),
  announce: toggle("Ask all trackers for peers now"),
} satisfies Flags;

export const TRACKER_COLUMNS: readonly Column<TrackerSnapshot>[] = [
  { title: "Tier", text: ({ tier }) => String(tier + 1), right: true },
  { title: "Tracker", text: ({ url }) => safeText(url), flexible: true },
  { title: "State", text: ({ state }) => state },
  { title: "Seeds", text: ({ seeders }) => countText(seeders), right: true },
  { title: "Others", text: ({ leechers }) => countText(leechers), right: true },
  {
    title: "Next",
    text: ({ nextAnnounceInMs: ms }) => ms === null ? "-" : formatDuration(ms / 1000),
    right: true,
  },
  { title: "Last word", text: ({ message }) => safeText(message ?? "-") },
];

export const trackersCommand = defineRemote({
  name: "trackers",
  operands: "TORRENT",
  count: [1, 1],
  summary: "Lists the trackers of a torrent of the daemon, adds and removes some",
  details: NAMING,
  examples: [
    "shoal trackers debian",
    "shoal trackers debian --add https://tracker.example/announce",
    "shoal trackers debian --announce",
  ],
  flags: FLAGS,
  async run(session, { add, remove, announce }, [name]) {
    const { remote } = session;
    const { infoHash } = torrentNamed(await listTorrents(remote), name!);
    const path = `/torrents/${infoHash}`;
    if (add.length + remove.length > 0) await remote.patch(`${path}/trackers`, { add, remove });
    if (announce) await remote.post(`${path}/reannounce`);
    const { trackers } = await remote.get<{ trackers: TrackerSnapshot[] }>(`${path}/trackers`);
    if (trackers.length === 0 && !session.json) session.output.line("It has no trackers");
    else printRows(session, TRACKER_COLUMNS, trackers);
    return EXIT_DONE;
  },
});

function countText(count: number | null): string {
  return count === null ? "-" : String(count);
}
