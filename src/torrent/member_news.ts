/** Connected peers as happenings of their torrent. */
import { nameOfPeerId } from "../wire/peer_id.ts";
import type { Member } from "../swarm/swarm_types.ts";
import type { TorrentHappening } from "./types.ts";

export function connectedNews({ peer, session, incoming }: Member): TorrentHappening {
  const { address, port } = peer;
  const client = nameOfPeerId(session.info.peerId);
  return { type: "peer-connected", address, port, client, incoming };
}

export function disconnectedNews({ peer }: Member, error: Error | null): TorrentHappening {
  const { address, port } = peer;
  return { type: "peer-disconnected", address, port, reason: error?.message ?? "closed" };
}
