/** The flags that `shoal download` and `shoal seed` share, and what they mean to the client. */
import type { AddOptions, ClientOptions, QuotaOptions, Rates } from "../client/types.ts";
import { type Flags, repeated, single, toggle, type ValuesOf } from "./args.ts";
import { UsageError } from "./errors.ts";
import { DHT_BOOTSTRAP } from "../client/types.ts";
import type { ReportMode } from "./render/choose_reporter.ts";
import { hostAndPort, notEmpty, oneOf, quota, rate, wholeNumber } from "./values.ts";

/** Null when it is not given, so that it stays the client's choice. */
export function optional<T>(
  placeholder: string,
  help: string,
  read: (text: string) => T,
  short?: string,
) {
  return single<T | null>(placeholder, help, read, null, short);
}

export const SWARM_FLAGS = {
  peer: repeated("HOST:PORT", "Address of a peer to try; may be repeated", hostAndPort),
  "max-peers": optional(
    "N",
    "Most connections for each torrent (default 25)",
    wholeNumber(1, 10_000),
  ),
  "upload-slots": optional(
    "N",
    "Upload slots for each torrent, besides the optimistic one (default 4)",
    wholeNumber(1, 10_000),
  ),
  port: optional(
    "N",
    "Port for incoming connections (default: any free one)",
    wholeNumber(0, 65_535),
  ),
  "down-limit": optional("RATE", "Limit the download, in bytes a second, like 5M or 500K", rate),
  "up-limit": optional("RATE", "Limit the upload", rate),
  "dht-bootstrap": repeated(
    "HOST:PORT",
    "DHT node to start from, instead of the usual ones; may be repeated",
    hostAndPort,
  ),
  "no-dht": toggle("Turn off the distributed hash table (DHT, BEP 5)"),
  "no-lsd": toggle("Turn off local peer discovery (BEP 14)"),
  "no-pex": toggle("Turn off peer exchange (PEX, BEP 11)"),
  "state-dir": optional(
    "DIR",
    "Folder for resume data (default: ~/.local/state/shoal)",
    notEmpty,
  ),
  "no-state": toggle("Remember nothing of this run but the files"),
  "wait-for-disk": toggle("Wait when the disk is full or not mounted, instead of ending"),
  "max-connections": optional(
    "N",
    "Most connections of all torrents together (default 500)",
    wholeNumber(1, 100_000),
  ),
  "down-quota": optional(
    "SIZE",
    "Most bytes to download in a --quota-period, like 50G or 1T",
    quota,
  ),
  "up-quota": optional("SIZE", "Most bytes to upload in a --quota-period", quota),
  "quota-period": single<"day" | "month">(
    "day|month",
    "Period of the quotas, by UTC (default month)",
    oneOf("day", "month"),
    "month",
  ),
} satisfies Flags;

/** How a command talks; `shoal create` has them as well. */
export const REPORT_FLAGS = {
  json: toggle("Print one JSON object per line and event (README.md lists them)"),
  quiet: toggle("Print nothing but errors", "q"),
} satisfies Flags;

export type SwarmValues = ValuesOf<typeof SWARM_FLAGS>;

/** Without what was not given; the state folder is another matter (`stateChoice`). */
export function clientOptions(values: SwarmValues): ClientOptions {
  const options: ClientOptions = {}, limits: Partial<Rates> = {};
  if (values["down-limit"] !== null) limits.down = values["down-limit"];
  if (values["up-limit"] !== null) limits.up = values["up-limit"];
  if (Object.keys(limits).length > 0) options.limits = limits;
  if (values.port !== null) options.port = values.port;
  if (values["max-connections"] !== null) options.maxConnections = values["max-connections"];
  const quota: QuotaOptions = { period: values["quota-period"] };
  if (values["down-quota"] !== null) quota.down = values["down-quota"];
  if (values["up-quota"] !== null) quota.up = values["up-quota"];
  if (quota.down !== undefined || quota.up !== undefined) options.quota = quota;
  const named = values["dht-bootstrap"];
  if (!values["no-dht"]) options.dht = { bootstrap: named.length > 0 ? named : DHT_BOOTSTRAP };
  if (!values["no-lsd"]) options.lsd = true;
  return options;
}

export function swarmOptions(values: SwarmValues): Partial<AddOptions> {
  const options: Partial<AddOptions> = {
    peers: values.peer,
    waitForDisk: values["wait-for-disk"],
  };
  if (values["no-pex"]) options.pex = false;
  if (values["max-peers"] !== null) options.maxPeers = values["max-peers"];
  if (values["upload-slots"] !== null) options.uploadSlots = values["upload-slots"];
  return options;
}

export function reportMode({ json, quiet }: ValuesOf<typeof REPORT_FLAGS>): ReportMode {
  if (json && quiet) throw new UsageError("--json and --quiet exclude each other");
  return json ? "json" : quiet ? "quiet" : "auto";
}
