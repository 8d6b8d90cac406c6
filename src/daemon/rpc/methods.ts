/** The methods: one row each. */
import type { Access, Caller } from "../http/types.ts";
import type { Arguments } from "./coerce.ts";
import type { GeneralFacts } from "./facts.ts";
import { RpcError } from "./rpc_error.ts";
import {
  freeSpaceOf,
  portTest,
  SESSION_KEYS,
  sessionGet,
  type SessionPorts,
  sessionSet,
  sessionStats,
} from "./session_methods.ts";
import {
  type ActionPorts,
  moveInQueue,
  reannounce,
  removeTorrents,
  renamePath,
  setLocation,
  setTorrents,
  startNow,
  startTorrents,
  stopTorrents,
  verifyTorrents,
} from "./torrent_actions.ts";
import { type AddPorts, TORRENT_ADD_KEYS, torrentAdd } from "./torrent_add.ts";
import { torrentGet } from "./torrent_get.ts";
import { TORRENT_SET_KEYS } from "./torrent_set.ts";

export interface MethodPorts extends ActionPorts, AddPorts, SessionPorts {}

/** The answer's arguments as JSON text, for large ones. */
export class JsonText {
  constructor(readonly text: string) {}
}

export interface Method {
  /** What the caller has to be allowed. */
  readonly needs: Access;
  /** Rejects with an RpcError. */
  run(
    ports: MethodPorts,
    args: Arguments,
    general: GeneralFacts,
    who: Pick<Caller, "may">,
  ): object | JsonText | Promise<object | JsonText>;
}

const acts = (run: Method["run"]): Method => ({ needs: "all", run });
const reads = (run: Method["run"]): Method => ({ needs: "read", run });

export const METHODS: ReadonlyMap<string, Method> = new Map(Object.entries({
  "torrent-get": reads(async (ports, args, general) => {
    return new JsonText(await torrentGet(ports, args, general));
  }),
  "torrent-add": {
    needs: "add",
    run: (ports, args, _, who) => torrentAdd(ports, args, who),
  },
  "torrent-set": acts(setTorrents),
  "torrent-start": acts(startTorrents),
  "torrent-start-now": acts(startNow),
  "torrent-stop": acts(stopTorrents),
  "torrent-verify": acts(verifyTorrents),
  "torrent-reannounce": acts(reannounce),
  "torrent-remove": acts(removeTorrents),
  "torrent-set-location": acts(setLocation),
  "torrent-rename-path": acts(renamePath),
  "queue-move-top": acts((ports, args) => moveInQueue(ports, args, "top")),
  "queue-move-up": acts((ports, args) => moveInQueue(ports, args, "up")),
  "queue-move-down": acts((ports, args) => moveInQueue(ports, args, "down")),
  "queue-move-bottom": acts((ports, args) => moveInQueue(ports, args, "bottom")),
  "session-get": reads((ports, args, { jsonRpc }) => sessionGet(ports, args, jsonRpc)),
  "session-set": acts(sessionSet),
  "session-stats": reads(sessionStats),
  "session-close": acts((ports) => {
    ports.close();
    return {};
  }),
  "free-space": reads(freeSpaceOf),
  "port-test": reads(portTest),
  "blocklist-update": acts(() => {
    throw new RpcError("blocklist", "blocklists are not supported");
  }),
  "group-get": reads(() => ({ group: [] })),
  "group-set": acts(() => {
    throw new RpcError("params", "bandwidth groups are not supported: use labels");
  }),
}));

/** The names that arguments can have. */
export const ARGUMENTS: readonly string[] = [
  ...SESSION_KEYS,
  ...TORRENT_SET_KEYS,
  ...TORRENT_ADD_KEYS,
  "ids",
  "fields",
  "format",
  "path",
  "name",
  "location",
  "move",
  "delete-local-data",
];
