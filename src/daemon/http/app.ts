/**
 * The daemon's HTTP server without its sockets: guards in front, then the mounted handlers. The
 * order of the guards is their cost: nothing is hashed or read for those that the headers rule out.
 */
import type { Auth } from "./auth.ts";
import { withBody } from "./bodies.ts";
import { refuseHost, refuseOrigin, refuseType } from "./guards.ts";
import { errorReply, refusal, secured } from "./replies.ts";
import { type Caller, mayDo, type Mount, type Visit } from "./types.ts";

export interface AppPorts {
  readonly auth: Auth;
  /** Names by which the daemon may be called, besides addresses and "localhost". */
  allowedHosts(): readonly string[];
  /** A handler threw something that is not one of our errors. */
  bug(error: unknown): void;
}

export class App {
  readonly #ports: AppPorts;
  readonly #mounts: readonly Mount[];

  /** Of two mounts that fit, the longer path wins. */
  constructor(ports: AppPorts, mounts: readonly Mount[]) {
    this.#ports = ports;
    this.#mounts = mounts.toSorted((a, b) => b.path.length - a.path.length);
  }

  /** Never rejects. */
  async answer(request: Request, visit: Visit): Promise<Response> {
    try {
      return secured(await this.#answer(request, visit));
    } catch (error) {
      const reply = errorReply(error);
      if (reply.status === 500) this.#ports.bug(error);
      return secured(reply);
    }
  }

  async #answer(request: Request, visit: Visit): Promise<Response> {
    const { auth, allowedHosts } = this.#ports;
    const foreign = visit.isUnix
      ? null
      : refuseHost(request, allowedHosts()) ?? refuseOrigin(request);
    if (foreign !== null) return foreign;
    const { pathname } = new URL(request.url);
    const mount = this.#mounts.find(({ path }) => fits(path, pathname));
    const who = await auth.identify(request, visit);
    if (who instanceof Response && mount?.needs !== "nothing") return asking(who, mount);
    if (mount === undefined) return refusal(404, "no-such-path", `There is nothing at ${pathname}`);
    return refuseType(request, mount.types) ?? await serve(mount, request, who, visit);
  }
}

/** `who`: a refusal only where nobody has to sign in. */
async function serve(
  mount: Mount,
  request: Request,
  who: Caller | Response,
  visit: Visit,
): Promise<Response> {
  const caller: Caller = who instanceof Response ? { kind: "open", may: "read" } : who;
  if (mount.needs !== "nothing" && !mayDo(caller, mount.needs)) return tooLittle();
  const whole = await withBody(request, mount.maxBody);
  return whole instanceof Response ? whole : await mount.handler(whole, caller, visit);
}

export function tooLittle(): Response {
  return refusal(403, "not-allowed", "This token may not do that");
}

function fits(path: string, pathname: string): boolean {
  return path === pathname || path.endsWith("/") && pathname.startsWith(path);
}

/** With a question for name and password, where clients know nothing else. */
function asking(refused: Response, mount: Mount | undefined): Response {
  if (refused.status !== 401) return refused;
  const scheme = mount?.asksForPassword ? 'Basic realm="shoal", charset="UTF-8"' : "Bearer";
  refused.headers.set("www-authenticate", scheme);
  return refused;
}
