/** Lines of the daemon's log, of one torrent or all. */
import { ask } from "./api.js";
import { date, plain } from "./format.js";
import { T } from "./texts.js";
import { Failure, html, useLoaded } from "./ui.js";

const EVERY_MS = 5000;

/** @param {{ infoHash?: string }} props */
export function LogLines({ infoHash }) {
  const { value, error } = useLoaded(() => ask("GET /log"), infoHash, EVERY_MS);
  if (value === null) return html`<${Failure} error=${error} />`;
  const lines = value.lines.filter((/** @type {any} */ { fields }) => {
    return infoHash === undefined || fields.torrent === infoHash;
  });
  if (lines.length === 0) return html`<p class="mute">${T.log.none}</p>`;
  return html`
    <table class="log">
      <tbody>${lines.reverse().map((/** @type {any} */ { time, level, message, fields }) =>
        html`
          <tr class=${level === "error" ? "bad" : level === "warn" ? "slow" : ""}>
            <td>${date(time / 1000)}</td>
            <td>${level}</td>
            <td><bdi>${plain(message)}</bdi> <span class="mute">${plain(
              factsOf(fields),
            )}</span></td>
          </tr>
        `
      )}</tbody>
    </table>
  `;
}

/** @param {Record<string, unknown>} fields */
function factsOf({ torrent: _, ...fields }) {
  return Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(
    " ",
  );
}
