/** What the live list shows and what its keys do: without a terminal or a daemon. */
import type { RemoteTorrent } from "../remote/torrents.ts";
import type { Key } from "./keys.ts";

export type Detail = "overview" | "files" | "peers" | "trackers";
export const DETAILS: readonly Detail[] = ["overview", "files", "peers", "trackers"];

export type SortKey = "name" | "added" | "down" | "up" | "done" | "ratio" | "size" | "queue";
export const SORT_KEYS: readonly SortKey[] = [
  "added",
  "name",
  "down",
  "up",
  "done",
  "ratio",
  "size",
  "queue",
];

/** What is asked, until it is answered. */
export interface Question {
  readonly infoHash: string;
  readonly text: string;
  readonly answers: Readonly<Record<string, Command>>;
}

/** What the daemon is told. */
export type Command =
  | {
    readonly type: "start" | "pause" | "verify" | "reannounce" | "up" | "down" | "top" | "bottom";
  }
  | { readonly type: "remove"; readonly data: boolean };

export interface TopState {
  readonly selected: string | null;
  /** The first row that is shown. */
  readonly offset: number;
  readonly sort: SortKey;
  readonly reverse: boolean;
  readonly filter: string;
  readonly isTyping: boolean;
  readonly detail: Detail | null;
  readonly isHelp: boolean;
  readonly question: Question | null;
  /** The last outcome, for the line at the bottom. */
  readonly message: string;
}

export const FIRST_STATE: TopState = {
  selected: null,
  offset: 0,
  sort: "added",
  reverse: false,
  filter: "",
  isTyping: false,
  detail: null,
  isHelp: false,
  question: null,
  message: "",
};

/** The state after a key, and what it asks for. */
export interface Step {
  readonly state: TopState;
  readonly command?: { readonly infoHash: string; readonly command: Command };
  readonly ends?: boolean;
}

/** `rows`: what is shown, in its order; `page`: rows that fit the screen. */
export function pressed(
  state: TopState,
  key: Key,
  rows: readonly RemoteTorrent[],
  page: number,
): Step {
  if (key === "interrupt") return { state, ends: true };
  if (state.question !== null) return answered(state, state.question, key);
  if (state.isTyping) return { state: typed(state, key) };
  if (state.isHelp) return { state: { ...state, isHelp: false } };
  const moved = movedBy(state, key, rows, page);
  if (moved !== null) return { state: moved };
  return acted({ ...state, message: "" }, key, rows);
}

function answered(state: TopState, { infoHash, answers }: Question, key: Key): Step {
  const character = characterOf(key), command = answers[character];
  const next = { ...state, question: null };
  return command === undefined ? { state: next } : { state: next, command: { infoHash, command } };
}

function typed(state: TopState, key: Key): TopState {
  if (key === "enter") return { ...state, isTyping: false };
  if (key === "escape") return { ...state, isTyping: false, filter: "" };
  const filter = key === "backspace"
    ? [...state.filter].slice(0, -1).join("")
    : state.filter + characterOf(key);
  return { ...state, filter, offset: 0 };
}

function movedBy(
  state: TopState,
  key: Key,
  rows: readonly RemoteTorrent[],
  page: number,
): TopState | null {
  const at = Math.max(0, rows.findIndex(({ infoHash }) => infoHash === state.selected));
  const to = targetOf(key, at, rows.length, page);
  if (to === null) return null;
  const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
  return { ...state, selected: row?.infoHash ?? null, message: "" };
}

function targetOf(key: Key, at: number, length: number, page: number): number | null {
  const character = characterOf(key);
  if (key === "up" || character === "k") return at - 1;
  if (key === "down" || character === "j") return at + 1;
  if (key === "page-up") return at - page;
  if (key === "page-down") return at + page;
  if (key === "home" || character === "g") return 0;
  return key === "end" || character === "G" ? length - 1 : null;
}

