/**
 * The table of options, one row each: checks, saved values, flags, help and docs/options.md come
 * from it. A new option is a field of AddOptions or ClientOptions (types.ts), a row here, and the
 * line that uses it.
 */
import {
  AMOUNT,
  BYTES,
  DHT,
  FILE_NAMES,
  FOLDER,
  FOLDERS,
  GOAL,
  type Kind,
  oneOf,
  orAsked,
  orSwitch,
  PEERS,
  type Plain,
  QUOTA,
  RATES,
  refuseUnknown,
  SELECTION,
  SWITCH,
  TEXT,
  TRACKERS,
  URLS,
  whole,
  wholeOrInfinity,
} from "./option_kinds.ts";
import {
  ALTERNATIVE,
  AT_GOAL,
  FREE_SPACE,
  LABEL_LIST,
  LABELS,
  PATTERNS,
  QUEUE,
} from "./client_kinds.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type {
  AddOptions,
  AlternativeLimits,
  ClientOptions,
  ClientPatch,
  DhtSettings,
  LabelSettings,
  QueueLimits,
  Rates,
  SeedGoal,
  TorrentPatch,
} from "./types.ts";

export type FlagCommand = "download" | "seed" | "show" | "verify";

/** The option's flag; its parser follows from the kind. */
export interface OptionFlag {
  readonly name: string;
  /** One letter that stands for it. */
  readonly short?: string;
  /** The placeholder for the value in the help; none for a switch. */
  readonly placeholder?: string;
  /** Default: that of the row. */
  readonly help?: string;
  /** The commands that have it. Default: all that connect to a swarm. */
  readonly commands?: readonly FlagCommand[];
  /** Giving the flag turns the option off. */
  readonly off?: true;
  /** Of an option with parts: the part that the flag sets. */
  readonly part?: string;
}

export interface OptionRow<T = unknown> {
  readonly kind: Kind<NonNullable<T>>;
  readonly help: string;
  /** The default value, or a description of the default behaviour. */
  readonly default?: T;
  readonly otherwise?: string;
  /** It has to be given. */
  readonly required?: true;
  /** A restart keeps it. Otherwise it applies only to the present run. */
  readonly kept?: true;
  /** `update` can change it while the torrent or the client runs. */
  readonly changeable?: true;
  /** What to use instead of `update`. */
  readonly instead?: string;
  readonly flags?: readonly OptionFlag[];
}

const NO_LIMITS: Rates = { down: Infinity, up: Infinity };

type Rows<O> = { readonly [K in keyof Required<O>]: OptionRow<Required<O>[K]> };

