/**
 * The list of torrents: a grid of which only the visible rows exist. One tab stop; arrows move, the
 * space bar selects, Enter opens the details.
 */
import { Component } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { T } from "./texts.js";
import { html } from "./ui.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./columns.js").Column} Column */

const HIGH = 34, HIGH_ON_PHONES = 56, SPARE = 6, PHONE = "(max-width: 760px)";

/** How far a key moves. @type {Record<string, number>} */
const STEPS = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: 15,
  PageUp: -15,
  Home: -Infinity,
  End: Infinity,
};

/**
 * @typedef {{
 *   row: Row, at: number, top: number, isSelected: boolean, isCursor: boolean,
 *   columns: readonly Column[], act: (infoHash: string, event: MouseEvent) => void,
 * }} RowProps
 */

/** Drawn again only when something of it changed. @extends {Component<RowProps>} */
class TorrentRow extends Component {
  /** @param {RowProps} next */
  shouldComponentUpdate(next) {
    const is = this.props;
    return next.row !== is.row || next.top !== is.top || next.isSelected !== is.isSelected ||
      next.isCursor !== is.isCursor || next.columns !== is.columns;
  }

  /** @param {RowProps} props */
  render({ row, at, top, isSelected, isCursor, columns, act }) {
    return html`
      <div class="row" role="row" aria-rowindex=${at + 2} aria-selected=${isSelected}
        tabindex=${isCursor ? 0 : -1} data-id=${row.infoHash}
        style=${{ transform: `translateY(${top}px)` }}
        onClick=${(/** @type {MouseEvent} */ event) => act(row.infoHash, event)}>
            ${columns.map(({ key, isNumber, show }) =>
              html`<div role="gridcell" class=${isNumber ? `num c-${key}` : `c-${key}`}>${
                show(row)
              }</div>`
            )}</div>
    `;
  }
}

/**
 * @param {{
 *   rows: ReadonlyMap<string, Row>, order: readonly string[], columns: readonly Column[],
 *   sort: import("./types.js").Sort, sortBy: (column: string) => void,
 *   selected: ReadonlySet<string>, cursor: string,
 *   choose: (infoHash: string, how: { toggle?: boolean, extend?: boolean }) => void,
 *   selectAll: () => void, open: () => void, remove: () => void, touched: () => void,
 * }} props
 */
export function TorrentList(props) {
  const { rows, order, columns, sort, sortBy, selected, cursor, choose, touched } = props;
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [top, setTop] = useState(0);
  const [room, setRoom] = useState(600);
  const isPhone = matchMedia(PHONE).matches, high = isPhone ? HIGH_ON_PHONES : HIGH;
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => entry && setRoom(entry.contentRect.height));
    if (box.current) watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top / high) - SPARE);
  const last = Math.min(order.length, Math.ceil((top + room) / high) + SPARE);
  const at = Math.max(0, order.indexOf(cursor)), shown = [];
  for (let i = first; i < last; i++) {
    const row = rows.get(order[i] ?? "");
    if (row) shown.push({ i, row });
  }
  const isCursorShown = at >= first && at < last;

  const focusRow = (/** @type {number} */ index) => {
    const id = order[index], element = box.current;
    if (id === undefined || element === null) return;
    const y = index * high;
    if (y < element.scrollTop) element.scrollTop = y;
    const low = y + 2 * high - element.clientHeight;
    if (low > element.scrollTop) element.scrollTop = low;
    // It may have to be drawn first; meanwhile the user may have left the list.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const at = document.activeElement;
        if (at !== document.body && !element.contains(at)) return;
        const row = element.querySelector(`[data-id="${id}"]`);
        /** @type {HTMLElement | null} */ (row)?.focus({ preventScroll: true });
      })
    );
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (/** @type {HTMLElement} */ (event.target).closest(".head")) return;
    touched();
    const id = order[at];
    const step = STEPS[event.key];
    if (step !== undefined) {
      const next = Math.max(0, Math.min(order.length - 1, at + step)), chosen = order[next];
      if (chosen === undefined) return;
      choose(chosen, { extend: event.shiftKey });
      focusRow(next);
    } else if (event.key === " " && id !== undefined) choose(id, { toggle: true });
    else if (event.key === "Enter") props.open();
    else if (event.key === "Delete") props.remove();
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) props.selectAll();
    else return;
    event.preventDefault();
  };
  const act = (/** @type {string} */ infoHash, /** @type {MouseEvent} */ event) => {
    choose(infoHash, { toggle: event.ctrlKey || event.metaKey, extend: event.shiftKey });
  };
  const template = columns.map(({ width }) => width).join(" ");
  return html`
    <div class="list" ref=${box} role="grid" aria-label=${T.torrents}
      aria-rowcount=${order.length + 1} aria-colcount=${columns.length} aria-multiselectable="true"
      style=${{ "--columns": template }}
      onScroll=${(/** @type {any} */ e) => setTop(e.currentTarget.scrollTop)}
      onKeyDown=${onKey} onPointerMove=${touched} onFocusIn=${touched}>
      <div class="row head" role="row" aria-rowindex="1">${columns.map(({ key, isNumber }) =>
        html`
          <div role="columnheader" class=${isNumber ? `num c-${key}` : `c-${key}`}
            aria-sort=${sort.by !== key ? "none" : sort.down ? "descending" : "ascending"}>
                  <button type="button" onClick=${() => sortBy(key)}>${T
                    .columnNames[key]}${sort.by === key
                    ? (sort.down ? " ▾" : " ▴")
                    : ""}</button></div>
        `
      )}</div>
      <div class="rows" role="rowgroup" style=${{ height: `${order.length * high}px` }}>
          ${shown.map(({ i, row }) =>
            html`
              <${TorrentRow} key=${row.infoHash} row=${row} at=${i} top=${i * high}
                isSelected=${selected.has(row.infoHash)}
                isCursor=${isCursorShown ? i === at : i === first} columns=${columns} act=${act} />
            `
          )}</div>
    </div>
  `;
}
