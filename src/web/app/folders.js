/** Choosing a folder under the roots that the daemon allows. */
import { useState } from "preact/hooks";
import { ask } from "./api.js";
import { plain, size } from "./format.js";
import { T } from "./texts.js";
import { Dialog, Failure, Field, html, useLoaded, valueOf } from "./ui.js";

/** @param {{ value: string, set: (dir: string) => void }} props */
export function FolderField({ value, set }) {
  const [browses, browse] = useState(false);
  return html`
    <div class="pair">
      <${Field} label=${T.addDialog.folder}><input type="text" name="dir" value=${value}
          placeholder=${T.addDialog.folderDefault} onInput=${(/** @type {any} */ e) =>
            set(valueOf(e))} /></${Field}>
        <button type="button" onClick=${() => browse(true)}>${T.addDialog.browse}</button></div>
        ${browses &&
          html`<${FolderDialog} start=${value} close=${() => browse(false)} choose=${(
            /** @type {string} */ dir,
          ) => {
            set(dir);
            browse(false);
          }} />`}
  `;
}

/** @param {{ start: string, choose: (dir: string) => void, close: () => void }} props */
function FolderDialog({ start, choose, close }) {
  const [path, go] = useState(start);
  const query = path === "" ? "" : `?path=${encodeURIComponent(path)}`;
  const { value, error } = useLoaded(() => ask(`GET /folders${query}`), path);
  const parent = path.slice(0, path.lastIndexOf("/"));
  return html`
    <${Dialog} title=${T.folders.title} close=${close}>
      <p><bdi>${path === "" ? T.folders.roots : plain(path)}</bdi>
          ${value?.freeBytes != null && html`
            <span class="mute">${T.folders.free(size(value.freeBytes))}</span>
          `}</p>
      <${Failure} error=${error} />
      <ul class="folders">${path !== "" && html`<li><button type="button" class="quiet"
      onClick=${() => go(error ? "" : parent)}>↑ ${T.folders.up}</button></li>`}
          ${(value?.folders ?? []).map((/** @type {string} */ each) =>
            html`<li key=${each}><button type="button" class="quiet" onClick=${() => go(each)}>
        <bdi>${
              plain(path === "" ? each : each.slice(each.lastIndexOf("/") + 1))
            }</bdi></button></li>`
          )}</ul>
      <div class="buttons"><button type="button" onClick=${close}>${T.cancel}</button>
          <button type="button" class="main" disabled=${path === "" || error !== null}
            onClick=${() => choose(path)}>${T.folders.choose}</button></div>
      </${Dialog}>
  `;
}