/** Of a torrent: what `Client.add` takes. */
export const TORRENT_OPTIONS = {
  dir: {
    kind: FOLDER,
    help: "Folder for the torrent's file or top folder",
    required: true,
    kept: true,
    changeable: true,
    flags: [{
      name: "dir",
      short: "o",
      placeholder: "DIR",
      help:
        "Folder to download into (default: the current one); with --metadata-only the file to write",
      commands: ["download"],
    }],
  },
  incompleteDir: {
    kind: FOLDER,
    help: "Folder for unfinished files; finished ones move to dir",
    otherwise: "dir",
    kept: true,
    instead: "use move",
    flags: [{
      name: "incomplete-dir",
      placeholder: "DIR",
      help: "Folder for unfinished files; finished ones move to -o",
      commands: ["download"],
    }],
  },
  files: {
    kind: SELECTION as Kind<NonNullable<AddOptions["files"]>>,
    help: "Files to download, and their priorities",
    otherwise: "all",
    kept: true,
    changeable: true,
    flags: [
      {
        name: "files",
        part: "only",
        placeholder: "LIST",
        help: "Download only these: 1-3,8 (numbers of shoal show), *.mkv, >100M",
        commands: ["download"],
      },
      {
        name: "files",
        part: "only",
        placeholder: "LIST",
        help: "Check only these files: 1-3,8 (numbers of shoal show), *.mkv, >100M",
        commands: ["verify"],
      },
      {
        name: "first",
        part: "first",
        placeholder: "LIST",
        help: "Download these files before the others",
        commands: ["download"],
      },
      {
        name: "ends-first",
        part: "endsFirst",
        help: "Download both ends of media files first, for players",
        commands: ["download"],
      },
    ],
  },
  rename: {
    kind: orAsked(FILE_NAMES) as Kind<NonNullable<AddOptions["rename"]>>,
    help: "Other names for files: paths below dir",
    otherwise: "the torrent's own names",
    kept: true,
    instead: "use rename",
    flags: [{
      name: "rename",
      placeholder: "INDEX=NAME",
      help:
        "Save a file under another name, or path in the torrent's folder: 3=film.mkv (numbers of shoal show)",
      commands: ["download", "seed"],
    }, {
      name: "rename",
      placeholder: "INDEX=NAME",
      help:
        "Look for a file under another name, or path in the torrent's folder: 3=film.mkv (numbers of shoal show)",
      commands: ["verify"],
    }],
  },
  reuse: {
    kind: FOLDERS,
    help: "Folders to copy matching files from (by size and hash)",
    otherwise: "none",
    kept: true,
    flags: [{
      name: "reuse",
      placeholder: "DIR",
      help: "Copy matching files (by size and hash) from this folder; may be repeated",
      commands: ["download"],
    }],
  },
  overwrite: {
    kind: SWITCH,
    help: "Replace existing files that are not this torrent's",
    default: false,
    flags: [{
      name: "overwrite",
      help: "Replace existing files that are not this torrent's; asks on a terminal",
      commands: ["download"],
    }],
  },
  repair: {
    kind: SWITCH,
    help: "Download the original of files that you changed after the download",
    default: false,
    flags: [{ name: "repair", commands: ["download"] }],
  },
  anew: {
    kind: SWITCH,
    help:
      "Ignore earlier runs: check existing files and download the rest, even if the disk of an earlier run is not mounted",
    default: false,
    flags: [{ name: "anew", commands: ["download"] }],
  },
  sequential: {
    kind: SWITCH,
    help: "Download pieces in order instead of the rarest first",
    default: false,
    kept: true,
    flags: [{ name: "sequential", commands: ["download"] }],
  },
  preallocate: {
    kind: SWITCH,
    help: "Reserve disk space before the download",
    default: false,
    kept: true,
    flags: [{ name: "preallocate", commands: ["download"] }],
  },
  piecesPerPeer: {
    kind: wholeOrInfinity(1),
    help: "Most pieces to request from one peer at a time",
    default: Infinity,
    kept: true,
    flags: [{
      name: "pieces-per-peer",
      placeholder: "N",
      help: "Most pieces to request from one peer at a time (default: as many as keep it busy)",
      commands: ["download"],
    }],
  },
  finalCheck: {
    kind: oneOf("changed", "full"),
    help: "Files to read again after the download: changed ones, or all",
    default: "changed",
    kept: true,
    flags: [{
      name: "final-check",
      placeholder: "HOW",
      help:
        "Files to read again after the download: changed (default: files that another program changed) or full (all files)",
      commands: ["download"],
    }],
  },
  metadataOnly: {
    kind: SWITCH,
    help: "For a magnet link: stop when the metadata is downloaded",
    default: false,
    flags: [{
      name: "metadata-only",
      help: "Save only the .torrent (of a magnet link) to the file named by -o",
      commands: ["download"],
    }],
  },
  seedOnly: {
    kind: SWITCH,
    help: "Upload existing data, and neither download nor write anything",
    default: false,
    kept: true,
    flags: [{
      name: "fetch-missing",
      help: "Download missing and damaged data instead of ending with 1",
      commands: ["seed"],
      off: true,
    }],
  },
  trustFiles: {
    kind: SWITCH,
    help: "Trust existing data without hashing it",
    default: false,
    flags: [{
      name: "trust",
      help: "Skip the hash check and only compare file sizes",
      commands: ["seed"],
    }],
  },
  followLinks: {
    kind: SWITCH,
    help: "Read through symbolic links in place of files and folders; with seedOnly",
    default: false,
    kept: true,
    flags: [{
      name: "follow-links",
      help: "Read through symbolic links in place of files and folders",
      commands: ["seed", "verify"],
    }],
  },
  superSeed: {
    kind: SWITCH,
    help: "Offer each peer one piece at a time until the swarm has a full copy (BEP 16)",
    default: false,
    kept: true,
    changeable: true,
    flags: [{
      name: "super-seed",
      help:
        "Offer each peer one piece at a time until the swarm has a full copy: for the first seed on a slow uplink",
      commands: ["seed"],
    }],
  },
  seedGoal: {
    kind: GOAL,
    help:
      "How long to seed after completion: none, forever, a ratio, a time, an idle time, or any of several",
    default: { kind: "none" } as SeedGoal,
    kept: true,
    changeable: true,
    flags: [{
      name: "seed-goal",
      placeholder: "GOAL",
      help:
        "How long to seed after completion: none (default), ratio:1.5, time:2h, idle:30m, forever; ratio:2,time:24h ends at the first",
      commands: ["download"],
    }, {
      name: "seed-goal",
      placeholder: "GOAL",
      help: "How long to seed: forever (default), ratio:1.5, time:2h, idle:30m",
      commands: ["seed"],
    }],
  },
  peers: {
    kind: PEERS,
    help: "Addresses of peers to try: host:port or [v6]:port",
    otherwise: "none",
    kept: true,
    flags: [{
      name: "peer",
      placeholder: "HOST:PORT",
      help: "Address of a peer to try; may be repeated",
    }],
  },
  trackers: {
    kind: TRACKERS,
    help: "Trackers in place of the torrent's own, or { add, remove }",
    otherwise: "those of the torrent or magnet link",
    kept: true,
    changeable: true,
    flags: [{
      name: "tracker",
      part: "add",
      placeholder: "URL",
      help: "Another tracker to announce to; may be repeated",
    }],
  },
  maxPeers: {
    kind: whole(1),
    help: "Most connections for each torrent",
    default: 25,
    kept: true,
    changeable: true,
    flags: [{ name: "max-peers", placeholder: "N" }],
  },
  uploadSlots: {
    kind: whole(0),
    help: "Upload slots for each torrent, besides the optimistic one",
    default: 4,
    kept: true,
    changeable: true,
    flags: [{ name: "upload-slots", placeholder: "N", commands: ["download", "seed"] }],
  },
  limits: {
    kind: RATES,
    help: "Rate limits of the torrent, in bytes a second: { down, up }",
    default: NO_LIMITS,
    kept: true,
    changeable: true,
  },
  peerLimits: {
    kind: RATES,
    help: "Rate limits of each of its peers, in bytes a second: { down, up }",
    default: NO_LIMITS,
    kept: true,
    changeable: true,
  },
  pex: {
    kind: SWITCH,
    help: "Peer exchange (PEX, BEP 11); never used for private torrents",
    default: true,
    kept: true,
    changeable: true,
    flags: [{ name: "no-pex", help: "Turn off peer exchange (PEX, BEP 11)", off: true }],
  },
  waitForDisk: {
    kind: SWITCH,
    help: "Wait while the disk is full, gone or read-only, instead of failing",
    default: true,
    kept: true,
    changeable: true,
    flags: [{
      name: "wait-for-disk",
      help: "Wait when the disk is full or not mounted, instead of ending",
      commands: ["download", "seed"],
    }],
  },
  labels: {
    kind: LABEL_LIST,
    help: "Labels; options that the torrent lacks are those of its labels",
    default: [] as readonly string[],
    kept: true,
    changeable: true,
  },
  atGoal: {
    kind: AT_GOAL,
    help: "What happens at the seed goal",
    default: "stop",
    kept: true,
    changeable: true,
  },
  skipFiles: {
    kind: PATTERNS,
    help: "Patterns of files that are not downloaded, such as *.nfo, unless files names them",
    default: [] as readonly string[],
    kept: true,
    changeable: true,
  },
  stopAfterMetadata: {
    kind: SWITCH,
    help: "Pause as soon as the metadata is known, so that files can be chosen",
    default: false,
    kept: true,
    changeable: true,
  },
  forceStart: {
    kind: SWITCH,
    help: "Run outside the queue, without counting in it",
    default: false,
    kept: true,
    changeable: true,
  },
  priority: {
    kind: whole(-1, 1),
    help: "Its share of a rate limit that torrents have in common: -1, 0 or 1",
    default: 0,
    kept: true,
    changeable: true,
  },
  paused: {
    kind: SWITCH,
    help: "Add it paused: existing data is checked, and nothing else happens until start",
    default: false,
    instead: "use pause and start",
  },
} as const satisfies Rows<AddOptions>;

