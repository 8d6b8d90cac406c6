/** The daemon's own API, under /api/v1. */
import * as v from "valibot";
import type { HttpPart, HttpParts } from "../http/parts.ts";
import type { Mount } from "../http/types.ts";
import { accessRoutes } from "./access_routes.ts";
import { clientRoutes } from "./client_routes.ts";
import { contentRoutes } from "./content_routes.ts";
import { Live } from "./live.ts";
import type { ApiPorts } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { Router } from "./router.ts";
import { TORRENT_TYPE, torrentRoutes } from "./torrent_routes.ts";

export const API_BASE = "/api/v1";

const MOST_BODY = 64 * 1024, MOST_TORRENT = 10 * 1024 * 1024;

export function startApi(parts: HttpParts): HttpPart {
  const { platform, client } = parts;
  const live = new Live({ clock: platform.clock, random: platform.random, client });
  const router = new Router(API_BASE, apiRoutes({ ...parts, live }));
  const mount: Mount = {
    path: `${API_BASE}/`,
    needs: "read", // a route may need more
    maxBody: MOST_BODY,
    types: [],
    handler: (request, who, visit) => router.answer(request, who, visit),
  };
  const login: Mount = { ...mount, path: `${API_BASE}/login`, needs: "nothing" };
  const upload: Mount = {
    ...mount,
    path: `${API_BASE}/torrents`,
    maxBody: MOST_TORRENT,
    types: [TORRENT_TYPE],
  };
  return { mounts: [mount, login, upload], close: () => live.close() };
}

/** All of them. */
export function apiRoutes(ports: ApiPorts): readonly Route[] {
  const routes = [
    ...torrentRoutes(ports),
    ...contentRoutes(ports),
    ...clientRoutes(ports),
    ...accessRoutes(ports),
  ];
  let text: string | null = null;
  const description: Route = route("GET /openapi.json", "This description", {
    needs: "read",
    reply: v.looseObject({}),
    handle: async () => {
      // Loaded on demand: few ask.
      const { openApiOf } = await import("./openapi.ts");
      text ??= JSON.stringify(openApiOf(API_BASE, [...routes, description]));
      return new Response(text, { headers: { "content-type": "application/json" } });
    },
  });
  return [...routes, description];
}
