/** Trackers of the simulator that do harm. Each counts how often it did. */
import type { SimWorld } from "../harness/sim/world.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { torrentFileOf } from "../../src/metainfo/torrent_file.ts";
import type { SimSwarm } from "../harness/sim_swarm.ts";

const MIB = 1024 * 1024;
const HUGE_BYTES = 16 * MIB;
const SLOW_MS = 3_600_000;
const STRANGERS = 200;

/** How one kind answers an announce; `nth` counts from 0. */
type Answer = (tracker: BadTracker, nth: number) => Response | Promise<Response>;

export class BadTracker {
  /** Announces and what followed them: all of it got the bad answer. */
  deeds = 0;
  constructor(readonly kind: string, readonly node: SimNode) {}

  get url(): string {
    return `http://${this.node.address}/announce`;
  }
}

const ANSWERS = {
  /** A body far beyond what any swarm needs, sent as fast as the line allows. */
  huge: () => {
    const chunk = new Uint8Array(64 * 1024).fill(0x31);
    let left = HUGE_BYTES;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (left <= 0) return controller.close();
          left -= chunk.length;
          controller.enqueue(chunk);
        },
      }),
    );
  },
  /** A good answer, an hour later. */
  slow: async ({ node }) => {
    await node.host.sleep(SLOW_MS);
    return bencoded({ interval: 1800, peers: new Uint8Array(0) });
  },
  /** Sends everybody round in a circle, or ever on. */
  redirects: ({ url }, nth) => {
    const location = nth % 2 === 0 ? url : `${url}?${nth}`;
    return new Response(null, { status: 302, headers: { location } });
  },
  /** Intervals that would make us hammer it, or never ask again. */
  intervals: (_, nth) => {
    const wrong = [0, -1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, 1];
    const interval = wrong[nth % wrong.length]!;
    return bencoded({ interval, "min interval": interval, peers: new Uint8Array(0) });
  },
  /** Addresses where nobody is, or somebody who never heard of this torrent. */
  strangers: (_, nth) => {
    const peers = new Uint8Array(6 * STRANGERS);
    for (let i = 0; i < STRANGERS; i++) {
      peers.set([10, i % 2 === 0 ? 88 : 89, nth % 256, i % 250 + 1, 0x1a, 0xe1], 6 * i);
    }
    return bencoded({ interval: 60, peers });
  },
} satisfies Record<string, Answer>;

export type BadTrackerKind = keyof typeof ANSWERS;

/** One of each of these kinds, at 10.77.0.x. */
export async function addBadTrackers(
  world: SimWorld,
  kinds: readonly BadTrackerKind[],
): Promise<BadTracker[]> {
  const all: BadTracker[] = [];
  for (const kind of kinds) {
    const answer: Answer = ANSWERS[kind];
    const tracker = new BadTracker(kind, world.node(`10.77.0.${all.length + 1}`));
    await world.wait(tracker.node.http.serve(
      { port: 80, address: tracker.node.address },
      () => answer(tracker, tracker.deeds++),
    ));
    all.push(tracker);
  }
  return all;
}

/** People with other torrents, at 10.89.0.x. Gives how often they were bothered. */
export async function addStrangers(world: SimWorld, count: number): Promise<() => number> {
  let bothered = 0;
  for (let i = 0; i < count; i++) {
    // Odd ones only are told of by the tracker above, in its first answer.
    const node = world.node(`10.89.0.${2 * i + 2}`);
    await world.wait(node.net.listen({ port: 6881 }, (socket) => {
      bothered++;
      socket.closed.catch(() => {});
      socket.attach({ onData: () => socket.close(), onEnd() {} });
    }));
  }
  return () => bothered;
}

/**
 * The swarm's torrent, for those who come from now on, names these trackers, each in a tier of its
 * own; behind them `others`, by default the right one.
 */
export function nameTrackers(
  swarm: SimSwarm,
  trackers: readonly BadTracker[],
  others?: string[][],
): void {
  const { hasher } = swarm.world.node("10.255.255.253");
  const { infoBytes, announce, webSeeds } = parseTorrent(
    swarm.torrent.bytes,
    (part) => hasher.digest("sha1", part),
  );
  const tiers = [...trackers.map(({ url }) => [url]), ...others ?? announce];
  const bytes = torrentFileOf({ infoBytes, announce: tiers, webSeeds });
  swarm.torrent = { ...swarm.torrent, bytes };
}

function bencoded(answer: Parameters<typeof encode>[0]): Response {
  return new Response(encode(answer) as Uint8Array<ArrayBuffer>);
}
