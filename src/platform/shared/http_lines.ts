/** The connections of an HTTP server: how many there may be, how long each may dawdle, their end. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ServeLimits } from "../types.ts";
import { within } from "./serving.ts";

/**
 * Requests of one connection that may wait for their answers. A client that sends on without reading
 * would have each of them handled at once and all answers kept: 0.8 GB for 6 MB of requests.
 */
const MOST_WAITING = 32;

export class HttpLines {
  readonly #limits: Required<ServeLimits>;
  /** The time limit of each connection; null while an answer is under way. */
  readonly #lines = new Map<Socket, ReturnType<typeof setTimeout> | null>();
  readonly #answering = new Set<Promise<void>>();
  /** Requests without a whole answer. */
  readonly #waiting = new WeakMap<Socket, number>();
  #ending = false;

  constructor(server: Server, limits: Required<ServeLimits>) {
    this.#limits = limits;
    server.maxConnections = limits.connections;
    server.on("connection", (socket: Socket) => {
      socket.once("close", () => {
        this.#rest(socket);
        this.#lines.delete(socket);
      });
      this.#allow(socket, limits.headMs);
    });
  }

  /** The head of a request has arrived. False: its connection has too many, and is cut. */
  asked(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    const { socket } = incoming, waiting = (this.#waiting.get(socket) ?? 0) + 1;
    if (socket.destroyed || waiting > MOST_WAITING) {
      socket.destroy();
      return false;
    }
    this.#waiting.set(socket, waiting);
    let isOver = false;
    if (hasBody(incoming)) {
      this.#allow(socket, this.#limits.bodyMs);
      incoming.once("end", () => isOver || this.#rest(socket));
    } else this.#rest(socket);
    const answered = new Promise<void>((resolve) => outgoing.once("close", resolve)).then(() => {
      isOver = true;
      this.#waiting.set(socket, this.#waiting.get(socket)! - 1);
      this.#answering.delete(answered);
      if (this.#ending) socket.destroy();
      else if (!socket.destroyed) this.#allow(socket, this.#limits.headMs);
    });
    this.#answering.add(answered);
    return true;
  }

  /** Ends all: answers under way have a moment. */
  async end(): Promise<void> {
    this.#ending = true;
    await within(Promise.all(this.#answering));
    for (const socket of this.#lines.keys()) socket.destroy();
  }

  #allow(socket: Socket, ms: number): void {
    this.#rest(socket);
    this.#lines.set(socket, setTimeout(() => socket.destroy(), ms));
  }

  #rest(socket: Socket): void {
    const timer = this.#lines.get(socket);
    if (timer) clearTimeout(timer);
    if (timer) this.#lines.set(socket, null);
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
