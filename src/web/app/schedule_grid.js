/** A grid in which the hours of the alternative limits are chosen. */
import { useRef, useState } from "preact/hooks";
import { T } from "./texts.js";
import { html } from "./ui.js";

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });
const LONG_DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", timeZone: "UTC" });
const HOUR = new Intl.DateTimeFormat(undefined, { hour: "numeric", timeZone: "UTC" });
/** 1970-01-04 was a Sunday. @param {number} day @param {number} hour */
const momentOf = (day, hour) => Date.UTC(1970, 0, 4 + day, hour);
const WEEK = [1, 2, 3, 4, 5, 6, 0];

/** @typedef {{ line: number, hour: number, on: boolean, before: readonly boolean[] }} Drag */

/** @param {Drag} drag @param {number} line @param {number} hour */
function paintedHours(drag, line, hour) {
  const hours = [...drag.before],
    between = (/** @type {number} */ at, /** @type {number} */ a, /** @type {number} */ b) =>
      at >= Math.min(a, b) && at <= Math.max(a, b);
  for (const [each, day] of WEEK.entries()) {
    for (let at = 0; at < 24; at++) {
      if (between(each, line, drag.line) && between(at, hour, drag.hour)) {
        hours[day * 24 + at] = drag.on;
      }
    }
  }
  return hours;
}

/** @type {Record<string, readonly [number, number]>} */
const MOVES = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/** @param {{ hours: readonly boolean[], set: (hours: boolean[]) => void }} props */
export function ScheduleGrid({ hours, set }) {
  const [cursor, setCursor] = useState([0, 0]);
  const grid = useRef(/** @type {HTMLElement | null} */ (null));
  const drag = useRef(/** @type {Drag | null} */ (null));
  /** All hours between the first of the drag and this one, on all days between them. */
  const paint = (/** @type {number} */ line, /** @type {number} */ hour) => {
    if (drag.current !== null) set(paintedHours(drag.current, line, hour));
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const move = MOVES[event.key], [line = 0, hour = 0] = cursor;
    if (move === undefined) return;
    event.preventDefault();
    const next = [(line + move[0] + 7) % 7, (hour + move[1] + 24) % 24];
    setCursor(next);
    /** @type {HTMLElement | null} */ (
      grid.current?.querySelector(`[data-at="${next[0]}-${next[1]}"]`) ?? null
    )?.focus();
  };
  const cell = (/** @type {number} */ line, /** @type {number} */ hour) => {
    const day = WEEK[line] ?? 0, at = day * 24 + hour, on = hours[at] ?? false;
    const moment = momentOf(day, hour);
    return html`<td><button type="button" role="checkbox" aria-checked=${on} data-at=${`${line}-${hour}`}
      aria-label=${T.settingsScreen.hour(LONG_DAY.format(moment), HOUR.format(moment), on)}
      tabindex=${cursor[0] === line && cursor[1] === hour ? 0 : -1}
      onPointerDown=${(/** @type {PointerEvent} */ event) => {
      event.preventDefault();
      drag.current = { line, hour, on: !on, before: hours };
      setCursor([line, hour]);
      paint(line, hour);
    }}
      onPointerEnter=${() => paint(line, hour)}
      onClick=${(/** @type {MouseEvent} */ event) => event.detail === 0 && set(hours.with(at, !on))}
      >${on ? "■" : ""}</button></td>`;
  };
  return html`
    <table class="schedule" ref=${grid} onKeyDown=${onKey}
      onPointerUp=${() => (drag.current = null)} onPointerLeave=${() => (drag.current = null)}>
      <caption>${T.settingsScreen.schedule} <small>${T.settingsScreen
        .scheduleHint}</small></caption>
      <thead>
        <tr><td></td>${Array.from(
          { length: 24 },
          (_, hour) =>
            html`<th scope="col">${hour % 3 === 0 ? hour : ""}<span class="vh">${hour}</span></th>`,
        )}</tr>
      </thead>
      <tbody>${WEEK.map((day, line) =>
        html`<tr><th scope="row">${DAY.format(momentOf(day, 0))}</th>${
          Array.from({ length: 24 }, (_, hour) => cell(line, hour))
        }</tr>`
      )}</tbody>
    </table>
  `;
}
