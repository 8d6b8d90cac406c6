/**
 * Binds one session to one socket (the io of a PeerSession): bytes in, one write a turn out, blocks
 * for the peer read and sent in batches. Owns the socket; tells its swarm exactly once that it ended.
 */
import type { Clock, Socket, StreamSink } from "../platform/types.ts";
import { ProtocolError } from "../util/errors.ts";
import { ThrottleChain, type Waiter } from "../util/throttle.ts";
import { WireEncoder } from "../protocol/peer_wire.ts";
import type { PeerSession } from "./session.ts";

/** Blocks put into one write at most: enough to save calls, few enough to stay in the cache. */
const BLOCKS_PER_WRITE = 8;
const FIRST_BLOCKS_PER_WRITE = 4;
/** A write that takes longer is to be half as large the next time, any other one block larger. */
const SLOW_WRITE_MS = 200;
/** How far ahead in the requests data is fetched, so that the next write need not wait for it. */
const READ_AHEAD = 24;
/** A connection is kept alive by a message in this time (BEP 3: two minutes is usual). */
const KEEP_ALIVE_MS = 60_000;
const SILENCE_MS = 130_000;
/** Buffers kept for reuse over all links of a client. */
const KEPT_BUFFERS = 32;

/** Write buffers that links borrow while a write is under way, so that idle peers hold none. */
export class SendBuffers {
  readonly #free: WireEncoder[] = [];

  take(): WireEncoder {
    return this.#free.pop() ?? new WireEncoder();
  }

