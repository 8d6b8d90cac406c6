/** Settings as the fields of the page have them, and back. */
import { amountOf, amountText } from "./format.js";
import { T } from "./texts.js";

/**
 * @typedef {{ type: string, words?: string[], parts?: Record<string, Form> }} Form
 * @typedef {{
 *   name: string, value: any, source: string, help: string, changeable: boolean, form: Form,
 *   owner: boolean,
 * }} Setting
 */

/** @type {Record<string, readonly string[]>} */
const SECTIONS = {
  speed: ["limits", "alternative", "quota", "maxConnections"],
  queue: ["queue", "minFreeSpace", "labels", "extraTrackers"],
  folders: ["torrents.dir", "torrents.incompleteDir", "roots", "stateDir"],
  network: ["port", "address", "dht", "lsd", "anyTrackerUrl"],
  automation: ["watch", "hooks"],
  access: [
    "listen",
    "unix",
    "user",
    "password",
    "tokens",
    "allowedHosts",
    "trustedProxy",
    "httpConnections",
    "rpcPath",
    "webHome",
  ],
  log: ["logLevel", "logFormat", "otlp", "torrentMetrics"],
};

/** @param {string} name */
export function sectionOf(name) {
  const found = Object.entries(SECTIONS).find(([, names]) => names.includes(name));
  return found?.[0] ?? (name.startsWith("torrents.") ? "defaults" : "other");
}

const LINES = new Set(["texts", "urls", "peers"]);
const AMOUNTS = new Set(["whole", "rate", "size"]);

/** @param {Form} form @param {any} value @returns {any} */
export function draftOf(form, value) {
  if (isAlternative(form)) {
    const { down, up } = value?.limits ?? {};
    return {
      limits: { down: amountText(down), up: amountText(up) },
      on: value?.on === true,
      schedule: value?.schedule ?? [],
    };
  }
  if (form.type === "switch") return value === true;
  if (form.type === "choice" || form.type === "text") return value ?? "";
  if (LINES.has(form.type)) return (value ?? []).flat().join("\n");
  if (AMOUNTS.has(form.type)) return amountText(value);
  if (form.type === "parts") {
    return Object.fromEntries(
      Object.entries(form.parts ?? {}).map(([name, part]) => [name, draftOf(part, value?.[name])]),
    );
  }
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

/** Throws an Error with words for the user. @param {Form} form @param {any} draft @returns {any} */
export function valueOfDraft(form, draft) {
  if (isAlternative(form)) {
    const { limits: { down, up }, ...others } = draft;
    return { ...others, limits: { down: amount(down), up: amount(up) } };
  }
  if (LINES.has(form.type)) {
    return draft.split("\n").map((/** @type {string} */ line) => line.trim()).filter(Boolean);
  }
  if (AMOUNTS.has(form.type)) return amount(draft);
  if (form.type === "parts") {
    const given = Object.entries(form.parts ?? {}).filter(([name, { type }]) => {
      return AMOUNTS.has(type) || draft[name] !== "";
    });
    return Object.fromEntries(
      given.map(([name, part]) => [name, valueOfDraft(part, draft[name])]),
    );
  }
  if (["switch", "choice", "text"].includes(form.type)) return draft;
  try {
    return JSON.parse(draft);
  } catch {
    throw new Error(T.settingsScreen.notJson);
  }
}

/** @param {string} text */
function amount(text) {
  const value = amountOf(text);
  if (Number.isNaN(value)) throw new Error(T.settingsScreen.notAmount);
  return value;
}

/** The one with hours of the week. @param {Form} form */
export const isAlternative = ({ parts }) => parts !== undefined && "schedule" in parts;
