/** All settings of the daemon, each with the source of its value. */
import { useState } from "preact/hooks";
import { ask } from "./api.js";
import { draftOf, isAlternative, sectionOf, valueOfDraft } from "./setting_drafts.js";
import { hoursOf, windowsOf } from "./schedule.js";
import { ScheduleGrid } from "./schedule_grid.js";
import { T } from "./texts.js";
import { Check, Dialog, Failure, Field, html, Select, useForm, useLoaded, valueOf } from "./ui.js";

/** @typedef {import("./setting_drafts.js").Setting} Setting */
/** @typedef {import("./setting_drafts.js").Form} Form */

/** @param {{ close: () => void }} props */
export function SettingsScreen({ close }) {
  const { value, error, again } = useLoaded(() => ask("GET /settings"), 0);
  const sections = Object.entries(T.settingsScreen.sections).map(([section, title]) => {
    const settings = (value?.settings ?? []).filter((/** @type {Setting} */ { name }) =>
      sectionOf(name) === section
    );
    return { section, title, settings };
  });
  return html`<${Dialog} title=${T.settings} close=${close} wide><${Failure} error=${error} />
    ${value === null && error === null && html`<p>${T.loading}</p>`}
    ${
    sections.filter(({ settings }) => settings.length > 0).map(({ section, title, settings }, at) =>
      html`<details key=${section} open=${at < 2}><summary>${title}</summary>${
        settings.map((/** @type {Setting} */ setting) =>
          html`
            <${SettingForm} key=${setting.name + setting.source + JSON.stringify(setting.value)}
              setting=${setting} changed=${again} />
          `
        )
      }</details>`
    )
  }</${Dialog}>`;
}

/** @param {{ setting: Setting, changed: () => Promise<void> }} props */
function SettingForm({ setting, changed }) {
  const { name, value, form: shape, source, help, changeable, owner } = setting;
  const [draft, setDraft] = useState(() => draftOf(shape, value));
  const [isDirty, setDirty] = useState(false);
  const form = useForm(async () => {
    await ask("PATCH /settings", { [name]: valueOfDraft(shape, draft) });
    await changed();
  });
  const set = (/** @type {unknown} */ next) => (setDraft(next), setDirty(true));
  const notes = [
    T.settingsScreen.sources[source],
    ...(changeable ? [] : [T.settingsScreen.restart]),
    ...(owner ? [T.settingsScreen.owner] : []),
  ];
  return html`
    <form class="setting" onSubmit=${form.submit} aria-label=${name}>
      <fieldset
        disabled=${owner}><legend><code>${name}</code> <span class="mute">${notes.join(
          "; ",
        )}</span></legend>
          <p id=${`help-${name}`}>${help}</p>
          ${isAlternative(shape)
            ? html`<${Alternative} draft=${draft} set=${set} />`
            : html`<${Editor} form=${shape} label=${name} draft=${draft} set=${set} />`}
          <${Failure} error=${form.error} />
          ${isDirty &&
            html`<div class="buttons start"><button class="main" disabled=${form.busy}>${T.save}</button></div>`}
        </fieldset>
    </form>
  `;
}

/** @param {{ form: Form, label: string, draft: any, set: (draft: any) => void }} props */
function Editor({ form, label, draft, set }) {
  const input = (/** @type {any} */ e) => set(valueOf(e));
  switch (form.type) {
    case "switch":
      return html`<${Check} label=${label} checked=${draft} set=${set} />`;
    case "choice":
      return html`<${Select} label=${label} value=${draft} set=${set} options=${
        (form.words ?? []).map((word) => [word, word])
      } />`;
    case "texts":
    case "urls":
    case "peers":
      return html`
        <${Field} label=${T.settingsScreen.lines}>
          <textarea rows="3" aria-label=${label} value=${draft} onInput=${input} />
          </${Field}>
      `;
    case "parts":
      return html`<div class="fields">${
        Object.entries(form.parts ?? {}).map(([name, part]) =>
          html`<div><span aria-hidden="true">${name}</span><${Editor} form=${part} label=${`${label}: ${name}`} draft=${
            draft[name]
          }
            set=${(/** @type {any} */ next) => set({ ...draft, [name]: next })} /></div>`
        )
      }</div>`;
    case "text":
      return html`<input type="text" aria-label=${label} value=${draft} onInput=${input} />`;
    case "whole":
    case "rate":
    case "size":
      return html`
        <input type="text" aria-label=${label} value=${draft} placeholder=${T.limitsTab.noLimit}
          onInput=${input} />
      `;
    default:
      return html`
        <${Field} label=${T.settingsScreen.json}>
          <textarea rows="3" aria-label=${label} class="code" value=${draft} onInput=${input} />
          </${Field}>
      `;
  }
}

/** Limits, a switch, and the hours of the week. @param {{ draft: any, set: (draft: any) => void }} props */
function Alternative({ draft, set }) {
  const part = (/** @type {object} */ changes) => set({ ...draft, ...changes });
  const limit = (/** @type {"down" | "up"} */ way, /** @type {string} */ label) =>
    html`<${Field} label=${label}><input type="text" value=${
      draft.limits[way]
    } placeholder=${T.limitsTab.noLimit}
      onInput=${(/** @type {any} */ e) =>
      part({ limits: { ...draft.limits, [way]: valueOf(e) } })} /></${Field}>`;
  return html`
    <div class="fields">${limit("down", T.limitsTab.down)}${limit("up", T.limitsTab.up)}
        <${Check} label=${T.settingsScreen.alternativeOn} checked=${draft.on} set=${(
          /** @type {boolean} */ on,
        ) => part({ on })} /></div>
    <${ScheduleGrid} hours=${hoursOf(draft.schedule)} set=${(/** @type {boolean[]} */ hours) =>
      part({ schedule: windowsOf(hours) })} />
  `;
}
