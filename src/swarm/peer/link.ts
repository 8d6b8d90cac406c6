/**
 * Binds one session to one socket (the io of a PeerSession): bytes in, one write a turn out, blocks
 * for the peer read and sent in batches. Owns the socket; tells its swarm exactly once that it ended.
 */
import type { Clock, Socket, StreamSink } from "../../platform/types.ts";
import { concatBytes } from "../../util/bytes.ts";
import { ProtocolError } from "../../util/errors.ts";
import { ThrottleChain, type Waiter } from "../../util/throttle.ts";
import { BLOCK_LENGTH } from "../../metainfo/layout.ts";
import { WireEncoder } from "../../wire/peer_wire.ts";
import type { PeerSession } from "./session.ts";

/** Blocks put into one write at most: enough to save calls, few enough to stay in the processor's cache. */
const BLOCKS_PER_WRITE = 16;
const FIRST_BLOCKS_PER_WRITE = 4;
/** A write that takes longer is to be half as large the next time, any other one block larger. */
const SLOW_WRITE_MS = 200;
/** A write that takes this long is to a peer that does not read. */
const STUCK_MS = 10_000;
/** How far ahead in the requests data is fetched, so that the next write need not wait for it. */
const READ_AHEAD = 24;
/** A connection is kept alive by a message in this time (BEP 3: two minutes is usual). */
const KEEP_ALIVE_MS = 60_000;
const SILENCE_MS = 130_000;
/** Buffers kept for reuse over all links of a client, each of a size for the largest usual write. */
const KEPT_BUFFERS = 32;
const BUFFER_BYTES = BLOCKS_PER_WRITE * (BLOCK_LENGTH + 13) + 4096;

/** Write buffers that links borrow while a write is under way, so that idle peers hold none. */
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

/** Someone who waits for data to be in memory. */
export interface LoadWaiter {
  loaded(): void;
  /** These bytes of a piece cannot be had. */
  failed(piece: number, begin: number, end: number): void;
}

/** Verified data for uploads. */
export interface BlockReader {
  /** Fills `into`, if that is sure to be quick; else false, and `prepare` is to be asked. */
  readNow(piece: number, begin: number, into: Uint8Array): boolean;
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
  /** In place of `down` while what comes is of no use. */
  waste?: ThrottleChain;
  up?: ThrottleChain;
}

const NOTHING = new Uint8Array(0);
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
  /** Changes when the pieces come and go. */
  reader: BlockReader;
  readonly #down: ThrottleChain;
  readonly #waste: ThrottleChain;
  readonly #up: ThrottleChain;
  /** Its places in the lines of the rate limits. */
  readonly #readAgain: Waiter = { proceed: () => this.#takeHeld() };
  readonly #sendAgain: Waiter = { proceed: () => this.flush() };
  /** For data that is read: the request that waits for it is the oldest one. */
  readonly #disk: LoadWaiter = {
    loaded: () => this.flush(),
    failed: (piece, begin, end) => this.#readFailed(piece, begin, end),
  };
  #sending = false;
  #batch = FIRST_BLOCKS_PER_WRITE;
  /** Bytes that came and that a limit of ours does not let pass yet: until then nothing is read. */
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
    const { unchokedAt } = this.session;
    this.#sending = true;
    this.#spokeAt = this.#clock.now();
    // One buffer that is free again at once serves all links, and stays in the processor's cache.
    const free = this.socket.send(buffer.bytes, () => {
      if (!free) this.#buffers.give(buffer);
      this.#sending = false;
      this.session.written(unchokedAt, this.#clock.now());
      this.#fitWrites();
      this.flush();
    });
    if (free) this.#buffers.give(buffer);
  }

  /** Makes the other side's system answer, if it still knows this connection. */
  probe(): void {
    this.session.out.keepAlive();
    this.flush();
  }

  /** When the peer sent something last. */
  get heardAt(): number {
    return this.#heardAt;
  }

  tick(now: number): void {
    if (this.#ended) return;
    if (this.#held.length > 0) {
      // Nothing can come, and that is not the peer's doing.
      this.#heardAt = now;
      this.session.window.excuse(now);
    }
    if (now - this.#heardAt > SILENCE_MS) {
      this.close(new ProtocolError("silent", "The peer sent nothing for two minutes"));
      return;
    }
    this.session.stuck = this.#sending && now - this.#spokeAt >= STUCK_MS;
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
  /** The limits of what comes now. */
  get #limits(): ThrottleChain {
    return this.session.isWasteful ? this.#waste : this.#down;
  }

  /** There may be room for some of what is held. */
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
    const { upload } = this.session, now = this.#clock.now();
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

  /** Adds blocks that follow one another, read at once. Returns how many; none if that were slow. */
  #addRun(buffer: WireEncoder, most: number, now: number): number {
    const { upload } = this.session, { piece, begin } = upload.at(0)!;
    const lengths = upload.run(most), total = sum(lengths);
    if (!this.reader.readNow(piece, begin, buffer.room(lengths.length, total))) return 0;
    buffer.pieces(piece, begin, lengths);
    upload.skip(lengths.length);
    this.#charge(total, now);
    return lengths.length;
  }

  /** Adds one block, if it is in memory. Returns how many. */
  #addLoaded(buffer: WireEncoder, now: number): number {
    const { upload } = this.session, { piece, begin, length } = upload.at(0)!;
    if (!this.reader.prepare(piece, begin, length, this.#disk)) return 0;
    upload.skip(1);
    this.reader.copy(piece, begin, buffer.piece(piece, begin, length));
    this.#charge(length, now);
    return 1;
  }

  #charge(bytes: number, now: number): void {
    this.#up.charge(bytes, now);
    this.session.up.add(bytes);
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
