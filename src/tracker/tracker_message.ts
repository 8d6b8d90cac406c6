/** The contents of an announce or scrape, shared by the HTTP and the UDP codec. */
import type { PeerAddress } from "../util/compact_address.ts";
import { repairUtf8 } from "../bencode/utf8.ts";

/**
 * Null is the announce at regular intervals (BEP 3); "paused" is that of a partial seed (BEP 21).
 */
export type AnnounceEvent = "started" | "completed" | "stopped" | "paused" | null;

export interface AnnounceRequest {
  /** 20 bytes each. */
  infoHash: Uint8Array;
  peerId: Uint8Array;
  /** Where we listen; 1 if we do not, which other clients know not to dial. */
  port: number;
  /** Payload bytes. */
  uploaded: number;
  downloaded: number;
  left: number;
  event: AnnounceEvent;
  numWant: number;
  /** 32 bits that stay the same for a torrent, as its peer id does (BEP 7). */
  key: number;
  /** The tracker's id, which it wants back in each announce (BEP 3, HTTP only). */
  trackerId: Uint8Array | null;
}

/** A peer that a tracker gave by host name (HTTP dictionary form). */
export interface NamedPeer {
  host: string;
  port: number;
  peerId: Uint8Array | null;
}

/** All values are as the tracker sent them; null if it did not. */
export interface AnnounceResponse {
  /** Seconds. */
  interval: number | null;
  minInterval: number | null;
  peers: PeerAddress[];
  namedPeers: NamedPeer[];
  seeders: number | null;
  leechers: number | null;
  /** How often the torrent was completed. */
  downloaded: number | null;
  /** Text for a person, already safe to show. */
  warning: string | null;
  trackerId: Uint8Array | null;
  /** Our address as the tracker sees it (BEP 24). */
  externalAddress: string | null;
}

export interface ScrapeEntry {
  seeders: number;
  leechers: number;
  downloaded: number;
  /** Leechers without partial seeds (BEP 21). */
  downloaders: number | null;
}

/** The most peers read from one answer, of each kind; more than a torrent keeps are useless. */
export const MAX_PEERS_PER_ANSWER = 1000;

const MAX_TEXT_LENGTH = 300;

/**
 * Makes a tracker's text safe to show: one line, without control characters (terminal escapes) and
 * marks that change the direction of writing, cut at 300 characters.
 */
export function displayText(text: string | Uint8Array): string {
  const raw = typeof text === "string" ? text : repairUtf8(text.subarray(0, 2000));
  const clean = raw
    .replace(/[\p{Cf}\p{Co}\p{Cs}]/gu, "")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  const characters = Array.from(clean);
  if (characters.length <= MAX_TEXT_LENGTH) return clean;
  return characters.slice(0, MAX_TEXT_LENGTH - 1).join("") + "…";
}
