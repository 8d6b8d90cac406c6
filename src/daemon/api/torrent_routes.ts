/** Torrents: adding, reading, changing and removing them. */
import * as v from "valibot";
import type { Torrent } from "../../torrent/torrent.ts";
import { fromBase64 } from "../../util/base64.ts";
import { ShoalError } from "../../util/errors.ts";
import type { Caller } from "../http/types.ts";
import { fetchTorrent } from "../fetch_torrent.ts";
import {
  addOptionsOf,
  CHANGED_OPTIONS,
  described,
  FILE_CHOICE,
  NEW_OPTIONS,
  patchOf,
  plainOptions,
  selectionOf,
} from "./option_schemas.ts";
import type { ApiPorts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";
import { REMOVED, TORRENT, TORRENT_ROW } from "./schemas.ts";
import { rowOf } from "./torrent_row.ts";

/** No torrent of the client has this info-hash. */
class NoSuchTorrentError extends ShoalError {
  readonly code = "no-such-torrent";
}

export const TORRENT_TYPE = "application/x-bittorrent";

const ADD = v.pipe(
  v.strictObject({
    torrent: v.optional(described(v.string(), "Base64 of a .torrent file")),
    magnet: v.optional(described(v.string(), "A magnet link or an info-hash")),
    url: v.optional(described(v.string(), "The http or https URL of a .torrent file")),
    files: v.optional(FILE_CHOICE),
    options: v.optional(NEW_OPTIONS),
  }),
  v.check(({ torrent, magnet, url }) => {
    return [torrent, magnet, url].filter((each) => each !== undefined).length === 1;
  }, "it must have one of torrent, magnet and url"),
);
const CHANGE = v.strictObject({ ...CHANGED_OPTIONS.entries, files: v.optional(FILE_CHOICE) });
const DATA = v.strictObject({ data: v.optional(v.picklist(["true", "false"])) });
const HASH = v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/i, "it must be an info-hash"));
const QUEUE = v.strictObject({
  infoHashes: v.array(HASH),
  to: v.union([
    v.picklist(["top", "up", "down", "bottom"]),
    v.pipe(v.number(), v.integer(), v.minValue(0)),
  ]),
});

export function torrentRoutes(ports: ApiPorts): Route[] {
  const { client } = ports;
  const of = (call: Call) => torrentOf(ports, call);
  /** A command without a body. */
  const command = (name: string, summary: string, run: (torrent: Torrent) => unknown) =>
    route(`POST /torrents/{infoHash}/${name}`, summary, {
      needs: "all",
      handle: async (call) => void await run(of(call)),
    });
  return [
    route("GET /torrents", "All torrents, in the order in which they were added", {
      needs: "read",
      reply: v.object({ torrents: v.record(v.string(), TORRENT_ROW) }),
      handle: () => ({ torrents: rowsOf(client.torrents()) }),
    }),
    route("POST /torrents", "Adds a torrent", {
      needs: "add",
      body: ADD,
      bytes: TORRENT_TYPE,
      reply: TORRENT,
      status: 201,
      handle: async ({ body, who }) => shown(await add(ports, body, who)),
    }),
    route("GET /torrents/{infoHash}", "One torrent", {
      needs: "read",
      reply: TORRENT,
      handle: (call) => shown(of(call)),
    }),
    route("PATCH /torrents/{infoHash}", "Changes options of a torrent", {
      needs: "all",
      body: CHANGE,
      reply: TORRENT,
      handle: async (call) => {
        const torrent = of(call), { files, ...options } = call.body, patch = patchOf(options);
        if (patch.dir !== undefined) ports.roots.demand(patch.dir, call.who);
        await torrent.update({ ...patch, ...(files ? { files: selectionOf(files) } : {}) });
        return shown(torrent);
      },
    }),
    route("DELETE /torrents/{infoHash}", "Removes a torrent; with data=true its files as well", {
      needs: "all",
      query: DATA,
      reply: REMOVED,
      handle: ({ params, query }) =>
        client.remove(params["infoHash"]!, { data: query.data === "true" }),
    }),
    command("start", "Starts a torrent", (torrent) => torrent.start()),
    command("pause", "Pauses a torrent until it is started", (torrent) => torrent.pause()),
    command("stop", "Ends a torrent until it is started or the daemon is", (torrent) => {
      return torrent.stop();
    }),
    command("reannounce", "Asks all trackers for peers now", (torrent) => torrent.reannounce()),
    route("POST /torrents/{infoHash}/verify", "Reads and hashes all data again", {
      needs: "all",
      status: 202,
      handle: (call) => {
        const torrent = of(call), log = ports.log.torrent(torrent.infoHash);
        torrent.recheck().then(
          (bad) => log.info("The data was verified", { bad }),
          (error: Error) => log.warn(`The data was not verified: ${error.message}`),
        );
      },
    }),
    route("POST /torrents/{infoHash}/move", "Moves the files to another folder", {
      needs: "all",
      body: v.strictObject({ dir: v.string() }),
      handle: (call) => of(call).move(ports.roots.demand(call.body.dir, call.who)),
    }),
    route("POST /queue", "Moves torrents in the queue", {
      needs: "all",
      body: QUEUE,
      handle: ({ body }) => client.queue.move(body.infoHashes, body.to),
    }),
  ];
}

/** Throws a NoSuchTorrentError. */
export function torrentOf({ client }: Pick<ApiPorts, "client">, { params }: Call): Torrent {
  const infoHash = params["infoHash"]!, torrent = client.get(infoHash);
  if (torrent !== null) return torrent;
  throw new NoSuchTorrentError(`There is no torrent ${infoHash.slice(0, 40)}`);
}

function shown(torrent: Torrent) {
  const { magnet, options } = torrent;
  return { ...torrent.status(), magnet, options: plainOptions(options) };
}

function rowsOf(torrents: readonly Torrent[]) {
  return Object.fromEntries(
    torrents.map((torrent) => [torrent.infoHash, rowOf(torrent)]),
  );
}

async function add(
  { client, settings, platform, roots }: ApiPorts,
  body: v.InferOutput<typeof ADD> | Uint8Array,
  who: Caller,
): Promise<Torrent> {
  const { files, options = {}, ...source } = body instanceof Uint8Array
    ? { bytes: body, files: undefined, options: {} }
    : body;
  const given = addOptionsOf(options), { dir, incompleteDir, reuse = [] } = given;
  for (const each of [dir, incompleteDir, ...reuse]) {
    if (each !== undefined) roots.demand(each, who);
  }
  return client.add(await sourceOf(platform, source, who), {
    ...settings.present.torrents,
    dir: roots.downloadDir,
    ...given,
    ...(files === undefined ? {} : { files: selectionOf(files) }),
  });
}

type Source = { readonly [K in "torrent" | "magnet" | "url"]?: string | undefined } & {
  readonly bytes?: Uint8Array;
};

async function sourceOf(platform: ApiPorts["platform"], source: Source, who: Caller) {
  const { torrent, magnet, url, bytes } = source;
  if (bytes !== undefined) return bytes;
  if (magnet !== undefined) return magnet;
  return url === undefined ? bytesOfBase64(torrent!) : await fetchTorrent(platform, url, { who });
}

function bytesOfBase64(text: string): Uint8Array {
  const bytes = fromBase64(text);
  if (bytes !== null) return bytes;
  throw new RangeError("torrent is not valid: it must be Base64");
}
