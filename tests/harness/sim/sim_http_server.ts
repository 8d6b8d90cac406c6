/** A small HTTP server over simulated sockets: one request a connection, streams both ways. */
import { concatBytes, fromLatin1 } from "../../../src/util/bytes.ts";
import { netError, systemError } from "../../../src/platform/shared/errno.ts";
import { type BodyEnd, WireReader } from "../../../src/platform/shared/http_wire.ts";
import {
  CLOSE_GRACE_MS,
  DEFAULT_LIMITS,
  serverError,
} from "../../../src/platform/shared/serving.ts";
import type { Http, Socket, SocketInfo } from "../../../src/platform/types.ts";
import type { SimHost } from "./host.ts";
import type { SimStreamNet } from "./sim_stream_net.ts";
import { SocketLine } from "./socket_line.ts";

type Handler = Parameters<Http["serve"]>[1];
type Remote = Parameters<Handler>[1];

/** The Unix sockets of a node, each with the port that stands for it. */
export type Paths = Map<string, number>;

export function serve(host: SimHost, net: SimStreamNet, paths: Paths): Http["serve"] {
  return async (on, handler, limits) => {
    const { connections, headMs, bodyMs } = { ...DEFAULT_LIMITS, ...limits };
    const open = new Set<Socket>(), unix = "unix" in on ? on.unix : null;
    if (unix !== null && paths.has(unix)) {
      throw netError(`Cannot serve on ${unix}`, systemError("EADDRINUSE"));
    }
    const where = "unix" in on ? { port: 0 } : on;
    const listener = await net.listen({ address: "127.0.0.1", ...where }, (socket, info) => {
      if (open.size >= connections) return socket.close();
      open.add(socket);
      const over = () => void open.delete(socket);
      socket.closed.then(over, over);
      const visit = new Visit(host, socket);
      visit.answer(handler, remoteOf(unix, info), { headMs, bodyMs })
        .catch(() => {}).finally(() => socket.close());
    });
    if (unix !== null) paths.set(unix, listener.port);
    return {
      port: unix === null ? listener.port : 0,
      close: async () => {
        if (unix !== null) paths.delete(unix);
        await listener.close();
        const late = host.sleep(CLOSE_GRACE_MS);
        await Promise.race([Promise.allSettled([...open].map((each) => each.closed)), late]);
        for (const socket of open) socket.close();
      },
    };
  };
}

function remoteOf(unix: string | null, { remoteAddress, remotePort }: SocketInfo): Remote {
  return unix === null ? { address: remoteAddress, port: remotePort } : { address: "", port: 0 };
}

class Visit {
  readonly #line: SocketLine;
  readonly #reader: WireReader;

  constructor(readonly host: SimHost, readonly socket: Socket) {
    this.#line = new SocketLine(socket);
    this.#reader = new WireReader(this.#line, "Cannot read the request");
  }

  /** An answer that rejects, as when its body fails, is left unfinished. */
  async answer(
    handler: Handler,
    remote: Remote,
    { headMs, bodyMs }: { headMs: number; bodyMs: number },
  ): Promise<void> {
    const head = this.#allow(headMs);
    const [method = "", target = ""] = (await this.#reader.firstLine()).split(" ");
    const headers = await this.#reader.headers();
    head.cancel();
    const end = headers["transfer-encoding"] === undefined
      ? Number(headers["content-length"] ?? 0)
      : "chunked";
    const body = end === 0 ? {} : { body: this.#body(end, bodyMs), duplex: "half" };
    const request = new Request(`http://${headers["host"]}${target}`, { method, headers, ...body });
    await this.#send(method, await answerOf(handler, request, remote));
  }

  #body(end: BodyEnd, bodyMs: number): ReadableStream<Uint8Array<ArrayBuffer>> {
    const parts = this.#reader.body(end), timer = this.#allow(bodyMs);
    return new ReadableStream({
      async pull(controller) {
        const { value, done } = await parts.next();
        if (!done) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
        timer.cancel();
        controller.close();
      },
    });
  }

  #allow(ms: number) {
    return this.host.after(ms, () => this.socket.close());
  }

  async #send(method: string, response: Response): Promise<void> {
    const line = this.#line;
    await line.send(headOf(response));
    const from = method === "HEAD" ? undefined : response.body?.getReader();
    this.socket.closed.catch(() => {}).finally(() => from?.cancel().catch(() => {}));
    while (from !== undefined && !line.ended) {
      const { value, done } = await from.read();
      if (done) break;
      if (value.length > 0) await line.send(bodyPart(response, value));
    }
    if (!line.ended && method !== "HEAD" && !hasLength(response)) {
      await line.send(fromLatin1("0\r\n\r\n"));
    }
  }
}

async function answerOf(handler: Handler, request: Request, remote: Remote): Promise<Response> {
  try {
    return await handler(request, remote);
  } catch {
    return serverError();
  }
}

function hasLength({ headers }: Response): boolean {
  return headers.has("content-length");
}

/** In chunks where there is no length, so that a truncated body is not mistaken for a whole one. */
function headOf(response: Response): Uint8Array {
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const coding = hasLength(response) ? "" : "transfer-encoding: chunked\r\n";
  return fromLatin1(`HTTP/1.1 ${response.status} OK\r\n${lines}${coding}\r\n`);
}

function bodyPart(response: Response, bytes: Uint8Array): Uint8Array {
  if (hasLength(response)) return bytes;
  const size = fromLatin1(`${bytes.length.toString(16)}\r\n`);
  return concatBytes(size, bytes, fromLatin1("\r\n"));
}
