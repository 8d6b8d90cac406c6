/**
 * The table of options: one row each. The checks, what is kept and how, the flags and help of the
 * command and docs/options.md come from it. A new option is a field of AddOptions or ClientOptions
 * (types.ts), a row here, and the line that uses it.
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
  PEERS,
  type Plain,
  QUOTA,
  RATES,
  refuseUnknown,
  SELECTION,
  SWITCH,
  TEXT,
  whole,
  wholeOrInfinity,
} from "./option_kinds.ts";
import type {
  AddOptions,
  ClientOptions,
  ClientPatch,
  Rates,
  SeedGoal,
  TorrentPatch,
} from "./types.ts";

/** How the command line gives an option; its reader follows from the kind. */
export interface OptionFlag {
  readonly name: string;
  /** What stands for the value in the help; left out for a switch. */
  readonly placeholder?: string;
  /** Default: that of the row. */
  readonly help?: string;
  /** Default: both. */
  readonly command?: "download" | "seed";
  /** Giving the flag turns the option off. */
  readonly off?: true;
  /** Of an option with parts: the part that it gives. */
  readonly part?: string;
}

export interface OptionRow<T = unknown> {
  readonly kind: Kind<NonNullable<T>>;
  readonly help: string;
  /** The value where none is given; or in words what happens then. */
  readonly default?: T;
  readonly otherwise?: string;
  /** It has to be given. */
  readonly required?: true;
  /** A restart knows it. Else it is only about the run that it was given for. */
  readonly kept?: true;
  /** `update` can change it while the torrent or the client runs. */
  readonly live?: true;
  /** What changes it in place of `update`. */
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
    instead: "use move",
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
      command: "download",
    }],
  },
  files: {
    kind: SELECTION as Kind<NonNullable<AddOptions["files"]>>,
    help: "Files to download, and their priorities",
    otherwise: "all",
    kept: true,
    live: true,
  },
  rename: {
    kind: orAsked(FILE_NAMES) as Kind<NonNullable<AddOptions["rename"]>>,
    help: "Other names for files: paths below dir",
    otherwise: "the torrent's own names",
    kept: true,
    instead: "use rename",
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
      command: "download",
    }],
  },
  overwrite: {
    kind: SWITCH,
    help: "Replace existing files that are not this torrent's",
    default: false,
    flags: [{
      name: "overwrite",
      help: "Replace existing files that are not this torrent's; asks on a terminal",
      command: "download",
    }],
  },
  repair: {
    kind: SWITCH,
    help: "Download the original of files that you changed after the download",
    default: false,
    flags: [{ name: "repair", command: "download" }],
  },
  anew: {
    kind: SWITCH,
    help:
      "Ignore earlier runs: check existing files and download the rest, even if the disk of an earlier run is not mounted",
    default: false,
    flags: [{ name: "anew", command: "download" }],
  },
  sequential: {
    kind: SWITCH,
    help: "Download pieces in order instead of the rarest first",
    default: false,
    kept: true,
    flags: [{ name: "sequential", command: "download" }],
  },
  preallocate: {
    kind: SWITCH,
    help: "Reserve disk space before the download",
    default: false,
    kept: true,
    flags: [{ name: "preallocate", command: "download" }],
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
      command: "download",
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
      command: "download",
    }],
  },
  metadataOnly: {
    kind: SWITCH,
    help: "For a magnet link: stop when the metadata is downloaded",
    default: false,
  },
  seedOnly: {
    kind: SWITCH,
    help: "Upload existing data, and neither download nor write anything",
    default: false,
    kept: true,
  },
  trustFiles: {
    kind: SWITCH,
    help: "Trust existing data without hashing it",
    default: false,
  },
  followLinks: {
    kind: SWITCH,
    help: "Read through symbolic links in place of files and folders; with seedOnly",
    default: false,
    kept: true,
    flags: [{
      name: "follow-links",
      help: "Read through symbolic links in place of files and folders",
      command: "seed",
    }],
  },
  superSeed: {
    kind: SWITCH,
    help: "Offer each peer one piece at a time until the swarm has a full copy (BEP 16)",
    default: false,
    kept: true,
    live: true,
    flags: [{
      name: "super-seed",
      help:
        "Offer each peer one piece at a time until the swarm has a full copy: for the first seed on a slow uplink",
      command: "seed",
    }],
  },
  seedGoal: {
    kind: GOAL,
    help: "How long to seed after completion: none, forever, a ratio, a time or an idle time",
    default: { kind: "none" } as SeedGoal,
    kept: true,
    live: true,
    flags: [{
      name: "seed-goal",
      placeholder: "GOAL",
      help:
        "How long to seed after completion: none (default), ratio:1.5, time:2h, idle:30m, forever",
      command: "download",
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
  maxPeers: {
    kind: whole(1),
    help: "Most connections for each torrent",
    default: 25,
    kept: true,
    live: true,
    flags: [{ name: "max-peers", placeholder: "N" }],
  },
  uploadSlots: {
    kind: whole(0),
    help: "Upload slots for each torrent, besides the optimistic one",
    default: 4,
    kept: true,
    live: true,
    flags: [{ name: "upload-slots", placeholder: "N" }],
  },
  limits: {
    kind: RATES,
    help: "Rate limits of the torrent, in bytes a second: { down, up }",
    default: NO_LIMITS,
    kept: true,
    live: true,
  },
  peerLimits: {
    kind: RATES,
    help: "Rate limits of each of its peers, in bytes a second: { down, up }",
    default: NO_LIMITS,
    kept: true,
    live: true,
  },
  pex: {
    kind: SWITCH,
    help: "Peer exchange (PEX, BEP 11); never used for private torrents",
    default: true,
    kept: true,
    live: true,
    flags: [{ name: "no-pex", help: "Turn off peer exchange (PEX, BEP 11)", off: true }],
  },
  waitForDisk: {
    kind: SWITCH,
    help: "Wait while the disk is full, gone or read-only, instead of failing",
    default: true,
    kept: true,
    live: true,
    flags: [{
      name: "wait-for-disk",
      help: "Wait when the disk is full or not mounted, instead of ending",
    }],
  },
} as const satisfies Rows<AddOptions>;

/** Of a client: what `createClient` takes. */
export const CLIENT_OPTIONS = {
  port: {
    kind: whole(-1, 65_535),
    help: "Port for incoming connections; 0: any free port, -1: none",
    default: 0,
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
    live: true,
    flags: [
      {
        name: "down-limit",
        part: "down",
        placeholder: "RATE",
        help: "Limit the download, in bytes a second, like 5M or 500K",
      },
      { name: "up-limit", part: "up", placeholder: "RATE", help: "Limit the upload" },
    ],
  },
  dht: {
    kind: DHT,
    help: "Join the DHT (BEP 5) with these settings",
    otherwise: "no DHT",
  },
  lsd: {
    kind: SWITCH,
    help: "Look for peers on the local network (BEP 14)",
    default: false,
    flags: [{ name: "no-lsd", help: "Turn off local peer discovery (BEP 14)", off: true }],
  },
  stateDir: {
    kind: TEXT,
    help: "Folder for resume data",
    otherwise: "nothing is kept",
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
    live: true,
    flags: [{ name: "max-connections", placeholder: "N" }],
  },
  quota: {
    kind: QUOTA,
    help: "Most bytes of all torrents per day or month: { down, up, period }",
    otherwise: "none",
    live: true,
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
} as const satisfies Rows<ClientOptions>;

/** With the defaults of the rows; undefined where nothing was given and there is no such value. */
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

/** Throws a RangeError that names the option, its value and what is allowed. */
export function checkClientOptions(options: ClientOptions): void {
  checkOptions(CLIENT_OPTIONS, options);
}

/** Throws a RangeError that names the option, its value and what is allowed. */
export function checkAddOptions(options: AddOptions): void {
  checkOptions(TORRENT_OPTIONS, options);
  for (const [key, row] of Object.entries<OptionRow>(TORRENT_OPTIONS)) {
    if (!row.required || options[key as keyof AddOptions] !== undefined) continue;
    throw new RangeError(`The option ${key} is missing: it must be ${row.kind.allowed}`);
  }
}

function checkOptions(rows: Readonly<Record<string, OptionRow>>, options: object): void {
  refuseUnknown(rows, options);
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined) rows[key]!.kind.check(value, key);
  }
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
    if (rows[key]!.live) {
      if (value === undefined) rows[key]!.kind.check(value, key);
      continue;
    }
    const instead = rows[key]!.instead ?? "it is fixed at the start";
    throw new RangeError(`The option ${key} cannot be changed by update: ${instead}`);
  }
}

type Live<R> = { [K in keyof R]: R[K] extends { live: true } ? K : never }[keyof R];
/** The rows and the types agree on what can be changed. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : never : never;
true satisfies Same<keyof TorrentPatch, Live<typeof TORRENT_OPTIONS>>;
true satisfies Same<keyof ClientPatch, Live<typeof CLIENT_OPTIONS>>;

/** What a restart is to know, as JSON has it, with absolute paths. */
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
