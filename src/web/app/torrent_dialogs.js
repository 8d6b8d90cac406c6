/** Dialogs for the selected torrents. */
import { useState } from "preact/hooks";
import { ask, change } from "./api.js";
import { FolderField } from "./folders.js";
import { plain, size } from "./format.js";
import { AmountField, labelsOf, limitOf } from "./option_fields.js";
import { T } from "./texts.js";
import { Check, Field, FormDialog, html, valueOf } from "./ui.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {{ rows: readonly Row[], close: () => void, tell: (words: string, details?: readonly string[]) => void }} Props */

const MOST_NAMED = 8;

/** @param {Props} props */
export function RemoveDialog({ rows, close, tell }) {
  const [data, setData] = useState(false), { removeDialog: words } = T;
  const submit = async () => {
    const answers = await Promise.all(
      rows.map(({ infoHash }) => ask(`DELETE /torrents/${infoHash}${data ? "?data=true" : ""}`)),
    );
    const kept = answers.flatMap((answer) => answer.kept);
    const bytes = answers.reduce((sum, answer) => sum + answer.bytes, 0);
    const said = data ? words.done(size(bytes)) : words.doneKept;
    tell(
      kept.length === 0 ? said : `${said}. ${words.kept(kept.length)}`,
      kept.map(({ path, reason }) => plain(`${path}: ${reason}`)),
    );
  };
  const bytes = rows.reduce((sum, { have }) => sum + have, 0);
  return html`<${FormDialog} title=${
    words.title(rows.length)
  } verb=${T.remove} submit=${submit} close=${close} danger>
    <ul class="chosen">${
    rows.slice(0, MOST_NAMED).map((row) =>
      html`<li><bdi>${plain(row.name)}</bdi> <span class="mute">${size(row.have)}, <bdi>${
        plain(row.dir)
      }</bdi></span></li>`
    )
  }${rows.length > MOST_NAMED && html`<li>${words.more(rows.length - MOST_NAMED)}</li>`}</ul>
    <label class="check"><input type="radio" name="data" checked=${!data} onChange=${() =>
    setData(false)} />
      <span>${words.keep}</span></label>
    <label class="check"><input type="radio" name="data" checked=${data} onChange=${() =>
    setData(true)} />
      <span>${words.data(size(bytes))}</span></label>
    ${data && html`<p class="mute">${words.stays}</p>`}</${FormDialog}>`;
}

/** @param {Props} props */
export function MoveDialog({ rows, close }) {
  const [dir, setDir] = useState(rows[0]?.dir ?? "");
  const submit = () =>
    Promise.all(rows.map(({ infoHash }) => ask(`POST /torrents/${infoHash}/move`, { dir })));
  return html`
    <${FormDialog} title=${T.moveDialog.title} verb=${T.moveDialog
      .move} submit=${submit} close=${close}>
      <${FolderField} value=${dir} set=${setDir} />
      </${FormDialog}>
  `;
}

/** @param {Props} props */
export function LabelDialog({ rows, close }) {
  const [text, setText] = useState((rows[0]?.labels ?? []).join(", "));
  const submit = () =>
    Promise.all(rows.map(({ infoHash }) => change(infoHash, { labels: labelsOf(text) })));
  return html`
    <${FormDialog} title=${T.labelDialog.title} verb=${T.save} submit=${submit} close=${close}>
      <${Field} label=${T.labelDialog.labels}><input type="text" name="labels" value=${text}
          onInput=${(/** @type {any} */ e) => setText(valueOf(e))} /></${Field}></${FormDialog}>
  `;
}

/** @param {Props} props */
export function LimitsDialog({ rows, close }) {
  const [down, setDown] = useState(""), [up, setUp] = useState("");
  const [forced, setForced] = useState(false);
  const submit = () => {
    const limits = { down: limitOf(down), up: limitOf(up) };
    return Promise.all(
      rows.map(({ infoHash }) =>
        change(infoHash, { limits, ...(forced ? { forceStart: true } : {}) })
      ),
    );
  };
  return html`
    <${FormDialog} title=${T.limitsDialog.title} verb=${T.save} submit=${async () =>
      await submit()} close=${close}>
      <${AmountField} name="down" label=${T.limitsTab.down} value=${down} set=${setDown} />
      <${AmountField} name="up" label=${T.limitsTab.up} value=${up} set=${setUp} />
      <${Check} label=${T.limitsTab.forceStart} checked=${forced} set=${setForced} />
      </${FormDialog}>
  `;
}
