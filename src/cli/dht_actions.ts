/** What `shoal dht` can do, one function each. "Nobody" and "nothing" are NobodyErrors. */
import { formatEndpoint, parseHostPort } from "../util/compact_address.ts";
import { type DhtItem, itemTarget, mutableTarget, signItem } from "../dht/dht_item.ts";
import type { DhtStats, OverlayStats } from "../dht/node_types.ts";
import { toHex, toLatin1 } from "../util/bytes.ts";
import { countNodes, type DhtRun, join, settle } from "./dht_run.ts";
import { readValue } from "./dht_value.ts";
import { NobodyError } from "./errors.ts";
import { formatCount, formatSize } from "./render/format.ts";
import { safeText } from "./render/text.ts";

/** Asks one node whether it is there. `target`: "host:port". */
export async function ping({ context, dht, tell, doing }: DhtRun, target: string): Promise<void> {
  const { host, port } = parseHostPort(target)!;
  doing(() => `Waiting for ${target}`);
  for (const address of await addressesOf(context.platform.net, host)) {
    const pong = await dht.ping({ address, port });
    if (pong === null) continue;
    const id = toHex(pong.id), node = formatEndpoint({ address, port });
    const ms = Math.round(pong.rttMs), client = clientName(pong.client);
    const called = client === null ? "" : `, ${safeText(client)}`;
    return tell(`${node} answered in ${ms} ms: node ${id}${called}`, {
      type: "pong",
      address,
      port,
      ms,
      id,
      client,
    });
  }
  throw new NobodyError(`${target} does not answer`);
}

/** Each peer of a torrent as it is found. */
export async function peers(run: DhtRun, infoHash: Uint8Array): Promise<void> {
  await join(run);
  const { dht, signal, tell, doing } = run;
  let count = 0;
  doing(() => `Looking for peers: ${formatCount(count, "peer")} so far`);
  const result = await dht.findPeers(infoHash, {
    signal,
    onPeers: (found) => {
      count += found.length;
      for (const peer of found) {
        tell(formatEndpoint(peer), { type: "peer", address: peer.address, port: peer.port });
      }
    },
  });
  if (signal.aborted || result.peers > 0) return;
  throw new NobodyError(`No peers of ${toHex(infoHash)} (${askedText(result.queries)})`);
}

export interface GetRequest {
  /** Where it lies (20 bytes), or the public key of a mutable item (32 bytes). */
  target: Uint8Array;
  salt: Uint8Array;
}

/** The newest item that there is. */
export async function get(run: DhtRun, { target, salt }: GetRequest): Promise<void> {
  await join(run);
  const { context, dht, signal, tell, doing } = run;
  const sha1 = (bytes: Uint8Array) => context.platform.hasher.digest("sha1", bytes);
  const at = target.length === 20 ? target : mutableTarget(sha1, target, salt);
  doing(() => `Looking for ${toHex(at)}`);
  const item = await dht.getItem(at, { salt, signal });
  if (signal.aborted) return;
  if (item === null) throw new NobodyError(`There is no item at ${toHex(at)}`);
  const { text, hex } = readValue(item.value);
  tell(text === null ? hex : linesOf(text), { ...aboutItem("item", at, item), text, hex });
}

export interface PutRequest {
  /** Bencoded. */
  value: Uint8Array;
  /** The 32 bytes that the key pair of a mutable item is made from; null for an immutable item. */
  seed: Uint8Array | null;
  salt: Uint8Array;
  /** Null: one more than what is there. */
  seq: bigint | null;
}

/** Stores an item and tells where it lies. */
export async function put(run: DhtRun, request: PutRequest): Promise<void> {
  await join(run);
  await settle(run, 5000);
  const { dht, signal, tell, doing } = run;
  const { item, cas } = await makeItem(run, request);
  const target = itemTarget((bytes) => run.context.platform.hasher.digest("sha1", bytes), item);
  doing(() => `Storing ${toHex(target)}`);
  const stored = await dht.putItem(item, cas, signal);
  if (signal.aborted) return;
  if (stored === 0) {
    throw new NobodyError(
      item.signed === null
        ? "No node stored the item"
        : "No node stored it: perhaps a version with this or a higher --seq exists already",
    );
  }
  tell(toHex(target), { ...aboutItem("stored", target, item), nodes: stored });
}

