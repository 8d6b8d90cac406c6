/** session-get, session-set, session-stats and what else is about no single torrent. */
import type { Torrent } from "../../torrent/torrent.ts";
import { type Arguments, asText, asTexts, isAbsolute } from "./coerce.ts";
import { goalOf, type GoalParts, partsOf } from "./goal_parts.ts";
import type { KnownTorrents } from "./known_torrents.ts";
import { legacyNames } from "./names.ts";
import type { RpcPorts } from "./ports.ts";
import { RpcError } from "./rpc_error.ts";
import { packed, SESSION_ROWS, SessionDraft, type SessionFacts } from "./session_settings.ts";

export interface SessionPorts extends RpcPorts {
  readonly known: KnownTorrents;
  readonly session: SessionFacts;
  readonly sessionId: { readonly text: string };
  /** By the clock, when the daemon started. */
  readonly startedAt: number;
}

/** The last level of the protocol that has these names only, and the one with JSON-RPC. */
const RPC_VERSION = 17, RPC_VERSION_MINIMUM = 14;
const SEMVER = { legacy: "5.3.0", jsonRpc: "6.0.1" };
/** Clients compare it with versions of Transmission. */
const LIKE_TRANSMISSION = "4.0.6";

const UNITS = {
  "speed-units": ["kB/s", "MB/s", "GB/s", "TB/s"],
  "speed-bytes": 1000,
  "size-units": ["kB", "MB", "GB", "TB"],
  "size-bytes": 1000,
  "memory-units": ["KiB", "MiB", "GiB", "TiB"],
  "memory-bytes": 1024,
};

/** Facts beside the settings, which session-set ignores. */
const FACTS: Readonly<Record<string, (ports: SessionPorts, jsonRpc: boolean) => unknown>> = {
  version: ({ version }) => `${LIKE_TRANSMISSION} (shoal ${version})`,
  "rpc-version": () => RPC_VERSION,
  "rpc-version-minimum": () => RPC_VERSION_MINIMUM,
  "rpc-version-semver": (_, jsonRpc) => jsonRpc ? SEMVER.jsonRpc : SEMVER.legacy,
  "config-dir": ({ stateDir }) => stateDir,
  "session-id": ({ sessionId }) => sessionId.text,
  units: () => UNITS,
  "download-dir-free-space": (ports) => freeSpace(ports, ports.roots.downloadDir),
};

export const SESSION_KEYS: readonly string[] = [...SESSION_ROWS.keys(), ...Object.keys(FACTS)];
const SNAKE_KEYS = legacyNames(SESSION_KEYS);

/** Bytes; -1 where it cannot be told. */
function freeSpace({ files }: RpcPorts, path: string): Promise<number> {
  return files.freeSpace(path).then(
    (bytes) => Math.min(bytes, Number.MAX_SAFE_INTEGER),
    () => -1,
  );
}

export async function sessionGet(
  ports: SessionPorts,
  args: Arguments,
  jsonRpc: boolean,
): Promise<object> {
  const asked = asTexts(args.fields);
  const keys = asked?.map((key) => SNAKE_KEYS.get(key) ?? key) ?? SESSION_KEYS;
  const draft = new SessionDraft(ports.settings.present, ports.session);
  const values: Record<string, unknown> = {};
  for (const key of keys) {
    if (SESSION_ROWS.has(key)) values[key] = SESSION_ROWS.get(key)!.read(draft);
    else if (Object.hasOwn(FACTS, key)) values[key] = await FACTS[key]!(ports, jsonRpc);
  }
  return values;
}

/** Torrents with the goal of all keep it. Rejects with an RpcError. */
export async function sessionSet(ports: SessionPorts, args: Arguments): Promise<object> {
  const { settings } = ports, draft = new SessionDraft(settings.present, ports.session);
  for (const [key, row] of SESSION_ROWS) if (key in args) row.write?.(draft, args[key]);
  if (draft.changes.size === 0) return {};
  const before = partsOf(settings.present.torrents.seedGoal);
  const patch = [...draft.changes].map(([name, value]) => [name, packed(value)]);
  await settings.update(Object.fromEntries(patch));
  const after = partsOf(settings.present.torrents.seedGoal);
  if (draft.changes.has("torrents.seedGoal")) {
    for (const torrent of ports.client.torrents()) await followGoal(torrent, before, after);
  }
  return {};
}

async function followGoal(torrent: Torrent, before: GoalParts, after: GoalParts): Promise<void> {
  const present = partsOf(torrent.options.seedGoal);
  const ratio = present.ratio === before.ratio ? after.ratio : present.ratio;
  const idle = present.idle === before.idle ? after.idle : present.idle;
  if (ratio === present.ratio && idle === present.idle) return;
  await torrent.update({ seedGoal: goalOf({ ...present, ratio, idle }) });
}

/** Torrents in these states do nothing. */
const AT_REST = new Set(["paused", "stopped", "done", "failed"]);

export function sessionStats(ports: SessionPorts): object {
  const sums = { down: 0, up: 0, downloaded: 0, uploaded: 0, paused: 0 };
  const ever = { downloaded: 0, uploaded: 0 }, torrents = ports.known.all();
  for (const torrent of torrents) {
    const { downRate, upRate, downloaded, uploaded, totals, state } = ports.known.statusOf(torrent);
    sums.down += downRate;
    sums.up += upRate;
    sums.downloaded += downloaded;
    sums.uploaded += uploaded;
    ever.downloaded += totals.downloaded;
    ever.uploaded += totals.uploaded;
    if (AT_REST.has(state)) sums.paused++;
  }
  const run = {
    filesAdded: torrents.length,
    sessionCount: 1,
    secondsActive: Math.floor((ports.clock.now() - ports.startedAt) / 1000),
  };
  return {
    activeTorrentCount: torrents.length - sums.paused,
    pausedTorrentCount: sums.paused,
    torrentCount: torrents.length,
    downloadSpeed: Math.round(sums.down),
    uploadSpeed: Math.round(sums.up),
    "current-stats": {
      ...run,
      downloadedBytes: sums.downloaded,
      uploadedBytes: sums.uploaded,
    },
    "cumulative-stats": {
      ...run,
      downloadedBytes: ever.downloaded,
      uploadedBytes: ever.uploaded,
    },
  };
}

export async function freeSpaceOf(ports: RpcPorts, args: Arguments): Promise<object> {
  const path = asText(args.path);
  if (path === undefined || !isAbsolute(path)) {
    throw new RpcError("not-absolute", "directory path is not absolute");
  }
  const told = { path, "size-bytes": -1 };
  const { roots, files } = ports;
  if (!roots.mayName(path)) {
    const why = `${path} is outside the folders that the setting roots allows`;
    throw new RpcError("params", why, told);
  }
  if (files.stat(path) === null) throw new RpcError("system", "No such file or directory", told);
  return { ...told, "size-bytes": await freeSpace(ports, path) };
}

/** We ask no service: the port is open if a peer has reached us. */
export function portTest({ client }: RpcPorts): object {
  const isOpen = client.torrents().some((torrent) => {
    return torrent.status().peers.connected > 0 && torrent.peers().some(({ incoming }) => incoming);
  });
  return { "port-is-open": isOpen };
}
