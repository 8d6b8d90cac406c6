/**
 * HTTP between simulated nodes: the platform's own client, and a small server, over their sockets.
 * Rates, cuts and resets of the network affect it, and a node may also answer by hand, byte by
 * byte.
 */
import { concatBytes, fromLatin1 } from "../../../src/util/bytes.ts";
import { systemError } from "../../../src/platform/shared/errno.ts";
import { createHttpClient, type Outgoing } from "../../../src/platform/shared/http_client.ts";
import { type HttpLine, WireExchange, WireReader } from "../../../src/platform/shared/http_wire.ts";
import { CLOSE_GRACE_MS, serverError } from "../../../src/platform/shared/serving.ts";
import type { Http, HttpServer, Socket, SocketInfo } from "../../../src/platform/types.ts";
import type { SimHost } from "./host.ts";
import type { SimStreamNet } from "./sim_stream_net.ts";
import { SocketLine } from "./socket_line.ts";

type Handler = Parameters<Http["serve"]>[1];

/** Its `request` and `stream` are those of the real platform, over simulated connections. */
export function createSimHttp(host: SimHost, net: SimStreamNet): Http {
  const client = createHttpClient({
    after: (delayMs, fn) => host.after(delayMs, fn),
    start: (outgoing) => new WireExchange(outgoing, (to) => new SimLine(net, to)),
    hold: (work) => host.hold(work),
  });
  return { ...client, serve: (on, handler) => serve(host, net, on, handler) };
}

/** A connection to a host by name. Nothing is encrypted here, whatever the URL says. */
class SimLine implements HttpLine {
  readonly opened: Promise<unknown>;
  #line: SocketLine | null = null;
  #closed = false;

  constructor(net: SimStreamNet, to: Outgoing) {
    this.opened = this.#open(net, to);
  }

  async #open(net: SimStreamNet, { url, address, timeoutMs }: Outgoing): Promise<void> {
    const found = address ?? (await net.lookup(url.hostname.replace(/^\[|\]$/g, "")))[0]!;
    if (this.#closed) throw systemError("ECANCELED");
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    this.#line = new SocketLine(net.connect({ address: found, port, timeoutMs }));
    await this.#line.opened;
  }

  write(bytes: Uint8Array): void {
    this.#line!.write(bytes);
  }

  read(): Promise<Uint8Array | null> {
    return this.#line!.read();
  }

  close(): void {
    this.#closed = true;
    this.#line?.close();
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

/** An answer that rejects, as when its body fails, is left unfinished. */
async function answer(socket: Socket, info: SocketInfo, handler: Handler): Promise<void> {
  const line = new SocketLine(socket), reader = new WireReader(line, "Cannot read the request");
  const [method = "", target = ""] = (await reader.firstLine()).split(" ");
  const headers = await reader.headers(), parts: Uint8Array[] = [];
  const length = Number(headers["content-length"] ?? 0);
  for await (const part of reader.body(length)) parts.push(part);
  const request = new Request(`http://${headers["host"]}${target}`, {
    method,
    headers,
    ...(length > 0 ? { body: concatBytes(...parts) } : {}),
  });
  const remote = { address: info.remoteAddress, port: info.remotePort };
  let response: Response;
  try {
    response = await handler(request, remote);
  } catch {
    response = serverError();
  }
  await line.send(headOf(response));
  const from = method === "HEAD" ? undefined : response.body?.getReader();
  while (from !== undefined && !line.ended) {
    const { value, done } = await from.read();
    if (done) break;
    if (value.length > 0) await line.send(chunkOf(value));
  }
  if (line.ended) await from?.cancel();
  else if (method !== "HEAD") await line.send(fromLatin1("0\r\n\r\n"));
}

/** In chunks, so that a truncated body is not mistaken for a whole one. */
function headOf({ status, headers }: Response): Uint8Array {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  return fromLatin1(`HTTP/1.1 ${status} OK\r\n${lines.join("")}transfer-encoding: chunked\r\n\r\n`);
}

function chunkOf(bytes: Uint8Array): Uint8Array {
  return concatBytes(fromLatin1(`${bytes.length.toString(16)}\r\n`), bytes, fromLatin1("\r\n"));
}
