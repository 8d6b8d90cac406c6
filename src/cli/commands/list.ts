/** `shoal list`: the torrents of the daemon. */
import { type Flags, repeated, single, toggle } from "../args.ts";
import { EXIT_DONE } from "../errors.ts";
import { formatCount, formatRate } from "../render/format.ts";
import type { Column } from "../render/columns.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printRows } from "../remote/remote_command.ts";
import { idOf, listTorrents, type RemoteTorrent } from "../remote/torrents.ts";
import { doneText, etaText, rateText, ratioText, sizeText, stateWords } from "../remote/words.ts";
import { notEmpty, oneOf } from "../values.ts";

const COLUMNS: readonly Column<RemoteTorrent>[] = [
  { title: "ID", text: idOf },
  { title: "Name", text: ({ name }) => safeText(name), flexible: true },
  { title: "State", text: stateWords },
  { title: "Done", text: doneText, right: true },
  { title: "Size", text: sizeText, right: true },
  { title: "Down", text: ({ downRate }) => rateText(downRate), right: true },
  { title: "Up", text: ({ upRate }) => rateText(upRate), right: true },
  { title: "Left", text: etaText, right: true },
  { title: "Ratio", text: ratioText, right: true },
  { title: "Peers", text: ({ connected }) => String(connected), right: true },
];

type Key = (torrent: RemoteTorrent) => number | string;

/** Numbers with the largest first, names from A to Z. */
const KEYS: Readonly<Record<string, Key>> = {
  added: ({ addedAt }) => -addedAt,
  name: ({ name }) => name.toLowerCase(),
  size: ({ wanted }) => wanted,
  done: ({ wanted, left }) => wanted === 0 ? 0 : 1 - left / wanted,
  down: ({ downRate }) => downRate,
  up: ({ upRate }) => upRate,
  ratio: ({ uploaded, wanted }) => wanted === 0 ? 0 : uploaded / wanted,
  peers: ({ connected }) => connected,
  queue: ({ queuePosition }) => -(queuePosition ?? Infinity),
};

const FLAGS = {
  sort: single(
    "KEY",
    `Order: ${Object.keys(KEYS).join(", ")} (default: added)`,
    oneOf(...Object.keys(KEYS)),
    "added",
  ),
  reverse: toggle("The other way round", "r"),
  state: repeated("STATE", "Only torrents in this state; may be repeated", notEmpty),
  label: repeated("LABEL", "Only torrents with this label; may be repeated", notEmpty),
} satisfies Flags;

export const listCommand = defineRemote({
  name: "list",
  operands: "[NAME...]",
  count: [0, 1000],
  summary: "Lists the torrents of the daemon",
  details:
    "NAME limits the list to torrents whose names contain it, or whose info-hashes begin with it.\n" +
    "The state says why a download is slow, where that is known; shoal info says it in full.",
  examples: [
    "shoal list",
    "shoal list --sort down --state downloading",
    "shoal list --label films --json",
  ],
  flags: FLAGS,
  async run(session, { sort, reverse, state, label }, names) {
    const rows = (await listTorrents(session.remote)).filter((torrent) => {
      return fits(state, [torrent.state]) && fits(label, torrent.labels) && isNamed(torrent, names);
    });
    const key = KEYS[sort]!, way = reverse ? -1 : 1;
    rows.sort((a, b) => way * compare(key(a), key(b)));
    if (rows.length === 0 && !session.json) {
      const isAll = names.length + state.length + label.length === 0;
      session.output.line(isAll ? "The daemon has no torrents" : "No torrent fits");
      return EXIT_DONE;
    }
    printRows(session, COLUMNS, rows);
    if (!session.json && rows.length > 1) session.output.line(totals(rows));
    return EXIT_DONE;
  },
});

function fits(wanted: readonly string[], has: readonly string[]): boolean {
  return wanted.length === 0 || has.some((each) => wanted.includes(each));
}

function isNamed({ name, infoHash }: RemoteTorrent, names: readonly string[]): boolean {
  return names.length === 0 || names.some((each) => {
    const wanted = each.toLowerCase();
    return name.toLowerCase().includes(wanted) || infoHash.startsWith(wanted);
  });
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === "string") return a < (b as string) ? -1 : a === b ? 0 : 1;
  return (b as number) - a;
}

function totals(rows: readonly RemoteTorrent[]): string {
  const sum = (of: (row: RemoteTorrent) => number) => rows.reduce((all, row) => all + of(row), 0);
  const down = formatRate(sum(({ downRate }) => downRate)),
    up = formatRate(sum(({ upRate }) => upRate));
  return `${formatCount(rows.length, "torrent")}, ${down} down, ${up} up`;
}
