/** `shoal queue`: the order of the daemon's torrents. */
import { EXIT_DONE, UsageError } from "../errors.ts";
import type { Column } from "../render/columns.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printRows } from "../remote/remote_command.ts";
import {
  idOf,
  listTorrents,
  NAMING,
  type RemoteTorrent,
  torrentNamed,
} from "../remote/torrents.ts";
import { doneText, stateWords } from "../remote/words.ts";

const COLUMNS: readonly Column<RemoteTorrent>[] = [
  { title: "#", text: ({ queuePosition }) => String((queuePosition ?? 0) + 1), right: true },
  { title: "ID", text: idOf },
  { title: "Name", text: ({ name }) => safeText(name), flexible: true },
  { title: "State", text: stateWords },
  { title: "Done", text: doneText, right: true },
];

const MOVES: readonly string[] = ["top", "up", "down", "bottom"];

export const queueCommand = defineRemote({
  name: "queue",
  operands: "[top|up|down|bottom|PLACE TORRENT...]",
  count: [0, 1000],
  summary: "Shows the order of the daemon's torrents, and moves some in it",
  details:
    "How many torrents download and seed at a time are the settings queue.downloads and queue.seeds.\n" +
    NAMING,
  examples: ["shoal queue", "shoal queue top debian", "shoal queue 3 debian ubuntu"],
  flags: {},
  async run(session, _, [to, ...names]) {
    const { remote } = session;
    if (to !== undefined) {
      const torrents = await listTorrents(remote), place = placeOf(to);
      if (names.length === 0) throw new UsageError("Missing TORRENT: shoal queue top TORRENT");
      const infoHashes = names.map((name) => torrentNamed(torrents, name).infoHash);
      await remote.post("/queue", { infoHashes, to: place });
    }
    const rows = (await listTorrents(remote)).filter(({ queuePosition }) => queuePosition !== null);
    rows.sort((a, b) => a.queuePosition! - b.queuePosition!);
    if (rows.length === 0 && !session.json) session.output.line("The daemon has no torrents");
    else printRows(session, COLUMNS, rows);
    return EXIT_DONE;
  },
});

/** People count from 1. */
function placeOf(text: string): string | number {
  if (MOVES.includes(text)) return text;
  const place = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (place > 0) return place - 1;
  throw new UsageError(`"${text}" is not top, up, down, bottom or a place such as 1`);
}
