/**
 * What people paste as a magnet link, made one again: links come out of web pages with blanks and
 * line ends around and in them, in quotes, with `&` written as in HTML, or escaped as a whole.
 * Changed is only what has one possible meaning.
 */

/** `&` as it is written in the source of a page; escaped twice, too. */
const HTML_AMPERSAND = /&(?:(?:amp|#0{0,5}38|#x0{0,5}26);)+/gi;
/** Whole links are found escaped once or twice. */
const ESCAPED_MOST = 3;

/** The link or info-hash in this text, or the text without the blanks around it. */
export function cleanLink(text: string): string {
  let link = unquoted(text.trim()).replace(/[\t\r\n]+ */g, "");
  for (let i = 0; i < ESCAPED_MOST && isEscaped(link); i++) {
    const whole = unescape(link);
    if (whole === null) break;
    link = whole.trim();
  }
  return link.replace(HTML_AMPERSAND, "&");
}

/** Null when an escape is broken or what it stands for is not UTF-8. */
export function unescape(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** A value that somebody escaped once more than needed: `escaped` shows that of the result. */
export function unescapeAgain(value: string, escaped: RegExp): string {
  let found = value;
  for (let i = 0; i < ESCAPED_MOST && escaped.test(found); i++) {
    const next = unescape(found);
    if (next === null) break;
    found = next;
  }
  return found;
}

/** "magnet%3A%3Fxt...", or a link in which all behind the question mark is one value. */
function isEscaped(link: string): boolean {
  if (/^magnet(?:%(?:25)*3a|:%(?:25)*3f|:\/*%(?:25)*3f)/i.test(link)) return true;
  return /^magnet:\/*\?[^=&]*xt(?:\.\d+)?%(?:25)*3d/i.test(link) && !link.includes("=");
}

/** Without quotes, or the angle brackets of mails, around it. */
function unquoted(text: string): string {
  const match = /^(?:"(.*)"|'(.*)'|<(.*)>|`(.*)`|“(.*)”)$/s.exec(text);
  return match === null ? text : (match.slice(1).find((inner) => inner !== undefined)!).trim();
}
