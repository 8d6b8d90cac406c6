/**
 * Searches for a torrent's info dictionary among its connected peers (BEP 9) while it is unknown:
 * `MetadataFetch` requests it from peers that have it, and this class names useless peers.
 * Unrequested messages are bounded.
 */
import type { Hasher } from "../platform/types.ts";
import { ProtocolError } from "../util/errors.ts";
import { type ExtensionHandshake, UT_METADATA } from "../wire/extension.ts";
import {
  decodeMetadataMessage,
  encodeMetadataReject,
  encodeMetadataRequest,
} from "../wire/ut_metadata.ts";
import type { PeerSession } from "./peer/session.ts";
import { MetadataFetch } from "./metadata_fetch.ts";

/** While others wait for its slot, a peer without metadata, or that refuses it, keeps it this long. */
const USELESS_MS = 10_000;
/** The same for a peer that offers metadata and got no request yet. */
const PROMISING_MS = 90_000;
/** The most unrequested data messages; a few are late. */
const MAX_UNASKED = 100;
/** The most requests for metadata that we lack too; a peer that sends more ignores our answers. */
const MAX_REQUESTS = 100;
const MAX_OUT_BYTES = 64 * 1024;
/** The cost of a message that makes us walk all tries. */
const TURN_STEPS = 1500;
/** The most that the answer to our request may cost, even in many small chunks. */
const ANSWER_STEPS = 250_000;

interface Asked {
  /** When it joined. */
  readonly since: number;
  unasked: number;
  requests: number;
}

export class MetadataSearch {
  readonly #fetch: MetadataFetch<PeerSession>;
  readonly #asked = new Map<PeerSession, Asked>();
  #infoBytes: Uint8Array | null = null;

  /**
   * `guilty`: this peer lied, and may be in the middle of a chunk. `resting`: nothing may be
   * requested now.
   */
  constructor(
    infoHash: Uint8Array,
    hasher: Pick<Hasher, "digest">,
    guilty: (session: PeerSession) => void,
    resting: () => boolean,
  ) {
    this.#fetch = new MetadataFetch(infoHash, hasher, {
      requestPiece: (session, index) => request(session, index),
      done: (bytes) => this.#infoBytes = bytes,
      guilty,
      resting,
    });
  }

  /** The verified info dictionary, once it is found. */
  get infoBytes(): Uint8Array | null {
    return this.#infoBytes;
  }

  joined(session: PeerSession, now: number): void {
    this.#asked.set(session, { since: now, unasked: 0, requests: 0 });
  }

  left(session: PeerSession, now: number): void {
    this.#asked.delete(session);
    this.#fetch.leaves(session, now);
  }

  /** Its extension handshake arrived. */
  introduced(session: PeerSession, { metadataSize }: ExtensionHandshake, now: number): void {
    session.budget.spend(TURN_STEPS);
    const offers = metadataSize !== undefined && session.extension.knows(UT_METADATA);
    if (offers && this.#asked.has(session)) this.#fetch.offers(session, metadataSize, now);
  }

  /** An ut_metadata message. Throws a ProtocolError for nonsense and floods. */
  received(session: PeerSession, payload: Uint8Array, now: number): void {
    session.budget.spend(TURN_STEPS);
    const message = decodeMetadataMessage(payload), asked = this.#asked.get(session);
    if (message === null || asked === undefined) return;
    if (message.kind === "data") {
      const { piece, totalSize, bytes } = message;
      if (this.#fetch.data(session, piece, totalSize, bytes, now)) return;
      if (++asked.unasked <= MAX_UNASKED) return;
      throw new ProtocolError("unasked", "The peer sent metadata that was not requested");
    }
    if (message.kind === "reject") this.#fetch.rejected(session, message.piece, now);
    else this.#refuse(session, asked, message.piece);
  }

  /** Call it a few times a second. */
  tick(now: number): void {
    this.#fetch.tick(now);
  }

  /** Peers without metadata for so long that others should have their slots, oldest first. */
  useless(now: number): PeerSession[] {
    return [...this.#asked].filter(([session, { since }]) => {
      const failure = this.#fetch.failure(session);
      if (failure === "stalled") return true;
      const promises = this.#fetch.has(session) && failure === null;
      return now - since > (promises ? PROMISING_MS : USELESS_MS);
    }).map(([session]) => session);
  }

  #refuse(session: PeerSession, asked: Asked, piece: number): void {
    if (++asked.requests > MAX_REQUESTS || session.out.length > MAX_OUT_BYTES) {
      throw new ProtocolError("metadata-flood", "The peer requests metadata too often");
    }
    session.extension.send(UT_METADATA, encodeMetadataReject(piece));
  }
}

function request(session: PeerSession, index: number): void {
  session.budget.expect(ANSWER_STEPS);
  session.extension.send(UT_METADATA, encodeMetadataRequest(index));
}
