/**
 * Sends our info dictionary to peers that started from a magnet link (BEP 9). Each peer's requests
 * are bounded: the whole of it a few times, little of it queued, and a peer that keeps requesting
 * is disconnected. The metadata of a private torrent is never sent: its peers come from its tracker
 * and have the file.
 */
import { ProtocolError } from "../util/errors.ts";
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_PIECE_LENGTH,
  metadataPieceCount,
} from "../wire/ut_metadata.ts";

/** How often a peer may download all of it at once, and again after a while. */
const WHOLE_AT_ONCE = 2;
const WHOLE_EVERY_MS = 120_000;
/** Requests beyond the number of pieces, so that those for a small dictionary may repeat. */
const SPARE_REQUESTS = 8;
/** The most queued bytes for one peer. */
const MAX_QUEUED_BYTES = 160 * 1024;
/** The most requests refused for their number, until the peer's bucket is full again. */
const MAX_REFUSED = 200;

interface Asker {
  /** Pieces that it may still request. */
  tokens: number;
  filledAt: number;
  refused: number;
}

/** `M`: the key of a peer. */
export class MetadataServer<M> {
  readonly #infoBytes: Uint8Array;
  readonly #private: boolean;
  readonly #pieceCount: number;
  readonly #capacity: number;
  /** Null before the first. */
  #askers: Map<M, Asker> | null = null;

  constructor(torrent: { readonly infoBytes: Uint8Array; readonly private: boolean }) {
    this.#infoBytes = torrent.infoBytes;
    this.#private = torrent.private;
    this.#pieceCount = metadataPieceCount(torrent.infoBytes.length);
    this.#capacity = WHOLE_AT_ONCE * this.#pieceCount + SPARE_REQUESTS;
  }

  /** For the extension handshake; undefined if nothing is offered. */
  get offeredSize(): number | undefined {
    return this.#private ? undefined : this.#infoBytes.length;
  }

  /**
   * An ut_metadata message of a peer with `queued` bytes in its queue: returns the payload of the
   * answer, or null for none. Throws a ProtocolError for nonsense and floods.
   */
  answer(member: M, payload: Uint8Array, queued: number, now: number): Uint8Array | null {
    const message = decodeMetadataMessage(payload);
    // We have it already, so we never requested any of it.
    if (message?.kind !== "request") return null;
    const { piece } = message, asker = this.#askerOf(member, now);
    const hasRoom = queued + METADATA_PIECE_LENGTH <= MAX_QUEUED_BYTES;
    if (hasRoom && asker.tokens >= 1) {
      asker.tokens--;
      const sound = !this.#private && piece < this.#pieceCount;
      if (sound) return encodeMetadataData(this.#infoBytes, piece);
    }
    if (++asker.refused > MAX_REFUSED) {
      throw new ProtocolError("metadata-flood", "The peer requests metadata too often");
    }
    return encodeMetadataReject(piece);
  }

  left(member: M): void {
    this.#askers?.delete(member);
  }

  #askerOf(member: M, now: number): Asker {
    this.#askers ??= new Map();
    let asker = this.#askers.get(member);
    if (asker === undefined) {
      asker = { tokens: this.#capacity, filledAt: now, refused: 0 };
      this.#askers.set(member, asker);
    }
    const refill = (now - asker.filledAt) * this.#pieceCount / WHOLE_EVERY_MS;
    asker.tokens = Math.min(this.#capacity, asker.tokens + refill);
    asker.filledAt = now;
    if (asker.tokens >= this.#capacity) asker.refused = 0;
    return asker;
  }
}
