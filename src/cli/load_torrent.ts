/** Loads a .torrent from a path or an http(s) URL. Failures are CannotLoadErrors. */
import type { HttpResponse, Platform } from "../platform/types.ts";
import { isMagnetLink, looksLikeMagnet } from "../metainfo/magnet.ts";
import { type Metainfo, parseTorrent } from "../metainfo/metainfo.ts";
import { basicAuth } from "../util/basic_auth.ts";
import { FileError, NetError, TorrentFileError } from "../util/errors.ts";
import { CannotLoadError } from "./errors.ts";
import { formatSize } from "./render/format.ts";

/** No useful .torrent is larger; its piece hashes alone cover terabytes. */
const TORRENT_BYTES_MOST = 32 * 1024 * 1024;

const REDIRECTS_MOST = 5;
const FETCH_TIMEOUT_MS = 30_000;
const REDIRECT_STATUS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function isUrl(source: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(source);
}

/** The text of a magnet link or info-hash as it is, else the bytes of the .torrent. */
export async function loadSource(
  platform: Pick<Platform, "http" | "files">,
  source: string,
  signal?: AbortSignal,
): Promise<Uint8Array | string> {
  return isMagnet(platform, source) ? source : await loadTorrent(platform, source, signal);
}

/** A magnet link, or an info-hash that is not the name of a file. */
export function isMagnet({ files }: Pick<Platform, "files">, source: string): boolean {
  return looksLikeMagnet(source) && (isMagnetLink(source) || files.stat(source) === null);
}

export async function loadTorrent(
  platform: Pick<Platform, "http" | "files">,
  source: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return isUrl(source)
    ? await fetchTorrent(platform, source, signal)
    : await readTorrent(platform, source);
}

/** Loads and parses. Also throws a TorrentFileError, whose message names the source. */
export async function openTorrent(platform: Platform, source: string): Promise<Metainfo> {
  return parseLoaded(platform, source, await loadTorrent(platform, source));
}

export function parseLoaded(platform: Platform, source: string, bytes: Uint8Array): Metainfo {
  const windows = platform.process.os === "windows";
  try {
    return parseTorrent(bytes, (part) => platform.hasher.digest("sha1", part), { windows });
  } catch (error) {
    throw namingSource(source, error);
  }
}

/** Parsed if possible, else the bytes: the client reports the fault. */
export function readable(platform: Platform, bytes: Uint8Array): Metainfo | Uint8Array {
  try {
    return parseLoaded(platform, "", bytes);
  } catch {
    return bytes;
  }
}

/** A parser's "It is ..." names the fault, but not which of several torrents has it. */
export function namingSource(source: string, error: unknown): unknown {
  if (!(error instanceof TorrentFileError)) return error;
  return new TorrentFileError(error.code, `${source}: ${error.message}`, { cause: error });
}

async function readTorrent({ files }: Pick<Platform, "files">, path: string) {
  try {
    return await files.read(path, TORRENT_BYTES_MOST);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const problem = readProblem(error);
    const message = problem === null ? error.message : `Cannot read ${path}: ${problem}`;
    throw new CannotLoadError(message, { cause: error });
  }
}

/** Null if the error's own message suffices. */
function readProblem(error: FileError): string | null {
  switch (error.code) {
    case "not-found":
    case "not-directory":
      return "there is no such file";
    case "is-directory":
      return "the path is a folder, not a .torrent file";
    case "too-large":
      return `the file is larger than ${formatSize(TORRENT_BYTES_MOST)}, too large for a .torrent`;
    default:
      return null;
  }
}

async function fetchTorrent(
  { http }: Pick<Platform, "http">,
  source: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  let url = checkedUrl(source, null);
  for (let redirects = 0; redirects <= REDIRECTS_MOST; redirects++) {
    const response = await getOnce(http, url, signal);
    if (response.status === 200) return response.body;
    const location = response.headers["location"];
    if (!REDIRECT_STATUS.has(response.status) || location === undefined) {
      throw new CannotLoadError(`Cannot get ${shown(url)}: ${statusText(response.status)}`);
    }
    url = checkedUrl(location, url);
  }
  throw new CannotLoadError(`Cannot get ${shown(url)}: more than ${REDIRECTS_MOST} redirects`);
}

async function getOnce(
  http: Platform["http"],
  url: URL,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  try {
    return await http.request({
      url: url.href,
      headers: requestHeaders(url),
      timeoutMs: FETCH_TIMEOUT_MS,
      maxBytes: TORRENT_BYTES_MOST,
      ...(signal && { signal }),
    });
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    throw new CannotLoadError(error.message, { cause: error });
  }
}

/** Some servers refuse a client that does not say its name. */
function requestHeaders({ username, password }: URL): Record<string, string> {
  const headers = { "user-agent": "shoal", accept: "application/x-bittorrent, */*;q=0.5" };
  if (username === "" && password === "") return headers;
  return { ...headers, authorization: basicAuth(`${username}:${password}`) };
}

/** Only http and https; a redirect must not lead from https to http. */
function checkedUrl(text: string, base: URL | null): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw new CannotLoadError(`Cannot read "${text}" as a URL`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new CannotLoadError(`Cannot get ${shown(url)}: only http and https are supported`);
  }
  if (base?.protocol === "https:" && url.protocol === "http:") {
    throw new CannotLoadError(`Cannot get ${shown(base)}: the server redirects from https to http`);
  }
  return url;
}

/** Without possible secrets: a password, a key in the query. */
function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function statusText(status: number): string {
  if (status === 404 || status === 410) return `the server does not have it (status ${status})`;
  if (status === 401 || status === 403) return `the server refuses it (status ${status})`;
  return `the server answered with status ${status}`;
}
