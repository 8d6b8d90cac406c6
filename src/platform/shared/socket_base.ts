/**
 * The shared parts of every built-in socket: the receiver, pausing, the order of the last calls,
 * and the Web-standard members. A subclass moves the bytes.
 *
 * Invariants: nothing is delivered while paused or after `close()`; every `sent` is called exactly
 * once and before `onEnd`; `onEnd` is called exactly once and last.
 */
import { assert } from "../../util/assert.ts";
import { NetError } from "../../util/errors.ts";
import type { Socket, SocketInfo, StreamSink } from "../types.ts";
import { readableOf, writableOf } from "./socket_streams.ts";

const NOBODY: StreamSink = { onData() {}, onEnd() {} };

export abstract class SocketBase implements Socket {
  #sink: StreamSink | null = null;
  /** Copies of chunks that arrived before there was a receiver. */
  #kept: Uint8Array[] = [];
  #sending: (() => void)[] = [];
  #paused = false;
  #delivering = false;
  #closing = false;
  #ended = false;
  #reported = false;
  #error: Error | null = null;
  #info: SocketInfo | null = null;
  #opened: PromiseWithResolvers<SocketInfo> | null = null;
  #closed: PromiseWithResolvers<void> | null = null;
  #readable: ReadableStream<Uint8Array> | null = null;
  #writable: WritableStream<Uint8Array> | null = null;

  /**
   * Starts to write `bytes`; `didSend()` must follow, later and in order, unless the socket ends
   * first. True if the bytes may be reused already.
   */
  protected abstract startSend(bytes: Uint8Array): boolean;
  protected abstract startReading(): void;
  protected abstract stopReading(): void;
  /** Sends what is queued, then tells the other side that no more follows. */
  protected abstract finishWriting(): void;
  /** Ends both directions, after sending the queue if that is quick; `didEnd` follows. */
  protected abstract shutDown(sending: boolean): void;

  get opened(): Promise<SocketInfo> {
    if (this.#opened === null) {
      this.#opened = quiet(Promise.withResolvers<SocketInfo>());
      if (this.#info !== null) this.#opened.resolve(this.#info);
      else if (this.#ended) this.#opened.reject(this.#error ?? closedError());
    }
    return this.#opened.promise;
  }

  get closed(): Promise<void> {
    if (this.#closed === null) {
      this.#closed = quiet(Promise.withResolvers<void>());
      if (this.#ended) this.#settleClosed();
    }
    return this.#closed.promise;
  }

  get readable(): ReadableStream<Uint8Array> {
    this.#readable ??= readableOf(this);
    return this.#readable;
  }

  get writable(): WritableStream<Uint8Array> {
    this.#writable ??= writableOf(this, () => this.finishWriting());
    return this.#writable;
  }

  attach(sink: StreamSink): void {
    assert(this.#sink === null, "a socket has one reader");
    this.#sink = sink;
    if (this.#kept.length > 0 || this.#ended) queueMicrotask(() => this.#catchUp());
  }

  send(bytes: Uint8Array, sent: () => void): boolean {
    if (this.#ended || this.#closing) {
      queueMicrotask(sent);
      return true;
    }
    this.#sending.push(sent);
    return this.startSend(bytes);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (!this.#delivering && !this.#ended) this.stopReading();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#delivering) return;
    if (this.#kept.length > 0 || this.#ended) queueMicrotask(() => this.#catchUp());
    else this.startReading();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#kept = [];
    if (!this.#ended) this.shutDown(this.#sending.length > 0);
    // The other side ended before, but a paused reader was not told yet.
    else if (this.#sink !== null) queueMicrotask(() => this.#catchUp());
  }

  protected didOpen(info: SocketInfo): void {
    this.#info = info;
    this.#opened?.resolve(info);
  }

  /** Delivers borrowed bytes. False asks the caller to stop reading until `startReading()`. */
  protected didReceive(chunk: Uint8Array): boolean {
    if (this.#closing || this.#ended) return true;
    if (this.#sink === null || this.#paused || this.#kept.length > 0) {
      this.#kept.push(chunk.slice());
      return false;
    }
    this.#deliver(this.#sink, chunk);
    return !this.#paused;
  }

  /** The system has accepted the oldest send. */
  protected didSend(): void {
    this.#sending.shift()?.();
  }

  /** Both directions have ended. Only the first call counts. */
  protected didEnd(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = this.#closing ? null : error;
    if (this.#error !== null) this.#kept = [];
    for (let sent = this.#sending.shift(); sent; sent = this.#sending.shift()) sent();
    if (this.#info === null) this.#opened?.reject(error ?? closedError());
    if (this.#closed !== null) this.#settleClosed();
    if (this.#sink !== null) this.#catchUp();
  }

  #deliver(sink: StreamSink, chunk: Uint8Array): void {
    this.#delivering = true;
    try {
      sink.onData(chunk);
    } finally {
      this.#delivering = false;
    }
  }

  #catchUp(): void {
    const sink = this.#sink!;
    while (this.#kept.length > 0 && !this.#paused && !this.#closing) {
      this.#deliver(sink, this.#kept.shift()!);
    }
    if (this.#kept.length > 0) return;
    if (!this.#ended) {
      if (!this.#paused && !this.#closing) this.startReading();
    } else if (!this.#reported) {
      this.#reported = true;
      this.#sink = NOBODY; // a runtime may keep a socket for long, with everything that it references
      sink.onEnd(this.#error);
    }
  }

  #settleClosed(): void {
    if (this.#error !== null) this.#closed!.reject(this.#error);
    else this.#closed!.resolve();
  }
}

/** These promises may stay unhandled: the sink is told of every failure too. */
function quiet<T>(promise: PromiseWithResolvers<T>): PromiseWithResolvers<T> {
  promise.promise.catch(() => {});
  return promise;
}

function closedError(): NetError {
  return new NetError("closed", "Connection closed before it was open");
}
