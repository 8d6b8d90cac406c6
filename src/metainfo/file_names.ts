/**
 * The names in a torrent, which are hostile input, in two spellings. The torrent's own is kept if
 * it is a valid element of a path, so that it cannot lead elsewhere: it finds files, and is used on
 * disks that accept it. The safe one is for all other cases: never empty, "." or "..", without
 * separators, control characters or characters that change how the rest of a line reads, and short
 * enough for every file system. Its rules are libtorrent's, so it also finds what libtorrent
 * downloaded.
 */
import { equalBytes } from "../util/bytes.ts";
import { repairUtf8, utf8Length } from "../bencode/utf8.ts";

/** Bytes beyond which a name is cut; file systems take 255. */
const MAX_NAME = 240;
/** Bytes of a file extension, with its dot, that survive the cut. */
const MAX_EXTENSION = 9;

// Dropped: NUL, separators, invisible characters and marks that change the writing direction.
const DROPPED = /[\0/\\\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;
// Controls and line ends: each becomes "_".
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x01-\x1f\x7f-\x9f\u2028\u2029]/g;
const WINDOWS_RESERVED = /[?<>"|*:]/g;
/** Device names, which Windows opens instead of a file, even with an extension. */
const WINDOWS_DEVICE =
  /^(con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i;
/** Matches nearly all names, and nothing that the patterns above match. */
const PLAIN = /^[\w\-+=,;!@#$%&'(){}[\]^~` ]+(\.[\w\-+=,;!@#$%&'(){}[\]^~` ]+)*$/;

/** The most UTF-16 units of a name in its own spelling: no file system accepts more. */
const MAX_UNITS = 255;
// deno-lint-ignore no-control-regex
const UNUSABLE_ON_WINDOWS = /[\0-\x1f<>:"|?*\\/]|[. ]$/;

/**
 * Whether `name` can be one element of a path as it is spelled, so that it cannot lead elsewhere. A
 * backslash is a separator on Windows only, on other systems it is an ordinary character.
 */
export function isUsableElement(name: string, windows: boolean): boolean {
  if (name === "" || name === "." || name === ".." || name.length > MAX_UNITS) return false;
  if (/[\0/]/.test(name)) return false;
  return !windows || !(UNUSABLE_ON_WINDOWS.test(name) || WINDOWS_DEVICE.test(name));
}

/**
 * One element of a path, made safe. Returns "" if nothing usable is left ("..", "/"): a file name
 * then becomes "_", a torrent's name something better. With `windows` the rules of that system hold
 * too.
 */
export function sanitizeElement(element: Uint8Array, windows = false): string {
  return sanitizeName(repairUtf8(element), windows);
}

/** The same for a name that is already text. */
export function sanitizeName(text: string, windows: boolean): string {
  if (text === "") return "_";
  if (!windows && isPlain(text)) return text;
  const name = cutLongName(text.replace(DROPPED, "").replace(CONTROLS, "_"));
  if (name === "." || name === "..") return "";
  return windows ? forWindows(name) : name;
}

/** One element of a path: as the torrent spells it, and as every disk accepts it. */
export interface Spelling {
  /** The same as `safe` if the torrent's own cannot be an element of a path. */
  readonly own: string;
  readonly safe: string;
}

/** How a name reads, and its safe form; `fallback` is for names of which nothing is left. */
export function spell(text: string, windows: boolean, fallback: string): Spelling {
  if (!windows && isPlain(text)) return { own: text, safe: text };
  const safe = sanitizeName(text, windows) || fallback;
  return { own: isUsableElement(text, windows) ? text : safe, safe };
}

/** The path of one file in both spellings; one array if they are equal. */
export interface SpelledPath {
  readonly own: readonly string[];
  readonly safe: readonly string[];
}

/**
 * The paths of all files, each below the folder `top`; unusable elements become "_". Neighbours in
 * a list mostly share folders, so elements equal to those of the file before are not examined
 * again.
 */
export function spellPaths(
  paths: readonly (readonly Uint8Array[])[],
  top: Spelling,
  decode: (bytes: Uint8Array) => string,
  windows = false,
): SpelledPath[] {
  let last: readonly Uint8Array[] = [], lastSpelled: readonly Spelling[] = [];
  return paths.map((path) => {
    const spelled = path.map((element, i) => {
      const before = last[i];
      const isSame = before !== undefined && equalBytes(before, element);
      return isSame ? lastSpelled[i]! : spell(decode(element), windows, "_");
    });
    last = path;
    lastSpelled = spelled;
    const all = [top, ...spelled], own = all.map((name) => name.own);
    const isSafe = all.every((name) => name.own === name.safe);
    return { own, safe: isSafe ? own : all.map((name) => name.safe) };
  });
}

function isPlain(text: string): boolean {
  return text.length <= MAX_NAME && PLAIN.test(text);
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

/** Whole characters up to and including the one that contains byte `limit`. */
function firstBytes(text: string, limit: number): string {
  let bytes = 0, end = 0;
  for (const character of text) {
    if (bytes >= limit) break;
    bytes += utf8Length(character);
    end += character.length;
  }
  return text.slice(0, end);
}
