/**
 * What is checked before anybody is asked for a password. A page of another site can make a browser
 * send requests to this machine: by a name that it lets point here (DNS rebinding), by a form, by a
 * plain fetch. Each of these shows in the headers.
 */
import { parseIp } from "../../util/ip_address.ts";
import { refusal } from "./replies.ts";

/** Methods that change nothing. */
export const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** Refuses a name that is not ours: 421, or 400 without one. Addresses and "localhost" are ours. */
export function refuseHost({ headers }: Request, allowed: readonly string[]): Response | null {
  const host = headers.get("host");
  if (host === null || host === "") {
    return refusal(400, "no-host", "The request has no Host header");
  }
  const name = nameIn(host);
  const isOurs = parseIp(name) !== null || name === "localhost" ||
    allowed.some((each) => each.toLowerCase() === name);
  if (isOurs) return null;
  const advice = "add it to the setting allowedHosts if it is a name of this machine";
  return refusal(421, "unknown-host", `The daemon does not answer to the name ${name}: ${advice}`);
}

/** "[::1]:9091" -> "::1". */
function nameIn(host: string): string {
  const name = /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, "");
  return name.toLowerCase().replace(/\.$/, "").slice(0, 255);
}

/** Refuses what a page of another site sent: 403. A link to our start page is fine. */
export function refuseOrigin({ headers, method, url }: Request): Response | null {
  const origin = headers.get("origin"), site = headers.get("sec-fetch-site");
  const isForeign = origin !== null && hostOf(origin) !== headers.get("host")?.toLowerCase();
  const isLink = headers.get("sec-fetch-mode") === "navigate" && method === "GET" &&
    new URL(url).pathname === "/";
  const crosses = (site === "cross-site" || site === "same-site") && !isLink;
  if (!isForeign && !crosses) return null;
  return refusal(403, "foreign-origin", "Pages of other sites cannot use the daemon");
}

/** Null for "null", which sandboxed pages send. */
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** Refuses a change whose body any page could send: 415. `types`: see Mount. */
export function refuseType(
  { headers, method }: Request,
  types: readonly string[] | null,
): Response | null {
  if (types === null || SAFE_METHODS.includes(method)) return null;
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  // No page can send DELETE unasked.
  if (method === "DELETE" && type === "") return null;
  const known = ["application/json", ...types];
  if (known.includes(type.trim().toLowerCase())) return null;
  return refusal(415, "wrong-type", `The Content-Type must be ${known.join(" or ")}`);
}
