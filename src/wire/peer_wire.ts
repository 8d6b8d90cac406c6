/**
 * The peer wire protocol (BEP 3, 6, 10): an incremental decoder that copies a block's bytes
 * straight from the borrowed chunk to the place that the sink chooses, and an encoder into one
 * growing buffer. Nothing is allocated because of a length prefix alone.
 */
import { ProtocolError } from "../util/errors.ts";
import { readUint32 } from "../util/bytes.ts";
import { BLOCK_LENGTH, MAX_PIECES } from "../metainfo/layout.ts";

export const CHOKE = 0;
export const UNCHOKE = 1;
export const INTERESTED = 2;
export const NOT_INTERESTED = 3;
export const HAVE = 4;
export const BITFIELD = 5;
export const REQUEST = 6;
export const PIECE = 7;
export const CANCEL = 8;
export const PORT = 9;
export const SUGGEST = 13;
export const HAVE_ALL = 14;
export const HAVE_NONE = 15;
export const REJECT = 16;
export const ALLOWED_FAST = 17;
export const EXTENDED = 20;

/** Longest message that is not a piece; libtorrent and Transmission have the same limit. */
export const MAX_MESSAGE_LENGTH = 1 << 20;

/** Longest bitfield of a torrent that we do not know yet, in bytes. */
const MAX_BITFIELD_BYTES = MAX_PIECES / 8;

/** Longest extended message: a handshake with many names in it. Metadata comes in 16 KiB. */
export const MAX_EXTENDED_LENGTH = 2 + (64 << 10);

/** Receives decoded messages. Byte arrays are borrowed: they are valid during the call only. */
export interface WireSink {
  /** Any message without numbers, except piece, request and cancel. */
  onSignal(id: number): void;
  /** HAVE, SUGGEST, ALLOWED_FAST (a piece index) or PORT (a port). */
  onNumber(id: number, value: number): void;
  onBitfield(bytes: Uint8Array): void;
  /** REQUEST, CANCEL or REJECT. */
  onBlockMessage(id: number, piece: number, begin: number, length: number): void;
  onExtended(id: number, payload: Uint8Array): void;
  onKeepAlive(): void;
  /** A block begins: returns the array to copy it into at `blockAt`, or null to skip its bytes. */
  blockStart(piece: number, begin: number, length: number): Uint8Array | null;
  /** Where in that array; read right after `blockStart`. */
  readonly blockAt: number;
  /** All bytes of the block that `blockStart` announced have arrived. */
  blockEnd(): void;
}

/** Bytes of a PIECE message before its block. */
const PIECE_HEAD = 13;

const HEAD = 0, BLOCK = 1, BODY = 2, SKIP = 3;

/** Body lengths (with the id byte) of the messages of fixed length; 0 for all others. */
const FIXED = new Uint8Array(256);
FIXED[CHOKE] =
  FIXED[UNCHOKE] =
  FIXED[INTERESTED] =
  FIXED[NOT_INTERESTED] =
    1;
FIXED[HAVE_ALL] = FIXED[HAVE_NONE] = 1;
FIXED[HAVE] = FIXED[SUGGEST] = FIXED[ALLOWED_FAST] = 5;
FIXED[REQUEST] = FIXED[CANCEL] = FIXED[REJECT] = 13;
FIXED[PORT] = 3;

/** Decodes one connection's stream. `push` throws a ProtocolError; the connection must then end. */
export class WireDecoder {
  readonly #sink: WireSink;
  #bitfieldBytes: number | null;
  #state = HEAD;
  readonly #head = new Uint8Array(17);
  #fill = 0;
  #need = 4;
  /** Bytes still missing from the block or body. */
  #left = 0;
  #target: Uint8Array | null = null;
  #targetAt = 0;
  #id = 0;
  #body = new Uint8Array(0);
  #bodyFill = 0;

  /** `bitfieldBytes`: of this torrent; null while unknown. */
  constructor(sink: WireSink, bitfieldBytes: number | null) {
    this.#sink = sink;
    this.#bitfieldBytes = bitfieldBytes;
  }

  /** The torrent is known now: its bitfields have this many bytes. */
  expectBitfield(bytes: number): void {
    this.#bitfieldBytes = bytes;
  }

