/** Which torrents are selected: one by a click, more with Ctrl, a range with Shift. */

export class Selection {
  /** @type {ReadonlySet<string>} */
  chosen = new Set();
  /** Where the keyboard is. */
  cursor = "";
  #anchor = "";
  #expected = "";

  /**
   * @param {string} infoHash @param {readonly string[]} order
   * @param {{ toggle?: boolean, extend?: boolean }} how
   */
  choose(infoHash, order, { toggle = false, extend = false }) {
    this.cursor = infoHash;
    if (extend) {
      this.chosen = new Set(range(order, this.#anchor, infoHash));
      return;
    }
    this.#anchor = infoHash;
    if (!toggle) {
      this.chosen = new Set([infoHash]);
      return;
    }
    const chosen = new Set(this.chosen);
    if (!chosen.delete(infoHash)) chosen.add(infoHash);
    this.chosen = chosen;
  }

  /** @param {Iterable<string>} infoHashes */
  all(infoHashes) {
    this.chosen = new Set(infoHashes);
  }

  /** It is chosen as soon as it is in the list. @param {string} infoHash */
  expect(infoHash) {
    this.#expected = infoHash;
  }

  /** @param {ReadonlyMap<string, unknown>} rows those that are left, and new ones */
  follow(rows) {
    if (rows.has(this.#expected)) {
      this.choose(this.#expected, [], {});
      this.#expected = "";
    }
    if ([...this.chosen].every((infoHash) => rows.has(infoHash))) return;
    this.all([...this.chosen].filter((infoHash) => rows.has(infoHash)));
  }
}

/** @param {readonly string[]} order @param {string} from @param {string} to */
function range(order, from, to) {
  const a = Math.max(0, order.indexOf(from)), b = order.indexOf(to);
  return order.slice(Math.min(a, b), Math.max(a, b) + 1);
}
