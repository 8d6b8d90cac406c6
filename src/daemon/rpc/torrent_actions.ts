/** What torrent-start, -stop, -verify and the like do. An id that does not exist is no error. */
import type { QueueTarget } from "../../client/types.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { NotYetError } from "../../util/errors.ts";
import { type Arguments, asSwitch, asText, isAbsolute } from "./coerce.ts";
import { type GeneralFacts, TorrentFacts } from "./facts.ts";
import type { KnownTorrent, KnownTorrents } from "./known_torrents.ts";
import type { RpcPorts } from "./ports.ts";
import { RpcError } from "./rpc_error.ts";
import { checkedFolder } from "./session_settings.ts";
import { changeOf } from "./torrent_set.ts";

export interface ActionPorts extends RpcPorts {
  readonly known: KnownTorrents;
  general(): GeneralFacts;
}

function named({ known }: ActionPorts, args: Arguments): KnownTorrent[] {
  return known.select(args.ids, "ids" in args).torrents;
}

/** What goes wrong later is logged: the answer does not wait for it. */
function later({ warn }: ActionPorts, { infoHash }: Torrent, work: Promise<unknown>): void {
  work.catch((error: Error) => warn(`${infoHash}: ${error.message}`));
}

export function startTorrents(ports: ActionPorts, args: Arguments): object {
  for (const known of named(ports, args)) start(known);
  return {};
}

function start(known: KnownTorrent): void {
  setProblem(known, null);
  known.torrent.start();
}

function setProblem(known: KnownTorrent, problem: string | null): void {
  known.problem = problem;
  known.still = null;
}

export async function startNow(ports: ActionPorts, args: Arguments): Promise<object> {
  for (const known of named(ports, args)) {
    await known.torrent.update({ forceStart: true });
    start(known);
  }
  return {};
}

export function stopTorrents(ports: ActionPorts, args: Arguments): object {
  for (const { torrent } of named(ports, args)) later(ports, torrent, torrent.pause());
  return {};
}

export function verifyTorrents(ports: ActionPorts, args: Arguments): object {
  for (const known of named(ports, args)) {
    setProblem(known, null);
    const check = known.torrent.recheck();
    check.catch((error: Error) => setProblem(known, error.message));
    later(ports, known.torrent, check);
  }
  return {};
}

export function reannounce(ports: ActionPorts, args: Arguments): object {
  for (const { torrent } of named(ports, args)) {
    try {
      torrent.reannounce();
    } catch (error) {
      if (!(error instanceof NotYetError)) throw error;
    }
  }
  return {};
}

export function removeTorrents(ports: ActionPorts, args: Arguments): object {
  const data = asSwitch(args["delete-local-data"]) ?? false;
  for (const { torrent } of named(ports, args)) {
    const removal = ports.client.remove(torrent.infoHash, { data });
    ports.known.hide(torrent, removal);
    later(ports, torrent, removal);
  }
  ports.known.all();
  return {};
}

export function moveInQueue(ports: ActionPorts, args: Arguments, to: QueueTarget): object {
  ports.client.queue.move(named(ports, args).map(({ torrent }) => torrent.infoHash), to);
  return {};
}

/** All changes are checked before the first is made. */
export async function setTorrents(ports: ActionPorts, args: Arguments): Promise<object> {
  const general = ports.general();
  const changes = named(ports, args).map((known) => {
    return {
      known,
      ...changeOf(new TorrentFacts(known, ports.known.statusOf(known), general), args),
    };
  });
  for (const { known, patch, position, remembered } of changes) {
    await known.torrent.update(patch);
    Object.assign(known.remembered, remembered);
    known.changedAt = ports.clock.now();
    known.still = null;
    if (position !== null) ports.client.queue.move([known.torrent.infoHash], Math.max(0, position));
  }
  return {};
}

export function setLocation(ports: ActionPorts, args: Arguments): object {
  const location = asText(args.location);
  if (!location) throw new RpcError("params", "no location");
  if (!isAbsolute(location)) {
    throw new RpcError("not-absolute", "new location path is not absolute");
  }
  const dir = checkedFolder(ports, location, "new location path");
  for (const { torrent } of named(ports, args)) {
    if (torrent.status().dir !== dir) later(ports, torrent, torrent.update({ dir }));
  }
  return {};
}

/** Renames a file, or a folder with all files in it. */
export async function renamePath(ports: ActionPorts, args: Arguments): Promise<object> {
  const torrents = named(ports, args), { path, name } = args;
  if (torrents.length !== 1) {
    throw new RpcError("params", "torrent-rename-path requires 1 torrent");
  }
  const [{ id, torrent }] = torrents as [KnownTorrent];
  const told = { id, path, name };
  const refuse = () => new RpcError("params", "Invalid argument", told);
  if (typeof path !== "string" || typeof name !== "string" || !isName(name)) throw refuse();
  const { dir } = torrent.status(), folder = dir.endsWith("/") ? dir : `${dir}/`;
  const target = path.slice(0, path.lastIndexOf("/") + 1) + name;
  const below = (torrent.files() ?? []).map((file) => ({
    index: file.index,
    path: file.path.startsWith(folder) ? file.path.slice(folder.length) : file.name,
  })).filter((file) => file.path === path || file.path.startsWith(`${path}/`));
  if (below.length === 0) throw refuse();
  try {
    for (const file of below) {
      await torrent.rename(file.index, target + file.path.slice(path.length));
    }
  } catch (error) {
    throw new RpcError("params", (error as Error).message, told);
  }
  return told;
}

function isName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !name.includes("/");
}
