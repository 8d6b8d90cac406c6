/** The daemon's page at "/". Its files hold no secrets, so that they are shown before signing in. */
import type { HttpPart, HttpParts } from "../http/parts.ts";
import { Page } from "./page.ts";

export function startPage({ platform: { hasher } }: HttpParts): HttpPart {
  const page = new Page({ hasher });
  const mount = { path: "/", needs: "nothing", maxBody: 0, types: null } as const;
  return { mounts: [{ ...mount, handler: (request) => page.answer(request) }], close: () => {} };
}
