/**
 * Trackers (BEP 3, 12) and web seeds (BEP 19) of a .torrent. The shapes in the wild vary, so
 * unusable entries are left out instead of failing the torrent. Whether a URL may be requested at
 * all is decided before the request.
 */
import type { BDict, BValue } from "../bencode/bencode.ts";
import { decodeUtf8 } from "../bencode/utf8.ts";

const MAX_NODES = 50;

/** The most of each kind; no honest torrent comes near. */
const MAX_URLS = 500;

/**
 * Tiers in the file's order, without duplicates. A usable announce-list wins over announce (BEP
 * 12).
 */
export function readTrackers(root: BDict, warnings: string[]): string[][] {
  const urls = new UrlCollector();
  const tiers = (root.list("announce-list") ?? [])
    // A bare string instead of a tier is its own tier.
    .map((tier) => Array.isArray(tier) ? urls.collect(tier) : urls.collect([tier]))
    .filter((tier) => tier.length > 0);
  if (tiers.length === 0) {
    const only = urls.collect([root.get("announce") ?? []]);
    if (only.length > 0) tiers.push(only);
  }
  if (urls.dropped > 0) warnings.push(`${urls.dropped} tracker address(es) cannot be read`);
  return tiers;
}

/** DHT nodes (BEP 5): a list of [host, port]; invalid entries are left out. */
export function readNodes(root: BDict): { host: string; port: number }[] {
  return (root.list("nodes") ?? []).slice(0, MAX_NODES).flatMap((entry) => {
    if (!Array.isArray(entry) || !(entry[0] instanceof Uint8Array)) return [];
    const host = new TextDecoder().decode(entry[0]), port = entry[1];
    const isNode = /^[\w.:-]{1,253}$/.test(host) && typeof port === "number" && port > 0 &&
      port < 65536;
    return isNode ? [{ host, port }] : [];
  });
}

/** `severalFiles`: a seed's URL is then a folder and gets its "/" if that is missing. */
export function readWebSeeds(root: BDict, severalFiles: boolean, warnings: string[]): string[] {
  const urls = new UrlCollector((url) => webSeedUrl(url, severalFiles));
  const found = root.get("url-list") ?? [];
  const seeds = urls.collect(Array.isArray(found) ? found : [found]);
  if (urls.dropped > 0) warnings.push(`${urls.dropped} web seed address(es) cannot be used`);
  return seeds;
}

class UrlCollector {
  /** The number of entries that are not URLs. */
  dropped = 0;
  readonly #seen = new Set<string>();
  readonly #convert: (url: string) => string | null;

  constructor(convert: (url: string) => string | null = (url) => url) {
    this.#convert = convert;
  }

  collect(entries: readonly BValue[]): string[] {
    const urls: string[] = [];
    for (const entry of entries) {
      // Lists in odd places and empty strings are common and meaningless.
      if (!(entry instanceof Uint8Array)) continue;
      const text = decodeUtf8(entry)?.trim();
      if (text === "") continue;
      const url = text === undefined || this.#seen.size >= MAX_URLS ? null : this.#convert(text);
      if (url === null) this.dropped++;
      else if (!this.#seen.has(url)) urls.push(url);
      if (url !== null) this.#seen.add(url);
    }
    return urls;
  }
}

function webSeedUrl(text: string, folder: boolean): string | null {
  if (!/^https?:\/\/[^/]/i.test(text)) return null;
  const url = escapeUrl(text);
  return folder && !url.endsWith("/") ? `${url}/` : url;
}

/** Percent-encodes characters that are invalid in a URL; escapes stay as they are. */
function escapeUrl(text: string): string {
  return text.replace(
    /[^!#$%&'()*+,\-./0-9:;=?@A-Z[\]_a-z~]+/g,
    (part) => encodeURIComponent(part),
  );
}
