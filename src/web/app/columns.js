/** The columns of the list. */
import { count, date, percent, plain, rate, ratio, size, span } from "./format.js";
import { T } from "./texts.js";
import { Bar, html } from "./ui.js";
import { progress, ratioOf, stateText, tone } from "./words.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {{ key: string, width: string, isNumber: boolean, show: (row: Row) => any }} Column */

/** @param {string} key @param {string} width @param {(row: Row) => any} show */
const text = (key, width, show) => ({ key, width, isNumber: false, show });
/** @param {string} key @param {string} width @param {(row: Row) => any} show */
const number = (key, width, show) => ({ key, width, isNumber: true, show });

/** @type {readonly Column[]} */
export const COLUMNS = [
  text("name", "minmax(10rem,3fr)", ({ name }) => html`<bdi>${plain(name)}</bdi>`),
  text(
    "state",
    "minmax(9rem,2fr)",
    (row) => html`<span class=${tone(row)}>${stateText(row)}</span>`,
  ),
  number("size", "5.2rem", (row) => row.wanted > 0 ? size(row.wanted) : T.none),
  number("done", "8.2rem", doneCell),
  number("down", "5.8rem", (row) => rate(row.downRate)),
  number("up", "5.8rem", (row) => rate(row.upRate)),
  number("eta", "5.4rem", (row) => row.left > 0 ? span(row.etaSeconds) : ""),
  number("ratio", "3.8rem", (row) => ratio(ratioOf(row))),
  number("peers", "3.8rem", (row) => count(row.connected)),
  text("label", "6rem", ({ labels }) => html`<bdi>${plain(labels.join(", "))}</bdi>`),
  text("added", "9.5rem", ({ addedAt }) => date(addedAt)),
  text("tracker", "8rem", ({ tracker }) => plain(tracker)),
  number("uploaded", "5.4rem", ({ uploaded }) => size(uploaded)),
  number("queue", "4rem", ({ queuePosition }) => queuePosition === null ? "" : queuePosition + 1),
  text("folder", "10rem", ({ dir }) => html`<bdi>${plain(dir)}</bdi>`),
];

/** @param {Row} row */
function doneCell(row) {
  const share = progress(row);
  return html`<${Bar} share=${share} /> ${percent(share)}`;
}

export const USUAL = [
  "name",
  "state",
  "size",
  "done",
  "down",
  "up",
  "eta",
  "ratio",
  "peers",
  "label",
];
