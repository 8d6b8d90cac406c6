/** HTTP serving by Deno.serve. */
import { plainAddress } from "../shared/addresses.ts";
import { netError } from "../shared/errno.ts";
import { serverError, stopWithin } from "../shared/serving.ts";
import type { Http, HttpServer } from "../types.ts";

export const serve: Http["serve"] = (on, handler) => {
  const hostname = on.address ?? "127.0.0.1";
  const cutter = new AbortController();
  return new Promise<HttpServer>((resolve, reject) => {
    try {
      const server = Deno.serve({
        port: on.port,
        hostname,
        signal: cutter.signal,
        onListen: () => {},
        onError: serverError,
      }, (request, { remoteAddr }) => {
        const { hostname, port } = remoteAddr as Deno.NetAddr;
        return handler(request, { address: plainAddress(hostname), port });
      });
      resolve({
        port: (server.addr as Deno.NetAddr).port,
        close: () =>
          stopWithin(server.shutdown(), () => {
            cutter.abort();
            return server.finished;
          }),
      });
    } catch (error) {
      reject(netError(`Cannot serve on ${hostname}:${on.port}`, error));
    }
  });
};
