/**
 * Connects one session to one socket: received bytes in, one write per turn out, blocks for the
 * peer read and sent in batches. Owns the socket; reports its end to its swarm exactly once.
 */
import type { Clock, Socket, StreamSink } from "../../platform/types.ts";
import { concatBytes } from "../../util/bytes.ts";
import { ProtocolError } from "../../util/errors.ts";
import { ThrottleChain, type Waiter } from "../../util/throttle.ts";
import { BLOCK_LENGTH } from "../../metainfo/layout.ts";
import { WireEncoder } from "../../wire/peer_wire.ts";
import type { PeerSession } from "./session.ts";

/** The most blocks per write: enough to save calls, few enough to stay in the processor's cache. */
const BLOCKS_PER_WRITE = 16;
const FIRST_BLOCKS_PER_WRITE = 4;
/** After a write that takes longer the next one is half as large, otherwise one block larger. */
const SLOW_WRITE_MS = 200;
/** A write that takes this long indicates a peer that does not read. */
const STUCK_MS = 10_000;
/** How far ahead data is read, so that the next write need not wait for it. */
const READ_AHEAD = 24;
/** The longest silence before a keep-alive (BEP 3: two minutes is usual). */
const KEEP_ALIVE_MS = 60_000;
const SILENCE_MS = 130_000;
/**
 * The most buffers kept for reuse over all links of a client, each large enough for a usual write.
 */
const KEPT_BUFFERS = 32;
const BUFFER_BYTES = BLOCKS_PER_WRITE * (BLOCK_LENGTH + 13) + 4096;

/** Write buffers that links borrow during a write, so that idle peers hold none. */
export class SendBuffers {
  readonly #free: WireEncoder[] = [];

  take(): WireEncoder {
    return this.#free.pop() ?? new WireEncoder(BUFFER_BYTES);
  }

  give(buffer: WireEncoder): void {
    buffer.clear();
    if (this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}

/** A link that waits for data in memory. */
export interface LoadWaiter {
  loaded(): void;
  /** These bytes of a piece cannot be read. */
  failed(piece: number, begin: number, end: number): void;
}

/** Verified data for uploads. */
export interface BlockReader {
  /**
   * Fills `into` if that is certainly quick; otherwise returns false, and `prepare` must be called.
   */
  readNow(piece: number, begin: number, into: Uint8Array): boolean;
  /**
   * Whether these bytes are in memory, for `copy` in the same turn. If not they are read, and
   * `waiter` is called when another try makes sense, or if they cannot be read.
   */
  prepare(piece: number, begin: number, length: number, waiter: LoadWaiter | null): boolean;
  /** Fills `into`. */
  copy(piece: number, begin: number, into: Uint8Array): void;
}

/** Shared by the links of one torrent, and the rate limits of this one. */
export interface LinkShared {
  clock: Clock;
  buffers: SendBuffers;
  reader: BlockReader;
  /** Default: no limits. */
  down?: ThrottleChain;
  /** In place of `down` while useless bytes arrive. */
  waste?: ThrottleChain;
  up?: ThrottleChain;
}

const NOTHING = new Uint8Array(0);
const UNLIMITED = new ThrottleChain([]);

export interface LinkEvents {
  /** A chunk was processed: time to settle. */
  received(link: PeerLink): void;
  /** The connection has ended; `error` is null after an orderly end. */
  ended(link: PeerLink, error: Error | null): void;
  /** An internal error while handling this peer's bytes or requests (a FileError, a bug). */
  broke(error: unknown): void;
}

export class PeerLink implements StreamSink {
  readonly session: PeerSession;
  readonly socket: Socket;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #buffers: SendBuffers;
  /** Changes when the pieces are attached and detached. */
  reader: BlockReader;
  readonly #down: ThrottleChain;
  readonly #waste: ThrottleChain;
  readonly #up: ThrottleChain;
  /** Its places in the queues of the rate limits. */
  readonly #readAgain: Waiter = { proceed: () => this.#takeHeld() };
  readonly #sendAgain: Waiter = { proceed: () => this.flush() };
  /** For data that is read: the request that waits for it is the oldest one. */
  readonly #disk: LoadWaiter = {
    loaded: () => this.flush(),
    failed: (piece, begin, end) => this.#readFailed(piece, begin, end),
  };
  #sending = false;
  #batch = FIRST_BLOCKS_PER_WRITE;
  /** Received bytes that our limits do not let pass yet: until then nothing is read. */
  #held = NOTHING;
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
    this.reader = shared.reader;
    this.#down = shared.down ?? UNLIMITED;
    this.#waste = shared.waste ?? this.#down;
    this.#up = shared.up ?? UNLIMITED;
    this.#events = events;
    this.#heardAt = this.#spokeAt = shared.clock.now();
  }

