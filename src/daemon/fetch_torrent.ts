/** A .torrent from a URL that a user of an API names. */
import type { Http, StreamNet } from "../platform/types.ts";
import { MAX_TORRENT_BYTES } from "../metainfo/metainfo.ts";
import {
  isLinkLocal,
  isLoopback,
  isPrivateOrLocal,
  isUnspecified,
} from "../util/compact_address.ts";
import { NetError } from "../util/errors.ts";
import { canonicalIp } from "../util/ip_address.ts";
import { type Caller, mayDo } from "./http/types.ts";

const MOST_REDIRECTS = 5;
/** A search engine in between may have to ask a slow site first. */
const TIMEOUT_MS = 60_000;

interface FetchPorts {
  readonly http: Pick<Http, "request">;
  readonly net: Pick<StreamNet, "lookup">;
}

export interface Fetching {
  readonly who: Pick<Caller, "may">;
  /** "a=1; b=2": for the host of the URL alone, not for hosts that it redirects to. */
  readonly cookies?: string;
}

/**
 * The bytes, or a magnet link that a redirect leads to. Rejects with a NetError, and tells nothing
 * of another kind of answer. A URL is bound by the same rules as that of a tracker: one that is
 * named by a caller who may not do everything does not lead to this machine or its link, and no
 * redirect leads from the internet to a local address.
 */
export async function fetchTorrent(
  { http, net }: FetchPorts,
  text: string,
  { who, cookies }: Fetching,
): Promise<Uint8Array | string> {
  const first = webUrl(text);
  let url = first, before: string | null = null;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const address = await addressOf(net, url);
    if (!mayDo(who, "all")) refuseThisMachine(address);
    if (before !== null) refuseInward(before, address);
    before = address;
    const { status, headers: { location }, body } = await http.request({
      url: url.href,
      // The address that was checked: a name may lead elsewhere the next time.
      address,
      headers: cookies !== undefined && url.origin === first.origin ? { cookie: cookies } : {},
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_TORRENT_BYTES,
    });
    if (status === 200) return body;
    if (status < 300 || status > 399 || location === undefined) {
      throw new NetError("bad-response", `The server of the torrent answered ${status}`);
    }
    if (/^magnet:/i.test(location)) return location;
    url = webUrl(location, url);
  }
  throw new NetError("bad-response", "The server of the torrent redirects too often");
}

/** Throws a RangeError. */
function webUrl(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new RangeError("url is not valid: it must be an http or https URL");
}

async function addressOf(net: FetchPorts["net"], { hostname }: URL): Promise<string> {
  const [address] = await net.lookup(hostname.replace(/^\[|\]$/g, ""));
  if (address !== undefined) return canonicalIp(address) ?? address;
  throw new NetError("name-not-found", `${hostname} has no address`);
}

function refuseThisMachine(address: string): void {
  if (!isLoopback(address) && !isUnspecified(address) && !isLinkLocal(address)) return;
  throw new NetError(
    "permission",
    "The URL leads to the machine of the daemon. Send the .torrent file itself, or use a token " +
      "that may do everything",
  );
}

function refuseInward(before: string, address: string): void {
  if (isPrivateOrLocal(before) || !isPrivateOrLocal(address)) return;
  throw new NetError(
    "permission",
    "The server of the torrent redirects from the internet to a local address: name that address " +
      "itself",
  );
}
