/** HTTP serving by Bun.serve, with its harmful defaults turned off: see the options. */
import { plainAddress } from "../shared/addresses.ts";
import { netError } from "../shared/errno.ts";
import { serverError, within } from "../shared/serving.ts";
import type { Http, HttpServer } from "../types.ts";

/** The few members of Bun that are used here, so that Bun's types are not needed. */
interface BunServer {
  readonly port: number;
  requestIP(request: Request): { address: string; port: number } | null;
  stop(closeConnections?: boolean): Promise<void>;
}

interface BunGlobal {
  serve(options: {
    port: number;
    hostname: string;
    /** 0: a quiet event stream is not cut after ten seconds. */
    idleTimeout: number;
    /** False: a port in use is an error instead of a share of its visitors. */
    reusePort: boolean;
    /** False: errors are not answered with a page that shows the source. */
    development: boolean;
    error(): Response;
    fetch(request: Request, server: BunServer): Response | Promise<Response>;
  }): BunServer;
}

export const serve: Http["serve"] = (on, handler) => {
  const { Bun } = globalThis as unknown as { Bun: BunGlobal };
  const hostname = on.address ?? "127.0.0.1";
  return new Promise<HttpServer>((resolve, reject) => {
    try {
      const server = Bun.serve({
        port: on.port,
        hostname,
        idleTimeout: 0,
        reusePort: false,
        development: false,
        error: serverError,
        fetch(request, own) {
          const from = own.requestIP(request);
          const remote = { address: plainAddress(from?.address), port: from?.port ?? 0 };
          return handler(request, remote);
        },
      });
      resolve({
        port: server.port,
        async close() {
          await within(server.stop());
          await server.stop(true);
        },
      });
    } catch (error) {
      reject(netError(`Cannot serve on ${hostname}:${on.port}`, error));
    }
  });
};
