/** A .torrent from a URL that a user of the API names. */
import type { Http } from "../../platform/types.ts";
import { NetError } from "../../util/errors.ts";

const MOST_BYTES = 10 * 1024 * 1024;
const MOST_REDIRECTS = 5;
const TIMEOUT_MS = 30_000;

/**
 * The bytes, or a magnet link that a redirect leads to. Rejects with a NetError. Nothing of another
 * kind of answer is told: the URL may be one that only this machine can reach.
 */
export async function fetchTorrent(http: Pick<Http, "request">, url: string) {
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const answer = await http.request({ url, timeoutMs: TIMEOUT_MS, maxBytes: MOST_BYTES });
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