  /** Bytes still missing from the current block. */
  get left(): number {
    return this.#left;
  }

  /** Skips the rest of the current block: another peer delivered it. */
  dropTarget(): void {
    this.#target = null;
  }

  push(chunk: Uint8Array): void {
    const end = chunk.length;
    for (let at = 0; at < end;) {
      switch (this.#state) {
        case HEAD:
          at = this.#readHead(chunk, at, end);
          break;
        case BLOCK:
          at = this.#readBlock(chunk, at, end);
          break;
        case BODY:
          at = this.#readBody(chunk, at, end);
          break;
        default: {
          const length = Math.min(this.#left, end - at);
          at += length;
          if ((this.#left -= length) === 0) this.#next();
        }
      }
    }
  }

  #next(): void {
    this.#state = HEAD;
    this.#fill = 0;
    this.#need = 4;
  }

  #readHead(chunk: Uint8Array, at: number, end: number): number {
    const head = this.#head;
    while (at < end) {
      while (this.#fill < this.#need && at < end) head[this.#fill++] = chunk[at++]!;
      if (this.#fill < this.#need) break;
      const length = readUint32(head, 0);
      if (this.#fill === 4) {
        if (length === 0) {
          this.#next();
          this.#sink.onKeepAlive();
          continue;
        }
        this.#need = 5;
      } else if (this.#fill === 5 && this.#needAfterId(length, head[4]!)) {
        continue;
      } else {
        this.#complete(length, head[4]!);
        break;
      }
    }
    return at;
  }

  /** Checks the length against the id; returns true if more head bytes are needed first. */
  #needAfterId(length: number, id: number): boolean {
    const fixed = FIXED[id]!;
    if (fixed !== 0) {
      if (length !== fixed) throw badLength(id, length);
      this.#need = 4 + fixed;
      return fixed > 1;
    }
    if (id === PIECE) {
      if (length < 10 || length > 9 + BLOCK_LENGTH) throw badLength(id, length);
      this.#need = 13;
      return true;
    }
    const extended = id === EXTENDED;
    if (extended && (length < 2 || length > MAX_EXTENDED_LENGTH)) throw badLength(id, length);
    if (id === BITFIELD && !this.#canBeBitfield(length - 1)) throw badLength(id, length);
    if (length > MAX_MESSAGE_LENGTH) throw badLength(id, length);
    return false;
  }

  #canBeBitfield(bytes: number): boolean {
    if (this.#bitfieldBytes === null) return bytes <= MAX_BITFIELD_BYTES;
    return bytes === this.#bitfieldBytes;
  }

  #complete(length: number, id: number): void {
    const head = this.#head, sink = this.#sink;
    if (id === PIECE) {
      this.#left = length - 9;
      this.#state = BLOCK;
      this.#target = sink.blockStart(readUint32(head, 5), readUint32(head, 9), this.#left);
      this.#targetAt = sink.blockAt;
      return;
    }
    const fixed = FIXED[id]!;
    if (fixed === 0) {
      this.#id = id;
      this.#left = length - 1;
      this.#bodyFill = 0;
      this.#state = id === EXTENDED || id === BITFIELD ? BODY : SKIP;
      if (this.#left === 0) this.#next();
      return;
    }
    this.#next();
    if (fixed === 1) sink.onSignal(id);
    else if (fixed === 3) sink.onNumber(id, (head[5]! << 8) | head[6]!);
    else if (fixed === 5) sink.onNumber(id, readUint32(head, 5));
    else sink.onBlockMessage(id, readUint32(head, 5), readUint32(head, 9), readUint32(head, 13));
  }

  // hot
  #readBlock(chunk: Uint8Array, at: number, end: number): number {
    const length = Math.min(this.#left, end - at);
    if (this.#target !== null) {
      this.#target.set(chunk.subarray(at, at + length), this.#targetAt);
      this.#targetAt += length;
    }
    if ((this.#left -= length) === 0) {
      this.#target = null;
      this.#next();
      this.#sink.blockEnd();
    }
    return at + length;
  }

  #readBody(chunk: Uint8Array, at: number, end: number): number {
    const length = Math.min(this.#left, end - at);
    const part = chunk.subarray(at, at + length);
    if (this.#bodyFill === 0 && length === this.#left) {
      this.#next();
      this.#deliver(part);
      return at + length;
    }
    this.#gather(part);
    if ((this.#left -= length) === 0) {
      const body = this.#body.subarray(0, this.#bodyFill);
      this.#body = new Uint8Array(0);
      this.#next();
      this.#deliver(body);
    }
    return at + length;
  }

  /** The buffer grows with the bytes received, never with a prefix alone. */
  #gather(part: Uint8Array): void {
    const needed = this.#bodyFill + part.length;
    if (needed > this.#body.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#body.length));
      grown.set(this.#body.subarray(0, this.#bodyFill));
      this.#body = grown;
    }
    this.#body.set(part, this.#bodyFill);
    this.#bodyFill = needed;
  }

  #deliver(body: Uint8Array): void {
    if (this.#id === BITFIELD) this.#sink.onBitfield(body);
    else this.#sink.onExtended(body[0]!, body.subarray(1));
  }
}

function badLength(id: number, length: number): ProtocolError {
  return new ProtocolError("bad-length", `A message of type ${id} cannot be ${length} bytes long`);
}

/** Outgoing messages: one growing buffer, taken as a whole for one write. */
export class WireEncoder {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 512) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes since the last `clear`; valid until the next message is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Adds messages that were encoded elsewhere. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  keepAlive(): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, 0);
    this.#length += 4;
  }

  /** A message without a body: CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE_ALL, HAVE_NONE. */
  signal(id: number): void {
    this.#begin(id, 0);
  }

  /** HAVE, SUGGEST or ALLOWED_FAST. */
  number(id: number, value: number): void {
    const at = this.#begin(id, 4);
    this.#view.setUint32(at, value);
  }

  /** PORT: where our DHT node is (BEP 5). */
  port(value: number): void {
    const at = this.#begin(PORT, 2);
    this.#view.setUint16(at, value);
  }

  // hot
  /** REQUEST, CANCEL or REJECT. */
  block(id: number, piece: number, begin: number, length: number): void {
    const at = this.#begin(id, 12);
    this.#view.setUint32(at, piece);
    this.#view.setUint32(at + 4, begin);
    this.#view.setUint32(at + 8, length);
  }

  bitfield(bits: Uint8Array): void {
    const at = this.#begin(BITFIELD, bits.length);
    this.#bytes.set(bits, at);
  }

  extended(id: number, payload: Uint8Array): void {
    const at = this.#begin(EXTENDED, 1 + payload.length);
    this.#bytes[at] = id;
    this.#bytes.set(payload, at + 1);
  }

  /** A PIECE message whose data the caller fills in: returns the array for it. */
  piece(piece: number, begin: number, length: number): Uint8Array {
    const at = this.#begin(PIECE, 8 + length);
    this.#view.setUint32(at, piece);
    this.#view.setUint32(at + 4, begin);
    return this.#bytes.subarray(at + 8, at + 8 + length);
  }

  // hot
  /**
   * Room for the data of `count` blocks that follow one another, `length` bytes in all. What was
   * filled in becomes messages by `pieces`; before that nothing has been added.
   */
  room(count: number, length: number): Uint8Array {
    this.#reserve(PIECE_HEAD * count + length);
    const at = this.#length + PIECE_HEAD * count;
    return this.#bytes.subarray(at, at + length);
  }

  // hot
  /** The blocks in `room`, of these lengths, as PIECE messages: each moves up behind its head. */
  pieces(piece: number, begin: number, lengths: readonly number[]): void {
    let from = this.#length + PIECE_HEAD * lengths.length;
    for (const length of lengths) {
      const at = this.#begin(PIECE, 8 + length);
      this.#view.setUint32(at, piece);
      this.#view.setUint32(at + 4, begin);
      this.#bytes.copyWithin(at + 8, from, from + length);
      from += length;
      begin += length;
    }
  }

  #begin(id: number, length: number): number {
    this.#reserve(5 + length);
    this.#view.setUint32(this.#length, 1 + length);
    this.#bytes[this.#length + 4] = id;
    const at = this.#length + 5;
    this.#length = at + length;
    return at;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
