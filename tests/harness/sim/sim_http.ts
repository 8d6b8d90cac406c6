/**
 * HTTP between simulated nodes. What travels on their sockets is not HTTP text but a JSON head and
 * the parts of the body, each after its length, and a length of 0 at the end: rates, cuts and resets
 * act on it all the same.
 */
import { concatBytes, writeUint32 } from "../../../src/util/bytes.ts";
import { systemError } from "../../../src/platform/shared/errno.ts";
import {
  createHttpClient,
  type HttpExchange,
  type Outgoing,
} from "../../../src/platform/shared/http_client.ts";
import { CLOSE_GRACE_MS, serverError } from "../../../src/platform/shared/serving.ts";
import type {
  Http,
  HttpHead,
  HttpServer,
  Socket,
  SocketInfo,
} from "../../../src/platform/types.ts";
import { FramedReader } from "./framed_reader.ts";
import type { SimHost } from "./host.ts";
import type { SimStreamNet } from "./sim_stream_net.ts";

type Handler = Parameters<Http["serve"]>[1];

interface RequestHead {
  method: string;
  url: string;
  headers: Record<string, string>;
}

/** Its `request` and `stream` are those of the real platform, over an exchange of this kind. */
export function createSimHttp(host: SimHost, net: SimStreamNet): Http {
  const client = createHttpClient({
    after: (delayMs, fn) => host.after(delayMs, fn),
    start: (outgoing) => new SimExchange(net, outgoing),
    hold: (work) => host.hold(work),
  });
  return { ...client, serve: (on, handler) => serve(host, net, on, handler) };
}

class SimExchange implements HttpExchange {
  readonly #net: SimStreamNet;
  readonly #outgoing: Outgoing;
  #socket: Socket | null = null;
  #reader: FramedReader | null = null;
  #closed = false;

  constructor(net: SimStreamNet, outgoing: Outgoing) {
    this.#net = net;
    this.#outgoing = outgoing;
  }

  async begin(): Promise<HttpHead> {
    const { method, url, headers, body, timeoutMs } = this.#outgoing;
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const address = this.#outgoing.address ?? (await this.#net.lookup(host))[0]!;
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    if (this.#closed) throw systemError("ECANCELED");
    const socket = this.#socket = this.#net.connect({ address, port, timeoutMs });
    const reader = this.#reader = new FramedReader(socket);
    await socket.opened;
    const head: RequestHead = { method, url: url.href, headers: { ...headers, host: url.host } };
    const parts = body === undefined || body.length === 0 ? [] : [framed(body)];
    await sendBytes(socket, concatBytes(headBytes(head), ...parts, END));
    return await readHead(reader) as HttpHead;
  }

  read(): Promise<Uint8Array | null> {
    return this.#reader!.some();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.close();
  }
}

async function serve(
  host: SimHost,
  net: SimStreamNet,
  on: { port: number; address?: string },
  handler: Handler,
): Promise<HttpServer> {
  const answering = new Set<Socket>();
  const where = { port: on.port, address: on.address ?? "127.0.0.1" };
  const listener = await net.listen(where, (socket, info) => {
    answering.add(socket);
    const over = () => void answering.delete(socket);
    socket.closed.then(over, over);
    answer(socket, info, handler).catch(() => {}).finally(() => socket.close());
  });
  return {
    port: listener.port,
    close: async () => {
      await listener.close();
      const late = host.sleep(CLOSE_GRACE_MS);
      await Promise.race([Promise.allSettled([...answering].map((each) => each.closed)), late]);
      for (const socket of answering) socket.close();
    },
  };
}

/** An answer that rejects, as when its body fails, stays without its end. */
async function answer(socket: Socket, info: SocketInfo, handler: Handler): Promise<void> {
  const reader = new FramedReader(socket);
  const { method, url, headers } = await readHead(reader) as RequestHead;
  const parts: Uint8Array[] = [];
  for (let part; (part = await reader.some()) !== null;) parts.push(part);
  const body = parts.length > 0 ? { body: concatBytes(...parts) } : {};
  const remote = { address: info.remoteAddress, port: info.remotePort };
  let response: Response;
  try {
    response = await handler(new Request(url, { method, headers, ...body }), remote);
  } catch {
    response = serverError();
  }
  const head = { status: response.status, headers: Object.fromEntries(response.headers) };
  await sendBytes(socket, headBytes(head));
  const from = method === "HEAD" ? undefined : response.body?.getReader();
  while (from !== undefined && !reader.ended) {
    const { value, done } = await from.read();
    if (done) break;
    if (value.length > 0) await sendBytes(socket, framed(value));
  }
  if (reader.ended) await from?.cancel();
  else await sendBytes(socket, END);
}

function sendBytes(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => void socket.send(bytes, resolve));
}

/** Ends a body, so that one that breaks off is not taken for a whole one. */
const END = new Uint8Array(4);

function headBytes(head: RequestHead | HttpHead): Uint8Array {
  return framed(new TextEncoder().encode(JSON.stringify(head)));
}

function framed(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  writeUint32(length, 0, bytes.length);
  return concatBytes(length, bytes);
}

async function readHead(reader: FramedReader): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await reader.part()));
}
