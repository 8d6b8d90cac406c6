/** `shoal dht`: asks the DHT by hand. */
import { DHT_BOOTSTRAP } from "../../client/types.ts";
import {
  type DhtItem,
  itemTarget,
  MAX_SALT_BYTES,
  MAX_SEQ,
  mutableTarget,
  signItem,
} from "../../dht/dht_item.ts";
import type { DhtStats, OverlayStats } from "../../dht/node_types.ts";
import { parseMagnet } from "../../metainfo/magnet.ts";
import { fromHex, toHex, toLatin1 } from "../../util/bytes.ts";
import { formatEndpoint, parseHostPort } from "../../util/compact_address.ts";
import { MagnetError } from "../../util/errors.ts";
import { nearest } from "../../util/nearest.ts";
import { type Flags, single, toggle, type ValuesOf } from "../args.ts";
import { type CliContext, defineCommand } from "../command.ts";
import { countNodes, type DhtRequest, type DhtRun, join, runDht, settle } from "../dht_run.ts";
import { readValue, seedFrom, stringValue } from "../dht_values.ts";
import { NobodyError, UsageError } from "../errors.ts";
import { clientFlags, clientOptions, optional } from "../option_flags.ts";
import { formatCount, formatSize } from "../render/format.ts";
import { safeText } from "../render/text.ts";
import { NO_STATE, stateChoice } from "../state_folder.ts";
import { duration, hostAndPort, notEmpty } from "../values.ts";

/** Slightly more than the largest value, so that one byte too many is reported as such. */
const FILE_BYTES_MOST = 64 * 1024;

const SWARM_FLAGS = clientFlags("download");

const FLAGS = {
  file: optional("FILE", "put: store the contents of this file instead of TEXT", notEmpty),
  key: optional(
    "FILE",
    "put: store a mutable item, signed with this key; a missing key file is created",
    notEmpty,
  ),
  salt: single<Uint8Array>(
    "TEXT",
    "put, get: salt of a mutable item (default: none)",
    saltOf,
    new Uint8Array(0),
  ),
  seq: optional("N", "put: sequence number (default: one more than the stored version)", seqOf),
  for: single("TIME", "stats: most time to explore the network (default 10s)", duration, 10),
  json: toggle("Print one JSON object per line (see shoal help json)"),
  "dht-bootstrap": SWARM_FLAGS["dht-bootstrap"]!,
  "state-dir": SWARM_FLAGS["state-dir"]!,
  "no-state": SWARM_FLAGS["no-state"]!,
} satisfies Flags;

type Values = ValuesOf<typeof FLAGS>;
type Work = (run: DhtRun) => Promise<void>;

/** The operands are parsed, and refused, before any port is opened. */
const ACTIONS: Readonly<
  Record<string, (context: CliContext, values: Values, what: string | null) => Promise<Work> | Work>
> = {
  get(_, values, what) {
    const target = targetOf(needed(what, "get TARGET"));
    return (run) => get(run, { target, salt: values.salt });
  },
  async put({ platform }, values, what) {
    const value = await valueOf(platform.files, values.file, what);
    const { key, salt, seq } = values;
    if (key === null && (seq !== null || salt.length > 0)) {
      throw new UsageError("--salt and --seq are for items with a --key");
    }
    const seed = key === null ? null : await seedFrom(platform, key);
    return (run) => put(run, { value, seed, salt, seq });
  },
  peers(_, _values, what) {
    const infoHash = infoHashOf(needed(what, "peers INFOHASH"));
    return (run) => peers(run, infoHash);
  },
  ping(_, _values, what) {
    const target = hostAndPort(needed(what, "ping HOST:PORT"));
    return (run) => ping(run, target);
  },
  stats(_, values, what) {
    if (what !== null) throw new UsageError(`Too many operands: "${what}". Usage: shoal dht stats`);
    return (run) => stats(run, values.for * 1000);
  },
};

