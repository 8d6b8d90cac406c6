/** What is inside a torrent: files, peers, trackers, pieces. */
import * as v from "valibot";
import { toBase64 } from "../../util/base64.ts";
import { NotYetError } from "../../util/errors.ts";
import { FILE_CHOICE, selectionOf } from "./option_schemas.ts";
import type { ApiPorts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";
import { PEER, PIECES, TORRENT_FILE, TRACKER } from "./schemas.ts";
import { TORRENT_TYPE, torrentOf } from "./torrent_routes.ts";

const NAME = v.strictObject({ path: v.pipe(v.string(), v.minLength(1)) });
const TRACKERS = v.strictObject({
  add: v.optional(v.array(v.string())),
  remove: v.optional(v.array(v.string())),
});
const FILES = v.object({ files: v.array(TORRENT_FILE) });

export function contentRoutes(ports: ApiPorts): Route[] {
  const of = (call: Call) => torrentOf(ports, call);
  const files = (call: Call) => ({ files: known(of(call).files()) });
  return [
    route("GET /torrents/{infoHash}/files", "The files with their progress", {
      needs: "read",
      reply: FILES,
      handle: files,
    }),
    route("PATCH /torrents/{infoHash}/files", "Chooses files, and which come first", {
      needs: "all",
      body: FILE_CHOICE,
      reply: FILES,
      handle: async (call) => {
        const torrent = of(call), present = known(torrent.files());
        const { priorities, others, ...rest } = selectionOf(call.body);
        // What is left out stays: `update` replaces the whole choice.
        const before = present.map(({ index, priority }) => [index, others ?? priority] as const);
        await torrent.update({
          files: { ...rest, priorities: new Map([...before, ...priorities ?? []]) },
        });
        return files(call);
      },
    }),
    route("PUT /torrents/{infoHash}/files/{index}/name", "Renames a file", {
      needs: "all",
      body: NAME,
      handle: (call) => of(call).rename(Number(call.params["index"]), call.body.path),
    }),
    route("GET /torrents/{infoHash}/peers", "The connected peers", {
      needs: "read",
      reply: v.object({ peers: v.array(PEER) }),
      handle: (call) => ({ peers: of(call).peers() }),
    }),
    route("POST /torrents/{infoHash}/peers", "Tries more peers: host:port or [v6]:port", {
      needs: "all",
      body: v.strictObject({ peers: v.array(v.string()) }),
      handle: (call) => ports.client.addPeers(of(call).infoHash, call.body.peers),
    }),
    route("GET /torrents/{infoHash}/trackers", "The trackers and what they last said", {
      needs: "read",
      reply: v.object({ trackers: v.array(TRACKER) }),
      handle: (call) => ({ trackers: of(call).trackers() }),
    }),
    route("PATCH /torrents/{infoHash}/trackers", "Adds and removes trackers", {
      needs: "all",
      body: TRACKERS,
      handle: (call) => {
        const { add = [], remove = [] } = call.body;
        return of(call).update({ trackers: { add, remove } });
      },
    }),
    route("GET /torrents/{infoHash}/pieces", "The verified pieces", {
      needs: "read",
      reply: PIECES,
      handle: (call) => {
        const { have, ...others } = known(of(call).pieces());
        return { ...others, have: toBase64(have) };
      },
    }),
    route("GET /torrents/{infoHash}/torrent", "The .torrent file", {
      needs: "read",
      reply: TORRENT_TYPE,
      handle: (call) => {
        const bytes = known(of(call).torrentFile) as Uint8Array<ArrayBuffer>;
        const name = `attachment; filename="${of(call).infoHash}.torrent"`;
        const headers = { "content-type": TORRENT_TYPE, "content-disposition": name };
        return new Response(bytes, { headers });
      },
    }),
  ];
}

function known<T>(value: T | null): T {
  if (value !== null) return value;
  throw new NotYetError("The metadata of the magnet link is not known yet");
}
