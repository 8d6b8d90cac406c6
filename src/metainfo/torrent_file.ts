/** Makes a .torrent around an info dictionary that is kept byte for byte, to preserve its hash. */
import { concatBytes } from "../util/bytes.ts";
import { encode } from "../bencode/bencode_encode.ts";

export interface TorrentFileParts {
  /** The info dictionary's own bytes. */
  infoBytes: Uint8Array;
  /** Tiers of tracker URLs (BEP 12). */
  announce: readonly (readonly string[])[];
  webSeeds: readonly string[];
  /** The code page of names that are not UTF-8. Default: none. */
  encoding?: string | null;
}

export function torrentFileOf(
  { infoBytes, announce, webSeeds, encoding = null }: TorrentFileParts,
): Uint8Array {
  const first = announce.flat()[0];
  const before = {
    ...(first === undefined ? {} : { announce: first }),
    ...(announce.flat().length > 1 ? { "announce-list": announce.map((tier) => [...tier]) } : {}),
    ...(encoding === null ? {} : { encoding }),
  };
  const after: Record<string, string[]> = webSeeds.length > 0 ? { "url-list": [...webSeeds] } : {};
  // Keys are in order: announce, announce-list, encoding, info, url-list.
  const text = new TextEncoder();
  return concatBytes(
    encode(before).slice(0, -1),
    text.encode("4:info"),
    infoBytes,
    encode(after).slice(1),
  );
}
