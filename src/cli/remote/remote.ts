/** The daemon's API, as commands use it. */
import type { Http, HttpRequest, HttpStream } from "../../platform/types.ts";
import { NetError } from "../../util/errors.ts";
import { noDaemon, RemoteError } from "./errors.ts";

export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string;
  /** The Unix socket to connect to; null: to the URL's host. */
  readonly unix: string | null;
  readonly token: string | null;
}

type Method = NonNullable<HttpRequest["method"]>;

const TIMEOUT_MS = 30_000;
/** A move between disks takes as long as it takes. */
const LONG_MS = 7 * 86_400_000;
const MOST_BYTES = 256 * 1024 * 1024;

export class Remote {
  readonly #http: Http;
  readonly #endpoint: Endpoint;

  constructor(http: Http, endpoint: Endpoint) {
    this.#http = http;
    this.#endpoint = endpoint;
  }

  /** It is on this machine, so paths mean the same there. */
  get isLocal(): boolean {
    return this.#endpoint.unix !== null;
  }

  /** `path` is below /api/v1. Rejects with a RemoteError or a NoDaemonError. */
  get<T>(path: string): Promise<T> {
    return this.#json("GET", path);
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.#json("POST", path, body);
  }

  /** As `post`, for what may take long. */
  postLong<T>(path: string, body: unknown): Promise<T> {
    return this.#json("POST", path, body, LONG_MS);
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#json("PUT", path, body);
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#json("PATCH", path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.#json("DELETE", path, {});
  }

  /** The stream of changes; `last`: the id of the last event that was seen. */
  async events(last: string | null): Promise<HttpStream> {
    const { headers, ...request } = this.#request("GET", "/events");
    const since: Record<string, string> = last === null ? {} : { "last-event-id": last };
    const stream = await this.#reaching(
      this.#http.stream({ ...request, headers: { ...headers, ...since } }),
    );
    if (stream.status === 200) return stream;
    stream.close();
    throw refusalOf(stream.status, null);
  }

  async #json<T>(method: Method, path: string, body?: unknown, timeoutMs?: number): Promise<T> {
    const request = { ...this.#request(method, path, timeoutMs), maxBytes: MOST_BYTES };
    const bytes = method === "GET" ? {} : { body: encoded(body) };
    const { status, body: answer } = await this.#reaching(
      this.#http.request({ ...request, ...bytes }),
    );
    const value = parsed(answer);
    if (status >= 400) throw refusalOf(status, value);
    return value as T;
  }

  #request(method: Method, path: string, timeoutMs = TIMEOUT_MS) {
    const { url, unix, token } = this.#endpoint;
    return {
      method,
      url: `${url}/api/v1${path}`,
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      } as Record<string, string>,
      timeoutMs,
      ...(unix === null ? {} : { unix }),
    };
  }

  async #reaching<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      const { unix, url } = this.#endpoint;
      const where = unix === null ? url : `the socket ${unix}`;
      throw noDaemon(`No daemon answers at ${where} (${error.message})`, error);
    }
  }
}

function encoded(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Null for what is not JSON. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

function refusalOf(status: number, body: unknown): RemoteError {
  const { code, message } = (body as { error?: { code?: string; message?: string } })?.error ?? {};
  if (status === 401) {
    return new RemoteError(
      code ?? "unauthorized",
      "The daemon wants a token: put it in SHOAL_TOKEN or in a file that --token-file names. " +
        "shoal token add NAME makes one on the daemon's machine",
    );
  }
  if (status === 403 && code === "not-allowed") {
    return new RemoteError(code, "The token may not do that: shoal token list shows what it may");
  }
  if (code !== undefined && message !== undefined) return new RemoteError(code, message);
  return new RemoteError("bad-answer", `What answers there is no shoal daemon (HTTP ${status})`);
}
