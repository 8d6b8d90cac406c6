/** Fields for limits and goals, used for one torrent and for several. */
import { amountOf, amountText } from "./format.js";
import { T } from "./texts.js";
import { Check, Field, html, Select, valueOf } from "./ui.js";

/** As the API has it, or a text that is not valid. @param {string} text */
export function limitOf(text) {
  const amount = amountOf(text);
  if (Number.isNaN(amount)) throw new Error(T.settingsScreen.notAmount);
  return amount;
}

/** @param {{ label: string, value: unknown, set: (text: string) => void, name: string }} props */
export function AmountField({ label, value, set, name }) {
  const text = typeof value === "string" ? value : amountText(value);
  return html`<${Field} label=${label}><input type="text" name=${name} value=${text}
    placeholder=${T.limitsTab.noLimit} onInput=${(/** @type {any} */ e) =>
    set(valueOf(e))} /></${Field}>`;
}

/** @typedef {{ kind: string, ratio?: number, seconds?: number }} Goal */

/** @param {Goal | undefined} goal */
export function goalDraft(goal) {
  const kind = goal?.kind ?? "default";
  const amount = kind === "ratio" ? goal?.ratio ?? 1 : (goal?.seconds ?? 3600) / 3600;
  return { kind, amount: String(amount), given: goal };
}

/** Undefined for the default. @param {ReturnType<typeof goalDraft>} draft */
export function goalOf({ kind, amount, given }) {
  if (kind === "default") return undefined;
  if (kind === "any") return given;
  if (kind === "ratio") return { kind, ratio: Number(amount) };
  if (kind === "time" || kind === "idle") return { kind, seconds: Number(amount) * 3600 };
  return { kind };
}

/** @param {{ draft: ReturnType<typeof goalDraft>, set: (draft: ReturnType<typeof goalDraft>) => void }} props */
export function GoalField({ draft, set }) {
  const kinds = Object.entries(T.limitsTab.goals).filter(([kind]) => {
    return (kind !== "any" && kind !== "default") || draft.given?.kind === kind ||
      draft.kind === kind;
  });
  const hasAmount = ["ratio", "time", "idle"].includes(draft.kind);
  return html`
    <div class="pair">
      <${Field} label=${T.limitsTab.goal}>
          <${Select} value=${draft.kind} options=${kinds} set=${(/** @type {string} */ kind) =>
            set({ ...draft, kind })} />
        </${Field}>
        ${hasAmount &&
          html`<${Field} label=${T.limitsTab.amount}><input type="number" min="0" step="any"
      value=${draft.amount} onInput=${(/** @type {any} */ e) =>
            set({ ...draft, amount: valueOf(e) })} /></${Field}>`}</div>
  `;
}

/** @param {string} text */
export const labelsOf = (
  text,
) => [...new Set(text.split(",").map((label) => label.trim()).filter((label) => label !== ""))];

/** @param {{ options: Record<string, any>, set: (changes: Record<string, unknown>) => void }} props */
export function TorrentSwitches({ options, set }) {
  return html`
    <${Field} label=${T.limitsTab.priority}>
      <${Select} value=${options["priority"] ?? 0} options=${T.limitsTab.priorities}
        set=${(/** @type {string} */ value) => set({ priority: Number(value) })} />
      </${Field}>
      <${Check} label=${T.limitsTab.forceStart} checked=${options["forceStart"] === true}
        set=${(/** @type {boolean} */ forceStart) => set({ forceStart })} />
      <${Check} label=${T.limitsTab.superSeed} checked=${options["superSeed"] === true}
        set=${(/** @type {boolean} */ superSeed) => set({ superSeed })} />
  `;
}
