/** The events of the torrents that belong into a log. */
import type { TorrentEvent } from "../client/types.ts";
import type { DaemonLog, LogFields } from "./log.ts";
import type { LogLevel } from "./options.ts";

interface Events {
  events(): AsyncIterable<TorrentEvent>;
}

/** Resolves with the end of the client. */
export async function logEvents(client: Events, log: DaemonLog): Promise<void> {
  for await (const event of client.events()) {
    const line = lineOf(event);
    if (line === null) continue;
    const [level, message, fields] = line;
    log.add(level, message, { torrent: event.infoHash, ...fields });
  }
}

type Line = readonly [level: LogLevel, message: string, fields?: LogFields];

/** Null for what happens too often: a line for each peer or piece would fill the disk. */
function lineOf(event: TorrentEvent): Line | null {
  switch (event.type) {
    case "added":
      return ["info", `Added ${event.name}`, { bytes: event.size, files: event.files }];
    case "done":
      return ["info", `Downloaded ${event.name}`, { dir: event.dir, seconds: event.seconds }];
    case "failed":
      return ["error", event.message, { code: event.code }];
    case "waiting":
      return ["warn", event.message, { code: event.code, retryInSeconds: event.retryInSeconds }];
    case "warning":
      return ["warn", event.message];
    case "peer-banned":
      return ["info", `Banned a peer: ${event.reason}`, { peer: `${event.address}:${event.port}` }];
    case "stopped":
      return ["debug", "Stopped"];
    case "state":
      return ["debug", `The state is ${event.state}`];
    default:
      return null;
  }
}
