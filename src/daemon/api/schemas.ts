/** What answers look like. */
import * as v from "valibot";

const bytes = v.number(), rate = v.number(), seconds = v.number();
const time = v.nullable(v.number());

export const TORRENT_ROW = v.object({
  name: v.string(),
  state: v.string(),
  labels: v.array(v.string()),
  dir: v.string(),
  size: bytes,
  wanted: bytes,
  have: bytes,
  left: bytes,
  downloaded: bytes,
  uploaded: bytes,
  downRate: rate,
  upRate: rate,
  etaSeconds: v.nullable(seconds),
  checked: v.nullable(v.number()),
  connected: v.number(),
  seeds: v.number(),
  known: v.number(),
  addedAt: v.number(),
  completedAt: time,
  queuePosition: v.nullable(v.number()),
  goalReached: v.boolean(),
  heldBackBy: v.string(),
  error: v.nullable(v.string()),
  /** Host of the first tracker; "" for none. */
  tracker: v.string(),
  /** What a failing tracker said, while none works. */
  trackerError: v.nullable(v.string()),
});

/** `TorrentStatus` of the library, its magnet link and the options that are set. */
export const TORRENT = v.looseObject({
  infoHash: v.string(),
  name: v.string(),
  state: v.string(),
  dir: v.string(),
  size: bytes,
  wanted: bytes,
  have: bytes,
  left: bytes,
  downRate: rate,
  upRate: rate,
  labels: v.array(v.string()),
  error: v.nullable(v.object({ code: v.string(), message: v.string() })),
  magnet: v.string(),
  options: v.looseObject({}),
});

export const TORRENT_FILE = v.object({
  index: v.number(),
  name: v.string(),
  path: v.string(),
  size: bytes,
  bytesDone: bytes,
  priority: v.number(),
});

export const PEER = v.looseObject({
  address: v.string(),
  port: v.number(),
  client: v.string(),
  incoming: v.boolean(),
  progress: v.number(),
  downRate: rate,
  upRate: rate,
});

export const TRACKER = v.looseObject({ url: v.string() });

export const PIECES = v.object({
  count: v.number(),
  length: bytes,
  /** Base64 of a bit for each verified piece, the first in the highest bit. */
  have: v.string(),
});

export const REMOVED = v.object({
  removed: v.array(v.string()),
  kept: v.array(v.object({ path: v.string(), reason: v.string() })),
  bytes,
});

export const SETTING = v.object({
  name: v.string(),
  /** Left out where there is none. */
  value: v.optional(v.unknown()),
  source: v.picklist(["default", "file", "environment", "flag"]),
  help: v.string(),
  changeable: v.boolean(),
  /** What its value looks like: "rate", "choice" with its words, "parts" with the form of each. */
  form: v.looseObject({ type: v.string() }),
  /** Only the owner may change it, on the machine of the daemon. */
  owner: v.boolean(),
});

export const LOG_LINE = v.object({
  time: v.number(),
  level: v.picklist(["error", "warn", "info", "debug"]),
  message: v.string(),
  fields: v.record(v.string(), v.unknown()),
});

export const TOKEN = v.object({ name: v.string(), may: v.picklist(["read", "add", "all"]) });

export const ERROR = v.object({
  error: v.object({ code: v.string(), message: v.string(), path: v.optional(v.string()) }),
});
