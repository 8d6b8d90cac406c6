/** The filters beside the list, each with the number of its torrents. */
import { count, plain } from "./format.js";
import { T } from "./texts.js";
import { html } from "./ui.js";

/** @typedef {import("./types.js").Filter} Filter */

const STATES = [
  "active",
  "downloading",
  "seeding",
  "queued",
  "checking",
  "stopped",
  "done",
  "needs",
];
/** More labels or trackers than this are not listed. */
const MOST = 200;

/** @param {{ view: import("./list_view.js").ListView, total: number, choose: (filter: Filter) => void }} props */
export function Filters({ view, total, choose }) {
  const { filter, counts } = view;
  const button = (
    /** @type {Filter["kind"]} */ kind,
    /** @type {string} */ value,
    /** @type {string} */ text,
  ) => {
    const number = value === "all" ? total : counts.get(`${kind}:${value}`) ?? 0;
    return html`
      <button type="button" key=${kind + value} class=${value === "needs" && number > 0
        ? "bad"
        : ""}
        aria-pressed=${filter.kind === kind && filter.value === value}
        onClick=${() => choose({ kind, value })}>
            <bdi>${text}</bdi><span class="n">${count(number)}</span></button>
    `;
  };
  const known = (/** @type {"label" | "tracker"} */ kind, /** @type {string} */ none) => {
    const names = [...counts.keys()].filter((name) => name.startsWith(`${kind}:`));
    const values = names.map((name) => name.slice(kind.length + 1)).sort().slice(0, MOST);
    if (values.length === 1 && values[0] === "") return [];
    return values.map((value) => button(kind, value, value === "" ? none : plain(value)));
  };
  const groups = {
    state: ["all", ...STATES].map((name) => button("state", name, T.filterNames[name] ?? name)),
    label: known("label", T.noLabel),
    tracker: known("tracker", T.noTracker),
  };
  return html`<nav class="filters" aria-label=${T.filters}>${
    Object.entries(groups).filter(([, buttons]) => buttons.length > 0).map(([kind, buttons]) =>
      html`<div role="group" aria-label=${T.filterGroups[kind]}>
        <h2>${T.filterGroups[kind]}</h2>${buttons}</div>`
    )
  }</nav>`;
}
