/**
 * HTTP and HTTPS requests over node:http. Not `fetch`: that follows redirects where trackers must
 * not lead, cannot connect to an address of our choice under the host's name, and undoes gzip
 * without a limit. Everything the other side sends is bounded.
 */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { isIP } from "node:net";
import process from "node:process";
import { NetError } from "../../util/errors.ts";
import type { HttpHead } from "../types.ts";
import { plainAddress } from "./addresses.ts";
import type { HttpExchange, Outgoing } from "./http_client.ts";

/** Bytes read for each byte of a body, chunk by chunk, and before it. */
const OVERHEAD = 2, MAX_HEAD_BYTES = 1 << 20;
/** What the runtimes read of a stream before it is asked for: Bun about 1 MB. */
const MAX_AHEAD_BYTES = 4 << 20;
const WATCH_EVERY_MS = 200;
/** Answers of class 1xx before the one that counts. */
const MAX_INTERIM = 20;

/** `ca`: certificates (PEM) to trust instead of the system's, for tests. */
export function nodeExchange(outgoing: Outgoing, ca?: string): HttpExchange {
  return new NodeExchange(outgoing, ca);
}

class NodeExchange implements HttpExchange {
  readonly #outgoing: Outgoing;
  readonly #ca: string | undefined;
  #sent: ClientRequest | null = null;
  #watch: ReturnType<typeof setInterval> | undefined;
  #response: IncomingMessage | null = null;
  #parts: AsyncIterator<Uint8Array> | null = null;
  #bodyBytes = 0;

  constructor(outgoing: Outgoing, ca: string | undefined) {
    this.#outgoing = outgoing;
    this.#ca = ca;
  }

  begin(): Promise<HttpHead> {
    this.#watch = setInterval(() => this.#demandThrift(), WATCH_EVERY_MS);
    return new Promise((resolve) => {
      this.#send((response) => {
        this.#response = response;
        this.#parts = response[Symbol.asyncIterator]();
        resolve({ status: response.statusCode ?? 0, headers: plainHeaders(response) });
      });
    });
  }

  async read(): Promise<Uint8Array | null> {
    const part = await this.#parts!.next().catch((error) => {
      throw this.#response!.complete ? error : this.#brokenOff();
    });
    if (part.done && !this.#response!.complete) throw this.#brokenOff();
    if (part.done) return null;
    const { buffer, byteOffset, byteLength } = part.value;
    this.#bodyBytes += byteLength;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  close(): void {
    clearInterval(this.#watch);
    this.#sent?.destroy();
  }

  #brokenOff(): NetError {
    return new NetError("reset", `${this.#outgoing.doing}: the answer broke off`);
  }

  /** What is no body (interim answers, headers of chunks) is bounded too: nothing else counts it. */
  #demandThrift(): void {
    const { maxBytes, doing, fail } = this.#outgoing;
    const most = OVERHEAD * (maxBytes ?? this.#bodyBytes + MAX_AHEAD_BYTES) + MAX_HEAD_BYTES;
    if ((this.#sent?.socket?.bytesRead ?? 0) <= most) return;
    fail(
      maxBytes === null
        ? new NetError("bad-response", `${doing}: most of the answer is not its body`)
        : new NetError("too-large", `${doing}: the answer is over ${maxBytes} bytes`),
    );
  }

  #send(onResponse: (response: IncomingMessage) => void): void {
    const { method, url, headers, body, address, doing, fail } = this.#outgoing;
    const options: RequestOptions & { ca?: string } = { agent: false, method, headers };
    if (body !== undefined) {
      options.headers = { ...headers, "content-length": String(body.length) };
    }
    if (this.#ca !== undefined) options.ca = this.#ca;
    if (address !== undefined) options.lookup = pinnedTo(address);
    // Loaded when it is needed: many runs ask nobody by HTTP.
    const { request: start } = url.protocol === "https:"
      ? process.getBuiltinModule("node:https")
      : process.getBuiltinModule("node:http");
    this.#sent = start(url, options, onResponse);
    this.#sent.on("error", fail);
    let interim = 0;
    const onInterim = () => {
      if (++interim <= MAX_INTERIM) return;
      fail(new NetError("bad-response", `${doing}: too many interim answers`));
    };
    this.#sent.on("continue", onInterim);
    this.#sent.on("information", onInterim);
    this.#sent.end(body);
  }
}

function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return plain;
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
