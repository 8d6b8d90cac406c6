/** The keys of torrent-set that change trackers. */
import type { TrackerSnapshot } from "../../client/types.ts";
import { asWhole } from "./coerce.ts";
import type { KnownTorrent } from "./known_torrents.ts";
import { RpcError } from "./rpc_error.ts";
import { trackerId } from "./tracker_rows.ts";

export interface TrackerKeys {
  /** One URL a line, and an empty line between tiers. */
  readonly list: string | undefined;
  readonly add: readonly string[] | undefined;
  readonly remove: readonly number[] | undefined;
  /** Ids and URLs in turn. */
  readonly replace: readonly unknown[] | undefined;
}

export function trackerTiersOf(trackers: readonly TrackerSnapshot[]): string[][] {
  const tiers: string[][] = [];
  for (const { url, tier } of trackers) (tiers[tier] ??= []).push(url);
  return tiers.filter((tier) => tier !== undefined);
}

/** Throws an RpcError for a key without an effect, as Transmission does. */
export function changeTrackers(
  known: KnownTorrent,
  present: readonly (readonly string[])[],
  { list, add, remove, replace }: TrackerKeys,
): string[][] {
  if (list !== undefined) return parsedList(list);
  let tiers = present.map((tier) => [...tier]);
  const idOf = (url: string) => trackerId(known, url) ?? -1;
  const demand = (isChanged: boolean) => {
    if (!isChanged) throw new RpcError("announce", "invalid argument");
  };
  if (add !== undefined) {
    const present = new Set(tiers.flat());
    const fresh = [...new Set(add)].filter((url) => !present.has(url));
    demand(fresh.length > 0 && fresh.every(isUrl));
    tiers = [...tiers, ...fresh.map((url) => [url])];
  }
  if (remove !== undefined) {
    const gone = new Set(remove), before = tiers.flat().length;
    tiers = tiers.map((tier) => tier.filter((url) => !gone.has(idOf(url))));
    demand(tiers.flat().length < before);
  }
  if (replace !== undefined) {
    const urls = replacements(replace);
    demand(tiers.flat().some((url) => urls.has(idOf(url))));
    tiers = tiers.map((tier) => tier.map((url) => urls.get(idOf(url)) ?? url));
  }
  return tiers.filter((tier) => tier.length > 0);
}

function replacements(list: readonly unknown[]): Map<number, string> {
  const urls = new Map<number, string>();
  for (let at = 0; at + 1 < list.length; at += 2) {
    const id = asWhole(list[at]), url = list[at + 1];
    if (id === undefined || typeof url !== "string" || !isUrl(url)) {
      throw new RpcError("announce", "invalid argument");
    }
    urls.set(id, url);
  }
  return urls;
}

function parsedList(text: string): string[][] {
  const tiers = text.split(/\r?\n[ \t]*\r?\n/).map((tier) => tier.split(/\s+/).filter(Boolean));
  if (!tiers.flat().every(isUrl)) throw new RpcError("tracker-list", "Invalid tracker list");
  return tiers.filter((tier) => tier.length > 0);
}

function isUrl(text: string): boolean {
  return /^(https?|udp|wss?):\/\/[^/?#\s]/i.test(text);
}
