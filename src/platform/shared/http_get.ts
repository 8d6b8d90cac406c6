/**
 * One HTTP or HTTPS GET over node:http. Not `fetch`: that follows redirects where trackers must not
 * lead, cannot connect to an address of our choice under the host's name, and undoes gzip without a
 * limit. Everything the other side sends is bounded.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { ByteGatherer } from "../../util/byte_gatherer.ts";
import { NetError } from "../../util/errors.ts";
import type { Http, HttpRequest, HttpResponse } from "../types.ts";
import { plainAddress } from "./addresses.ts";
import { netError } from "./errno.ts";
import { inflateBody } from "./inflate_body.ts";

/** Bytes read for each byte of a body, chunk by chunk, and before it. */
const OVERHEAD = 2, MAX_HEAD_BYTES = 1 << 20;
const WATCH_EVERY_MS = 200;
/** Answers of class 1xx before the one that counts. */
const MAX_INTERIM = 20;

/** `ca`: certificates (PEM) to trust instead of the system's, for tests. */
export function createHttpGet(options: { ca?: string } = {}): Http["get"] {
  return async (request) => {
    const url = parseUrl(request.url);
    const doing = `Cannot get ${url.origin}${url.pathname}`;
    try {
      return await new Exchange(url, request, options.ca, doing).run();
    } catch (error) {
      throw netError(doing, error);
    }
  };
}

export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new NetError("other", `Cannot get ${text.slice(0, 200)}: not an http or https address`);
  }
  return url;
}

/** One request and its answer. */
class Exchange {
  readonly #url: URL;
  readonly #request: HttpRequest;
  readonly #ca: string | undefined;
  readonly #doing: string;
  #sent: ClientRequest | null = null;
  #reject: (error: Error) => void = () => {};

  constructor(url: URL, request: HttpRequest, ca: string | undefined, doing: string) {
    this.#url = url;
    this.#request = request;
    this.#ca = ca;
    this.#doing = doing;
  }

  /** Settles once, whatever the sockets below do later. */
  async run(): Promise<HttpResponse> {
    const { signal, timeoutMs } = this.#request;
    const onAbort = () => this.#fail("aborted", "it was called off");
    const timer = setTimeout(
      () => this.#fail("timeout", `no answer within ${timeoutMs} ms`),
      timeoutMs,
    );
    const watch = setInterval(() => this.#demandThrift(), WATCH_EVERY_MS);
    try {
      return await new Promise<HttpResponse>((resolve, reject) => {
        this.#reject = reject;
        if (signal?.aborted) return onAbort();
        signal?.addEventListener("abort", onAbort);
        this.#send((response) => {
          this.#receive(response).then(resolve, reject);
        });
      });
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
      signal?.removeEventListener("abort", onAbort);
      this.#sent?.destroy();
    }
  }

  /** What is no body (interim answers, headers of chunks) is bounded too: nothing else counts it. */
  #demandThrift(): void {
    const read = this.#sent?.socket?.bytesRead ?? 0, { maxBytes } = this.#request;
    if (read > OVERHEAD * maxBytes + MAX_HEAD_BYTES) {
      this.#fail("too-large", `the answer is over ${maxBytes} bytes`);
    }
  }

  #fail(code: ConstructorParameters<typeof NetError>[0], reason: string): void {
    this.#reject(new NetError(code, `${this.#doing}: ${reason}`));
  }

  #send(onResponse: (response: IncomingMessage) => void): void {
    const { headers, address } = this.#request;
    const options: RequestOptions & { ca?: string } = {
      agent: false,
      headers: { "accept-encoding": "gzip, deflate", ...headers },
    };
    if (this.#ca !== undefined) options.ca = this.#ca;
    if (address !== undefined) options.lookup = pinnedTo(address);
    const start = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
    this.#sent = start(this.#url, options, onResponse);
    this.#sent.on("error", (error) => this.#reject(error));
    let interim = 0;
    const onInterim = () => {
      if (++interim > MAX_INTERIM) this.#fail("bad-response", "too many interim answers");
    };
    this.#sent.on("continue", onInterim);
    this.#sent.on("information", onInterim);
    this.#sent.end();
  }

  async #receive(response: IncomingMessage): Promise<HttpResponse> {
    const { maxBytes } = this.#request;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(response.headers)) {
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
    }
    const packed = await this.#body(response);
    return {
      status: response.statusCode ?? 0,
      headers,
      body: await inflateBody(packed, headers["content-encoding"] ?? "", maxBytes, this.#doing),
    };
  }

  #body(response: IncomingMessage): Promise<Uint8Array> {
    const { maxBytes } = this.#request;
    const tooLarge = () => this.#fail("too-large", `the answer is over ${maxBytes} bytes`);
    return new Promise((resolve, reject) => {
      const body = new ByteGatherer();
      if (Number(response.headers["content-length"] ?? 0) > maxBytes) return tooLarge();
      response.on("data", (part: Uint8Array) => {
        if (body.length + part.length > maxBytes) return tooLarge();
        body.add(part);
      });
      response.on("error", reject);
      response.on("aborted", () => this.#fail("reset", "the answer broke off"));
      response.on("end", () => {
        if (response.complete) resolve(body.bytes);
        else this.#fail("reset", "the answer broke off");
      });
    });
  }
}

/** Answers every look-up with one address; Host header and TLS name still come from the URL. */
function pinnedTo(address: string): NonNullable<RequestOptions["lookup"]> {
  const plain = plainAddress(address);
  const family = isIP(plain);
  return (_host, options, callback) => {
    if (options.all) {
      const answer = callback as unknown as (
        error: null,
        found: { address: string; family: number }[],
      ) => void;
      answer(null, [{ address: plain, family }]);
    } else callback(null, plain, family);
  };
}
