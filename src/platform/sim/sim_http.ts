/**
 * HTTP between simulated nodes. What travels on their sockets is not HTTP text but a length, a JSON
 * head and the body: rates, cuts and resets act on it all the same.
 */
import { concatBytes, readUint32, writeUint32 } from "../../util/bytes.ts";
import { NetError, type NetErrorCode } from "../../util/errors.ts";
import { parseUrl } from "../shared/http_get.ts";
import { inflateBody } from "../shared/inflate_body.ts";
import { CLOSE_GRACE_MS, serverError } from "../shared/serving.ts";
import type { Http, HttpRequest, HttpResponse, HttpServer, Socket, SocketInfo } from "../types.ts";
import type { SimHost } from "./host.ts";
import type { SimStreamNet } from "./sim_stream_net.ts";

type Handler = Parameters<Http["serve"]>[1];

interface RequestHead {
  url: string;
  headers: Record<string, string>;
}

interface ResponseHead {
  status: number;
  headers: Record<string, string>;
}

/** Ends a body, so that one that breaks off is not taken for a whole one. */
const END_MARK = 0x0e;

export class SimHttp implements Http {
  readonly #host: SimHost;
  readonly #net: SimStreamNet;

  constructor(host: SimHost, net: SimStreamNet) {
    this.#host = host;
    this.#net = net;
  }

  async get(request: HttpRequest): Promise<HttpResponse> {
    const url = parseUrl(request.url);
    const doing = `Cannot get ${url.origin}${url.pathname}`;
    const fail = (code: NetErrorCode, reason: string) => new NetError(code, `${doing}: ${reason}`);
    const { signal, timeoutMs } = request;
    if (signal?.aborted) throw fail("aborted", "it was called off");
    let socket: Socket | null = null;
    return await new Promise<HttpResponse>((resolve, reject) => {
      const onAbort = () => reject(fail("aborted", "it was called off"));
      const timer = this.#host.after(timeoutMs, () => {
        reject(fail("timeout", `no answer within ${timeoutMs} ms`));
      });
      signal?.addEventListener("abort", onAbort);
      this.#dial(url, request).then((dialled) => {
        socket = dialled;
        return this.#exchange(dialled, url, request, doing);
      }).then(resolve, reject).finally(() => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
      });
    }).finally(() => socket?.close());
  }

  async serve(on: { port: number; address?: string }, handler: Handler): Promise<HttpServer> {
    const answering = new Set<Socket>();
    const where = { port: on.port, address: on.address ?? "127.0.0.1" };
    const listener = await this.#net.listen(where, (socket, info) => {
      answering.add(socket);
      const over = () => void answering.delete(socket);
      socket.closed.then(over, over);
      answer(socket, info, handler);
    });
    return {
      port: listener.port,
      close: async () => {
        await listener.close();
        const late = this.#host.sleep(CLOSE_GRACE_MS);
        await Promise.race([Promise.allSettled([...answering].map((each) => each.closed)), late]);
        for (const socket of answering) socket.close();
      },
    };
  }

  async #dial(url: URL, request: HttpRequest): Promise<Socket> {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const address = request.address ?? (await this.#net.lookup(host))[0]!;
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    return this.#net.connect({ address, port, timeoutMs: request.timeoutMs });
  }

  async #exchange(
    socket: Socket,
    url: URL,
    request: HttpRequest,
    doing: string,
  ): Promise<HttpResponse> {
    const headers = { "accept-encoding": "gzip, deflate", ...request.headers, host: url.host };
    const whole = receiveAll(socket, request.maxBytes, doing);
    await socket.opened.catch(() => {}); // the failure shows in `whole`
    socket.send(framed({ url: url.href, headers }), () => {});
    const message = await whole;
    const head = message.head as ResponseHead;
    const encoding = head.headers["content-encoding"] ?? "";
    const body = inflateBody(message.body, encoding, request.maxBytes, doing);
    return { status: head.status, headers: head.headers, body: await this.#host.hold(body) };
  }
}

/** A head, and the body up to the other side's end. */
function receiveAll(
  socket: Socket,
  maxBytes: number,
  doing: string,
): Promise<{ head: unknown; body: Uint8Array }> {
  return new Promise((resolve, reject) => {
    const frame = new Frame();
    socket.attach({
      onData(chunk) {
        frame.push(chunk);
        // One byte more for the end mark.
        if (frame.bodyLength <= maxBytes + 1) return;
        reject(new NetError("too-large", `${doing}: the answer is over ${maxBytes} bytes`));
        socket.close();
      },
      onEnd(error) {
        const message = frame.take();
        if (error !== null) reject(error);
        else if (message === null || message.body.at(-1) !== END_MARK) {
          reject(new NetError("reset", `${doing}: the answer broke off`));
        } else resolve({ head: message.head, body: message.body.slice(0, -1) });
      },
    });
  });
}

function answer(socket: Socket, info: SocketInfo, handler: Handler): void {
  const frame = new Frame();
  let answered = false;
  let gone = false;
  socket.attach({
    onData(chunk) {
      frame.push(chunk);
      const message = frame.take();
      if (answered || message === null) return;
      answered = true;
      const { url, headers } = message.head as RequestHead;
      respond(socket, url, headers, info, handler, () => gone);
    },
    onEnd() {
      gone = true;
    },
  });
}

async function respond(
  socket: Socket,
  url: string,
  headers: Record<string, string>,
  info: SocketInfo,
  handler: Handler,
  gone: () => boolean,
): Promise<void> {
  const remote = { address: info.remoteAddress, port: info.remotePort };
  let response: Response;
  try {
    response = await handler(new Request(url, { headers }), remote);
  } catch {
    response = serverError();
  }
  await sendBytes(
    socket,
    framed({ status: response.status, headers: Object.fromEntries(response.headers) }),
  );
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined && !gone()) {
      const { value, done } = await reader.read();
      if (done) break;
      await sendBytes(socket, value);
    }
    if (gone()) await reader?.cancel();
    else await sendBytes(socket, Uint8Array.of(END_MARK));
  } catch {
    // A body that fails leaves the answer without its end mark.
  }
  socket.close();
}

function sendBytes(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => socket.send(bytes, resolve));
}

function framed(head: RequestHead | ResponseHead): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const length = new Uint8Array(4);
  writeUint32(length, 0, text.length);
  return concatBytes(length, text);
}

class Frame {
  #parts: Uint8Array[] = [];
  #length = 0;
  #headLength = -1;

  push(chunk: Uint8Array): void {
    this.#parts.push(chunk.slice());
    this.#length += chunk.length;
    if (this.#headLength < 0 && this.#length >= 4) {
      this.#parts = [concatBytes(...this.#parts)];
      this.#headLength = readUint32(this.#parts[0]!, 0);
    }
  }

  /** Bytes after the head so far. */
  get bodyLength(): number {
    return this.#headLength < 0 ? 0 : Math.max(0, this.#length - 4 - this.#headLength);
  }

  /** Null until the head is whole. */
  take(): { head: unknown; body: Uint8Array } | null {
    if (this.#headLength < 0 || this.#length < 4 + this.#headLength) return null;
    const all = concatBytes(...this.#parts);
    const end = 4 + this.#headLength;
    const head: unknown = JSON.parse(new TextDecoder().decode(all.subarray(4, end)));
    return { head, body: all.subarray(end) };
  }
}
