/**
 * The peer as one that takes blocks from us: the view of it that the choker, the spread of the first
 * copies and super-seeding have, over the upload half of its session.
 */
import type { Bitfield } from "../../util/bitfield.ts";
import type { RateMeter } from "../../util/rate_meter.ts";
import { HAVE, type WireEncoder } from "../../wire/peer_wire.ts";
import type { PeerSession, SessionInfo } from "./session.ts";
import type { UploadQueue, UploadRequest } from "./upload_queue.ts";
import type { UploadSide } from "./upload_side.ts";

/** What a taker needs of its session. */
export interface TakerPort {
  readonly session: PeerSession;
  readonly side: UploadSide;
  /** Our pieces. */
  have(): Bitfield;
  /** It is choked now, and these requests were refused. */
  choked(dropped: readonly UploadRequest[]): void;
  changed(): void;
}

export class BlockTaker {
  readonly session: PeerSession;
  readonly info: SessionInfo;
  readonly out: WireEncoder;
  readonly upload: UploadQueue;
  readonly up: RateMeter;
  readonly down: RateMeter;
  peerInterested = false;
  /** It has not read for so long that our last write is still in progress. Kept by its link. */
  stuck = false;
  readonly #side: UploadSide;
  readonly #port: TakerPort;

  constructor(port: TakerPort) {
    const { session, side } = port;
    this.#port = port;
    this.#side = side;
    this.session = session;
    this.info = session.info;
    this.out = session.out;
    this.down = session.source.down;
    this.upload = side.queue;
    this.up = side.rate;
  }

  /** The peer's pieces. */
  get have(): Bitfield {
    return this.session.source.have;
  }

  get snubbed(): boolean {
    return this.session.source.snubbed;
  }

  get connectedAt(): number {
    return this.info.connectedAt;
  }

  get choking(): boolean {
    return this.#side.choking;
  }

  /** When we last choked or unchoked the peer. */
  get unchokedAt(): number {
    return this.#side.chokedAt;
  }

  /** Whether it made no request while it was last unchoked. */
  wastesTurns(now: number, busy: boolean): boolean {
    return this.#side.wastesTurns(now, busy);
  }

  /** The peer needs nothing more: it has everything, or all that it wants. */
  get isDone(): boolean {
    return this.have.full || this.session.extension.uploadOnly;
  }

  /** It is interested in our pieces, whatever it said about wanting nothing more. */
  get needsUs(): boolean {
    return this.peerInterested && this.have.lacksAnyOf(this.#port.have());
  }

  /** We have a new piece. */
  announce(piece: number): void {
    this.out.number(HAVE, piece);
  }

  /** The oldest request of the peer cannot be served. */
  refuseNext(): void {
    this.#side.refuseNext();
  }

  setChoking(choking: boolean, now: number): void {
    const dropped = this.#side.setChoking(choking, now);
    if (dropped === null) return;
    if (choking) this.#port.choked(dropped);
    this.upload.suggested.clear();
    this.#port.changed();
  }

  /** `out`, as it was when `unchokedAt` was `changedAt`, has been written. */
  written(changedAt: number, now: number): void {
    this.#side.written(changedAt, now);
  }
}
