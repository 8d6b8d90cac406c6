/** The Transmission RPC as a part of the daemon. */
import { parseTorrent } from "../../metainfo/metainfo.ts";
import { VERSION } from "../../wire/peer_id.ts";
import type { DaemonParts } from "../daemon.ts";
import { isBelow } from "../roots.ts";
import type { RpcPorts } from "./ports.ts";

/** `close` ends the daemon. */
export function rpcPorts(parts: DaemonParts, close: () => void): RpcPorts {
  const { platform, client, settings, log, stateDir } = parts;
  const { clock, random, files, http, hasher, process } = platform;
  const windows = process.os === "windows";
  const downloadDir = files.absolute(settings.present.torrents.dir ?? "downloads");
  return {
    client,
    settings,
    clock,
    random,
    files,
    http,
    stateDir,
    downloadDir,
    version: VERSION,
    parse: (bytes) => parseTorrent(bytes, (part) => hasher.digest("sha1", part), { windows }),
    mayName: (path) => {
      const { roots, torrents } = settings.present;
      return isBelow(files, roots ?? [torrents.dir ?? downloadDir], path);
    },
    warn: (message) => log.warn(message),
    close,
  };
}
