/**
 * The rules of an HTTP request over any connection: time limits, aborting, bounds on the answer.
 * Redirects are not followed here: each caller has different rules for them.
 */
import { ByteGatherer } from "../../util/byte_gatherer.ts";
import { NetError, type NetErrorCode } from "../../util/errors.ts";
import type { Clock, Http, HttpHead, HttpRequest, HttpStream, Timer } from "../types.ts";
import { netError } from "./errno.ts";
import { inflateBody } from "./inflate_body.ts";

/** One connection that carries one request. */
export interface HttpExchange {
  /** Sends the request; resolves when the head of the answer has arrived. */
  begin(): Promise<HttpHead>;
  /** The next bytes of the body, null at its end. Reads ahead only as much as buffers hold. */
  read(): Promise<Uint8Array | null>;
  /** Ends the connection, also in the middle of an answer. */
  close(): void;
}

/** A checked request with all defaults filled in. */
export interface Outgoing extends Omit<HttpRequest, "url" | "signal" | "maxBytes"> {
  method: NonNullable<HttpRequest["method"]>;
  url: URL;
  headers: Record<string, string>;
  /** Starts the message of a failure: "Cannot get http://...". */
  doing: string;
}

export interface HttpClientParts {
  after: Clock["after"];
  start(outgoing: Outgoing): HttpExchange;
  /** Waits for work on other threads (in the simulator no time passes meanwhile). */
  hold?<T>(work: Promise<T>): Promise<T>;
}

export function createHttpClient(parts: HttpClientParts): Pick<Http, "request" | "stream"> {
  const { hold = (work) => work } = parts;
  return {
    async request({ maxBytes, ...request }) {
      const call = new Call(parts, request, "gzip, deflate");
      try {
        call.limitTime();
        const head = await call.begin();
        const packed = await wholeBody(
          call,
          maxBytes,
          request.method === "HEAD" ? {} : head.headers,
        );
        const encoding = head.headers["content-encoding"] ?? "";
        const unpacked = inflateBody(packed, encoding, {
          maxBytes,
          doing: call.doing,
          lenient: request.lenient ?? false,
        });
        return { ...head, body: await hold(unpacked) };
      } finally {
        call.close();
      }
    },
    async stream(request) {
      const call = new Call(parts, request, "identity");
      const { status, headers } = await call.limited(() => call.begin());
      const encoding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
      if (encoding !== "identity") {
        const packed = call.failure("bad-response", `it comes packed ("${encoding}"), unasked`);
        call.fail(packed);
        throw packed;
      }
      return streamOf(call, { status, headers });
    },
  };
}

export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new NetError("other", `Cannot get ${text.slice(0, 200)}: not an http or https address`);
  }
  return url;
}

function streamOf(call: Call, head: HttpHead): HttpStream {
  return {
    ...head,
    read: () => call.limited(() => call.read()),
    close: () => call.close(),
  };
}

async function wholeBody(
  call: Call,
  maxBytes: number,
  headers: Record<string, string>,
): Promise<Uint8Array> {
  const tooLarge = () => call.failure("too-large", `the answer is over ${maxBytes} bytes`);
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const body = new ByteGatherer();
  for (;;) {
    const part = await call.read();
    if (part === null) return body.bytes;
    if (body.length + part.length > maxBytes) throw tooLarge();
    body.add(part);
  }
}

/** A running request. After its first failure every read fails in the same way. */
class Call {
  readonly doing: string;
  readonly #after: Clock["after"];
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #exchange: HttpExchange;
  readonly #onAbort = () => this.fail(this.failure("aborted", "the request was cancelled"));
  #timer: Timer | null = null;
  #error: Error | null = null;
  /** The body has ended. */
  #whole = false;
  /** Of the current wait. */
  #reject: (error: Error) => void = () => {};

  constructor(
    parts: HttpClientParts,
    request: Omit<HttpRequest, "maxBytes">,
    accept: string,
  ) {
    const { method = "GET", signal, timeoutMs } = request;
    const url = parseUrl(request.url);
    this.doing = `Cannot get ${url.origin}${url.pathname}`;
    this.#after = parts.after;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    if (signal?.aborted) throw this.failure("aborted", "the request was cancelled");
    const headers = { "accept-encoding": accept, ...request.headers };
    try {
      this.#exchange = parts.start({ ...request, method, url, headers, doing: this.doing });
    } catch (error) {
      throw netError(this.doing, error); // a sandbox may forbid connecting
    }
    signal?.addEventListener("abort", this.#onAbort);
  }

  begin(): Promise<HttpHead> {
    return this.#wait(this.#exchange.begin());
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#whole) return null;
    const part = await this.#wait(this.#exchange.read());
    if (part !== null) return part;
    this.#whole = true;
    this.#end();
    return null;
  }

  /** From now on, until the end. */
  limitTime(): void {
    this.#timer = this.#after(this.#timeoutMs, () => {
      this.fail(this.failure("timeout", `no answer within ${this.#timeoutMs} ms`));
    });
  }

  /** For this step only. */
  async limited<T>(step: () => Promise<T>): Promise<T> {
    if (this.#error !== null) throw this.#error;
    this.limitTime();
    try {
      return await step();
    } finally {
      this.#timer?.cancel();
    }
  }

  close(): void {
    this.fail(this.failure("closed", "the connection was closed"));
  }

  failure(code: NetErrorCode, reason: string): NetError {
    return new NetError(code, `${this.doing}: ${reason}`);
  }

  fail(error: unknown): void {
    if (this.#error !== null) return;
    this.#error = netError(this.doing, error);
    this.#end();
    this.#reject(this.#error);
  }

  #wait<T>(step: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      step.then(resolve, (error) => this.fail(error));
      if (this.#error !== null) reject(this.#error);
    });
  }

  #end(): void {
    this.#timer?.cancel();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#exchange.close();
  }
}