/** Of a client: what `createClient` takes. */
export const CLIENT_OPTIONS = {
  port: {
    kind: whole(-1, 65_535),
    help: "Port for incoming connections; 0: any free port, -1: none",
    default: 0,
    changeable: true,
    flags: [{
      name: "port",
      placeholder: "N",
      help: "Port for incoming connections (default: any free one)",
    }],
  },
  address: {
    kind: TEXT,
    help: "Listen on this address only",
    otherwise: "all, IPv4 and IPv6",
  },
  limits: {
    kind: RATES,
    help: "Rate limits of all torrents together, in bytes a second: { down, up }",
    default: NO_LIMITS,
    changeable: true,
    flags: [
      {
        name: "down-limit",
        part: "down",
        placeholder: "RATE",
        help: "Limit the download, in bytes a second, like 5M or 500K",
      },
      {
        name: "up-limit",
        part: "up",
        placeholder: "RATE",
        help: "Limit the upload",
        commands: ["download", "seed"],
      },
    ],
  },
  dht: {
    kind: orSwitch(DHT),
    help: "Join the DHT (BEP 5), with these settings",
    default: true as DhtSettings | boolean,
    changeable: true,
    flags: [
      { name: "no-dht", help: "Turn off the distributed hash table (DHT, BEP 5)", off: true },
      {
        name: "dht-bootstrap",
        part: "bootstrap",
        placeholder: "HOST:PORT",
        help: "DHT node to start from, instead of the usual ones; may be repeated",
      },
    ],
  },
  lsd: {
    kind: SWITCH,
    help: "Look for peers on the local network (BEP 14)",
    default: true,
    changeable: true,
    flags: [{ name: "no-lsd", help: "Turn off local peer discovery (BEP 14)", off: true }],
  },
  anyTrackerUrl: {
    kind: SWITCH,
    help:
      "Ask trackers on this machine under any path (without this: /announce... only), and trackers with announce arguments such as key= in their URL",
    default: false,
    flags: [{ name: "any-tracker-url", commands: ["download", "seed"] }],
  },
  stateDir: {
    kind: TEXT,
    help: "Folder for resume data",
    otherwise: "nothing is kept",
    flags: [{
      name: "state-dir",
      placeholder: "DIR",
      help: "Folder for resume data (default: ~/.local/state/shoal)",
    }],
  },
  saveEveryMs: {
    kind: AMOUNT,
    help: "Most milliseconds of work that a crash may lose, with stateDir",
    default: 5000,
  },
  maxConnections: {
    kind: whole(1),
    help: "Most connections of all torrents together",
    default: 500,
    changeable: true,
    flags: [{ name: "max-connections", placeholder: "N" }],
  },
  quota: {
    kind: QUOTA,
    help: "Most bytes of all torrents per day or month: { down, up, period }",
    otherwise: "none",
    changeable: true,
    flags: [
      {
        name: "down-quota",
        part: "down",
        placeholder: "SIZE",
        help: "Most bytes to download in a --quota-period, like 50G or 1T",
        commands: ["download", "seed"],
      },
      {
        name: "up-quota",
        part: "up",
        placeholder: "SIZE",
        help: "Most bytes to upload in a --quota-period",
        commands: ["download", "seed"],
      },
      {
        name: "quota-period",
        part: "period",
        placeholder: "day|month",
        help: "Period of the quotas, by UTC (default month)",
        commands: ["download", "seed"],
      },
    ],
  },
  maxOpenFiles: {
    kind: whole(1),
    help: "Most files kept open, over all torrents",
    default: 128,
  },
  pieceBudgetBytes: {
    kind: BYTES,
    help: "Bytes of memory for unfinished pieces, for each torrent",
    default: 20 * 1024 * 1024,
  },
  readCacheBytes: {
    kind: BYTES,
    help: "Bytes of memory for uploads read ahead, over all torrents",
    default: 32 * 1024 * 1024,
  },
  queue: {
    kind: QUEUE,
    help: "How many torrents work at a time: { downloads, seeds, stalledSeconds }",
    otherwise: "all work",
    default: { downloads: Infinity, seeds: Infinity, stalledSeconds: 300 } as Partial<QueueLimits>,
    changeable: true,
  },
  alternative: {
    kind: ALTERNATIVE,
    help: "Other rate limits for some hours of the week: { limits, on, schedule }",
    otherwise: "none",
    default: { limits: {}, on: false, schedule: [] } as Partial<AlternativeLimits>,
    changeable: true,
  },
  minFreeSpace: {
    kind: FREE_SPACE,
    help: "Bytes: torrents that write to a disk with less free space wait",
    default: 0,
    changeable: true,
  },
  extraTrackers: {
    kind: URLS,
    help: "Trackers that every new public torrent gets beside its own",
    default: [] as readonly string[],
    changeable: true,
  },
  labels: {
    kind: LABELS,
    help: "By label: { dir, limits, seedGoal, atGoal, skipFiles } of its torrents",
    otherwise: "none",
    default: {} as Readonly<Record<string, LabelSettings>>,
    changeable: true,
  },
} as const satisfies Rows<ClientOptions>;

