/** `shoal dht`: asks the DHT by hand. */
import { DHT_BOOTSTRAP } from "../../client/types.ts";
import { MAX_SALT_BYTES, MAX_SEQ } from "../../dht/dht_item.ts";
import { parseMagnet } from "../../metainfo/magnet.ts";
import { fromHex } from "../../util/bytes.ts";
import { MagnetError } from "../../util/errors.ts";
import { type Flags, single, toggle, type ValuesOf } from "../args.ts";
import { type CliContext, defineCommand } from "../command.ts";
import * as actions from "../dht_actions.ts";
import { type DhtRequest, type DhtRun, runDht } from "../dht_run.ts";
import { seedFrom, stringValue } from "../dht_value.ts";
import { UsageError } from "../errors.ts";
import { NO_STATE, stateChoice } from "../state_folder.ts";
import { nearest } from "../../util/nearest.ts";
import { optional, SWARM_FLAGS } from "../swarm_flags.ts";
import { duration, hostAndPort, notEmpty } from "../values.ts";

/** The largest value, and a little more, so that one byte too many is told as such. */
const FILE_BYTES_MOST = 64 * 1024;

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
  "dht-bootstrap": SWARM_FLAGS["dht-bootstrap"],
  "state-dir": SWARM_FLAGS["state-dir"],
  "no-state": SWARM_FLAGS["no-state"],
} satisfies Flags;

type Values = ValuesOf<typeof FLAGS>;
type Work = (run: DhtRun) => Promise<void>;

/** What comes behind the word is read, and refused, before any port is opened. */
const ACTIONS: Readonly<
  Record<string, (context: CliContext, values: Values, what: string | null) => Promise<Work> | Work>
> = {
  get(_, values, what) {
    const target = targetOf(needed(what, "get TARGET"));
    return (run) => actions.get(run, { target, salt: values.salt });
  },
  async put({ platform }, values, what) {
    const value = await valueOf(platform.files, values.file, what);
    const { key, salt, seq } = values;
    if (key === null && (seq !== null || salt.length > 0)) {
      throw new UsageError("--salt and --seq are for items with a --key");
    }
    const seed = key === null ? null : await seedFrom(platform, key);
    return (run) => actions.put(run, { value, seed, salt, seq });
  },
  peers(_, _values, what) {
    const infoHash = infoHashOf(needed(what, "peers INFOHASH"));
    return (run) => actions.peers(run, infoHash);
  },
  ping(_, _values, what) {
    const target = hostAndPort(needed(what, "ping HOST:PORT"));
    return (run) => actions.ping(run, target);
  },
  stats(_, values, what) {
    if (what !== null) throw new UsageError(`Too many operands: "${what}". Usage: shoal dht stats`);
    return (run) => actions.stats(run, values.for * 1000);
  },
};

export const dhtCommand = defineCommand({
  name: "dht",
  operands: "get|put|peers|ping|stats [WHAT]",
  count: [1, 2],
  summary: "Queries the distributed hash table (DHT): peers, items, nodes",
  details:
    "get TARGET          finds the item at a target (40 digits) or of a public key (64 digits)\n" +
    "put TEXT            stores a text of up to 995 bytes and prints its target\n" +
    "peers INFOHASH      finds peers of a torrent; also takes a magnet link\n" +
    "ping HOST:PORT      asks a node for its id\n" +
    "stats               joins and estimates how large the network is",
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
  const { json } = values, named = values["dht-bootstrap"];
  if (alone) return { json, bootstrap: [], state: NO_STATE };
  const state = stateChoice(values, platform.process);
  return { json, bootstrap: named.length > 0 ? named : DHT_BOOTSTRAP, state };
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
