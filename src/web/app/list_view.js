/**
 * Which torrents the list shows, in which order, and the counts beside the filters. Kept up to date
 * row by row, so that 10,000 torrents cost little: the order is computed again only after a change
 * that matters to it.
 */
import { isActive, needsYou, progress, ratioOf, stateGroup, stateText } from "./words.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Filter} Filter */
/** @typedef {import("./types.js").Sort} Sort */

/** What a column sorts by. @type {Record<string, (row: Row) => string | number>} */
const KEYS = {
  name: (row) => nameKey(row.name),
  state: stateText,
  size: (row) => row.wanted,
  done: progress,
  down: (row) => row.downRate,
  up: (row) => row.upRate,
  eta: (row) => row.etaSeconds ?? Infinity,
  ratio: ratioOf,
  peers: (row) => row.connected,
  label: (row) => row.labels.join(),
  added: (row) => row.addedAt,
  tracker: (row) => row.tracker,
  uploaded: (row) => row.uploaded,
  queue: (row) => row.queuePosition ?? Infinity,
  folder: (row) => row.dir,
};

/** Lower case is slow enough to remember it. @type {Map<string, string>} */
const names = new Map();

/** @param {string} name */
function nameKey(name) {
  let key = names.get(name);
  if (key === undefined) {
    if (names.size > 20_000) names.clear();
    names.set(name, key = name.slice(0, 300).toLowerCase());
  }
  return key;
}

/** The names of the filters that show a row: "state:seeding", "label:tv". @param {Row} row */
export function filtersOf(row) {
  const found = [`state:${stateGroup(row)}`, `tracker:${row.tracker}`];
  if (isActive(row)) found.push("state:active");
  if (needsYou(row)) found.push("state:needs");
  if (row.labels.length === 0) found.push("label:");
  for (const label of row.labels) found.push(`label:${label}`);
  return found;
}

export class ListView {
  /** @type {Filter} */
  filter = { kind: "state", value: "all" };
  text = "";
  /** @type {Sort} */
  sort = { by: "name", down: false };
  /** By names as `filtersOf` gives them. @type {Map<string, number>} */
  counts = new Map();
  #rows;
  /** @type {string[]} */
  #order = [];
  #stale = true;

  /** @param {ReadonlyMap<string, Row>} rows */
  constructor(rows) {
    this.#rows = rows;
  }

  /** @param {Partial<{ filter: Filter, text: string, sort: Sort }>} changes */
  show(changes) {
    Object.assign(this, changes);
    this.#stale = true;
  }

  /** A row was added, changed or removed. @param {Row} [before] @param {Row} [after] */
  changed(before, after) {
    const was = before === undefined ? [] : filtersOf(before);
    const is = after === undefined ? [] : filtersOf(after);
    if (was.length !== is.length || was.some((name, i) => name !== is[i])) {
      for (const name of was) this.#count(name, -1);
      for (const name of is) this.#count(name, 1);
    }
    this.#stale ||= before === undefined || after === undefined || this.#matters(before, after);
  }

  /** Info-hashes. `isHeld`: nothing moves while somebody is in the list. @param {boolean} isHeld */
  order(isHeld) {
    if (!this.#stale) return this.#order;
    if (isHeld) return this.#held();
    this.#stale = false;
    return this.#order = this.#sorted();
  }

  /** @param {string} name @param {number} by */
  #count(name, by) {
    const count = (this.counts.get(name) ?? 0) + by;
    if (count > 0) this.counts.set(name, count);
    else this.counts.delete(name);
  }

  /** @param {Row} before @param {Row} after */
  #matters(before, after) {
    const key = KEYS[this.sort.by] ?? KEYS["name"];
    return key(before) !== key(after) || this.#shows(before) !== this.#shows(after);
  }

  /** @param {Row} row */
  #shows(row) {
    const { kind, value } = this.filter;
    const isIn = kind === "state" && value === "all" || filtersOf(row).includes(`${kind}:${value}`);
    return isIn && (this.text === "" || nameKey(row.name).includes(this.text.toLowerCase()));
  }

  /** Without those that are gone; new ones come last. */
  #held() {
    const shown = this.#order.filter((infoHash) => this.#rows.has(infoHash));
    const known = new Set(shown);
    for (const [infoHash, row] of this.#rows) {
      if (!known.has(infoHash) && this.#shows(row)) shown.push(infoHash);
    }
    return this.#order = shown;
  }

  #sorted() {
    const key = KEYS[this.sort.by] ?? KEYS["name"], turn = this.sort.down ? -1 : 1;
    const keyed = [];
    for (const row of this.#rows.values()) {
      if (this.#shows(row)) keyed.push({ infoHash: row.infoHash, key: key(row) });
    }
    keyed.sort((a, b) => {
      if (a.key < b.key) return -turn;
      if (a.key > b.key) return turn;
      return a.infoHash < b.infoHash ? -1 : 1;
    });
    return keyed.map(({ infoHash }) => infoHash);
  }
}
