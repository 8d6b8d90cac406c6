/** TCP and name look-up over node:net, the same on both runtimes. */
import { createServer, type Server } from "node:net";
import type { Listener, StreamNet } from "../types.ts";
import { hostPort } from "./addresses.ts";
import { errnoOf, netError } from "./errno.ts";
import { createLookup } from "./lookups.ts";
import { type Reading, TcpSocket } from "./tcp_socket.ts";

/** With the default of 511, bursts of a popular torrent's peers would lose SYNs, a second each. */
const MOST_QUEUED = 1024;

type On = Parameters<StreamNet["listen"]>[0];
type OnSocket = Parameters<StreamNet["listen"]>[1];

export interface StreamNetOptions {
  reading: Reading;
  /** Look-ups of names that may run at once; default: any number. */
  lookupsAtOnce?: number;
  /** Throws where a sandbox forbids it: Deno itself throws only later, where nobody can catch it. */
  demandListen?(host: string, port: number): void;
}

export function createStreamNet(options: StreamNetOptions): StreamNet {
  return {
    connect: (to) => TcpSocket.dial(to, options.reading),
    listen: (on, onSocket) => listen(on, onSocket, options),
    lookup: createLookup(options.lookupsAtOnce ?? Infinity),
  };
}

async function listen(
  on: On,
  onSocket: OnSocket,
  options: StreamNetOptions,
): Promise<Listener> {
  if (on.address !== undefined) return await bind(on.address, on, onSocket, options);
  try {
    return await bind("::", on, onSocket, options);
  } catch (error) {
    const errno = errnoOf((error as Error).cause);
    if (!["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(errno)) throw error;
    return await bind("0.0.0.0", on, onSocket, options); // no IPv6 on this machine
  }
}

function bind(
  host: string,
  { port, queue = MOST_QUEUED }: On,
  onSocket: OnSocket,
  { reading, demandListen }: StreamNetOptions,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    try {
      demandListen?.(host, port);
    } catch (error) {
      return reject(netError(`Cannot listen on ${hostPort(host, port)}`, error));
    }
    const server = createServer(
      { noDelay: true, pauseOnConnect: reading === "shared" },
      (accepted) => {
        // Bytes between accept and the caller's attach must not be lost, so both are in one turn.
        if (accepted.remoteAddress === undefined) {
          accepted.destroy(); // it was reset while it waited in the queue
          return;
        }
        const { socket, info } = TcpSocket.accept(accepted, reading);
        onSocket(socket, info);
      },
    );
    server.once("error", (error) => {
      reject(netError(`Cannot listen on ${hostPort(host, port)}`, error));
    });
    server.listen({ host, port, backlog: Math.min(queue, MOST_QUEUED) }, () => {
      server.removeAllListeners("error");
      // A failed accept (EMFILE) must not end the process; the peer tries again.
      server.on("error", () => {});
      resolve({ port: portOf(server), close: () => stop(server) });
    });
  });
}

/**
 * The port is free when this resolves. Accepted sockets stay open, so it cannot wait for 'close'.
 */
function stop(server: Server): Promise<void> {
  server.close();
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
