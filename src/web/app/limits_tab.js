/** Limits, goals and labels of one torrent. */
import { useState } from "preact/hooks";
import { ask, change } from "./api.js";
import {
  AmountField,
  goalDraft,
  GoalField,
  goalOf,
  labelsOf,
  limitOf,
  TorrentSwitches,
} from "./option_fields.js";
import { T } from "./texts.js";
import { Failure, Field, html, Select, useForm, useLoaded, valueOf } from "./ui.js";

/** @param {{ infoHash: string }} props */
export function LimitsTab({ infoHash }) {
  const { value, error } = useLoaded(() => ask(`GET /torrents/${infoHash}`), infoHash);
  if (value === null) return html`<${Failure} error=${error} />`;
  return html`<${LimitsForm} infoHash=${infoHash} before=${value.options} />`;
}

/** @param {{ infoHash: string, before: Record<string, any> }} props */
function LimitsForm({ infoHash, before }) {
  const [draft, setDraft] = useState(/** @type {Record<string, any>} */ ({}));
  const [goal, setGoal] = useState(goalDraft(before["seedGoal"]));
  const [saved, setSaved] = useState(false);
  const set = (/** @type {Record<string, unknown>} */ changes) => {
    setSaved(false);
    setDraft({ ...draft, ...changes });
  };
  const form = useForm(async () => {
    const { down, up, labels, ...others } = draft;
    const now = goalOf(goal),
      isGoalNew = JSON.stringify(now) !== JSON.stringify(before["seedGoal"]);
    await change(infoHash, {
      ...others,
      ...(down === undefined && up === undefined ? {} : {
        limits: {
          down: down === undefined ? before["limits"]?.down ?? null : limitOf(down),
          up: up === undefined ? before["limits"]?.up ?? null : limitOf(up),
        },
      }),
      ...(labels === undefined ? {} : { labels: labelsOf(labels) }),
      ...(isGoalNew && now !== undefined ? { seedGoal: now } : {}),
    });
    setSaved(true);
  });
  const options = { ...before, ...draft };
  const whole = (
    /** @type {string} */ name,
    /** @type {string} */ label,
    /** @type {number} */ least,
  ) =>
    html`<${Field} label=${label}><input type="number" min=${least} value=${options[name] ?? ""}
      onInput=${(/** @type {any} */ e) => set({ [name]: Number(valueOf(e)) })} /></${Field}>`;
  return html`
    <form class="fields" onSubmit=${form.submit}>
      <${AmountField} name="down" label=${T.limitsTab.down} value=${draft["down"] ??
        before["limits"]?.down}
        set=${(/** @type {string} */ down) => set({ down })} />
      <${AmountField} name="up" label=${T.limitsTab.up} value=${draft["up"] ?? before["limits"]?.up}
        set=${(/** @type {string} */ up) => set({ up })} />
      <${GoalField} draft=${goal} set=${(
        /** @type {any} */ next,
      ) => (setSaved(false), setGoal(next))} />
      <${Field} label=${T.limitsTab.atGoal}>
        <${Select} value=${options["atGoal"] ?? "stop"}
          options=${Object.entries(T.limitsTab.atGoals)}
          set=${(/** @type {string} */ atGoal) => set({ atGoal })} />
        </${Field}>
        <${Field} label=${T.limitsTab.labels}><input type="text" name="labels"
          value=${draft["labels"] ?? (before["labels"] ?? []).join(", ")}
          onInput=${(/** @type {any} */ e) => set({ labels: valueOf(e) })} /></${Field}>
        ${whole("maxPeers", T.limitsTab.maxPeers, 1)}${whole(
          "uploadSlots",
          T.limitsTab.uploadSlots,
          0,
        )}
        <${TorrentSwitches} options=${options} set=${set} />
        <div class="buttons start"><button class="main" disabled=${form.busy}>${T.save}</button>
          <span role="status">${saved && T.saved}</span></div>
        <${Failure} error=${form.error} /></form>
  `;
}
