/**
 * A connection to one peer while the torrent's info dictionary is still to be found. Without it
 * nothing can be made of pieces, so all of that is passed over; what counts are the extension
 * handshake, metadata, peer exchange and PORT. Owns the socket and says once that it ended.
 */
import type { Clock, Socket, StreamSink } from "../platform/types.ts";
import { ProtocolError } from "../util/errors.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE,
  EXTENSION_IDS,
  type ExtensionHandshake,
  extensionName,
  UT_METADATA,
  UT_PEX,
} from "../protocol/extension.ts";
import { WorkBudget } from "../peer/work_budget.ts";
import { PORT, WireDecoder, WireEncoder, type WireSink } from "../protocol/peer_wire.ts";
import {
  decodeMetadataMessage,
  encodeMetadataReject,
  encodeMetadataRequest,
} from "../protocol/ut_metadata.ts";

/** As for other connections (peer/link.ts). */
const KEEP_ALIVE_MS = 60_000;
const SILENCE_MS = 130_000;
/** Requests for metadata that we do not have either; who asks more often does not listen. */
const MAX_REQUESTS = 100;
const MAX_OUT_BYTES = 64 * 1024;

/** Steps that a turn of all members costs at most, and reading a byte of bencode beside the byte. */
const TURN_STEPS = 2000, EXTENDED_BYTE_STEPS = 4;
/** What the answer to a request of ours may cost, in many small chunks too. */
const ANSWER_STEPS = 250_000;

export interface MetadataSessionEvents {
  handshake(session: MetadataSession, theirs: ExtensionHandshake): void;
  /** `bytes` are borrowed and as long as index and total size say. */
  data(session: MetadataSession, index: number, totalSize: number, bytes: Uint8Array): void;
  rejected(session: MetadataSession, index: number): void;
  /** An ut_pex message; may throw a ProtocolError. */
  pex(session: MetadataSession, payload: Uint8Array): void;
  dhtPort(session: MetadataSession, port: number): void;
  /** A chunk was taken in, or the connection ended: the turn is over. */
  settle(): void;
  ended(session: MetadataSession, error: Error | null): void;
  /** A bug of ours showed. */
  broke(error: unknown): void;
}

export class MetadataSession implements WireSink, StreamSink {
  readonly blockAt = 0;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #events: MetadataSessionEvents;
  readonly #offersPex: boolean;
  readonly #out = new WireEncoder();
  readonly #decoder = new WireDecoder(this, null);
  /** Ut_metadata as the peer numbers it; 0 when it does not know it. */
  #metadataId = 0;
  #requests = 0;
  readonly #budget: WorkBudget;
  #sending = false;
  #ended = false;
  #heardAt: number;
  #spokeAt: number;

  constructor(
    socket: Socket,
    clock: Clock,
    offersPex: boolean,
    events: MetadataSessionEvents,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#offersPex = offersPex;
    this.#events = events;
    this.#heardAt = this.#spokeAt = clock.now();
    this.#budget = new WorkBudget(WorkBudget.atFirst(0), this.#heardAt);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the peer can be asked for metadata. */
  get knowsMetadata(): boolean {
    return this.#metadataId > 0;
  }

  /** Says first what `greeting` holds (our handshake, when the peer dialled), then what we can. */
  open(greeting: Uint8Array, ours: ExtensionHandshake, dhtPort: number): void {
    this.#out.append(greeting);
    for (const name of this.#offersPex ? [UT_METADATA, UT_PEX] : [UT_METADATA]) {
      ours.messages.set(name, EXTENSION_IDS.get(name)!);
    }
    this.#out.extended(EXTENSION_HANDSHAKE, encodeExtensionHandshake(ours));
    if (dhtPort > 0) this.#out.port(dhtPort);
  }

  request(index: number): void {
    if (this.#metadataId === 0) return;
    this.#budget.spend(-ANSWER_STEPS);
    this.#out.extended(this.#metadataId, encodeMetadataRequest(index));
  }

  /** Sends what gathered; one write at a time. */
  flush(): void {
    if (this.#sending || this.#ended || this.#out.length === 0) return;
    const bytes = this.#out.bytes.slice();
    this.#out.clear();
    this.#sending = true;
    this.#spokeAt = this.#clock.now();
    this.#socket.send(bytes, () => {
      this.#sending = false;
      this.flush();
    });
  }

  tick(now: number): void {
    if (now - this.#heardAt > SILENCE_MS) {
      return this.close(new ProtocolError("silent", "The peer said nothing for two minutes"));
    }
    if (!this.#sending && now - this.#spokeAt > KEEP_ALIVE_MS) this.#out.keepAlive();
    this.flush();
  }

  /** `error`: what the peer did wrong. The rest of a chunk under way is passed over. */
  close(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.close();
    this.#events.ended(this, error);
  }

  onData(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#heardAt = this.#clock.now();
    try {
      this.#budget.refill(this.#heardAt, 0);
      this.#budget.spend(TURN_STEPS);
      this.#budget.check();
      this.#decoder.push(chunk);
      this.#budget.received(chunk.length);
    } catch (error) {
      if (error instanceof ProtocolError) this.close(error);
      else this.#events.broke(error);
    }
    this.#events.settle();
  }

  onEnd(error: Error | null): void {
    this.close(error);
    this.#events.settle();
  }

  onExtended(id: number, payload: Uint8Array): void {
    if (this.#ended) return;
    this.#budget.spend(TURN_STEPS + EXTENDED_BYTE_STEPS * payload.length);
    this.#budget.check();
    if (id === EXTENSION_HANDSHAKE) return this.#onHandshake(payload);
    const name = extensionName(id);
    if (name === UT_METADATA) this.#onMetadata(payload);
    else if (name === UT_PEX && this.#offersPex) this.#events.pex(this, payload);
    else throw new ProtocolError("bad-extension", `Extended message ${id} was never offered`);
  }

  onNumber(id: number, value: number): void {
    if (id === PORT && value > 0 && !this.#ended) this.#events.dhtPort(this, value);
  }

  blockStart(): Uint8Array | null {
    throw new ProtocolError("unasked", "The peer sent a block that nobody asked for");
  }

  onSignal(): void {}
  onBitfield(): void {}
  onBlockMessage(): void {}
  onKeepAlive(): void {}
  blockEnd(): void {}

  #onHandshake(payload: Uint8Array): void {
    const theirs = decodeExtensionHandshake(payload);
    this.#metadataId = theirs.messages.get(UT_METADATA) ?? this.#metadataId;
    this.#events.handshake(this, theirs);
  }

  #onMetadata(payload: Uint8Array): void {
    const message = decodeMetadataMessage(payload);
    if (message === null) return;
    if (message.kind === "data") {
      this.#events.data(this, message.piece, message.totalSize, message.bytes);
    } else if (message.kind === "reject") this.#events.rejected(this, message.piece);
    else this.#refuse(message.piece);
  }

  #refuse(piece: number): void {
    if (++this.#requests > MAX_REQUESTS || this.#out.length > MAX_OUT_BYTES) {
      throw new ProtocolError("metadata-flood", "The peer asks for metadata again and again");
    }
    if (this.#metadataId > 0) this.#out.extended(this.#metadataId, encodeMetadataReject(piece));
  }
}