  give(buffer: WireEncoder): void {
    buffer.clear();
    if (this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}

/** Someone who waits for data to be in memory. */
export interface LoadWaiter {
  loaded(): void;
  /** These bytes of a piece cannot be had. */
  failed(piece: number, begin: number, end: number): void;
}

/** Verified data for uploads. */
export interface BlockReader {
  /**
   * Whether these bytes are in memory, for `copy` in the same turn. If not they are fetched, and
   * `waiter` hears when there is a point in asking again, or that they cannot be read.
   */
  prepare(piece: number, begin: number, length: number, waiter: LoadWaiter | null): boolean;
  /** Fills `into`. */
  copy(piece: number, begin: number, into: Uint8Array): void;
}

/** What links of one torrent share, and the rate limits of this one. */
export interface LinkShared {
  clock: Clock;
  buffers: SendBuffers;
  reader: BlockReader;
  /** Default: no limits. */
  down?: ThrottleChain;
  up?: ThrottleChain;
}

const UNLIMITED = new ThrottleChain([]);

export interface LinkEvents {
  /** A chunk was taken in: time to settle. */
  received(link: PeerLink): void;
  /** The connection is over; `error` null after an orderly end. */
  ended(link: PeerLink, error: Error | null): void;
  /** Something of ours failed while handling this peer's bytes or requests (a FileError, a bug). */
  broke(error: unknown): void;
}

export class PeerLink implements StreamSink {
  readonly session: PeerSession;
  readonly socket: Socket;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #buffers: SendBuffers;
  readonly #reader: BlockReader;
  readonly #down: ThrottleChain;
  readonly #up: ThrottleChain;
  /** Its places in the lines of the rate limits. */
  readonly #readAgain: Waiter = { proceed: () => this.#resume() };
  readonly #sendAgain: Waiter = { proceed: () => this.flush() };
  /** For data that is read: the request that waits for it is the oldest one. */
  readonly #disk: LoadWaiter = {
    loaded: () => this.flush(),
    failed: (piece, begin, end) => this.#readFailed(piece, begin, end),
  };
  #sending = false;
  #batch = FIRST_BLOCKS_PER_WRITE;
  /** A limit of ours keeps us from reading. */
  #paused = false;
  #ended = false;
  #heardAt: number;
  #spokeAt: number;

  constructor(
    socket: Socket,
    session: PeerSession,
    shared: LinkShared,
    events: LinkEvents,
  ) {
    this.socket = socket;
    this.session = session;
    this.#clock = shared.clock;
    this.#buffers = shared.buffers;
    this.#reader = shared.reader;
    this.#down = shared.down ?? UNLIMITED;
    this.#up = shared.up ?? UNLIMITED;
    this.#events = events;
    this.#heardAt = this.#spokeAt = shared.clock.now();
  }

  // hot
  onData(chunk: Uint8Array): void {
    if (this.#ended) return;
    const now = this.#clock.now();
    this.#heardAt = now;
    try {
      this.session.receive(chunk, now);
    } catch (error) {
      if (error instanceof ProtocolError) this.close(error);
      else this.#events.broke(error);
    }
    this.#down.charge(chunk.length, now);
    if (!this.#ended && !this.#down.passOrWait(this.#readAgain, now)) {
      this.#paused = true;
      this.socket.pause();
    }
    this.#events.received(this);
  }

  onEnd(error: Error | null): void {
    this.#end(error);
    this.#events.received(this);
  }

  /** Ends the connection; `error` tells why when it is the peer's doing. */
  close(error: Error | null): void {
    this.#end(error);
  }

  /** Sends what gathered, in one write; more follows when that is on its way. */
  flush(): void {
    const { out, upload } = this.session;
    if (this.#sending || this.#ended || (out.length === 0 && upload.length === 0)) return;
    const buffer = this.#buffers.take();
    buffer.append(out.bytes);
    out.clear();
    this.#addBlocks(buffer);
    if (buffer.length === 0) return this.#buffers.give(buffer);
    this.#sending = true;
    this.#spokeAt = this.#clock.now();
    this.socket.send(buffer.bytes, () => {
      this.#buffers.give(buffer);
      this.#sending = false;
      this.#fitWrites();
      this.flush();
    });
  }

  tick(now: number): void {
    if (this.#ended) return;
    if (this.#paused) {
      // Nothing can come, and that is not the peer's doing.
      this.#heardAt = now;
      this.session.window.excuse(now);
    }
    if (now - this.#heardAt > SILENCE_MS) {
      this.close(new ProtocolError("silent", "The peer said nothing for two minutes"));
      return;
    }
    const idle = !this.#sending && now - this.#spokeAt > KEEP_ALIVE_MS;
    if (idle) this.session.out.keepAlive();
    this.session.tick(now);
    this.flush();
  }

  #resume(): void {
    const now = this.#clock.now();
    if (this.#ended || !this.#down.passOrWait(this.#readAgain, now)) return;
    this.#heardAt = now;
    this.#paused = false;
    this.socket.resume();
  }

  /**
   * On a slow way out a large write would keep other peers, and a choke, waiting for long. Links that
   * share one see the same times: slow growth and quick decline make their writes equal, as TCP does,
   * or whoever came first with a large one would keep a multiple of the others' rate.
   */
  #fitWrites(): void {
    const slow = this.#clock.now() - this.#spokeAt > SLOW_WRITE_MS;
    this.#batch = slow
      ? Math.max(1, this.#batch >> 1)
      : Math.min(BLOCKS_PER_WRITE, this.#batch + 1);
  }

  // hot
  #addBlocks(buffer: WireEncoder): void {
    const { upload, up } = this.session, now = this.#clock.now();
    for (let i = 0; i < this.#batch && upload.length > 0; i++) {
      const { piece, begin, length } = upload.at(0)!;
      if (!this.#up.passOrWait(this.#sendAgain, now)) return;
      if (!this.#reader.prepare(piece, begin, length, this.#disk)) return;
      upload.next();
      this.#reader.copy(piece, begin, buffer.piece(piece, begin, length));
      this.#up.charge(length, now);
      up.add(length);
    }
    const ahead = upload.at(Math.min(READ_AHEAD, upload.length - 1));
    if (ahead) this.#reader.prepare(ahead.piece, ahead.begin, ahead.length, null);
  }

  /** If the oldest request asks for this, it alone is refused; it may have been cancelled. */
  #readFailed(piece: number, begin: number, end: number): void {
    const oldest = this.session.upload.at(0);
    if (this.#ended || oldest?.piece !== piece) return;
    if (oldest.begin >= end || oldest.begin + oldest.length <= begin) return;
    this.session.refuseNext();
    this.flush();
  }

  #end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#down.leave(this.#readAgain);
    this.#up.leave(this.#sendAgain);
    this.socket.close();
    this.#events.ended(this, error);
  }
}
