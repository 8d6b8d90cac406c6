/**
 * Repairs a pasted magnet link: links come out of web pages with blanks and line ends around and in
 * them, in quotes, with `&` written as in HTML, or escaped as a whole. Only changes with one
 * possible meaning are made.
 */

/** `&` as in the source of a page; also escaped twice. */
const HTML_AMPERSAND = /&(?:(?:amp|#0{0,5}38|#x0{0,5}26);)+/gi;
/** Whole links are found escaped once or twice. */
const ESCAPED_MOST = 3;

/** The link or info-hash in this text, or the text without surrounding blanks. */
export function cleanLink(text: string): string {
  let link = unquoted(text.trim()).replace(/[\t\r\n]+ */g, "");
  for (let i = 0; i < ESCAPED_MOST && isEscaped(link); i++) {
    const whole = unescape(link);
    if (whole === null) break;
    link = whole.trim();
  }
  return link.replace(HTML_AMPERSAND, "&");
}

/** Null if an escape is broken or its bytes are not UTF-8. */
export function unescape(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** A value that was escaped once too often: `escaped` matches its result. */
export function unescapeAgain(value: string, escaped: RegExp): string {
  let found = value;
  for (let i = 0; i < ESCAPED_MOST && escaped.test(found); i++) {
    const next = unescape(found);
    if (next === null) break;
    found = next;
  }
  return found;
}

/** "magnet%3A%3Fxt...", or a link in which everything after the question mark is one value. */
function isEscaped(link: string): boolean {
  if (/^magnet(?:%(?:25)*3a|:%(?:25)*3f|:\/*%(?:25)*3f)/i.test(link)) return true;
  return /^magnet:\/*\?[^=&]*xt(?:\.\d+)?%(?:25)*3d/i.test(link) && !link.includes("=");
}

/** Without surrounding quotes or angle brackets (as in mails). */
function unquoted(text: string): string {
  const match = /^(?:"(.*)"|'(.*)'|<(.*)>|`(.*)`|“(.*)”)$/s.exec(text);
  return match === null ? text : (match.slice(1).find((inner) => inner !== undefined)!).trim();
}
