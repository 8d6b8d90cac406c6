/**
 * Turns the hostile names in a torrent into names that are safe to create. What comes out is one
 * path element: never empty, "." or "..", without separators, control characters or characters
 * that change how the rest of a line reads, and short enough for every file system.
 */
import { equalBytes } from "../util/bytes.ts";
import { repairUtf8, utf8Length } from "./utf8.ts";

/** Bytes beyond which a name is cut; file systems take 255. */
const MAX_NAME = 240;
/** Bytes of a file extension, with its dot, that survive the cut. */
const MAX_EXTENSION = 9;

// NUL, separators, invisible characters and marks that turn the writing direction: dropped.
const DROPPED = /[\0/\\\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;
// Controls and line ends: each becomes "_".
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x01-\x1f\x7f-\x9f\u2028\u2029]/g;
const WINDOWS_RESERVED = /[?<>"|*:]/g;
/** Device names, which Windows opens in place of a file, also with an extension. */
const WINDOWS_DEVICE =
  /^(con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i;
/** What nearly all names are made of, and nothing above matches. */
const PLAIN = /^[\w\-+=,;!@#$%&'(){}[\]^~` ]+(\.[\w\-+=,;!@#$%&'(){}[\]^~` ]+)*$/;

/** Whether a person may give a file or folder this name. */
export function isSafeElement(name: string): boolean {
  return name !== "" && sanitizeElement(new TextEncoder().encode(name)) === name;
}

/**
 * One element of a path. Answers "" when nothing usable is left ("..", "/"): a file name then
 * becomes "_", a torrent's name something better. With `windows` the rules of that system hold too.
 */
export function sanitizeElement(element: Uint8Array, windows = false): string {
  if (element.length === 0) return "_";
  const repaired = repairUtf8(element);
  if (!windows && repaired.length <= MAX_NAME && PLAIN.test(repaired)) return repaired;
  const name = cutLongName(repaired.replace(DROPPED, "").replace(CONTROLS, "_"));
  if (name === "." || name === "..") return "";
  return windows ? forWindows(name) : name;
}

/**
 * The paths of all files, each below the folder `top`; unusable elements become "_". Neighbours in
 * a list mostly share folders, so what is equal to the file before is not looked at again.
 */
export function sanitizePaths(
  paths: readonly (readonly Uint8Array[])[],
  top: string,
  windows = false,
): string[][] {
  let last: readonly Uint8Array[] = [], lastClean: readonly string[] = [];
  return paths.map((path) => {
    const clean = [top];
    for (let i = 0; i < path.length; i++) {
      const element = path[i]!, before = last[i];
      const same = before !== undefined && equalBytes(before, element);
      clean.push(same ? lastClean[i + 1]! : sanitizeElement(element, windows) || "_");
    }
    last = path;
    lastClean = clean;
    return clean;
  });
}

function forWindows(name: string): string {
  const trimmed = name.replace(WINDOWS_RESERVED, "_").replace(/[. ]+$/, "");
  return WINDOWS_DEVICE.test(trimmed) ? `_${trimmed}` : trimmed;
}

/** Keeps 240 bytes (whole characters) and, behind them, a short extension. */
function cutLongName(name: string): string {
  if (utf8Length(name) <= MAX_NAME) return name;
  const head = firstBytes(name, MAX_NAME);
  const dot = name.lastIndexOf(".");
  if (dot < head.length || utf8Length(name.slice(dot)) > MAX_EXTENSION) return head;
  return head + name.slice(dot);
}

/** Whole characters up to and including the one in which byte `limit` falls. */
function firstBytes(text: string, limit: number): string {
  let bytes = 0, end = 0;
  for (const character of text) {
    if (bytes >= limit) break;
    bytes += utf8Length(character);
    end += character.length;
  }
  return text.slice(0, end);
}
