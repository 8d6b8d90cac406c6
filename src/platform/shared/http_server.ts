/**
 * HTTP serving by node:http on both runtimes, with limits of our own: their native servers leave
 * half a head open for ever (Deno) or drop the length of a streamed answer (Bun), and neither keeps
 * the time limits of node:http (src/DECISIONS.md 65).
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Http, ServeOn } from "../types.ts";
import { hostPort, plainAddress } from "./addresses.ts";
import { netError } from "./errno.ts";
import { HttpLines } from "./http_lines.ts";
import { inTurns } from "./in_turns.ts";
import { DEFAULT_LIMITS, serverError } from "./serving.ts";
import { listenOnPath } from "./unix_socket.ts";

type Handler = Parameters<Http["serve"]>[1];

export const serve: Http["serve"] = async (on, handler, limits) => {
  // Loaded on demand: most commands serve nothing.
  const [{ createServer }, { getRequestListener }] = await Promise.all([
    import("node:http"),
    import("@hono/node-server"),
  ]);
  const answer = inTurns(getRequestListener(fetchFor(handler), {
    overrideGlobalObjects: false,
    errorHandler: (error) =>
      (error as Error).name === "RequestError"
        ? new Response("Bad Request", { status: 400 })
        : serverError(),
  }) as RequestListener);
  const server = createServer();
  const lines = new HttpLines(server, { ...DEFAULT_LIMITS, ...limits });
  server.on("request", (incoming, outgoing) => {
    if (lines.asked(incoming, outgoing)) answer(incoming, outgoing);
  });
  const forget = await listen(server, on);
  return {
    port: "unix" in on ? 0 : (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      forget();
      await lines.end();
      await closed;
    },
  };
};

function fetchFor(handler: Handler) {
  return async (request: Request, env: unknown): Promise<Response> => {
    const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse };
    const { remoteAddress, remotePort } = incoming.socket;
    const remote = { address: plainAddress(remoteAddress), port: remotePort ?? 0 };
    return breakingOff(await handler(request, remote), outgoing);
  };
}

/** A body that fails breaks its connection, as a visitor must not take it for a whole one. */
function breakingOff(response: Response, outgoing: ServerResponse): Response {
  if (response.body === null) return response;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const part = await reader.read().catch(() => null);
      if (part?.value !== undefined) return controller.enqueue(part.value);
      if (part === null) outgoing.destroy();
      controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return new Response(body, { status: response.status, headers: response.headers });
}

/** Resolves to what is left to do at the end. */
async function listen(server: Server, on: ServeOn): Promise<() => void> {
  if ("unix" in on) return await listenOnPath(server, on.unix);
  const host = on.address ?? "127.0.0.1", where = hostPort(host, on.port);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(netError(`Cannot serve on ${where}`, error)));
    server.listen({ port: on.port, host }, resolve);
  });
  return () => {};
}
