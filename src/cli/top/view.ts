/** The live list as lines of a terminal: a pure function of what is known. */
import type { SessionRow } from "../../daemon/api/live.ts";
import { type Column, tableLines } from "../render/columns.ts";
import { formatCount, formatRate } from "../render/format.ts";
import { type Line, segment } from "../render/line.ts";
import { safeText } from "../render/text.ts";
import type { RemoteTorrent } from "../remote/torrents.ts";
import { doneText, etaText, rateText, ratioText, sizeText, stateWords } from "../remote/words.ts";
import { DETAILS, type TopState } from "./state.ts";

export interface Shown {
  readonly state: TopState;
  /** All that fit the filter, in order. */
  readonly rows: readonly RemoteTorrent[];
  readonly session: SessionRow;
  /** The lines about the selected torrent, with `state.detail`. */
  readonly detail: readonly string[];
  /** The daemon answers. */
  readonly isConnected: boolean;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const NAME: Column<RemoteTorrent> = {
  title: "Name",
  text: ({ name }) => safeText(name),
  flexible: true,
};
const STATE: Column<RemoteTorrent> = { title: "State", text: stateWords };
const DONE: Column<RemoteTorrent> = { title: "Done", text: doneText, right: true };
const DOWN: Column<RemoteTorrent> = {
  title: "Down",
  text: ({ downRate }) => rateText(downRate),
  right: true,
};
const UP: Column<RemoteTorrent> = {
  title: "Up",
  text: ({ upRate }) => rateText(upRate),
  right: true,
};
const REST: readonly Column<RemoteTorrent>[] = [
  { title: "Size", text: sizeText, right: true },
  { title: "Left", text: etaText, right: true },
  { title: "Ratio", text: ratioText, right: true },
  { title: "Peers", text: ({ connected }) => String(connected), right: true },
];

/** Lines besides those of the list: title, heads of the columns, bottom. */
const FRAME = 3;
/** The part of the screen that details take. */
const DETAIL_PART = 0.6;

/** Rows of the list that fit. */
export function pageOf({ rows }: Size, { detail }: TopState): number {
  const room = Math.max(1, rows - FRAME);
  return detail === null ? room : Math.max(1, Math.floor(room * (1 - DETAIL_PART)));
}

/** Exactly as many lines as the terminal has. */
export function screenOf(shown: Shown, size: Size): Line[] {
  const { state, rows } = shown, page = pageOf(size, state);
  const lines = [titleLine(shown)];
  if (state.isHelp) lines.push(...HELP.map((text) => [segment(text)]));
  else {
    lines.push(...listLines(rows.slice(state.offset, state.offset + page), state, size));
    while (lines.length < page + 2) lines.push([]);
    if (state.detail !== null) lines.push(...detailLines(shown));
  }
  const body = lines.slice(0, size.rows - 1);
  while (body.length < size.rows - 1) body.push([]);
  return [...body, bottomLine(shown)];
}

function titleLine({ session, rows, state, isConnected }: Shown): Line {
  const count = rows.length === session.torrents
    ? formatCount(session.torrents, "torrent")
    : `${rows.length} of ${formatCount(session.torrents, "torrent")}`;
  const rates = `${formatRate(session.downRate)} down  ${formatRate(session.upRate)} up`;
  const order = `by ${state.sort}${state.reverse ? ", reversed" : ""}`;
  const away = isConnected ? [] : [segment("  The daemon does not answer; trying again", "bad")];
  return [segment("shoal", "bold"), segment(`  ${count}  ${rates}  ${order}`), ...away];
}

function listLines(rows: readonly RemoteTorrent[], { selected }: TopState, size: Size): Line[] {
  const wide = [NAME, STATE, DONE, DOWN, UP, ...REST], narrow = [NAME, STATE, DONE, DOWN, UP];
  const columns = size.columns >= 100 ? wide : size.columns >= 60 ? narrow : [NAME, DONE, DOWN];
  const [head, ...lines] = tableLines(columns, rows, size.columns - 3);
  return [
    [segment(`  ${head}`, "dim")],
    ...lines.map((text, i): Line => {
      const isSelected = rows[i]!.infoHash === selected;
      return [
        segment(`${isSelected ? "> " : "  "}${text}`, isSelected ? "bold" : styleOf(rows[i]!)),
      ];
    }),
  ];
}

function styleOf({ state, error }: RemoteTorrent): "plain" | "bad" | "dim" {
  if (state === "failed" || error !== null) return "bad";
  return state === "paused" || state === "done" || state === "queued" ? "dim" : "plain";
}

function detailLines({ state, detail }: Shown): Line[] {
  const tabs = DETAILS.map((each) => {
    return segment(
      each === state.detail ? `[${each}]  ` : `${each}  `,
      each === state.detail ? "bold" : "dim",
    );
  });
  return [tabs, ...detail.map((text) => [segment(text)])];
}

function bottomLine({ state }: Shown): Line {
  const { question, isTyping, filter, message } = state;
  if (question !== null) return [segment(safeText(question.text), "warn")];
  if (isTyping) return [segment(`Filter: ${safeText(filter)}_`, "bold")];
  if (message !== "") return [segment(safeText(message), "warn")];
  const only = filter === "" ? "" : `filter "${safeText(filter)}" (Esc ends it)  `;
  return [
    segment(
      `${only}Enter details  space start/stop  d remove  s sort  / filter  ? help  q quit`,
      "dim",
    ),
  ];
}

const HELP: readonly string[] = [
  "",
  "  up, down, j, k       select a torrent; Page Up, Page Down, Home, End",
  "  Enter                show or hide the details; Tab shows the next kind",
  "  space                start or stop it",
  "  +, -                 move it up or down in the queue",
  "  v                    read and hash its data again",
  "  a                    ask its trackers for peers now",
  "  d, Delete            remove it, after a question",
  "  s, r                 next order; the other way round",
  "  /                    show only names that contain a text; Esc shows all",
  "  q, Ctrl-C            quit; the daemon keeps running",
  "",
  "  Any key closes this help.",
];
