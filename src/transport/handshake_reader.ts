/**
 * The first 68 bytes of a connection, of either direction. Owns the socket until the handshake is
 * complete, then hands it over with all bytes that came after it; a deadline ends incomplete ones.
 */
import type { Clock, Socket, SocketInfo, StreamSink, Timer } from "../platform/types.ts";
import type { Connection } from "./connection.ts";
import { NetError, ProtocolError } from "../util/errors.ts";
import {
  decodeHandshake,
  encodeHandshake,
  type Handshake,
  HANDSHAKE_LENGTH,
  startsLikeHandshake,
} from "../wire/handshake.ts";

const NO_BYTES = new Uint8Array(0);

export interface HandshakeEvents {
  /** The peer's handshake is here: call `handOver` before returning, or `close`. */
  handshake(reader: HandshakeReader, handshake: Handshake): void;
  /** No handshake will come. Called at most once, and never after `handshake`. */
  failed(error: Error): void;
}

export class HandshakeReader implements StreamSink {
  readonly socket: Socket;
  readonly #events: HandshakeEvents;
  readonly #bytes = new Uint8Array(HANDSHAKE_LENGTH);
  readonly #deadline: Timer;
  #fill = 0;
  #next: StreamSink | null = null;
  #over = false;

  constructor(socket: Socket, clock: Clock, timeoutMs: number, events: HandshakeEvents) {
    this.socket = socket;
    this.#events = events;
    this.#deadline = clock.after(timeoutMs, () => {
      this.#fail(new NetError("timeout", "The peer did not send a handshake in time"));
    });
    socket.attach(this);
  }

  /** The connection, once `theirs` is here. `answer`: our handshake, if the peer made it. */
  connection(theirs: Handshake, info: SocketInfo, answer: Handshake | null): Connection {
    return {
      transport: "tcp",
      encryption: "none",
      incoming: answer !== null,
      opening: answer === null ? NO_BYTES : encodeHandshake(answer),
      theirs,
      info,
      socket: this.socket,
      handOver: (sink) => this.handOver(sink),
      close: () => this.close(),
    };
  }

  /** From now on `sink` gets the bytes and the end. */
  handOver(sink: StreamSink): void {
    this.#next = sink;
  }

  /** Ends the connection without a word to the events. */
  close(): void {
    this.#over = true;
    this.#deadline.cancel();
    this.socket.close();
  }

  onData(chunk: Uint8Array): void {
    if (this.#next !== null) return this.#next.onData(chunk);
    if (this.#over) return;
    const length = Math.min(HANDSHAKE_LENGTH - this.#fill, chunk.length);
    this.#bytes.set(chunk.subarray(0, length), this.#fill);
    this.#fill += length;
    if (!startsLikeHandshake(this.#bytes.subarray(0, this.#fill))) {
      return this.#fail(new ProtocolError("bad-handshake", "The peer speaks another protocol"));
    }
    if (this.#fill < HANDSHAKE_LENGTH) return;
    this.#deadline.cancel();
    this.#over = true;
    this.#events.handshake(this, decodeHandshake(this.#bytes)!);
    // The events may have closed it: then nobody takes the rest.
    const next = this.#next as StreamSink | null;
    if (next === null) this.socket.close();
    else if (length < chunk.length) next.onData(chunk.subarray(length));
  }

  onEnd(error: Error | null): void {
    if (this.#next !== null) return this.#next.onEnd(error);
    this.#fail(error ?? new NetError("closed", "The peer disconnected before its handshake"));
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.close();
    this.#events.failed(error);
  }
}
