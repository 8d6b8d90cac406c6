import type { AnnounceRequest } from "../../src/tracker/tracker_message.ts";

export const INFO_HASH = Uint8Array.from({ length: 20 }, (_, i) => 255 - i);
export const PEER_ID = new TextEncoder().encode("-SH0100-abcdefghijkl");

/** An announce of a leecher that begins. */
export function announceRequest(changes: Partial<AnnounceRequest> = {}): AnnounceRequest {
  return {
    infoHash: INFO_HASH,
    peerId: PEER_ID,
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 1000,
    event: "started",
    numWant: 50,
    key: 1,
    trackerId: null,
    ...changes,
  };
}