function acted(state: TopState, key: Key, rows: readonly RemoteTorrent[]): Step {
  const torrent = rows.find(({ infoHash }) => infoHash === state.selected) ?? rows[0];
  if (key === "escape" && state.detail !== null) return { state: { ...state, detail: null } };
  if (key === "escape") return { state: { ...state, filter: "" } };
  switch (characterOf(key)) {
    case "q":
      return state.detail === null ? { state, ends: true } : { state: { ...state, detail: null } };
    case "?":
      return { state: { ...state, isHelp: true } };
    case "/":
      return { state: { ...state, isTyping: true } };
    case "s":
      return { state: { ...state, sort: after(SORT_KEYS, state.sort) } };
    case "r":
      return { state: { ...state, reverse: !state.reverse } };
  }
  return torrent === undefined ? { state } : actedOn(state, key, torrent);
}

function actedOn(state: TopState, key: Key, torrent: RemoteTorrent): Step {
  const { infoHash } = torrent;
  const tell = (command: Command): Step => ({ state, command: { infoHash, command } });
  if (key === "enter") {
    return {
      state: { ...state, selected: infoHash, detail: state.detail === null ? "overview" : null },
    };
  }
  if (key === "tab" && state.detail !== null) {
    return { state: { ...state, detail: after(DETAILS, state.detail) } };
  }
  if (key === "delete") return { state: { ...state, question: removal(torrent) } };
  switch (characterOf(key)) {
    case " ":
      return tell({ type: isAtRest(torrent) ? "start" : "pause" });
    case "v":
      return tell({ type: "verify" });
    case "a":
      return tell({ type: "reannounce" });
    case "+":
      return tell({ type: "up" });
    case "-":
      return tell({ type: "down" });
    case "d":
      return { state: { ...state, question: removal(torrent) } };
  }
  return { state };
}

function removal({ infoHash, name }: RemoteTorrent): Question {
  return {
    infoHash,
    text: `Remove ${name}? y: keep its files, D: delete them, any other key: no`,
    answers: { y: { type: "remove", data: false }, D: { type: "remove", data: true } },
  };
}

function isAtRest({ state }: RemoteTorrent): boolean {
  return state === "paused" || state === "done" || state === "stopped" || state === "failed";
}

function characterOf(key: Key): string {
  return typeof key === "string" ? "" : key.character;
}

function after<T>(list: readonly T[], one: T): T {
  return list[(list.indexOf(one) + 1) % list.length]!;
}

/** The torrents that are shown, in order. */
export function rowsOf(
  torrents: Iterable<RemoteTorrent>,
  { sort, reverse, filter }: TopState,
): RemoteTorrent[] {
  const wanted = filter.toLowerCase(), way = reverse ? -1 : 1;
  const rows = [...torrents].filter(({ name, infoHash, labels }) => {
    return name.toLowerCase().includes(wanted) || infoHash.startsWith(wanted) ||
      labels.some((label) => label.toLowerCase() === wanted);
  });
  return rows.sort((a, b) => way * (order(a, b, sort) || (a.infoHash < b.infoHash ? -1 : 1)));
}

function order(a: RemoteTorrent, b: RemoteTorrent, sort: SortKey): number {
  switch (sort) {
    case "name":
      return a.name.localeCompare(b.name);
    case "added":
      return a.addedAt - b.addedAt;
    case "down":
      return b.downRate - a.downRate;
    case "up":
      return b.upRate - a.upRate;
    case "done":
      return shareOf(b) - shareOf(a);
    case "ratio":
      return b.uploaded / (b.wanted || Infinity) - a.uploaded / (a.wanted || Infinity);
    case "size":
      return b.wanted - a.wanted;
    case "queue":
      return (a.queuePosition ?? Infinity) - (b.queuePosition ?? Infinity) || 0;
  }
}

function shareOf({ wanted, left }: RemoteTorrent): number {
  return wanted === 0 ? 0 : 1 - left / wanted;
}

/** With the selected row in sight, and one that exists selected. */
export function inSight(state: TopState, rows: readonly RemoteTorrent[], page: number): TopState {
  const found = rows.findIndex(({ infoHash }) => infoHash === state.selected);
  const at = Math.max(0, found), most = Math.max(0, rows.length - page);
  const offset = Math.max(0, Math.min(most, state.offset, at), at - page + 1);
  return { ...state, offset, selected: rows[at]?.infoHash ?? null };
}