export const dhtCommand = defineCommand({
  name: "dht",
  operands: "get|put|peers|ping|stats [WHAT]",
  count: [1, 2],
  summary: "Queries the distributed hash table (DHT): peers, items, nodes",
  details:
    "get TARGET          gets the item with this target (40 digits) or public key (64 digits)\n" +
    "put TEXT            stores a text of up to 995 bytes and prints its target\n" +
    "peers INFOHASH      finds peers of a torrent; also takes a magnet link\n" +
    "ping HOST:PORT      asks a node for its id\n" +
    "stats               joins the DHT and estimates its size",
  examples: [
    "shoal dht peers 'magnet:?xt=urn:btih:...'",
    "shoal dht put 'Hello' --key ~/hello.key",
    "shoal dht ping 192.0.2.7:6881",
  ],
  flags: FLAGS,
  async run(context, values, [word = "", what = null]) {
    const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
    if (action === undefined) throw unknownAction(word);
    const work = await action(context, values, what);
    const alone = word === "ping";
    return await runDht(context, requestFrom(context, values, alone), work);
  },
});

/** A ping needs no other node. */
function requestFrom({ platform }: CliContext, values: Values, alone: boolean): DhtRequest {
  const { json } = values, { dht } = clientOptions(values);
  const { bootstrap = DHT_BOOTSTRAP } = typeof dht === "object" ? dht : {};
  if (alone) return { json, bootstrap: [], state: NO_STATE };
  const state = stateChoice(values, platform.process);
  return { json, bootstrap, state };
}

function unknownAction(word: string): UsageError {
  const meant = nearest(word, Object.keys(ACTIONS));
  const hint = meant === null ? `one of ${Object.keys(ACTIONS).join(", ")}` : `${meant}`;
  return new UsageError(`Unknown word "${word}" after dht (did you mean ${hint}?)`);
}

function needed(what: string | null, usage: string): string {
  if (what === null) {
    throw new UsageError(`Missing ${usage.split(" ")[1]}. Usage: shoal dht ${usage}`);
  }
  return what;
}

function targetOf(text: string): Uint8Array {
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(text)) return fromHex(text);
  throw new UsageError(`"${text}" is no target (40 hexadecimal digits) or public key (64)`);
}

function infoHashOf(text: string): Uint8Array {
  try {
    return parseMagnet(text).infoHash;
  } catch (error) {
    if (!(error instanceof MagnetError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

async function valueOf(
  files: CliContext["platform"]["files"],
  file: string | null,
  text: string | null,
): Promise<Uint8Array> {
  if (file !== null && text !== null) throw new UsageError("--file and a TEXT exclude each other");
  if (file !== null) return stringValue(await files.read(file, FILE_BYTES_MOST));
  return stringValue(new TextEncoder().encode(needed(text, "put TEXT")));
}

function saltOf(text: string): Uint8Array {
  const salt = new TextEncoder().encode(text);
  if (salt.length <= MAX_SALT_BYTES) return salt;
  throw new UsageError(`a salt has ${MAX_SALT_BYTES} bytes at most`);
}

function seqOf(text: string): bigint {
  const value = /^\d{1,19}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value <= MAX_SEQ) return value;
  throw new UsageError(`"${text}" is not a whole number from 0 to 2^63 - 1`);
}

// --- The actions. No answer and no result are NobodyErrors. ---

/** Pings one node. `target`: "host:port". */
async function ping({ context, dht, tell, doing }: DhtRun, target: string): Promise<void> {
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
async function peers(run: DhtRun, infoHash: Uint8Array): Promise<void> {
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

interface GetRequest {
  /** Its target (20 bytes), or the public key of a mutable item (32 bytes). */
  target: Uint8Array;
  salt: Uint8Array;
}

/** The newest version found. */
async function get(run: DhtRun, { target, salt }: GetRequest): Promise<void> {
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

interface PutRequest {
  /** Bencoded. */
  value: Uint8Array;
  /** The 32-byte seed of a mutable item's key pair; null for an immutable item. */
  seed: Uint8Array | null;
  salt: Uint8Array;
  /** Null: one more than the stored version. */
  seq: bigint | null;
}

/** Stores an item and prints its target. */
async function put(run: DhtRun, request: PutRequest): Promise<void> {
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

/** Joins the DHT and prints statistics. */
async function stats(run: DhtRun, limitMs: number): Promise<void> {
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

/** A mutable item replaces the version found, and no other that was stored meanwhile. */
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
    // A bug of ours: it ends nothing, but must not go unnoticed.
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

/** Text of others for the terminal, line by line. */
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
