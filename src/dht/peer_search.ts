/** Finds the peers of a torrent, announces us to it (BEP 5), and counts its swarm (BEP 33). */
import { BloomFilter } from "./bloom.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { Candidate } from "./candidates.ts";
import type { Lookup } from "./lookup.ts";
import type {
  AnnounceOptions,
  Operation,
  PeersHandlers,
  PeersResult,
  ScrapeResult,
} from "./node_types.ts";
import type { Overlay } from "./overlay.ts";
import type { Search } from "./search.ts";

/** The most peers that one search reports; a liar could send new ones for ever. */
const MAX_PEERS = 5000;

/** Runs a part of an operation in each overlay; `done` is called when all of them are. */
export function inEach(
  overlays: readonly Overlay[],
  start: (overlay: Overlay, done: () => void) => Search,
  done: () => void,
): Operation {
  let left = overlays.length;
  if (left === 0) done();
  const searches = overlays.map((overlay) => start(overlay, () => --left === 0 && done()));
  return { cancel: (now) => searches.forEach((search) => search.stop(now)) };
}

/**
 * Searches for the peers of `infoHash`; with `announce`, then announces us to the nearest nodes.
 * `local`: peers that others have announced to us.
 */
export function findPeers(
  overlays: readonly Overlay[],
  infoHash: Uint8Array,
  announce: AnnounceOptions | null,
  local: PeerAddress[],
  handlers: PeersHandlers,
  now: number,
): Operation {
  const result: PeersResult = { peers: 0, queries: 0, stored: 0 };
  const seen = new Set<string>();
  const report = (peers: readonly PeerAddress[]) => {
    const fresh = peers.filter((peer) => isNew(seen, peer));
    result.peers += fresh.length;
    if (fresh.length > 0) handlers.onPeers(fresh);
  };
  report(local);
  let cancelled = false;
  const operation = inEach(overlays, (overlay, done) =>
    overlay.search({
      target: infoHash,
      question: (want) => ({
        method: "get_peers",
        target: infoHash,
        want,
        noSeed: false,
        scrape: false,
      }),
      answered: (response) => report(response.values),
      done: (lookup, at) => {
        result.queries += lookup?.asked ?? 0;
        if (lookup === null || announce === null || cancelled) return done();
        announceTo(overlay, lookup, infoHash, announce, result, done, at);
      },
    }, now), () => handlers.onDone(result));
  return {
    cancel: (at) => {
      cancelled = true;
      operation.cancel(at);
    },
  };
}

function isNew(seen: Set<string>, { address, port }: PeerAddress): boolean {
  const key = `${address} ${port}`;
  if (seen.has(key) || seen.size >= MAX_PEERS) return false;
  seen.add(key);
  return true;
}

function announceTo(
  overlay: Overlay,
  lookup: Lookup,
  infoHash: Uint8Array,
  { port, impliedPort = false, seed = false }: AnnounceOptions,
  result: PeersResult,
  done: () => void,
  now: number,
): void {
  tellNearest(overlay, lookup, (token) => {
    result.queries++;
    return { method: "announce_peer", infoHash, token, port, impliedPort, seed };
  }, (stored) => {
    result.stored += stored;
    done();
  }, now);
}

/** Sends the data to the nearest nodes that gave a token; counts those that confirm it. */
export function tellNearest(
  overlay: Overlay,
  lookup: Lookup,
  question: (token: Uint8Array) => Parameters<Overlay["ask"]>[1],
  done: (stored: number) => void,
  now: number,
): void {
  let open = 1, stored = 0;
  const close = () => --open === 0 && done(stored);
  const tell = (to: Candidate, token: Uint8Array) => {
    open++;
    const reply = { answered: () => (stored++, close()), failed: close };
    if (!overlay.ask(to, question(token), reply, now)) close();
  };
  for (const to of lookup.nearest()) if (to.token !== null) tell(to, to.token);
  close();
}

/** The number of seeds and other peers of a torrent. */
export function countSwarm(
  overlays: readonly Overlay[],
  infoHash: Uint8Array,
  onDone: (result: ScrapeResult) => void,
  now: number,
): Operation {
  const seeds = new BloomFilter(), peers = new BloomFilter();
  let answers = 0;
  return inEach(overlays, (overlay, done) =>
    overlay.search({
      target: infoHash,
      question: (want) => ({
        method: "get_peers",
        target: infoHash,
        want,
        noSeed: false,
        scrape: true,
      }),
      answered: ({ scrape }) => {
        if (scrape === null) return;
        answers++;
        seeds.merge(new BloomFilter(scrape.seeds));
        peers.merge(new BloomFilter(scrape.peers));
      },
      done,
    }, now), () => {
    const round = (filter: BloomFilter) => Math.round(filter.estimate());
    onDone({ seeds: round(seeds), peers: round(peers), answers });
  });
}
