/**
 * What a daemon can be told, beside the options of its client and the defaults of new torrents: one
 * row each, of the same shape as src/client/settings.ts has.
 */
import {
  AMOUNT,
  FOLDER,
  FOLDERS,
  type Kind,
  listOf,
  oneOf,
  plain,
  shape,
  SWITCH,
  TEXT,
  whole,
} from "../client/option_kinds.ts";
import type { OptionRow } from "../client/settings.ts";
import type { Access } from "./http/types.ts";

/** A token of the API. Its text is shown once; only the hash is kept. */
export interface TokenSetting {
  readonly name: string;
  readonly hash: string;
  readonly may: Access;
}

/** A reverse proxy whose header names a user that it has signed in. */
export interface TrustedProxy {
  readonly address: string;
  readonly header: string;
}

/** A folder in which .torrent and .magnet files are added. */
export interface WatchSetting {
  readonly dir: string;
  readonly label?: string;
  /** Where its torrents go. Default: `torrents.dir`. */
  readonly into?: string;
  /** Seconds between two looks. */
  readonly every?: number;
  /** Deletes a file that was added, which otherwise gets the name NAME.added. */
  readonly delete?: boolean;
}

/** A program, started without a shell, or a URL that gets a POST of JSON. */
export interface HookSetting {
  readonly argv?: readonly string[];
  readonly url?: string;
}

export interface HookSettings {
  readonly added?: readonly HookSetting[];
  readonly done?: readonly HookSetting[];
  readonly seedingDone?: readonly HookSetting[];
}

/** Where metrics are pushed; the standard OTEL_* variables say the rest. */
export interface OtlpSetting {
  readonly endpoint: string;
  /** Seconds between two pushes. */
  readonly every?: number;
}

export type LogLevel = "error" | "warn" | "info" | "debug";
export type LogFormat = "text" | "json";

export interface DaemonOptions {
  readonly listen: string;
  readonly unix?: string;
  readonly user: string;
  readonly password: string;
  readonly tokens: readonly TokenSetting[];
  readonly allowedHosts: readonly string[];
  readonly trustedProxy?: TrustedProxy;
  readonly roots?: readonly string[];
  readonly httpConnections: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly watch: readonly WatchSetting[];
  readonly hooks: HookSettings;
  readonly otlp?: OtlpSetting;
  readonly torrentMetrics: boolean;
  readonly rpcPath: string;
  readonly webHome?: string;
}

const LISTEN = plain<string>(
  'ADDRESS:PORT, or "" for none',
  (value) => typeof value === "string" && (value === "" || isListen(value)),
  { type: "text" },
);

