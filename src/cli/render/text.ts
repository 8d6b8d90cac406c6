/**
 * Makes text from outside (names, client strings, tracker messages) safe for a terminal, and counts
 * its columns there.
 */

// Controls and escapes, marks that change the reading direction, invisible characters, lone
// surrogates.
const UNSAFE = new RegExp(
  "[\\p{Cc}\\p{Cs}\\u061C\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\uFEFF\\uFFF9-\\uFFFB" +
    "\\u{E0000}-\\u{E007F}]",
  "gu",
);
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const WIDE = new RegExp(
  "^[\\u1100-\\u115F\\u2E80-\\u303E\\u3041-\\uA4CF\\uA960-\\uA97F\\uAC00-\\uD7A3\\uF900-\\uFAFF" +
    "\\uFE30-\\uFE6F\\uFF01-\\uFF60\\uFFE0-\\uFFE6\\u{1F300}-\\u{1FAFF}\\u{20000}-\\u{3FFFD}]$",
  "u",
);
const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * `text` on one line. Characters that could control a terminal, mislead its reader or be invisible
 * are written as escapes (`\u202e`, `\x1b`, `\n`), so two different names also look different.
 */
export function safeText(text: string): string {
  return text.replaceAll(UNSAFE, escapeOf);
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escapeOf(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0)!, digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`;
}

/** Columns of a terminal that (safe) text takes. */
export function widthOf(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

function widthOfCharacter(character: string): number {
  if (WIDE.test(character)) return 2;
  return ZERO_WIDTH.test(character) ? 0 : 1;
}

/** The start of `text` in at most `columns` columns, ending in `mark` if it is cut. */
export function cutTo(text: string, columns: number, mark = "…"): string {
  if (widthOf(text) <= columns) return text;
  const room = columns - widthOf(mark);
  if (room < 0) return "";
  let kept = "", width = 0;
  for (const character of text) {
    width += widthOfCharacter(character);
    if (width > room) break;
    kept += character;
  }
  return kept + mark;
}

/** One line of JSON in which every character that could control a terminal is written as \uXXXX. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) {
      escaped += "\\u" + character.charCodeAt(i).toString(16).padStart(4, "0");
    }
    return escaped;
  });
}
