/** The details of one torrent, in tabs. */
import { useEffect } from "preact/hooks";
import { ask } from "./api.js";
import { Chart } from "./chart.js";
import { FilesTab } from "./files_tab.js";
import { count, date, percent, plain, ratio, size, span } from "./format.js";
import { LimitsTab } from "./limits_tab.js";
import { LogLines } from "./log_lines.js";
import { PiecesTab } from "./pieces_tab.js";
import { PeersTab, TrackersTab } from "./swarm_tabs.js";
import { T } from "./texts.js";
import { Failure, html, Tabs, useLoaded } from "./ui.js";
import { progress, ratioOf, stateText, tone } from "./words.js";

/** @typedef {import("./types.js").Row} Row */

const EVERY_MS = 2000;

/**
 * @param {{
 *   row: Row, store: import("./store.js").Store, tab: string, choose: (tab: string) => void,
 *   back: () => void, shown: () => void,
 * }} props
 */
export function Details({ row, store, tab, choose, back, shown }) {
  useEffect(() => store.watch(row.infoHash), [row.infoHash]);
  useEffect(shown, []);
  const { infoHash } = row;
  return html`
    <section class="details" aria-label=${T.details}>
      <header><h2><bdi>${plain(row.name)}</bdi></h2>
          <button class="quiet" type="button" aria-label=${T
            .back} onClick=${back}>✕</button></header>
      <${Tabs} names=${T.tabs} now=${tab} choose=${choose} label=${T.details}>
          ${tab === "overview" && html`<${Overview} key=${infoHash} row=${row} store=${store} />`}
          ${tab === "files" && html`<${FilesTab} key=${infoHash} row=${row} />`}
          ${tab === "peers" && html`<${PeersTab} key=${infoHash} infoHash=${infoHash} />`}
          ${tab === "trackers" && html`<${TrackersTab} key=${infoHash} infoHash=${infoHash} />`}
          ${tab === "pieces" && html`<${PiecesTab} key=${infoHash} infoHash=${infoHash} />`}
          ${tab === "limits" && html`<${LimitsTab} key=${infoHash} infoHash=${infoHash} />`}
          ${tab === "log" && html`<${LogLines} key=${infoHash} infoHash=${infoHash} />`}
        </${Tabs}></section>
  `;
}

/** @param {{ row: Row, store: import("./store.js").Store }} props */
function Overview({ row, store }) {
  const { value: torrent, error } = useLoaded(
    () => ask(`GET /torrents/${row.infoHash}`),
    row.infoHash,
    EVERY_MS,
  );
  const { overview: words } = T, tracker = row.trackerError;
  /** @type {[string, any][]} */
  const facts = [
    [words.state, html`<span class=${tone(row)}>${stateText(row)}</span>`],
    [
      words.have,
      `${words.ofAll(size(row.wanted - row.left), size(row.wanted))} (${percent(progress(row))})`,
    ],
    [words.peers, words.peersOf(row.connected, row.seeds, row.known)],
    ...(tracker === null
      ? []
      : [/** @type {[string, any]} */ ([T.columnNames["tracker"], plain(tracker)])]),
    [words.downloaded, size(row.downloaded)],
    [words.uploaded, size(row.uploaded)],
    [words.ratio, ratio(ratioOf(row))],
    [words.added, date(row.addedAt)],
    [words.completed, date(row.completedAt)],
    [words.folder, html`<bdi>${plain(row.dir)}</bdi>`],
  ];
  if (torrent) facts.push(...moreFacts(torrent));
  return html`
    <div class="overview">
      <${Failure} error=${error} />
      <div>
        <${Chart} rates=${store.watched === row.infoHash ? store.watchedRates : []} />
      </div>
      <dl>${facts.map(([name, value]) =>
        html`
          <div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>
        `
      )}</dl>
    </div>
  `;
}

/** @param {any} torrent @returns {[string, any][]} */
function moreFacts(torrent) {
  const { overview: words } = T;
  return [
    [words.seedingTime, span(torrent.seedingSeconds)],
    [words.wasted, size(torrent.wasted)],
    ...(torrent.comment
      ? [/** @type {[string, any]} */ ([words.comment, html`<bdi>${plain(torrent.comment)}</bdi>`])]
      : []),
    [words.hash, html`<code>${torrent.infoHash}</code>`],
    [words.magnet, html`<a href=${torrent.magnet} rel="noreferrer">${words.magnet}</a>`],
    [T.tabs.pieces, count(torrent.pieces)],
    [
      "",
      html`<a href=${`api/v1/torrents/${torrent.infoHash}/torrent`} download>${words.saveTorrent}</a>`,
    ],
  ];
}
