/**
 * A small tracker over HTTP (BEP 3, 7, 23, 48) for the demo, for tests and for a household: it
 * serves any torrent, keeps everything in memory and trusts only the sender's address.
 */
import type { Clock, Http, Random } from "../platform/types.ts";
import { type Encodable, encode } from "../bencode/bencode_encode.ts";
import { compactPeer, type PeerAddress } from "../util/compact_address.ts";
import type { AnnounceEvent } from "./tracker_message.ts";
import { concatBytes, fromLatin1 } from "../util/bytes.ts";
import { canonicalIp } from "../util/ip_address.ts";
import { type SwarmAnnounce, SwarmStore } from "./swarm_store.ts";

export interface LocalTrackerPorts {
  clock: Clock;
  random: Random;
  http: Pick<Http, "serve">;
}

export interface LocalTrackerOptions {
  /** 0 takes any free one. */
  port: number;
  /** Default "127.0.0.1". */
  address?: string;
  /** Seconds between announces, as told to peers. Default 1800. */
  intervalSeconds?: number;
  /** Minimum seconds between announces, as told to peers. Default 30. */
  minIntervalSeconds?: number;
  /** Shares the peers of another front end, such as `serveUdpTracker`. */
  swarms?: SwarmStore;
}

export interface LocalTracker {
  readonly announceUrl: string;
  readonly port: number;
  readonly swarms: SwarmStore;
  readonly stats: TrackerStats;
  close(): Promise<void>;
}

export interface TrackerStats {
  announces: number;
  scrapes: number;
  /** Requests that were answered with a failure. */
  refused: number;
}

export const DEFAULT_INTERVAL_SECONDS = 1800;

const DEFAULT_NUM_WANT = 50;
const MAX_NUM_WANT = 200;
const MAX_SCRAPE = 100;

/** Starts to serve. Rejects with a NetError if the port is taken. */
export async function serveTracker(
  ports: LocalTrackerPorts,
  options: LocalTrackerOptions,
): Promise<LocalTracker> {
  const intervalSeconds = options.intervalSeconds ?? DEFAULT_INTERVAL_SECONDS;
  const intervals = { interval: intervalSeconds, "min interval": options.minIntervalSeconds ?? 30 };
  const swarms = options.swarms ?? newSwarmStore(ports, intervalSeconds);
  const stats: TrackerStats = { announces: 0, scrapes: 0, refused: 0 };
  const address = options.address ?? "127.0.0.1";
  const server = await ports.http.serve({ port: options.port, address }, (request, remote) => {
    const url = new URL(request.url);
    const query = parseQuery(url.search.slice(1));
    try {
      if (url.pathname === "/announce") {
        const body = answerAnnounce(swarms, query, remote.address, intervals);
        stats.announces++;
        return respond(body);
      }
      if (url.pathname === "/scrape") {
        const body = answerScrape(swarms, query);
        stats.scrapes++;
        return respond(body);
      }
      return new Response("Not found\n", { status: 404 });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      stats.refused++;
      return respond(encode({ "failure reason": error.message }));
    }
  });
  const host = address.includes(":") ? `[${address}]` : address;
  return {
    announceUrl: `http://${host}:${server.port}/announce`,
    port: server.port,
    swarms,
    stats,
    close: () => server.close(),
  };
}

/** The memory of a small tracker: a thousand torrents of a thousand peers at most. */
export function newSwarmStore(
  ports: { clock: Clock; random: Random },
  intervalSeconds = DEFAULT_INTERVAL_SECONDS,
): SwarmStore {
  return new SwarmStore(ports, { intervalSeconds, maxTorrents: 1000, maxPeersPerTorrent: 1000 });
}

/** `numWant` as asked for; negative means that the tracker may choose. */
export function boundedNumWant(numWant: number): number {
  return numWant < 0 ? DEFAULT_NUM_WANT : Math.min(numWant, MAX_NUM_WANT);
}

/** A request is wrong; the message goes to the client. */
class Refusal extends Error {}

