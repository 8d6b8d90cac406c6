/** Peers that the user or a magnet link names. */
import type { StreamNet } from "../platform/types.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import { parseHostPort } from "../util/compact_address.ts";

/** Resolves names; a failed lookup is a warning. */
export async function addManualPeers(
  net: Pick<StreamNet, "lookup">,
  torrent: TorrentInside,
  peers: readonly string[],
): Promise<void> {
  for (const text of peers) {
    const to = parseHostPort(text);
    if (to === null) {
      torrent.warn(`"${text}" is not a peer: write host:port or [v6]:port`);
      continue;
    }
    try {
      const addresses = await net.lookup(to.host);
      const found = addresses.map((address) => ({ address, port: to.port }));
      torrent.addPeers(found, PEER_SOURCE.MANUAL);
    } catch (error) {
      torrent.warn(`Cannot find the peer ${text}: ${(error as Error).message}`);
    }
  }
}
