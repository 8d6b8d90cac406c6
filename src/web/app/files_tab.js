/** The files of a torrent as a tree: choose, order, rename, play and download them. */
import { useState } from "preact/hooks";
import { ask } from "./api.js";
import { treeOf } from "./file_tree.js";
import { percent, plain, size } from "./format.js";
import { T } from "./texts.js";
import { Bar, Failure, Field, FormDialog, html, Select, useLoaded, valueOf } from "./ui.js";

/** @typedef {import("./file_tree.js").TorrentFile} TorrentFile */
/** @typedef {import("./file_tree.js").Folder} Folder */

const EVERY_MS = 3000;
const NORMAL = 4;
/** More lines are shown only when their folder is opened. */
const MOST_OPEN = 200;

/** @param {{ row: import("./types.js").Row }} props */
export function FilesTab({ row }) {
  const path = `/torrents/${row.infoHash}/files`;
  const { value, error, again } = useLoaded(() => ask(`GET ${path}`), row.infoHash, EVERY_MS);
  const [failure, setFailure] = useState(/** @type {Error | null} */ (null));
  const [renamed, rename] = useState(/** @type {TorrentFile | null} */ (null));
  if (error !== null && /** @type {any} */ (error).code === "not-yet") {
    return html`<p class="mute">${T.files.waiting}</p>`;
  }
  if (value === null) return html`<${Failure} error=${error} />`;
  /** @type {TorrentFile[]} */
  const files = value.files;
  const choose = async (
    /** @type {readonly TorrentFile[]} */ chosen,
    /** @type {number} */ priority,
  ) => {
    const priorities = Object.fromEntries(chosen.map(({ index }) => [index, priority]));
    setFailure(await ask(`PATCH ${path}`, { priorities }).then(() => null, (error) => error));
    await again();
  };
  const props = { choose, rename, infoHash: row.infoHash, isOpen: files.length <= MOST_OPEN };
  return html`
    <div class="buttons start">
          <button type="button" onClick=${() => choose(files, NORMAL)}>${T.files.all}</button>
          <button type="button" onClick=${() => choose(files, 0)}>${T.files.nothing}</button>
          <span class="mute">${size(
            sumOf(files.filter(({ priority }) => priority > 0)),
          )}</span></div>
        <${Failure} error=${failure} />
        <ul class="tree">
      <${FolderLines} folder=${treeOf(files)} ...${props} />
    </ul>
        ${renamed && html`<${RenameDialog} file=${renamed} path=${path} close=${() => {
          rename(null);
          void again();
        }} />`}
  `;
}

/** @param {TorrentFile} file */
const isDone = ({ bytesDone, size }) => bytesDone === size;
/** @param {readonly TorrentFile[]} files */
const sumOf = (files) => files.reduce((sum, file) => sum + file.size, 0);

/**
 * @typedef {{
 *   choose: (files: readonly TorrentFile[], priority: number) => void,
 *   rename: (file: TorrentFile) => void, infoHash: string, isOpen: boolean,
 * }} Actions
 */

/** @param {Actions & { folder: Folder }} props */
function FolderLines({ folder, ...actions }) {
  return html`${
    folder.folders.map((each) =>
      html`<${FolderLine} key=${`d${each.name}`} folder=${each} ...${actions} />`
    )
  }${
    folder.files.map((file) => html`<${FileLine} key=${file.index} file=${file} ...${actions} />`)
  }`;
}

/** @param {Actions & { folder: Folder }} props */
function FolderLine({ folder, ...actions }) {
  const [isOpen, open] = useState(actions.isOpen), files = folder.all;
  const chosen = files.filter(({ priority }) => priority > 0).length;
  const name = plain(folder.name);
  return html`<li><div class="file">
      <input type="checkbox" checked=${chosen > 0} aria-label=${`${T.files.wanted}: ${name}`}
        ref=${(/** @type {HTMLInputElement | null} */ box) => {
    if (box) box.indeterminate = chosen > 0 && chosen < files.length;
  }}
        onChange=${() => actions.choose(files, chosen === files.length ? 0 : NORMAL)} />
      <button type="button" class="quiet name" aria-expanded=${isOpen} onClick=${() =>
    open(!isOpen)}>
        ${isOpen ? "▾" : "▸"} <bdi>${name}/</bdi></button>
      <span class="num">${size(sumOf(files))}</span>
        ${
    files.some(isDone) && html`
      <a class="act" download aria-label=${`${T.files.download}: ${name}`} title=${T.files.download}
        href=${`download/${actions.infoHash}.zip?folder=${encodeURIComponent(folder.path)}`}>⤓</a>
    `
  }</div>
    ${
    isOpen && html`
      <ul>
        <${FolderLines} folder=${folder} ...${actions} />
      </ul>
    `
  }</li>`;
}

/** @param {Actions & { file: TorrentFile & { label: string } }} props */
function FileLine({ file, choose, rename, infoHash }) {
  const name = plain(file.label), share = file.size > 0 ? file.bytesDone / file.size : 1;
  const at = `${infoHash}/${file.index}/${encodeURIComponent(file.label)}`;
  const named = (/** @type {string} */ what) => `${what}: ${name}`;
  return html`
    <li>
      <div class="file">
        <input type="checkbox" checked=${file.priority > 0} aria-label=${named(T.files.wanted)}
          onChange=${() => choose([file], file.priority > 0 ? 0 : NORMAL)} />
        <span class="name"><bdi>${name}</bdi></span>
        <span class="num">${size(file.size)}</span>
        <span class="num"><${Bar} share=${share} /> ${percent(share)}</span>
        <${Select} value=${levelOf(file.priority)} options=${T.files.priorities} label=${named(
          T.files.priority,
        )}
          set=${(/** @type {string} */ value) => choose([file], Number(value))} />
        <button type="button" class="quiet" aria-label=${named(T.files.rename)} title=${T.files
          .rename}
          onClick=${() => rename(file)}>✎</button>
        ${PLAYABLE.test(file.name) && file.priority > 0 && html`
          <a class="act" href=${`stream/${at}`} target="_blank" rel="noreferrer"
            aria-label=${named(T.files.play)} title=${T.files.play}>▶</a>
        `}
        ${share === 1 && html`
          <a class="act" href=${`download/${at}`} download aria-label=${named(
            T.files.download,
          )}
            title=${T.files.download}>⤓</a>
        `}
      </div>
    </li>
  `;
}

const PLAYABLE = /\.(mp4|m4v|mkv|webm|mov|ogv|mp3|m4a|flac|ogg|opus|wav)$/i;

/** The nearest of those that the page offers. @param {number} priority */
function levelOf(priority) {
  return priority === 0 ? 0 : priority < 4 ? 1 : priority === 4 ? 4 : 7;
}

/** @param {{ file: TorrentFile, path: string, close: () => void }} props */
function RenameDialog({ file, path, close }) {
  const [name, set] = useState(file.name);
  const submit = () => ask(`PUT ${path}/${file.index}/name`, { path: name });
  return html`
    <${FormDialog} title=${T.files.rename} verb=${T.files.rename} submit=${submit} close=${close}>
      <${Field} label=${T.files.newName}><input type="text" required value=${name}
          onInput=${(/** @type {any} */ e) => set(valueOf(e))} /></${Field}></${FormDialog}>
  `;
}