/** Arguments by name, each value with one character for one byte. */
type Query = Map<string, string[]>;

function answerAnnounce(
  swarms: SwarmStore,
  query: Query,
  remoteAddress: string,
  intervals: Record<string, number>,
): Uint8Array {
  const announce = readAnnounce(query, remoteAddress);
  const { peers, seeders, leechers, downloaded } = swarms.announce(announce);
  return encode({
    ...intervals,
    complete: seeders,
    incomplete: leechers,
    downloaded,
    ...(query.get("compact")?.[0] === "0" ? plainPeers(peers) : compactPeers(peers)),
  });
}

function readAnnounce(query: Query, remoteAddress: string): SwarmAnnounce {
  const infoHash = fromLatin1(query.get("info_hash")?.[0] ?? "");
  if (infoHash.length !== 20) throw new Refusal("info_hash must have 20 bytes");
  if (query.get("peer_id")?.[0]?.length !== 20) throw new Refusal("peer_id must have 20 bytes");
  const peer = {
    address: canonicalIp(remoteAddress) ?? remoteAddress,
    port: readNumber(query, "port"),
  };
  return {
    infoHash,
    peer,
    left: readNumber(query, "left"),
    event: readEvent(query.get("event")?.[0] ?? ""),
    numWant: boundedNumWant(readNumber(query, "numwant", -1)),
  };
}

function readNumber(query: Query, name: string, missing?: number): number {
  const text = query.get(name)?.[0] ?? "";
  if (text === "" && missing !== undefined) return missing;
  if (!/^\d{1,15}$/.test(text)) throw new Refusal(`${name} must be a number`);
  return Number(text);
}

function readEvent(text: string): AnnounceEvent {
  return text === "started" || text === "completed" || text === "stopped" ? text : null;
}

/** Compact lists do not name their family, so each has its own key (BEP 7). */
function compactPeers(peers: readonly PeerAddress[]): Record<string, Encodable> {
  const entries = peers.map(compactPeer);
  const v6 = entries.filter((entry) => entry.length === 18);
  const lists = { peers: concatBytes(...entries.filter((entry) => entry.length === 6)) };
  return v6.length === 0 ? lists : { ...lists, peers6: concatBytes(...v6) };
}

function plainPeers(peers: readonly PeerAddress[]): Record<string, Encodable> {
  return { peers: peers.map(({ address, port }) => ({ ip: address, port })) };
}

/**
 * The keys of "files" are binary, which the encoder does not accept: this level is built by hand.
 */
function answerScrape(swarms: SwarmStore, query: Query): Uint8Array {
  const hashes = new Set((query.get("info_hash") ?? []).slice(0, MAX_SCRAPE));
  const parts: Uint8Array[] = [fromLatin1("d5:filesd")];
  for (const hash of [...hashes].sort()) {
    if (hash.length !== 20) throw new Refusal("info_hash must have 20 bytes");
    const { seeders, leechers, downloaded } = swarms.scrape(fromLatin1(hash));
    const entry = encode({ complete: seeders, downloaded, incomplete: leechers });
    parts.push(fromLatin1(`20:${hash}`), entry);
  }
  return concatBytes(...parts, fromLatin1("ee"));
}

/** Byte by byte, because a hash is not UTF-8 once its escapes are undone. */
function parseQuery(text: string): Query {
  const query: Query = new Map();
  for (const argument of text.split("&")) {
    const at = argument.indexOf("=");
    const name = at < 0 ? argument : argument.slice(0, at);
    const value = (at < 0 ? "" : argument.slice(at + 1)).replace(
      /%([0-9a-fA-F]{2})/g,
      (_, hex) => String.fromCharCode(parseInt(hex, 16)),
    );
    const values = query.get(name);
    if (values === undefined) query.set(name, [value]);
    else values.push(value);
  }
  return query;
}

function respond(body: Uint8Array): Response {
  return new Response(body as Uint8Array<ArrayBuffer>, {
    headers: { "content-type": "text/plain" },
  });
}
