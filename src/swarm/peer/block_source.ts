/**
 * The peer as a source of blocks: the view of it that the piece manager has, over the download half
 * of its session.
 */
import { Bitfield } from "../../util/bitfield.ts";
import type { RateMeter } from "../../util/rate_meter.ts";
import { BLOCK_LENGTH } from "../../metainfo/layout.ts";
import type { DownloadSide } from "./download_side.ts";
import type { RequestWindow } from "./request_window.ts";
import type { PeerSession } from "./session.ts";

/** What a source needs of its session. */
export interface SourcePort {
  readonly session: PeerSession;
  /** Makes the download half, which requests in the name of this source. */
  side(source: BlockSource): DownloadSide;
  /** The rest of the incoming block is skipped. */
  dropTarget(): void;
  changed(): void;
}

export class BlockSource {
  readonly session: PeerSession;
  /** A small number, unique among the connected. */
  readonly slot: number;
  /** Identifies the peer's address beyond this connection; never 0. */
  readonly key: number;
  /** The peer's pieces. */
  have: Bitfield;
  readonly window: RequestWindow;
  readonly down: RateMeter;
  /** It has sent a whole requested block: some peers accept requests and never do. */
  delivers = false;

  // Kept by the piece manager.
  wanted = 0;
  pickable = 0;
  countsWhole = false;

  readonly #side: DownloadSide;
  readonly #port: SourcePort;
  #scratch: Uint8Array | null = null;

  constructor(port: SourcePort, pieceCount: number) {
    this.#port = port;
    this.session = port.session;
    this.slot = this.session.info.slot;
    this.key = this.session.info.key;
    this.have = new Bitfield(pieceCount);
    this.#side = port.side(this);
    this.window = this.#side.window;
    this.down = this.#side.rate;
  }

  /** The peer chokes us. */
  get choked(): boolean {
    return this.#side.choked;
  }

  /** We told it that we are interested. */
  get interested(): boolean {
    return this.#side.interested;
  }

  get snubbed(): boolean {
    return this.window.snubbed;
  }

  get outstanding(): number {
    return this.#side.outstanding;
  }

  get scratch(): Uint8Array {
    return this.#scratch ??= new Uint8Array(BLOCK_LENGTH);
  }

  /** Whether it had room for requests and found nothing; whether blocks became free since then. */
  get isIdle(): boolean {
    return this.#side.isIdle;
  }

  get isHungry(): boolean {
    return this.#side.isHungry;
  }

  hasAsked(piece: number, block: number): boolean {
    return this.#side.hasAsked(piece, block);
  }

  cancelRequest(piece: number, block: number): void {
    this.#side.cancel(piece, block);
    this.#port.changed();
  }

  dropIncoming(): void {
    this.#port.dropTarget();
    this.#side.dropIncoming();
  }
}
