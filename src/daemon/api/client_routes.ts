/** The daemon as a whole: figures, settings, log, folders, its end. */
import * as v from "valibot";
import { VERSION } from "../../wire/peer_id.ts";
import { ShoalError } from "../../util/errors.ts";
import type { SettingView } from "../settings.ts";
import type { Caller } from "../http/types.ts";
import type { ApiPorts } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { LOG_LINE, SETTING } from "./schemas.ts";

/** Only the owner of the daemon may do this, by the Unix socket or in config.jsonc. */
class OwnerOnlyError extends ShoalError {
  readonly code = "owner-only";
}

/** Who could change these could run programs, read any folder or let others in. */
const OWNERS: ReadonlySet<string> = new Set([
  "listen",
  "unix",
  "user",
  "password",
  "tokens",
  "allowedHosts",
  "trustedProxy",
  "roots",
  "watch",
  "hooks",
  "otlp",
  "stateDir",
  "anyTrackerUrl",
  "rpcPath",
  "webHome",
]);
/** Not shown to anybody. */
const SECRETS: ReadonlySet<string> = new Set(["password", "tokens"]);

const CLIENT = v.object({
  version: v.string(),
  port: v.number(),
  externalAddresses: v.array(v.string()),
  warnings: v.array(v.string()),
  /** The alternative limits hold now. */
  alternativeOn: v.boolean(),
  residentBytes: v.number(),
});
const SETTINGS = v.object({ settings: v.array(SETTING) });
const PATH = v.strictObject({ path: v.optional(v.string()) });
const FOLDER = v.object({
  path: v.nullable(v.string()),
  folders: v.array(v.string()),
  freeBytes: v.nullable(v.number()),
});

export function clientRoutes(ports: ApiPorts): Route[] {
  const { client, settings, log, platform, live } = ports;
  return [
    route("GET /client", "Version, port and addresses of the client", {
      needs: "read",
      reply: CLIENT,
      handle: () => ({
        version: VERSION,
        port: client.port,
        externalAddresses: client.externalAddresses,
        warnings: client.warnings,
        alternativeOn: client.alternativeOn,
        residentBytes: platform.process.residentBytes(),
      }),
    }),
    route("GET /stats", "Figures of all torrents together", {
      needs: "read",
      reply: v.looseObject({}),
      handle: () => plainFigures(client.figures()),
    }),
    route("GET /settings", "All settings, and where each comes from", {
      needs: "all",
      reply: SETTINGS,
      handle: () => ({ settings: settings.list().map(withoutSecret) }),
    }),
    route("PATCH /settings", "Changes settings here and in config.jsonc; null is no limit", {
      needs: "all",
      body: v.record(v.string(), v.unknown()),
      reply: SETTINGS,
      handle: async ({ body, who }) => {
        for (const [name, value] of Object.entries(body)) demandMay(ports, name, value, who);
        await settings.update(body);
        return { settings: settings.list().map(withoutSecret) };
      },
    }),
    route("GET /log", "The last lines of the log, oldest first", {
      needs: "all",
      reply: v.object({ lines: v.array(LOG_LINE) }),
      handle: () => ({ lines: log.recent }),
    }),
    route("GET /folders", "Folders under the roots, and the free space there", {
      needs: "add",
      query: PATH,
      reply: FOLDER,
      handle: ({ query, who }) => browse(ports, query.path, who),
    }),
    route("GET /events", "The list of torrents as it changes: server-sent events", {
      needs: "read",
      reply: "text/event-stream",
      handle: ({ request }) => live.answer(request),
    }),
    route("POST /shutdown", "Ends the daemon", {
      needs: "all",
      status: 202,
      handle: () => {
        log.info("A caller of the API asked for the end");
        ports.end();
      },
    }),
  ];
}

function withoutSecret(setting: SettingView) {
  const view = { ...setting, owner: OWNERS.has(setting.name) };
  const isSet = view.value !== "" && view.value !== undefined;
  return SECRETS.has(view.name) ? { ...view, value: isSet ? "***" : "" } : view;
}

/** Throws an OwnerOnlyError, or an OutsideRootsError for a folder. */
function demandMay({ roots }: ApiPorts, name: string, value: unknown, who: Caller): void {
  if (who.kind === "unix") return;
  if (OWNERS.has(name)) {
    const how = 'use "shoal config set" on the machine of the daemon';
    throw new OwnerOnlyError(`The setting ${name} cannot be changed from outside: ${how}`);
  }
  for (const dir of foldersIn(value)) roots.demand(dir, who);
  if (/(^|\.)(dir|incompleteDir)$/.test(name) && typeof value === "string") {
    roots.demand(value, who);
  }
}

/** The folders of labels. */
function foldersIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "dir" && typeof inner === "string" ? [inner] : foldersIn(inner)
  );
}

/** Without a path: the roots themselves. */
async function browse(
  { roots, platform: { files } }: ApiPorts,
  path: string | undefined,
  who: Caller,
) {
  if (path === undefined) return { path: null, folders: roots.list(), freeBytes: null };
  const folder = roots.demand(path, who), base = folder.replace(/\/$/, "");
  const folders = files.list(folder).map((name) => `${base}/${name}`).filter((each) => {
    return files.stat(each)?.kind === "directory";
  });
  return { path: folder, folders, freeBytes: await files.freeSpace(folder) };
}

/** Maps as objects, for JSON. */
function plainFigures(value: unknown): unknown {
  if (value instanceof Map) return plainFigures(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plainFigures);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, plainFigures(inner)]),
  );
}
