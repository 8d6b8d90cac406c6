/** Numbers, sizes, times and names as people read them. */
import { T } from "./texts.js";

const WHOLE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const ONE = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const TWO = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const PERCENT = new Intl.NumberFormat(undefined, { style: "percent" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
/** @type {(unit: string) => Intl.NumberFormat} */
const unitFormat = (unit) =>
  new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "narrow" });
const UNITS = {
  day: unitFormat("day"),
  hour: unitFormat("hour"),
  minute: unitFormat("minute"),
  second: unitFormat("second"),
};

/** @param {number} value */
export const count = (value) => WHOLE.format(value);

/** 1234567 -> "1.2 MB". @param {number} bytes */
export function size(bytes) {
  let step = 0;
  while (bytes >= 999.5 && step < T.units.bytes.length - 1) {
    bytes /= 1000;
    step++;
  }
  return `${(step > 0 && bytes < 100 ? ONE : WHOLE).format(bytes)} ${T.units.bytes[step]}`;
}

/** Empty for nothing. @param {number} bytes a second */
export const rate = (bytes) => bytes > 0 ? T.units.aSecond(size(bytes)) : "";

/** 1 only where nothing is missing. @param {number} share */
export function percent(share) {
  return PERCENT.format(share < 1 ? Math.min(0.99, Math.floor(share * 100) / 100) : 1);
}

/** @param {number} value */
export const ratio = (value) => TWO.format(value);

/** The two largest units. @param {number | null} seconds */
export function span(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return UNITS.second.format(s);
  if (s < 3600) return UNITS.minute.format(Math.round(s / 60));
  if (s < 86_400) {
    return two(UNITS.hour, Math.floor(s / 3600), UNITS.minute, Math.floor(s % 3600 / 60));
  }
  return two(UNITS.day, Math.floor(s / 86_400), UNITS.hour, Math.floor(s % 86_400 / 3600));
}

/**
 * @param {Intl.NumberFormat} large @param {number} many @param {Intl.NumberFormat} small
 * @param {number} few
 */
function two(large, many, small, few) {
  return large.format(many) + (few > 0 ? ` ${small.format(few)}` : "");
}

/** @param {number | null} seconds since 1970 */
export const date = (seconds) => seconds === null ? T.none : DATE.format(seconds * 1000);

/** Controls, marks that turn the direction of text, and characters without width. */
const HIDDEN =
  /[\p{Cc}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]/gu;
const MOST_SHOWN = 300;

/** Text from strangers without hidden characters, cut where nobody reads on. @param {string} text */
export function plain(text) {
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return shown.replace(HIDDEN, "\ufffd");
}

/** @type {Record<string, number>} */
const FACTORS = { "": 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** "5M" -> 5000000, "" -> null for no limit, NaN for anything else. @param {string} text */
export function amountOf(text) {
  const given = text.trim();
  if (given === "") return null;
  const [, digits = "", unit = ""] =
    /^(\d+(?:[.,]\d+)?)\s*([kmgt]?)(?:i?b)?(?:\/s)?$/i.exec(given) ??
      [];
  return digits === ""
    ? NaN
    : Math.round(Number(digits.replace(",", ".")) * FACTORS[unit.toUpperCase()]);
}

/** 5000000 -> "5M"; no limit is "". @param {unknown} value */
export function amountText(value) {
  if (typeof value !== "number") return "";
  for (const unit of ["T", "G", "M", "K"]) {
    if (value >= FACTORS[unit] && value % (FACTORS[unit] / 10) === 0) {
      return `${value / FACTORS[unit]}${unit}`;
    }
  }
  return String(value);
}