/** Joins and tells what we then know. */
export async function stats(run: DhtRun, limitMs: number): Promise<void> {
  await join(run);
  await settle(run, limitMs);
  const { dht, tell } = run, told = dht.stats();
  const { overlays, received, sent, bytesReceived, bytesSent, exceptions } = told;
  tell(statsText(told), {
    type: "stats",
    nodes: countNodes(dht),
    overlays: overlays.map(({ family, id, address, nodes, spares, networkSize }) => {
      return { family, id, address, nodes, spares, networkSize };
    }),
    received,
    sent,
    bytesReceived,
    bytesSent,
    exceptions,
  });
}

/** A mutable item goes over the one that is there, and over no other that came meanwhile. */
async function makeItem(
  { context, dht, signal, doing }: DhtRun,
  { value, seed, salt, seq }: PutRequest,
): Promise<{ item: DhtItem; cas: bigint | null }> {
  if (seed === null) return { item: { value, signed: null }, cas: null };
  const { ed25519, hasher } = context.platform;
  if (seq !== null) return { item: signItem(ed25519, seed, { value, seq, salt }), cas: null };
  const target = mutableTarget(
    (bytes) => hasher.digest("sha1", bytes),
    ed25519.publicKey(seed),
    salt,
  );
  doing(() => `Looking up the version stored at ${toHex(target)}`);
  const before = (await dht.getItem(target, { salt, signal }))?.signed?.seq ?? null;
  const next = { value, seq: (before ?? 0n) + 1n, salt };
  return { item: signItem(ed25519, seed, next), cas: before };
}

function aboutItem(type: string, target: Uint8Array, { signed }: DhtItem) {
  return {
    type,
    target: toHex(target),
    key: signed === null ? null : toHex(signed.key),
    salt: signed === null ? null : toHex(signed.salt),
    seq: signed === null ? null : String(signed.seq),
  };
}

function statsText(stats: DhtStats): string {
  const { overlays, received, sent, bytesReceived, bytesSent, exceptions, lastException } = stats;
  return [
    ...overlays.map(overlayText),
    `datagrams: ${sent} sent (${formatSize(bytesSent)}), ` +
    `${received} received (${formatSize(bytesReceived)})`,
    // A bug of ours: it ends nothing, but shall not go unseen.
    ...exceptions === 0 ? [] : [`${formatCount(exceptions, "error")} of our own: ${lastException}`],
  ].join("\n");
}

function overlayText({ family, id, address, nodes, spares, networkSize }: OverlayStats): string {
  const parts = [`IPv${family}: ${formatCount(nodes, "node")} and ${spares} spare`];
  if (networkSize !== null) parts.push(`about ${formatCount(networkSize, "node")} in all`);
  if (address !== null) parts.push(`we are ${address}`);
  return [...parts, `our id is ${id}`].join(", ");
}

function askedText(queries: number): string {
  return `${formatCount(queries, "question")} asked`;
}

/** "LT0200ff" is "LT" and the version in two bytes. */
function clientName(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  const [, name = "", version = ""] = /^([ -~]{2})(.*)$/s.exec(toLatin1(bytes)) ?? [];
  if (name === "") return toHex(bytes);
  return [name, ...Array.from(version, (letter) => letter.charCodeAt(0))].join(" ");
}

/** Text of others on the terminal, line by line. */
function linesOf(text: string): string {
  return text.split("\n").map(safeText).join("\n");
}

async function addressesOf(
  net: { lookup(host: string): Promise<string[]> },
  host: string,
): Promise<string[]> {
  try {
    return await net.lookup(host);
  } catch (error) {
    throw new NobodyError((error as Error).message, { cause: error });
  }
}
