/** torrent-get. Thousands of torrents are written in slices, so that no request holds the others up. */
import type { Clock } from "../../platform/types.ts";
import { type Arguments, asTexts } from "./coerce.ts";
import { type GeneralFacts, TorrentFacts } from "./facts.ts";
import { FIELDS, SETTLED } from "./fields.ts";
import type { KnownTorrent, KnownTorrents } from "./known_torrents.ts";
import { snaked, toSnake } from "./names.ts";
import { RpcError } from "./rpc_error.ts";

/** The longest that one request works without a pause. */
const SLICE_MS = 10;

/** A field, its name in the answer as JSON, and what computes it. */
interface Column {
  readonly name: string;
  readonly read: (facts: TorrentFacts) => unknown;
  readonly isSettled: boolean;
}

export interface GetPorts {
  readonly known: KnownTorrents;
  readonly clock: Clock;
}

/** The answer's arguments as JSON text. */
export async function torrentGet(
  { known, clock }: GetPorts,
  args: Arguments,
  general: GeneralFacts,
): Promise<string> {
  const fields = asTexts(args.fields);
  if (fields === undefined) {
    throw new RpcError("params", "no fields specified", { torrents: [] });
  }
  const now = clock.now(), { torrents, recent } = known.select(args.ids, "ids" in args);
  const columns = columnsOf(fields, general.jsonRpc);
  const isTable = args.format === "table";
  const write = isTable ? rowWriter(columns, general) : objectWriter(columns, general);
  const rows = await inSlices(clock, torrents, (torrent) => {
    return write(new TorrentFacts(torrent, known.statusOf(torrent, now), general));
  });
  if (isTable) rows.unshift(`[${columns.map(({ name }) => name).join()}]`);
  const removed = recent ? `"removed":${JSON.stringify(known.removed())},` : "";
  return `{${removed}"torrents":[${rows.join()}]}`;
}

/** Fields without duplicates and unknown ones. */
function columnsOf(fields: readonly string[], jsonRpc: boolean): Column[] {
  return [...new Set(fields)].flatMap((field) => {
    const name = (jsonRpc ? SNAKE_FIELDS.get(field) : field) ?? "", read = FIELDS.get(name);
    if (read === undefined) return [];
    return [{ name: JSON.stringify(field), read, isSettled: SETTLED.has(name) }];
  });
}

const SNAKE_FIELDS: ReadonlyMap<string, string> = new Map(
  Array.from(FIELDS.keys(), (name) => [toSnake(name), name]),
);

type Write = (facts: TorrentFacts) => string;

/** Fields that seldom change come first, as one text. */
function objectWriter(columns: readonly Column[], { jsonRpc, goal }: GeneralFacts): Write {
  const settled = columns.filter(({ isSettled }) => isSettled);
  const running = columns.filter(({ isSettled }) => !isSettled);
  const first = membersWriter(settled, "{", jsonRpc);
  const others = membersWriter(running, settled.length === 0 ? "{" : ",", jsonRpc);
  const key = JSON.stringify([settled.map(({ name }) => name), jsonRpc, goal]);
  if (columns.length === 0) return () => "{}";
  return (facts) => settledText(facts, key, first) + others(facts) + "}";
}

/** The text before the first member is `start`. */
function membersWriter(columns: readonly Column[], start: string, jsonRpc: boolean): Write {
  const heads = columns.map(({ name }, at) => `${at === 0 ? start : ","}${name}:`);
  return (facts) => {
    let text = "";
    for (let at = 0; at < columns.length; at++) {
      text += heads[at]! + textOf(columns[at]!.read(facts), jsonRpc);
    }
    return text;
  };
}

/** The most kinds of requests whose texts a torrent keeps. */
const MOST_TEXTS = 4;

function settledText(facts: TorrentFacts, key: string, write: Write): string {
  const texts = facts.known.still?.texts, known = texts?.get(key);
  if (known !== undefined) return known;
  const text = write(facts);
  if (texts !== undefined && texts.size >= MOST_TEXTS) texts.clear();
  texts?.set(key, text);
  return text;
}

function rowWriter(columns: readonly Column[], { jsonRpc }: GeneralFacts): Write {
  return (facts) => `[${columns.map(({ read }) => textOf(read(facts), jsonRpc)).join()}]`;
}

/** Quick for what most fields are. */
function textOf(value: unknown, jsonRpc: boolean): string {
  if (typeof value === "number") return Number.isFinite(value) ? `${value}` : "-1";
  if (typeof value === "boolean") return value ? "true" : "false";
  return JSON.stringify(jsonRpc ? snaked(value) : value);
}

async function inSlices(
  clock: Clock,
  torrents: readonly KnownTorrent[],
  write: (torrent: KnownTorrent) => string,
): Promise<string[]> {
  const rows: string[] = [];
  let begun = clock.now();
  for (const torrent of torrents) {
    rows.push(write(torrent));
    if (rows.length % 64 !== 0 || clock.now() - begun < SLICE_MS) continue;
    await new Promise<void>((resolve) => clock.after(0, resolve));
    begun = clock.now();
  }
  return rows;
}
