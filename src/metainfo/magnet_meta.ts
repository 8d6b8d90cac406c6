/**
 * Adds a magnet link's own data to the metadata that was found for it, now or in an earlier run.
 */
import { formatMagnet, type Magnet, parseMagnet } from "./magnet.ts";
import type { Metainfo } from "./metainfo.ts";
import { equalBytes } from "../util/bytes.ts";
import { TorrentFileError } from "../util/errors.ts";

/**
 * With the link's trackers and web seeds after the known ones. A private torrent with its own
 * trackers gets no others (BEP 27). The same object if the link adds nothing.
 */
export function withLinksOf(meta: Metainfo, magnet: Magnet): Metainfo {
  const known = new Set(meta.announce.flat());
  if (meta.private && known.size > 0) return meta;
  const trackers = magnet.trackers.filter((url) => !known.has(url));
  const webSeeds = magnet.webSeeds.filter((url) => !meta.webSeeds.includes(url));
  if (trackers.length + webSeeds.length === 0) return meta;
  return {
    ...meta,
    announce: [...meta.announce, ...trackers.map((url) => [url])],
    webSeeds: [...meta.webSeeds, ...webSeeds],
  };
}

/**
 * Throws a TorrentFileError if the link's second hash (BEP 52, hybrids) is not that of `infoBytes`.
 */
export function demandV2Hash(
  { infoHashV2 }: Magnet,
  infoBytes: Uint8Array,
  sha256: (bytes: Uint8Array) => Uint8Array,
): void {
  if (infoHashV2 === null || equalBytes(sha256(infoBytes), infoHashV2)) return;
  throw new TorrentFileError(
    "other-hash",
    "The link's two hashes (btih and btmh) belong to different torrents: ask for another link, " +
      "or remove the wrong one",
  );
}

/** The same link with the present trackers, which may have been changed. */
export function linkWithTrackers(link: string, tiers: readonly (readonly string[])[]): string {
  return formatMagnet({ ...parseMagnet(link), trackers: [...new Set(tiers.flat())] });
}

/** For a link to a torrent whose metadata is known, with its present trackers. */
export function magnetLinkOf(
  { infoHash, name, webSeeds, nodes }: Metainfo,
  tiers: readonly (readonly string[])[],
): string {
  return formatMagnet({
    infoHash,
    infoHashV2: null,
    name,
    trackers: [...new Set(tiers.flat())],
    webSeeds: [...webSeeds],
    peers: [],
    nodes: [...nodes],
    selectOnly: null,
  });
}