/** Values with the defaults of the rows; undefined for options without either. */
export type WithDefaults<O, R> = {
  readonly [K in keyof Required<O>]: K extends keyof R
    ? R[K] extends { default: unknown } | { required: true } ? Required<O>[K] : O[K] | undefined
    : never;
};
export type TorrentSettings = WithDefaults<AddOptions, typeof TORRENT_OPTIONS>;
export type ClientSettings = WithDefaults<ClientOptions, typeof CLIENT_OPTIONS>;

export function torrentSettings(options: AddOptions): TorrentSettings {
  return withDefaults(TORRENT_OPTIONS, options) as unknown as TorrentSettings;
}

export function clientSettings(options: ClientOptions): ClientSettings {
  return withDefaults(CLIENT_OPTIONS, options) as unknown as ClientSettings;
}

function withDefaults(rows: Readonly<Record<string, OptionRow>>, options: object): Plain {
  return Object.fromEntries(
    Object.entries(rows).map(([key, row]) => [key, options[key as never] ?? row.default]),
  );
}

/** Throws a RangeError that names the option, its value and the allowed values. */
export function checkClientOptions(options: ClientOptions): void {
  checkOptions(CLIENT_OPTIONS, options);
}

/** Throws a RangeError that names the option, its value and the allowed values. */
export function checkAddOptions(options: AddOptions): void {
  checkOptions(TORRENT_OPTIONS, options);
  for (const [key, row] of Object.entries<OptionRow>(TORRENT_OPTIONS)) {
    if (!row.required || options[key as keyof AddOptions] !== undefined) continue;
    throw new RangeError(`The option ${key} is missing: it must be ${row.kind.allowed}`);
  }
}

