/**
 * Which tracker URLs may be used, and how. Tracker URLs and redirects come from strangers, who may
 * try to point us at services of this machine or its network (SSRF), so neither this file nor the
 * drivers send a request before both the text and the resolved address were allowed.
 */
import { TrackerError } from "../util/errors.ts";
import { canonicalIp, isDialable } from "../util/ip_address.ts";
import {
  addressBytes,
  isLinkLocal,
  isLoopback,
  isPrivateOrLocal,
  isUnspecified,
} from "../util/compact_address.ts";

export interface TrackerUrl {
  /** Normalised, without fragment and credentials. */
  readonly text: string;
  readonly scheme: "http" | "https" | "udp";
  /** Lower case, a literal IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query as BEP 41 sends them; may be empty for udp. */
  readonly path: string;
  /** "user:password", percent-encoded as given; null if there was none. */
  readonly credentials: string | null;
  /** The user vouches for it: on this machine it may have any path and any arguments. */
  readonly trusted: boolean;
}

export const MAX_REDIRECTS = 5;

const MAX_URL_LENGTH = 2048;
const DEFAULT_PORTS = { http: 80, https: 443, udp: 80 };

/** Arguments that an announce adds itself; a URL that contains them forges a request. */
const ANNOUNCE_ARGUMENTS = new Set([
  "info_hash",
  "peer_id",
  "port",
  "uploaded",
  "downloaded",
  "left",
  "corrupt",
  "event",
  "key",
]);

/**
 * Reads a tracker URL of a torrent or magnet link. Throws a TrackerError ("refused-url") that says
 * what is wrong with it.
 */
export function parseTrackerUrl(text: string, trusted = false): TrackerUrl {
  const url = parseHttpOrUdp(text, trusted);
  const query = url.path.indexOf("?");
  if (query >= 0 && !trusted) refuseAnnounceArguments(url.path.slice(query + 1));
  return url;
}

/** Location as seen from `referrer`; throws a TrackerError if it is no URL. */
export function resolveRedirect(referrer: string, location: string): string {
  try {
    return new URL(location, referrer).href;
  } catch (cause) {
    throw new TrackerError("bad-response", "The tracker redirects to an invalid URL", {
      cause,
    });
  }
}

/**
 * Reads the target of a redirect. Unlike a tracker's own URL it usually carries the announce
 * arguments, since servers hand the query on. Throws a TrackerError ("refused-url").
 */
export function parseRedirectUrl(text: string, trusted = false): TrackerUrl {
  const url = parseHttpOrUdp(text, trusted);
  if (url.scheme === "udp") refuse("The tracker redirects to a udp URL");
  return url;
}

/**
 * Checks the address that a host name resolved to. An HTTP tracker on this machine must look like
 * one (its path starts with /announce), so that no other local service can be reached. `previous`
 * is the address that redirected here. Throws a TrackerError ("refused-url").
 */
export function checkTrackerAddress(url: TrackerUrl, address: string, previous?: string): void {
  const local = isLoopback(address) || isUnspecified(address) || isLinkLocal(address);
  if (!local && !isDialable(addressBytes(address))) {
    refuse("The tracker's address is not that of a single machine");
  }
  const isTracker = url.scheme === "udp" || url.trusted || url.path.startsWith("/announce");
  if (local && !isTracker) {
    refuse(
      "A tracker on this machine must have a path that starts with /announce; --any-tracker-url allows others",
    );
  }
  if (previous !== undefined && !isPrivateOrLocal(previous) && isPrivateOrLocal(address)) {
    refuse("The tracker redirects from the internet to a local address");
  }
}

/** Whether two http(s) URLs share scheme, host and port, so that credentials may be sent again. */
export function sameOrigin(a: TrackerUrl, b: TrackerUrl): boolean {
  return a.scheme === b.scheme && a.host === b.host && a.port === b.port;
}

/** Where to scrape (BEP 48): "announce" in the last part of the path becomes "scrape". */
export function scrapeUrl(url: TrackerUrl): TrackerUrl | null {
  if (url.scheme === "udp") return url;
  const end = url.path.includes("?") ? url.path.indexOf("?") : url.path.length;
  const slash = url.path.slice(0, end).lastIndexOf("/");
  const at = url.path.slice(0, end).indexOf("announce", slash);
  if (at < 0) return null;
  const path = `${url.path.slice(0, at)}scrape${url.path.slice(at + "announce".length)}`;
  return { ...url, text: url.text.slice(0, url.text.length - url.path.length) + path, path };
}

function parseHttpOrUdp(text: string, trusted: boolean): TrackerUrl {
  if (text.length > MAX_URL_LENGTH) refuse("The tracker URL is too long");
  if (/[\p{Cc}\s\\]/u.test(text)) refuse("The tracker URL holds a space or control character");
  if (!/^(https?|udp):\/\/[^/?#]/i.test(text)) {
    refuse("Only http, https and udp trackers are supported");
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    refuse("The tracker URL cannot be read");
  }
  const scheme = url.protocol.slice(0, -1) as TrackerUrl["scheme"];
  const host = readHost(url.hostname);
  const port = url.port === "" ? DEFAULT_PORTS[scheme] : Number(url.port);
  if (port === 0) refuse("The tracker URL has port 0");
  const credentials = url.username === "" && url.password === ""
    ? null
    : `${url.username}:${url.password}`;
  const path = url.pathname + url.search;
  return {
    text: `${scheme}://${url.host.toLowerCase()}${path}`,
    scheme,
    host,
    port,
    path,
    credentials,
    trusted,
  };
}

/** Like libtorrent: no look-alikes in other scripts, neither spelt out nor as xn-- (IDNA off). */
function readHost(hostname: string): string {
  const name = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const address = canonicalIp(name);
  if (address !== null) return address;
  if (!/^[a-z0-9_.-]+$/.test(name)) refuse("The tracker's host name is not plain ASCII");
  if (/(^|\.)xn--/.test(name)) refuse("Tracker names in other scripts (xn--) are not supported");
  return name;
}

function refuseAnnounceArguments(query: string): void {
  for (const argument of query.split("&")) {
    let name = argument.split("=", 1)[0]!;
    try {
      name = decodeURIComponent(name);
    } catch {
      // It is not text once decoded, so it is none of the names below.
    }
    if (ANNOUNCE_ARGUMENTS.has(name.toLowerCase())) {
      refuse(
        `The tracker URL already holds the announce argument "${name}"; --any-tracker-url allows it`,
      );
    }
  }
}

function refuse(message: string): never {
  throw new TrackerError("refused-url", message);
}
