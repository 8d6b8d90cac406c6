/** Sockets whose every byte the test moves: nothing happens by itself. */
import { concatBytes } from "../../src/util/bytes.ts";
import type {
  Listener,
  Socket,
  SocketInfo,
  StreamNet,
  StreamSink,
} from "../../src/platform/types.ts";

export const SOME_INFO: SocketInfo = {
  remoteAddress: "10.0.0.2",
  remotePort: 6881,
  localAddress: "10.0.0.1",
  localPort: 50000,
};

export class HandSocket implements Socket {
  readonly readable = new ReadableStream<Uint8Array>();
  readonly writable = new WritableStream<Uint8Array>();
  readonly #opening = Promise.withResolvers<SocketInfo>();
  readonly #closing = Promise.withResolvers<void>();
  readonly opened = this.#opening.promise;
  readonly closed = this.#closing.promise;
  sink: StreamSink | null = null;
  isClosed = false;
  paused = false;
  /** Whether the system accepts sent bytes at once. */
  takesAtOnce = false;
  /** All sent bytes, copied when they were sent. */
  readonly sent: Uint8Array[] = [];
  /** Sends that were not acknowledged. */
  readonly underWay: { bytes: Uint8Array; copy: Uint8Array; done: () => void }[] = [];
  #taken = 0;

  constructor() {
    this.opened.catch(() => {});
  }

  attach(sink: StreamSink): void {
    if (this.sink !== null) throw new Error("attached twice");
    this.sink = sink;
  }

  send(bytes: Uint8Array, sent: () => void): boolean {
    if (this.underWay.length > 0) throw new Error("one send at a time");
    const copy = bytes.slice();
    this.sent.push(copy);
    this.underWay.push({ bytes, copy, done: sent });
    return this.takesAtOnce;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(): void {
    this.isClosed = true;
  }

  /** The connection is established. */
  open(info: SocketInfo = SOME_INFO): void {
    this.#opening.resolve(info);
  }

  /** The other end sent this. */
  receive(bytes: Uint8Array): void {
    const chunk = bytes.slice();
    this.sink!.onData(chunk);
    chunk.fill(0xdb); // borrowed: a kept chunk becomes nonsense
  }

  /** The connection has ended, as reported to the sink. */
  end(error: Error | null): void {
    this.sink!.onEnd(error);
  }

  /** The system accepts the queued bytes; throws if they changed meanwhile. */
  acknowledge(): void {
    const { bytes, copy, done } = this.underWay.shift()!;
    if (bytes.some((byte, i) => byte !== copy[i])) throw new Error("changed while being sent");
    done();
  }

  /** What was sent since the last call. */
  take(): Uint8Array {
    const bytes = concatBytes(...this.sent.slice(this.#taken));
    this.#taken = this.sent.length;
    return bytes;
  }
}

/** A network that returns hand-driven sockets. */
export class HandNet implements StreamNet {
  readonly dialled: { to: { address: string; port: number }; socket: HandSocket }[] = [];

  connect(to: { address: string; port: number; timeoutMs: number }): Socket {
    const socket = new HandSocket();
    this.dialled.push({ to: { address: to.address, port: to.port }, socket });
    return socket;
  }

  listen(): Promise<Listener> {
    return Promise.reject(new Error("nobody listens here"));
  }

  lookup(host: string): Promise<string[]> {
    return Promise.resolve([host]);
  }
}