/** Throws a RangeError for a value that cannot be a source, such as a promise of its bytes. */
export function checkSource(source: Uint8Array | Metainfo | string): void {
  if (typeof source === "string" || source instanceof Uint8Array) return;
  if (source?.infoHash instanceof Uint8Array) return;
  throw new RangeError(
    "The torrent must be the bytes of a .torrent (a Uint8Array), the result of parseTorrent, or a " +
      "magnet link or info-hash as text",
  );
}

/** The same if a link is not allowed. */
export function checkMetainfo(torrent: Uint8Array | Metainfo): void {
  if (torrent instanceof Uint8Array || torrent?.infoHash instanceof Uint8Array) return;
  throw new RangeError(
    "The torrent must be the bytes of a .torrent (a Uint8Array) or the result of parseTorrent",
  );
}

function checkOptions(rows: Readonly<Record<string, OptionRow>>, options: object): void {
  if (typeof options !== "object" || options === null) {
    throw new RangeError(`The options are ${options}: they must be an object`);
  }
  refuseUnknown(rows, options);
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined) rows[key]!.kind.check(value, key);
  }
}

/** Throws a RangeError that names a wrong one. */
export function checkPeers(peers: readonly string[]): void {
  checkOptions(TORRENT_OPTIONS, { peers });
}

/** Throws a RangeError, also for an option that can only be given at the start. */
export function checkTorrentPatch(patch: TorrentPatch): void {
  checkPatch(TORRENT_OPTIONS, patch);
}

/** Throws a RangeError, also for an option that can only be given at the start. */
export function checkClientPatch(patch: ClientPatch): void {
  checkPatch(CLIENT_OPTIONS, patch);
}

function checkPatch(rows: Readonly<Record<string, OptionRow>>, patch: object): void {
  checkOptions(rows, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (rows[key]!.changeable) {
      if (value === undefined) rows[key]!.kind.check(value, key);
      continue;
    }
    const instead = rows[key]!.instead ?? "it is fixed at the start";
    throw new RangeError(`The option ${key} cannot be changed by update: ${instead}`);
  }
}

type Changeable<R> = { [K in keyof R]: R[K] extends { changeable: true } ? K : never }[keyof R];
/** The rows and the types agree on what can be changed. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : never : never;
true satisfies Same<keyof TorrentPatch, Changeable<typeof TORRENT_OPTIONS>>;
true satisfies Same<keyof ClientPatch, Changeable<typeof CLIENT_OPTIONS>>;

/** The options that a restart keeps, as JSON, with absolute paths. */
export function packOptions(options: AddOptions, absolute: (path: string) => string): Plain {
  const packed: Plain = {};
  for (const [key, { kept, kind }] of Object.entries<OptionRow>(TORRENT_OPTIONS)) {
    const value = options[key as keyof AddOptions];
    if (kept && value !== undefined) packed[key] = kind.pack(value as never, absolute);
  }
  return packed;
}

/** Undoes `packOptions`; keys of other versions are skipped. Throws a RangeError. */
export function unpackOptions(packed: Plain): AddOptions {
  const options: Plain = {};
  for (const [key, { kept, kind }] of Object.entries<OptionRow>(TORRENT_OPTIONS)) {
    if (kept && packed[key] !== undefined) options[key] = kind.unpack(packed[key]);
  }
  checkAddOptions(options as unknown as AddOptions);
  return options as unknown as AddOptions;
}
