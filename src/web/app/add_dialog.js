/** Adding torrents: by links and by files, several at a time. */
import { useRef, useState } from "preact/hooks";
import { ask } from "./api.js";
import { FolderField } from "./folders.js";
import { plain } from "./format.js";
import { labelsOf } from "./option_fields.js";
import { T } from "./texts.js";
import { Check, Dialog, Field, html, valueOf } from "./ui.js";

/** @typedef {{ text: string, files: readonly File[] }} Given */

/** "torrent", "magnet" or "url" with its value, as the API wants it. @param {string} line */
export function sourceOf(line) {
  return /^https?:/i.test(line) ? { url: line } : { magnet: line };
}

/** @param {string} text */
export const linesOf = (text) => text.split(/\s*\n\s*/).map((line) => line.trim()).filter(Boolean);

/** @param {File} file */
async function base64Of(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

/**
 * @param {{
 *   given: Given, labels: readonly string[], close: () => void,
 *   added: (infoHashes: readonly string[], choosesFiles: boolean) => void,
 * }} props
 */
export function AddDialog({ given, labels, close, added }) {
  const [text, setText] = useState(given.text);
  const [files, setFiles] = useState(given.files);
  const [draft, setDraft] = useState({
    dir: "",
    label: "",
    start: true,
    top: false,
    sequential: false,
    choose: false,
  });
  const [failures, setFailures] = useState(/** @type {string[]} */ ([]));
  const [busy, setBusy] = useState(false);
  const done = useRef(/** @type {string[]} */ ([]));
  const set = (/** @type {Partial<typeof draft>} */ changes) => setDraft({ ...draft, ...changes });

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const lines = linesOf(text);
    if (lines.length === 0 && files.length === 0) return setFailures([T.addDialog.empty]);
    setBusy(true);
    /** @type {string[]} */
    const failed = [], leftLines = [], leftFiles = [];
    const add = async (/** @type {object} */ source, /** @type {string} */ name) => {
      try {
        const torrent = await ask("POST /torrents", {
          ...source,
          options: optionsOf(draft, "magnet" in source),
        });
        done.current.push(torrent.infoHash);
        return true;
      } catch (error) {
        failed.push(
          T.addDialog.failed(plain(name.slice(0, 80)), /** @type {Error} */ (error).message),
        );
        return false;
      }
    };
    for (const line of lines) if (!await add(sourceOf(line), line)) leftLines.push(line);
    for (const file of files) {
      if (!await add({ torrent: await base64Of(file) }, file.name)) leftFiles.push(file);
    }
    if (draft.top && done.current.length > 0) {
      await ask("POST /queue", { infoHashes: done.current, to: "top" }).catch(() => {});
    }
    setBusy(false);
    if (done.current.length > 0) added(done.current, draft.choose);
    if (failed.length === 0) return close();
    setText(leftLines.join("\n"));
    setFiles(leftFiles);
    setFailures(failed);
    done.current = [];
  };

  return html`
    <${Dialog} title=${T.addDialog.title} close=${close} wide>
      <form class="fields" onSubmit=${submit}>
        <${Field} label=${T.addDialog.links}>
          <textarea rows="4" name="links" value=${text} autofocus
            onInput=${(/** @type {any} */ e) => setText(valueOf(e))} />
          </${Field}>
          <${Field} label=${T.addDialog.files} hint=${T.addDialog
            .drop}><input type="file" multiple name="files"
            accept=".torrent,application/x-bittorrent"
            onChange=${(/** @type {any} */ e) => setFiles([...e.currentTarget.files])} /></${Field}>
          ${files.length > 0 &&
            html`<ul class="chosen">${
              files.map(({ name }) => html`<li><bdi>${plain(name)}</bdi></li>`)
            }</ul>`}
          <${FolderField} value=${draft.dir} set=${(/** @type {string} */ dir) => set({ dir })} />
          <${Field} label=${T.addDialog
            .label}><input type="text" name="label" list="known-labels" value=${draft.label}
            onInput=${(/** @type {any} */ e) => set({ label: valueOf(e) })} /></${Field}>
          <datalist id="known-labels">${labels.map((label) =>
            html`<option value=${label} />`
          )}</datalist>
          <div class="checks">
          <${Check} name="start" label=${T.addDialog.start} checked=${draft.start && !draft.choose}
            disabled=${draft.choose} set=${(/** @type {boolean} */ start) => set({ start })} />
          <${Check} name="choose" label=${T.addDialog.choose} checked=${draft.choose}
            set=${(/** @type {boolean} */ choose) => set({ choose })} />
          <${Check} name="top" label=${T.addDialog.top} checked=${draft.top}
            set=${(/** @type {boolean} */ top) => set({ top })} />
          <${Check} name="sequential" label=${T.addDialog.sequential} checked=${draft.sequential}
            set=${(/** @type {boolean} */ sequential) => set({ sequential })} /></div>
          ${failures.map((failure) => html`<p class="failure" role="alert">${failure}</p>`)}
          <div class="buttons"><button type="button" onClick=${close}>${T.cancel}</button>
            <button class="main" disabled=${busy}>${T.addDialog.add}</button></div>
        </form></${Dialog}>
  `;
}

/**
 * A magnet link that waits for a choice of files has to ask peers for them first.
 *
 * @param {{ dir: string, label: string, start: boolean, sequential: boolean, choose: boolean }} draft
 * @param {boolean} isMagnet
 */
export function optionsOf({ dir, label, start, sequential, choose }, isMagnet) {
  const labels = labelsOf(label);
  return {
    ...(dir === "" ? {} : { dir }),
    ...(labels.length > 0 ? { labels } : {}),
    ...(sequential ? { sequential } : {}),
    ...(choose && isMagnet ? { stopAfterMetadata: true } : {}),
    ...(choose && !isMagnet || !start && !choose ? { paused: true } : {}),
  };
}
