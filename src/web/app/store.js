/** What the daemon said last: the torrents, their rates over time, and whether it answers. */

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Session} Session */

/** Seconds of rates that are kept. */
const MOST_RATES = 120;

/** @type {Session} */
const NOTHING = { torrents: 0, downRate: 0, upRate: 0, port: 0 };

export class Store {
  /** @type {Map<string, Row>} */
  rows = new Map();
  session = NOTHING;
  /** "starting", "online", "away" or "login". */
  link = "starting";
  /** Of all torrents. @type {[down: number, up: number][]} */
  rates = [];
  /** The torrent whose rates are kept, too. */
  watched = "";
  /** @type {[down: number, up: number][]} */
  watchedRates = [];
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Set<(before: Row | undefined, after: Row | undefined) => void>} */
  #rowListeners = new Set();

  /** @param {() => void} listener */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Told of each row that changes. @param {(before?: Row, after?: Row) => void} listener */
  onRow(listener) {
    this.#rowListeners.add(listener);
    return () => void this.#rowListeners.delete(listener);
  }

  /** @param {string} link */
  setLink(link) {
    if (this.link === link) return;
    this.link = link;
    this.#tell();
  }

  /** @param {import("./types.js").Snapshot} snapshot */
  begin({ torrents, session }) {
    for (const infoHash of [...this.rows.keys()]) {
      if (!(infoHash in torrents)) this.#drop(infoHash);
    }
    for (const infoHash in torrents) this.#put({ ...torrents[infoHash], infoHash });
    this.#continue(session);
  }

  /** @param {import("./types.js").Delta} delta */
  apply({ torrents, removed, session }) {
    for (const infoHash in torrents) {
      const before = this.rows.get(infoHash);
      this.#put(/** @type {Row} */ ({ ...before, ...torrents[infoHash], infoHash }));
    }
    for (const infoHash of removed) this.#drop(infoHash);
    this.#continue(session);
  }

  /** @param {string} infoHash */
  watch(infoHash) {
    if (this.watched === infoHash) return;
    this.watched = infoHash;
    this.watchedRates = [];
  }

  /** @param {Session} session */
  #continue(session) {
    this.session = session;
    this.link = "online";
    push(this.rates, session.downRate, session.upRate);
    const row = this.rows.get(this.watched);
    if (row !== undefined) push(this.watchedRates, row.downRate, row.upRate);
    this.#tell();
  }

  /** @param {Row} row */
  #put(row) {
    const before = this.rows.get(row.infoHash);
    this.rows.set(row.infoHash, row);
    for (const listener of this.#rowListeners) listener(before, row);
  }

  /** @param {string} infoHash */
  #drop(infoHash) {
    const before = this.rows.get(infoHash);
    if (before === undefined || !this.rows.delete(infoHash)) return;
    for (const listener of this.#rowListeners) listener(before, undefined);
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}

/** @param {[number, number][]} rates @param {number} down @param {number} up */
function push(rates, down, up) {
  rates.push([down, up]);
  if (rates.length > MOST_RATES) rates.shift();
}
