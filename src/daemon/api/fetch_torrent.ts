/** A .torrent from a URL that a user of the API names. */
import type { Http, StreamNet } from "../../platform/types.ts";
import {
  isLinkLocal,
  isLoopback,
  isPrivateOrLocal,
  isUnspecified,
} from "../../util/compact_address.ts";
import { NetError } from "../../util/errors.ts";
import { canonicalIp } from "../../util/ip_address.ts";
import { type Caller, mayDo } from "../http/types.ts";

const MOST_BYTES = 10 * 1024 * 1024;
const MOST_REDIRECTS = 5;
const TIMEOUT_MS = 30_000;

interface FetchPorts {
  readonly http: Pick<Http, "request">;
  readonly net: Pick<StreamNet, "lookup">;
}

/**
 * The bytes, or a magnet link that a redirect leads to. Rejects with a NetError, and tells nothing
 * of another kind of answer. A URL is bound by the same rules as that of a tracker: one that is
 * named by a caller who may not do everything does not lead to this machine or its link, and no
 * redirect leads from the internet to a local address.
 */
export async function fetchTorrent({ http, net }: FetchPorts, url: string, who: Caller) {
  let before: string | null = null;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const address = await addressOf(net, url);
    if (!mayDo(who, "all")) refuseThisMachine(address);
    if (before !== null) refuseInward(before, address);
    before = address;
    // The address that was checked: a name may lead elsewhere the next time.
    const answer = await http.request({
      url,
      address,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MOST_BYTES,
    });
    const { status, headers: { location } } = answer;
    if (status === 200) return answer.body;
    if (status < 300 || status > 399 || location === undefined) {
      throw new NetError("bad-response", `Cannot get the torrent: the server answered ${status}`);
    }
    if (/^magnet:/i.test(location)) return location;
    url = String(URL.canParse(location, url) ? new URL(location, url) : location);
  }
  throw new NetError("bad-response", "Cannot get the torrent: too many redirects");
}

async function addressOf(net: FetchPorts["net"], text: string): Promise<string> {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RangeError("url is not valid: it must be an http or https URL");
  }
  const [address] = await net.lookup(url.hostname.replace(/^\[|\]$/g, ""));
  if (address !== undefined) return canonicalIp(address) ?? address;
  throw new NetError("name-not-found", `Cannot get the torrent: ${url.hostname} has no address`);
}

function refuseThisMachine(address: string): void {
  if (!isLoopback(address) && !isUnspecified(address) && !isLinkLocal(address)) return;
  throw new NetError(
    "permission",
    "Cannot get the torrent: the URL leads to the machine of the daemon. Send the file itself, or " +
      "use a token that may do everything",
  );
}

function refuseInward(before: string, address: string): void {
  if (isPrivateOrLocal(before) || !isPrivateOrLocal(address)) return;
  throw new NetError(
    "permission",
    "Cannot get the torrent: the server redirects from the internet to a local address",
  );
}
