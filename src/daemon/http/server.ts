/** The daemon's HTTP server: one app behind a port and a Unix socket. */
import type { HttpServer, ServeOn } from "../../platform/types.ts";
import type { DaemonModule, DaemonParts } from "../daemon.ts";
import { unixPath } from "../instance.ts";
import { App } from "./app.ts";
import { Auth, refuseOpenDaemon } from "./auth.ts";
import { type HttpPart, startParts } from "./parts.ts";
import { Roots } from "../roots.ts";

export interface HttpModule extends DaemonModule {
  /** 0 if there is none. */
  readonly port: number;
}

/** Rejects with an OpenDaemonError, or a NetError if it cannot listen. */
export async function startHttp(parts: DaemonParts): Promise<HttpModule> {
  const { platform, settings, log, stateDir } = parts, { present } = settings;
  refuseOpenDaemon(present);
  const auth = new Auth({ ...pick(parts), settings: () => settings.present });
  const modules = await startParts({ ...parts, auth, roots: new Roots(parts) });
  const app = new App({
    auth,
    allowedHosts: () => settings.present.allowedHosts,
    bug: (error) => log.error(`A request failed: ${(error as Error)?.stack ?? error}`),
  }, modules.flatMap(({ mounts }) => mounts));
  const serve = (on: ServeOn) => {
    const isUnix = "unix" in on;
    return platform.http.serve(on, (request, { address, port }) => {
      return app.answer(request, { address, port, isUnix });
    }, { connections: present.httpConnections });
  };
  const unix = unixPath(present.unix, stateDir), servers: HttpServer[] = [];
  try {
    if (unix !== null) servers.push(await serve({ unix }));
    if (present.listen !== "") servers.push(await serve(endpointOf(present.listen)));
  } catch (error) {
    await endAll(servers, modules);
    throw error;
  }
  const port = servers.at(-1)?.port ?? 0;
  log.info("The API listens", { listen: present.listen, port, unix: unix ?? "" });
  return { port, close: () => endAll(servers, modules) };
}

function pick({ platform: { clock, random, hasher, passwords } }: DaemonParts) {
  return { clock, random, hasher, passwords };
}

async function endAll(servers: readonly HttpServer[], parts: readonly HttpPart[]): Promise<void> {
  // Event streams end with their part, so that the servers need not cut them.
  await Promise.all(parts.map((part) => part.close()));
  await Promise.all(servers.map((server) => server.close()));
}

/** "[::1]:9091" -> "::1" and 9091. */
function endpointOf(listen: string): { address: string; port: number } {
  const colon = listen.lastIndexOf(":");
  const address = listen.slice(0, colon).replace(/^\[|\]$/g, "");
  return { address, port: Number(listen.slice(colon + 1)) };
}
