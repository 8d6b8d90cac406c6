/** All kinds of bad peers, and a crowd of them in a swarm. */
import { parseTorrent } from "../../../src/metainfo/metainfo.ts";
import type { LinkConditions } from "../../harness/sim/link.ts";
import type { SimSwarm } from "../../harness/sim_swarm.ts";
import { BadPeer, type Habits, type Prey } from "./bad_peer.ts";
import { poisoner, refuser, repeater, silent, slowLoris } from "./data_liars.ts";
import { choker, flooder, hangUpper, staller } from "./nuisances.ts";
import { hugeLengths, wrongBitfields, wrongExtensions } from "./rule_breakers.ts";

export const BAD_KINDS: readonly Habits[] = [
  poisoner,
  refuser,
  silent,
  slowLoris,
  repeater,
  hugeLengths,
  wrongBitfields,
  wrongExtensions,
  staller,
  flooder,
  hangUpper,
  choker,
];

export function preyOf({ world, torrent }: SimSwarm): Prey {
  const { hasher } = world.node("10.255.255.254");
  const { infoHash, announce, layout } = parseTorrent(
    torrent.bytes,
    (part) => hasher.digest("sha1", part),
  );
  return {
    infoHash,
    announce: announce[0]![0]!,
    pieceLength: torrent.pieceLength,
    pieces: layout.pieceCount,
    content: torrent.content,
  };
}

/** `count` bad peers at `net`.x.y, of all kinds in turn, that the tracker knows. */
export async function addBadPeers(
  swarm: SimSwarm,
  count: number,
  link: Partial<LinkConditions> = {},
  kinds: readonly Habits[] = BAD_KINDS,
  net = "10.66",
): Promise<BadPeer[]> {
  const prey = preyOf(swarm), bad: BadPeer[] = [];
  for (let i = 0; i < count; i++) {
    const node = swarm.world.node(`${net}.${Math.floor(i / 250)}.${i % 250 + 1}`, { link });
    bad.push(new BadPeer(node, prey, kinds[i % kinds.length]!));
  }
  await swarm.world.wait(Promise.all(bad.map((peer) => peer.start())));
  return bad;
}
