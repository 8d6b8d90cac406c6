/**
 * The one place that knows what must not be in a log: a tracker's passkey stands in the path or the
 * query of its URL, a password before the host, and a magnet link carries tracker URLs.
 */

const HIDDEN = "***";
/** Names of fields whose value is a secret. */
const SECRET_NAME = /pass(?!ive)|secret|token|authorization|cookie|api-?key|^key$/i;
/** What trackers without passkeys have after their host. */
const HARMLESS_PATH = /^(\/(announce|scrape)?(\.php)?)?$/;

/** The text without secrets. */
export function redact(text: string): string {
  return text
    .replaceAll(/magnet:\?[^\s"'<>]*/gi, magnetWithoutSecrets)
    .replaceAll(/\b(https?|udp|wss?):\/\/[^\s"'<>]+/gi, urlWithoutSecrets)
    .replaceAll(/\bshoal_[0-9a-f]{16,}/g, `shoal_${HIDDEN}`)
    .replaceAll(/\b(basic|bearer)\s+[\w.~+/=-]{6,}/gi, `$1 ${HIDDEN}`)
    .replaceAll(
      /\b(pass(?:word|key|wd)?|token|secret|auth(?:key)?|torrent_pass|api_?key)(["']?\s*[=:]\s*["']?)[^\s"'&,;}]+/gi,
      `$1$2${HIDDEN}`,
    );
}

/** A field of a log line: nothing of it where its name says that it is a secret. */
export function redactField(name: string, value: unknown): unknown {
  if (SECRET_NAME.test(name)) return HIDDEN;
  return typeof value === "string" ? redact(value) : value;
}

/** The info-hash is what a magnet link is about; the rest can hold passkeys. */
function magnetWithoutSecrets(link: string): string {
  const topic = /xt=(urn:bt[im]h:\w+)/i.exec(link)?.[1];
  return topic === undefined ? `magnet:?${HIDDEN}` : `magnet:?xt=${topic}&${HIDDEN}`;
}

function urlWithoutSecrets(url: string): string {
  const [, scheme, rest] = /^(\w+:\/\/)(.*)$/s.exec(url)!;
  const end = rest!.search(/[/?#]/), authority = end < 0 ? rest! : rest!.slice(0, end);
  const path = end < 0 ? "" : rest!.slice(end), at = authority.lastIndexOf("@");
  const host = at < 0 ? authority : `${HIDDEN}@${authority.slice(at + 1)}`;
  // A sentence may end or go on right after the URL.
  const tail = /[.,:;)\]!]*$/.exec(path)![0];
  const kept = path.slice(0, path.length - tail.length);
  return scheme + host + (HARMLESS_PATH.test(kept) ? kept : `/${HIDDEN}`) + tail;
}