function isListen(text: string): boolean {
  const port = /^(?:\[[0-9a-f:.]+\]|[0-9.]+|localhost):(\d{1,5})$/i.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

const SCRYPT_HASH = plain<string>(
  'a hash made by "shoal config password", never the password itself, or ""',
  (value) => typeof value === "string" && (value === "" || value.startsWith("scrypt$")),
  { type: "text" },
);
const RPC_PATH = plain<string>(
  'a path that starts and ends with "/"',
  (value) => typeof value === "string" && /^\/([\w.~-]+\/)*$/.test(value),
  { type: "text" },
);
/** A folder, or "" for none; an absolute one in JSON. */
const SOCKET_PATH: Kind<string> = {
  ...TEXT,
  pack: (path, absolute) => path === "" ? "" : absolute(path),
  unpack: (path) => path === "" ? "" : FOLDER.unpack(path),
};
const TEXTS = listOf(TEXT, "a list of texts", { type: "texts" });
const OTHER = { type: "other" } as const;

const TOKENS = listOf(
  shape<TokenSetting>(
    { name: TEXT, hash: TEXT, may: oneOf("read", "add", "all") },
    ["name", "hash", "may"],
  ),
  "a list of { name, hash, may }",
  OTHER,
);
const WATCH = listOf(
  shape<WatchSetting>({ dir: FOLDER, label: TEXT, into: FOLDER, every: AMOUNT, delete: SWITCH }, [
    "dir",
  ]),
  "a list of { dir, label, into, every, delete }",
  OTHER,
);
const HOOK_LIST = listOf(
  shape<HookSetting>({ argv: TEXTS, url: TEXT }),
  "a list of { argv } or { url }",
  OTHER,
);
const HOOKS = {
  ...shape<HookSettings>({ added: HOOK_LIST, done: HOOK_LIST, seedingDone: HOOK_LIST }),
  form: OTHER,
};

type Rows<O> = { readonly [K in keyof Required<O>]: OptionRow<Required<O>[K]> };

export const DAEMON_OPTIONS = {
  listen: {
    kind: LISTEN,
    help: "Address and port of the API; one that others can reach needs a password or a token",
    default: "127.0.0.1:9091",
    flags: [{ name: "listen", placeholder: "ADDR:PORT" }],
  },
  unix: {
    kind: SOCKET_PATH,
    help: 'Unix socket of the API, which needs no password; "" for none',
    otherwise: "shoal.sock in the state folder",
    flags: [{ name: "unix", placeholder: "PATH" }],
  },
  user: {
    kind: TEXT,
    help: "Name that goes with the password",
    default: "shoal",
    changeable: true,
  },
  password: {
    kind: SCRYPT_HASH,
    help: "Hash of the password of the API",
    default: "",
    changeable: true,
  },
  tokens: {
    kind: TOKENS,
    help: "Tokens of the API: name, hash, and what each may do (read, add or all)",
    default: [] as readonly TokenSetting[],
    changeable: true,
  },
  allowedHosts: {
    kind: TEXTS,
    help: "Host names by which the API may be called, beside addresses and localhost",
    default: [] as readonly string[],
    changeable: true,
  },
  trustedProxy: {
    kind: {
      ...shape<TrustedProxy>({ address: TEXT, header: TEXT }, ["address", "header"]),
      form: OTHER,
    },
    help: "Address of a reverse proxy, and its header that names the signed-in user",
    otherwise: "none",
    changeable: true,
  },
  roots: {
    kind: FOLDERS,
    help: "Folders that users of the API may name",
    otherwise: "the download folder",
    changeable: true,
  },
  httpConnections: {
    kind: whole(1),
    help: "Most connections to the API",
    default: 200,
  },
  logLevel: {
    kind: oneOf("error", "warn", "info", "debug"),
    help: "Least important lines of the log: error, warn, info or debug",
    default: "info" as LogLevel,
    changeable: true,
    flags: [{ name: "log-level", placeholder: "LEVEL" }],
  },
  logFormat: {
    kind: oneOf("text", "json"),
    help: "Lines of the log: text or json",
    default: "text" as LogFormat,
    changeable: true,
    flags: [{ name: "log-format", placeholder: "HOW" }],
  },
  watch: {
    kind: WATCH,
    help: "Folders in which .torrent and .magnet files are added",
    default: [] as readonly WatchSetting[],
    changeable: true,
  },
  hooks: {
    kind: HOOKS,
    help: "Programs or URLs to call when a torrent is added, done or has reached its seed goal",
    default: {} as HookSettings,
    changeable: true,
  },
  otlp: {
    kind: { ...shape<OtlpSetting>({ endpoint: TEXT, every: AMOUNT }, ["endpoint"]), form: OTHER },
    help: "Where metrics are pushed by OTLP over HTTP",
    otherwise: "OTEL_EXPORTER_OTLP_ENDPOINT, else nowhere",
  },
  torrentMetrics: {
    kind: SWITCH,
    help: "Metrics for each torrent too",
    default: false,
    changeable: true,
  },
  rpcPath: {
    kind: RPC_PATH,
    help: "Path of the Transmission RPC",
    default: "/transmission/",
  },
  webHome: {
    kind: FOLDER,
    help: "Folder of a web page that uses the Transmission RPC, shown at web/ below its path",
    otherwise: "none",
  },
} as const satisfies Rows<DaemonOptions>;
