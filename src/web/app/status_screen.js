/** The daemon as a whole: whether it can be reached, what it uses, and its log. */
import { useState } from "preact/hooks";
import { ask } from "./api.js";
import { Chart } from "./chart.js";
import { count, plain, size, span } from "./format.js";
import { LogLines } from "./log_lines.js";
import { T } from "./texts.js";
import { Dialog, Failure, html, useLoaded } from "./ui.js";

const EVERY_MS = 5000;

async function loadStatus() {
  const [client, stats, folders, metrics] = await Promise.all([
    ask("GET /client"),
    ask("GET /stats"),
    disks().catch(() => []),
    fetch("metrics").then((answer) => answer.text()).catch(() => ""),
  ]);
  return { client, stats, folders, lag: longestLag(metrics) };
}

/** The roots, with the free space of each. */
async function disks() {
  const { folders } = await ask("GET /folders");
  return Promise.all(
    folders.map((/** @type {string} */ path) =>
      ask(`GET /folders?path=${encodeURIComponent(path)}`)
        .catch(() => ({ path, freeBytes: null }))
    ),
  );
}

/** The bound of the last bucket of the histogram that has something, in seconds. @param {string} text */
export function longestLag(text) {
  let before = 0, last = null;
  for (
    const [, bound, number] of text.matchAll(
      /^shoal_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm,
    )
  ) {
    if (Number(number) > before) last = bound;
    before = Number(number);
  }
  return last;
}

/** @param {{ store: import("./store.js").Store, close: () => void, signOut: () => void }} props */
export function StatusScreen({ store, close, signOut }) {
  const { value, error } = useLoaded(loadStatus, 0, EVERY_MS);
  const { statusScreen: words } = T;
  return html`<${Dialog} title=${words.title} close=${close} wide><${Failure} error=${error} />
    <${Chart} rates=${store.rates} />
    ${value !== null && html`<${Facts} ...${value} />`}
    <div class="buttons start"><${MagnetButton} />
      <button type="button" onClick=${signOut}>${words.signOut}</button></div>
    <h3>${T.log.all}</h3><${LogLines} /></${Dialog}>`;
}

/** @param {{ client: any, stats: any, folders: any[], lag: string | null | undefined }} props */
function Facts({ client, stats, folders, lag }) {
  const { statusScreen: words } = T, called = stats.opened.incoming;
  const facts = [
    [words.version, client.version],
    [words.memory, size(client.residentBytes)],
    [words.port, client.port > 0 ? client.port : words.noPort],
    [words.reachable, called > 0 ? words.reached(called) : words.notReached],
    [words.addresses, client.externalAddresses.join(", ") || T.none],
    [words.dht, stats.dht === null ? words.off : count(stats.dht.nodes)],
    [words.connections, count(stats.connections.incoming + stats.connections.outgoing)],
    [words.alternative, client.alternativeOn ? words.on : words.off],
    [words.lag, lagText(lag)],
    ...folders.map(({ path, freeBytes }) => [
      html`<bdi>${plain(path)}</bdi>`,
      freeBytes === null ? T.none : T.folders.free(size(freeBytes)),
    ]),
    ...client.warnings.map((/** @type {string} */ warning) => [words.warnings, plain(warning)]),
  ];
  return html`<dl>${
    facts.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** @param {string | null | undefined} bound */
function lagText(bound) {
  const { statusScreen: words } = T;
  if (bound == null) return T.none;
  if (bound === "+Inf") return `${words.lagOver} ${span(5)}`;
  return `${words.lagUnder} ${Math.round(Number(bound) * 1000)} ms`;
}

/** Only https and localhost may handle links. */
function MagnetButton() {
  const [isDone, done] = useState(false);
  if (!("registerProtocolHandler" in navigator)) return null;
  const register = () => {
    const here = location.href.replace(/[?#].*$/, "");
    navigator.registerProtocolHandler("magnet", `${here}?add=%s`);
    done(true);
  };
  return html`<button type="button" onClick=${register}>${T.statusScreen.magnet}${
    isDone ? " ✓" : ""
  }</button>`;
}
