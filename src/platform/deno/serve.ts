/** HTTP serving by Deno.serve. */
import { plainAddress } from "../shared/addresses.ts";
import { netError } from "../shared/errno.ts";
import { serverError, within } from "../shared/serving.ts";
import type { Http, HttpServer } from "../types.ts";
import { Deno, type NetAddr } from "./deno_global.ts";

export const serve: Http["serve"] = (on, handler) => {
  const hostname = on.address ?? "127.0.0.1";
  // Not `server.shutdown()`: it waits for event streams for ever, and after it nothing can cut them.
  const cutter = new AbortController();
  const answering = new Set<Promise<void>>();
  return new Promise<HttpServer>((resolve, reject) => {
    try {
      const server = Deno.serve({
        port: on.port,
        hostname,
        signal: cutter.signal,
        onListen: () => {},
        onError: serverError,
      }, (request, { remoteAddr, completed }) => {
        const { hostname, port } = remoteAddr as NetAddr;
        const over = completed.catch(() => {}).finally(() => answering.delete(over));
        answering.add(over);
        return handler(request, { address: plainAddress(hostname), port });
      });
      resolve({
        port: (server.addr as NetAddr).port,
        async close() {
          await within(Promise.all(answering));
          cutter.abort();
          await server.finished;
        },
      });
    } catch (error) {
      reject(netError(`Cannot serve on ${hostname}:${on.port}`, error));
    }
  });
};
