/**
 * One HTTP/1.1 request over a byte connection (RFC 9112), read as browsers do: lines may end in LF
 * alone, "chunked" wins over a length, and an invalid header line is skipped. The parsers of the
 * runtimes refuse such answers, which real trackers send. All sizes are bounded.
 */
import { concatBytes, fromLatin1, toLatin1 } from "../../util/bytes.ts";
import { NetError } from "../../util/errors.ts";
import type { HttpHead } from "../types.ts";
import { errnoOf } from "./errno.ts";
import type { HttpExchange, Outgoing } from "./http_client.ts";

/** Bytes in both directions. */
export interface HttpLine {
  /** Resolves when bytes can be written. */
  readonly opened: Promise<unknown>;
  write(bytes: Uint8Array): void;
  /** The next bytes, null at their end. Keep one read in progress at a time. */
  read(): Promise<Uint8Array | null>;
  close(): void;
}

/** The most bytes outside the body (heads, sizes of chunks), plus some for each byte of a body. */
const MAX_OVERHEAD = 256 * 1024, OVERHEAD_PER_BYTE = 1;
/** The most answers of class 1xx before the final one. */
const MAX_INTERIM = 20;
const LF = 0x0a;

/** Where a body ends: after a number of bytes, at its last chunk, or with the connection. */
export type BodyEnd = number | "chunked" | "close";

/** Reads heads and bodies. `doing` starts the message of a failure: "Cannot get http://...". */
export class WireReader {
  readonly #line: Pick<HttpLine, "read">;
  readonly #doing: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #overhead = 0;
  #bodyBytes = 0;
  /** The connection ended too early. */
  #cut: NetError | null = null;

  constructor(line: Pick<HttpLine, "read">, doing: string) {
    this.#line = line;
    this.#doing = doing;
  }

  /** The status line, or the request line. */
  async firstLine(): Promise<string> {
    for (;;) {
      const text = await this.#text();
      if (text !== "") return text;
    }
  }

  /** Names in lower case; the values of one name are joined by commas. */
  async headers(): Promise<Record<string, string>> {
    const headers = new Map<string, string>();
    for (let text = await this.#text(); text !== ""; text = await this.#text()) {
      const colon = text.indexOf(":"), name = text.slice(0, colon).trim().toLowerCase();
      if (colon <= 0 || name === "" || /^\s/.test(text)) continue;
      const value = text.slice(colon + 1).trim(), before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    return Object.fromEntries(headers);
  }

  /**
   * The bytes of a body as they arrive. Rejects with "reset" if it is cut off, unless `lenient`: the
   * end of a connection, or its reset after part of the body, then ends the body.
   */
  async *body(end: BodyEnd, lenient = false): AsyncGenerator<Uint8Array> {
    try {
      if (end === "chunked") yield* this.#chunks();
      else if (end !== "close") yield* this.#bytes(end);
      else for (let part; (part = await this.#some(Infinity)) !== null;) yield part;
    } catch (error) {
      // The system's code, or that of a simulated socket.
      const isReset = this.#bodyBytes > 0 && ["ECONNRESET", "reset"].includes(errnoOf(error));
      if (!lenient || error !== this.#cut && !isReset) throw error;
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const size = /^\s*0{0,16}([0-9a-f]{1,8})\s*(;|$)/i.exec(await this.#text())?.[1];
      if (size === undefined) throw this.#broken("a chunk has no proper size");
      // What follows the last chunk is of no use, and some servers never send it.
      if (parseInt(size, 16) === 0) return;
      yield* this.#bytes(parseInt(size, 16));
      await this.#text();
    }
  }

  async *#bytes(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      const part = await this.#some(left);
      if (part === null) throw this.#brokenOff();
      left -= part.length;
      yield part;
    }
  }

  /** At least one byte of a body, `most` at most; null at the end of the connection. */
  async #some(most: number): Promise<Uint8Array | null> {
    if (this.#chunk.length === 0 && !await this.#more()) return null;
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    this.#bodyBytes += part.length;
    return part;
  }

  /** A line of text, without its end. */
  async #text(): Promise<string> {
    let text = "";
    for (;;) {
      const end = this.#chunk.indexOf(LF), upTo = end < 0 ? this.#chunk.length : end + 1;
      this.#spend(upTo);
      text += toLatin1(this.#chunk, 0, upTo);
      this.#chunk = this.#chunk.subarray(upTo);
      if (end >= 0) return text.replace(/\r?\n$/, "");
      if (!await this.#more()) throw this.#brokenOff();
    }
  }

  #spend(bytes: number): void {
    this.#overhead += bytes;
    if (this.#overhead <= MAX_OVERHEAD + OVERHEAD_PER_BYTE * this.#bodyBytes) return;
    throw this.#broken("most of the answer is not its body");
  }

  async #more(): Promise<boolean> {
    const chunk = await this.#line.read();
    this.#chunk = chunk ?? this.#chunk;
    return chunk !== null;
  }

  #brokenOff(): NetError {
    return this.#cut = new NetError("reset", `${this.#doing}: the answer broke off`);
  }

  #broken(reason: string): NetError {
    return new NetError("bad-response", `${this.#doing}: ${reason}`);
  }
}

/** Sends `outgoing` over its own connection, which `dial` opens. */
export class WireExchange implements HttpExchange {
  readonly #outgoing: Outgoing;
  readonly #line: HttpLine;
  readonly #reader: WireReader;
  #body: AsyncGenerator<Uint8Array> | null = null;

  constructor(outgoing: Outgoing, dial: (outgoing: Outgoing) => HttpLine) {
    this.#outgoing = outgoing;
    this.#line = dial(outgoing);
    this.#reader = new WireReader(this.#line, outgoing.doing);
  }

  async begin(): Promise<HttpHead> {
    await this.#line.opened;
    this.#line.write(requestBytes(this.#outgoing));
    for (let interim = 0; interim <= MAX_INTERIM; interim++) {
      const first = await this.#reader.firstLine();
      const status = Number(/^HTTP\/\d(?:\.\d+)?\s+(\d{3})\b/i.exec(first)?.[1] ?? 0);
      if (status === 0) throw this.#broken("the answer is not HTTP");
      const headers = await this.#reader.headers();
      if (status < 200) continue;
      this.#body = this.#reader.body(this.#endOf(status, headers), this.#outgoing.lenient);
      return { status, headers };
    }
    throw this.#broken("too many interim answers");
  }

  async read(): Promise<Uint8Array | null> {
    const { value, done } = await this.#body!.next();
    return done ? null : value;
  }

  close(): void {
    this.#line.close();
  }

  #endOf(status: number, headers: Record<string, string>): BodyEnd {
    if (this.#outgoing.method === "HEAD" || status === 204 || status === 304) return 0;
    if (/\bchunked\b/i.test(headers["transfer-encoding"] ?? "")) return "chunked";
    const length = /^\d{1,15}(?=$|\s*,)/.exec(headers["content-length"] ?? "")?.[0];
    return length === undefined ? "close" : Number(length);
  }

  #broken(reason: string): NetError {
    return new NetError("bad-response", `${this.#outgoing.doing}: ${reason}`);
  }
}

function requestBytes({ method, url, headers, body }: Outgoing): Uint8Array {
  const all = { host: url.host, connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  if (body !== undefined) lines.push(`content-length: ${body.length}`);
  const head = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
  return concatBytes(fromLatin1(head), body ?? new Uint8Array(0));
}
