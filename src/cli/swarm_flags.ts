/** The flags that `shoal download` and `shoal seed` share, and what they mean to the client. */
import type { AddOptions, ClientOptions, QuotaOptions } from "../client/types.ts";
import { type Flags, repeated, single, toggle, type ValuesOf } from "./args.ts";
import { UsageError } from "./errors.ts";
import { DHT_BOOTSTRAP } from "../client/types.ts";
import type { ReportMode } from "./render/choose_reporter.ts";
import { clientFlags, givenToClient, givenToTorrent } from "./option_flags.ts";
import { hostAndPort, notEmpty, oneOf, quota } from "./values.ts";

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
  ...clientFlags(),
  "dht-bootstrap": repeated(
    "HOST:PORT",
    "DHT node to start from, instead of the usual ones; may be repeated",
    hostAndPort,
  ),
  "no-dht": toggle("Turn off the distributed hash table (DHT, BEP 5)"),
  "state-dir": optional(
    "DIR",
    "Folder for resume data (default: ~/.local/state/shoal)",
    notEmpty,
  ),
  "no-state": toggle("Do not save progress; keep only the files"),
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
  json: toggle("Print one JSON object per line and event (see shoal help json)"),
  quiet: toggle("Print nothing but errors", "q"),
} satisfies Flags;

export type SwarmValues = ValuesOf<typeof SWARM_FLAGS>;

/** Without what was not given; the state folder is another matter (`stateChoice`). */
export function clientOptions(values: SwarmValues): ClientOptions {
  const options: ClientOptions = { lsd: true, ...givenToClient(values) };
  const quota: QuotaOptions = { period: values["quota-period"] };
  if (values["down-quota"] !== null) quota.down = values["down-quota"];
  if (values["up-quota"] !== null) quota.up = values["up-quota"];
  if (quota.down !== undefined || quota.up !== undefined) options.quota = quota;
  const named = values["dht-bootstrap"];
  if (!values["no-dht"]) options.dht = { bootstrap: named.length > 0 ? named : DHT_BOOTSTRAP };
  return options;
}

/** A person at a terminal is told of a disk in trouble, unless waiting was asked for. */
export function swarmOptions(values: SwarmValues): Partial<AddOptions> {
  return { waitForDisk: false, ...givenToTorrent(values) };
}

export function reportMode({ json, quiet }: ValuesOf<typeof REPORT_FLAGS>): ReportMode {
  if (json && quiet) throw new UsageError("--json and --quiet exclude each other");
  return json ? "json" : quiet ? "quiet" : "auto";
}
