/**
 * Announce and scrape over HTTP(S). A request goes to an address that was looked up and checked
 * before (`HttpRequest.address` pins it), also at every redirect, so neither a changing name nor a
 * redirect can lead it to a service of this machine or its network.
 */
import type { Http, HttpResponse } from "../platform/types.ts";
import { addressFamily } from "../util/compact_address.ts";
import {
  announceUrl,
  MAX_TRACKER_BODY,
  parseAnnounceResponse,
  parseScrapeResponse,
  scrapeRequestUrl,
} from "./tracker_http.ts";
import type { AnnounceRequest, AnnounceResponse, ScrapeEntry } from "./tracker_message.ts";
import {
  checkTrackerAddress,
  MAX_REDIRECTS,
  parseRedirectUrl,
  resolveRedirect,
  sameOrigin,
  scrapeUrl,
  type TrackerUrl,
} from "./tracker_url.ts";
import { basicAuth } from "../util/basic_auth.ts";
import { ProtocolError, TrackerError } from "../util/errors.ts";
import { toHex } from "../util/bytes.ts";
import { resolveHost, type ResolvePorts } from "./resolve_host.ts";
import { asTrackerError } from "./tracker_errors.ts";

export interface HttpAnnouncePorts extends ResolvePorts {
  http: Pick<Http, "request">;
}

export interface HttpAnnounceOptions {
  /** For the whole exchange, redirects included. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** One announce to `address`, one of the addresses of `url`. Throws a TrackerError. */
export async function announceHttp(
  ports: HttpAnnouncePorts,
  url: TrackerUrl,
  address: string,
  request: AnnounceRequest,
  options: HttpAnnounceOptions,
): Promise<AnnounceResponse> {
  checkTrackerAddress(url, address);
  const text = announceUrl(url, request);
  return await ask(ports, url, text, address, options, {
    parse: parseAnnounceResponse,
    isUseful: ({ peers, namedPeers }) => peers.length + namedPeers.length > 0,
  });
}

/** The scrape result of one torrent; null if there is none. Throws a TrackerError. */
export async function scrapeHttp(
  ports: HttpAnnouncePorts,
  url: TrackerUrl,
  address: string,
  infoHash: Uint8Array,
  options: HttpAnnounceOptions,
): Promise<ScrapeEntry | null> {
  // The announce URL was given to us; the scrape URL is only derived from it.
  checkTrackerAddress(url, address);
  const target = scrapeUrl(url);
  if (target === null) throw new TrackerError("refused-url", "The tracker cannot be scraped");
  const text = scrapeRequestUrl(target, [infoHash]);
  const entries = await ask(ports, target, text, address, options, {
    parse: parseScrapeResponse,
    isUseful: ({ size }) => size > 0,
  });
  return entries.get(toHex(infoHash)) ?? null;
}

interface AnswerReader<T> {
  /** Throws a TrackerError or a ProtocolError. */
  parse(body: Uint8Array): T;
  /** Whether it says more than the HTTP status alone. */
  isUseful(answer: T): boolean;
}

/** `address` has been checked. */
async function ask<T>(
  ports: HttpAnnouncePorts,
  url: TrackerUrl,
  text: string,
  address: string,
  options: HttpAnnounceOptions,
  reader: AnswerReader<T>,
): Promise<T> {
  try {
    const response = await getFollowing(ports, url, text, address, options);
    if (response.status >= 200 && response.status < 300) return reader.parse(response.body);
    return readDespiteStatus(response, reader);
  } catch (error) {
    throw asTrackerError(error);
  }
}

async function getFollowing(
  ports: HttpAnnouncePorts,
  first: TrackerUrl,
  firstText: string,
  firstAddress: string,
  options: HttpAnnounceOptions,
): Promise<HttpResponse> {
  const deadline = ports.clock.now() + options.timeoutMs;
  let [url, text, address] = [first, firstText, firstAddress];
  for (let redirects = 0;; redirects++) {
    const response = await ports.http.request({
      url: text,
      address,
      headers: requestHeaders(first, url),
      timeoutMs: Math.max(1, deadline - ports.clock.now()),
      maxBytes: MAX_TRACKER_BODY,
      lenient: true,
      signal: options.signal,
    });
    const location = redirectOf(response);
    if (location === null) return response;
    if (redirects === MAX_REDIRECTS) {
      throw new TrackerError("bad-response", `The tracker redirects over ${MAX_REDIRECTS} times`);
    }
    text = withArgumentsOf(firstText, resolveRedirect(text, location));
    url = parseRedirectUrl(text, first.trusted);
    text = url.text;
    const next = await addressOfSameFamily(ports, url, address, options.signal);
    checkTrackerAddress(url, next, address);
    address = next;
  }
}

/** An announce stands for one address family, so a redirect must stay in it. */
async function addressOfSameFamily(
  ports: HttpAnnouncePorts,
  url: TrackerUrl,
  address: string,
  signal: AbortSignal,
): Promise<string> {
  const family = addressFamily(address);
  const next = (await resolveHost(ports, url.host, signal))[family][0];
  if (next !== undefined) return next;
  throw new TrackerError("net", `The tracker redirects to ${url.host}, which has no IPv${family}`);
}

function requestHeaders(first: TrackerUrl, url: TrackerUrl): Record<string, string> {
  const headers: Record<string, string> = { "user-agent": "shoal", accept: "*/*" };
  if (first.credentials !== null && sameOrigin(first, url)) {
    headers["authorization"] = basicAuth(first.credentials);
  }
  return headers;
}

function redirectOf(response: HttpResponse): string | null {
  if (![301, 302, 303, 307, 308].includes(response.status)) return null;
  return response.headers["location"] ?? null;
}

/** If a redirect dropped our query, it is added again. */
function withArgumentsOf(asked: string, target: string): string {
  const at = asked.search(/[?&]info_hash=/);
  if (at < 0 || /[?&]info_hash=/.test(target)) return target;
  return `${target}${target.includes("?") ? "&" : "?"}${asked.slice(at + 1)}`;
}

/** Some trackers send their failure reason, or even their answer, with an error status. */
function readDespiteStatus<T>(response: HttpResponse, { parse, isUseful }: AnswerReader<T>): T {
  try {
    const answer = parse(response.body);
    if (isUseful(answer)) return answer;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  const seconds = response.headers["retry-after"] ?? "";
  throw new TrackerError(
    "bad-response",
    `The tracker answered with HTTP status ${response.status}`,
    /^\d{1,6}$/.test(seconds) ? { retryInMs: Number(seconds) * 1000 } : {},
  );
}