  // hot
  onData(chunk: Uint8Array): void {
    if (this.#ended) return;
    const now = this.#clock.now();
    this.#heardAt = now;
    if (this.#held.length > 0) {
      this.#held = concatBytes(this.#held, chunk);
      return;
    }
    const taken = this.#limits.take(chunk.length, this.#readAgain, now);
    if (taken < chunk.length) {
      this.#held = chunk.slice(taken);
      this.socket.pause();
      if (taken === 0) return;
    }
    this.#takeIn(taken < chunk.length ? chunk.subarray(0, taken) : chunk, now);
  }

  onEnd(error: Error | null): void {
    this.#end(error);
    this.#events.received(this);
  }

  /** Ends the connection; `error` is the reason if the peer caused it. */
  close(error: Error | null): void {
    this.#end(error);
  }

  /** Sends the queue, in one write; more follows after that write. */
  flush(): void {
    const { out, upload } = this.session.taker;
    if (this.#sending || this.#ended || (out.length === 0 && upload.length === 0)) return;
    const buffer = this.#buffers.take();
    buffer.append(out.bytes);
    out.clear();
    this.#addBlocks(buffer);
    if (buffer.length === 0) return this.#buffers.give(buffer);
    const { unchokedAt } = this.session.taker;
    this.#sending = true;
    this.#spokeAt = this.#clock.now();
    // One immediately reusable buffer serves all links, and stays in the processor's cache.
    const free = this.socket.send(buffer.bytes, () => {
      if (!free) this.#buffers.give(buffer);
      this.#sending = false;
      this.session.taker.written(unchokedAt, this.#clock.now());
      this.#fitWrites();
      this.flush();
    });
    if (free) this.#buffers.give(buffer);
  }

  /** A keep-alive, to which the other side's system answers if it still knows this connection. */
  probe(): void {
    this.session.out.keepAlive();
    this.flush();
  }

  /** When the peer last sent something. */
  get heardAt(): number {
    return this.#heardAt;
  }

  tick(now: number): void {
    if (this.#ended) return;
    if (this.#held.length > 0) {
      // Nothing can arrive, and that is not the peer's fault.
      this.#heardAt = now;
      this.session.source.window.excuse(now);
    }
    if (now - this.#heardAt > SILENCE_MS) {
      this.close(new ProtocolError("silent", "The peer sent nothing for two minutes"));
      return;
    }
    this.session.taker.stuck = this.#sending && now - this.#spokeAt >= STUCK_MS;
    const idle = !this.#sending && now - this.#spokeAt > KEEP_ALIVE_MS;
    if (idle) this.session.out.keepAlive();
    this.session.tick(now);
    this.flush();
  }

  // hot
  #takeIn(chunk: Uint8Array, now: number): void {
    try {
      this.session.receive(chunk, now);
    } catch (error) {
      if (error instanceof ProtocolError) this.close(error);
      else this.#events.broke(error);
    }
    this.#events.received(this);
  }

  // hot
  /** The limits of the incoming bytes. */
  get #limits(): ThrottleChain {
    return this.session.isWasteful ? this.#waste : this.#down;
  }

  /** There may be room for some of the held bytes. */
  #takeHeld(): void {
    const now = this.#clock.now(), held = this.#held;
    const taken = this.#limits.take(held.length, this.#readAgain, now);
    if (taken === 0) return;
    this.#heardAt = now;
    this.#held = taken < held.length ? held.subarray(taken) : NOTHING;
    this.#takeIn(held.subarray(0, taken), now);
    if (!this.#ended && this.#held.length === 0) this.socket.resume();
  }

  /**
   * On a slow uplink a large write would delay other peers, and a choke, for long. Links that share
   * one see the same times: slow growth and fast decline equalise their writes, like TCP. Otherwise
   * the first link with a large one would keep a multiple of the others' rate.
   */
  #fitWrites(): void {
    const slow = this.#clock.now() - this.#spokeAt > SLOW_WRITE_MS;
    this.#batch = slow
      ? Math.max(1, this.#batch >> 1)
      : Math.min(BLOCKS_PER_WRITE, this.#batch + 1);
  }

  // hot
  #addBlocks(buffer: WireEncoder): void {
    const { upload } = this.session.taker, now = this.#clock.now();
    let waited = false;
    for (let room = this.#batch; room > 0 && upload.length > 0;) {
      if (!this.#up.passOrWait(this.#sendAgain, now)) return;
      // Under a limit block by block, so that it is overdrawn by one at most.
      let added = this.#addRun(buffer, this.#up.limited ? 1 : room, now);
      if (added === 0) {
        waited = true;
        added = this.#addLoaded(buffer, now);
      }
      if (added === 0) return;
      room -= added;
    }
    const ahead = waited ? upload.at(Math.min(READ_AHEAD, upload.length - 1)) : undefined;
    if (ahead) this.reader.prepare(ahead.piece, ahead.begin, ahead.length, null);
  }

  /** Adds adjacent blocks, read at once. Returns how many; none if reading would be slow. */
  #addRun(buffer: WireEncoder, most: number, now: number): number {
    const { upload } = this.session.taker, { piece, begin } = upload.at(0)!;
    const lengths = upload.run(most), total = sum(lengths);
    if (!this.reader.readNow(piece, begin, buffer.room(lengths.length, total))) return 0;
    buffer.pieces(piece, begin, lengths);
    upload.skip(lengths.length);
    this.#charge(total, now);
    return lengths.length;
  }

  /** Adds one block, if it is in memory. Returns how many. */
  #addLoaded(buffer: WireEncoder, now: number): number {
    const { upload } = this.session.taker, { piece, begin, length } = upload.at(0)!;
    if (!this.reader.prepare(piece, begin, length, this.#disk)) return 0;
    upload.skip(1);
    this.reader.copy(piece, begin, buffer.piece(piece, begin, length));
    this.#charge(length, now);
    return 1;
  }

  #charge(bytes: number, now: number): void {
    this.#up.charge(bytes, now);
    this.session.taker.up.add(bytes);
  }

  /** If the oldest request is for this block, only it is refused; it may have been cancelled. */
  #readFailed(piece: number, begin: number, end: number): void {
    const oldest = this.session.taker.upload.at(0);
    if (this.#ended || oldest?.piece !== piece) return;
    if (oldest.begin >= end || oldest.begin + oldest.length <= begin) return;
    this.session.taker.refuseNext();
    this.flush();
  }

  #end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#held = NOTHING;
    this.#down.leave(this.#readAgain);
    this.#waste.leave(this.#readAgain);
    this.#up.leave(this.#sendAgain);
    this.socket.close();
    this.#events.ended(this, error);
  }
}

function sum(lengths: readonly number[]): number {
  let total = 0;
  for (const length of lengths) total += length;
  return total;
}
