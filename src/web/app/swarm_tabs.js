/** Peers and trackers of a torrent. */
import { useState } from "preact/hooks";
import { ask } from "./api.js";
import { count, percent, plain, rate, span } from "./format.js";
import { T } from "./texts.js";
import { Failure, Field, html, useForm, useLoaded, valueOf } from "./ui.js";

const EVERY_MS = 2000;

/** @param {{ infoHash: string }} props */
export function PeersTab({ infoHash }) {
  const { value, error } = useLoaded(
    () => ask(`GET /torrents/${infoHash}/peers`),
    infoHash,
    EVERY_MS,
  );
  if (value === null) return html`<${Failure} error=${error} />`;
  const { peers } = value, { peers: words } = T;
  if (peers.length === 0) return html`<p class="mute">${words.none}</p>`;
  return html`
    <table>
      <thead>
        <tr>
          <th>${words.address}</th>
          <th>${words.client}</th>
          <th class="num">${words.progress}</th>
          <th class="num">${words.down}</th>
          <th class="num">${words.up}</th>
          <th>${words.state}</th>
          <th>${words.source}</th>
        </tr>
      </thead>
      <tbody>${peers.map((/** @type {any} */ peer) =>
        html`
          <tr key=${peer.address + peer.port}>
            <td>${addressOf(peer)}</td>
            <td><bdi>${plain(peer.client)}</bdi></td>
            <td class="num">${percent(peer.progress)}</td>
            <td class="num">${rate(peer.downRate)}</td>
            <td class="num">${rate(peer.upRate)}</td>
            <td>${stanceOf(peer)}</td>
            <td>${peer.sources.join(", ")}</td>
          </tr>
        `
      )}</tbody>
    </table>
  `;
}

/** @param {any} peer */
function addressOf({ address, port }) {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** @param {any} peer */
function stanceOf({ incoming, interested, choking, snubbed, peerInterested }) {
  const { peers: words } = T;
  return [
    incoming && words.incoming,
    interested && choking && words.choking,
    snubbed && words.snubbed,
    peerInterested && words.interested,
  ].filter(Boolean).join(", ");
}

/** @param {{ infoHash: string }} props */
export function TrackersTab({ infoHash }) {
  const path = `/torrents/${infoHash}/trackers`, { trackers: words } = T;
  const { value, error, again } = useLoaded(() => ask(`GET ${path}`), infoHash, EVERY_MS);
  const [url, setUrl] = useState("");
  const [failure, setFailure] = useState(/** @type {Error | null} */ (null));
  const change = async (/** @type {object} */ changes) => {
    await ask(`PATCH ${path}`, changes);
    await again();
  };
  const form = useForm(async () => {
    await change({ add: [url.trim()] });
    setUrl("");
  });
  const remove = (/** @type {string} */ url) =>
    change({ remove: [url] }).then(() => setFailure(null), setFailure);
  const trackers = value?.trackers ?? [];
  return html`
    <${Failure} error=${error ?? failure} />
        ${value && trackers.length === 0 && html`<p class="mute">${words.none}</p>`}
        ${trackers.length > 0 && html`
          <table>
            <thead>
              <tr>
                <th>${words.url}</th>
                <th>${words.state}</th>
                <th class="num">${words.seeds}</th>
                <th class="num">${words.leeches}</th>
                <th>${words.last}</th>
                <th>${words.next}</th>
                <th><span class="vh">${words.remove}</span></th>
              </tr>
            </thead>
            <tbody>${trackers.map((/** @type {any} */ one) =>
              html`
                <tr key=${one.url}>
                  <td><bdi>${plain(one.url)}</bdi></td>
                  <td>${words.states[one.state]}${one.message &&
                    html`: <bdi>${plain(one.message)}</bdi>`}</td>
                  <td class="num">${numberOf(one.seeders)}</td>
                  <td class="num">${numberOf(one.leechers)}</td>
                  <td>${lastOf(one.last)}</td>
                  <td>${one.nextAnnounceInMs === null
                    ? T.none
                    : span(one.nextAnnounceInMs / 1000)}</td>
                  <td><button type="button" class="quiet" aria-label=${`${words.remove}: ${
                    plain(one.url)
                  }`}
                          onClick=${() => remove(one.url)}>✕</button></td>
                </tr>
              `
            )}</tbody>
          </table>
        `}
        <form class="inline" onSubmit=${form.submit}>
      <${Field} label=${words.newUrl}>
          <input type="url" required value=${url} onInput=${(/** @type {any} */ e) =>
            setUrl(valueOf(e))} /></${Field}>
          <button disabled=${form.busy}>${words.add}</button></form><${Failure} error=${form
            .error} />
  `;
}

/** @param {number | null} value */
const numberOf = (value) => value === null ? T.none : count(value);

/** @param {{ agoMs: number, ok: boolean, peers: number } | null} last */
function lastOf(last) {
  if (last === null) return T.none;
  const ago = span(last.agoMs / 1000);
  return last.ok ? T.trackers.lastOk(ago, last.peers) : T.trackers.lastFailed(ago);
}
