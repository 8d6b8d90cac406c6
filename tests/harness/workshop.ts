/** A piece manager over generated data, with hand-driven peers and a record of all reports. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PieceManager, type PieceOptions } from "../../src/pieces/piece_manager.ts";
import { type BlockId, HandPeer } from "./hand_peer.ts";
import { HandHasher } from "./hasher.ts";
import { HandRandom } from "./random.ts";
import { TorrentData } from "./torrent_data.ts";

const BLOCK = 16384;

export interface WorkshopOptions extends Partial<PieceOptions> {
  length?: number;
  pieceLength?: number;
  hashing?: "running" | "submit";
  /** When the disk takes a piece: "later" is when `finishStore` says so; "mixed" is both in turn. */
  storing?: "now" | "later" | "mixed";
  seed?: number;
}

interface StoreEnd {
  stored(): void;
  failed(error: unknown): void;
}

export class Workshop {
  readonly data: TorrentData;
  readonly hasher: HandHasher;
  readonly manager: PieceManager;
  /** The stored bytes, in the torrent's byte space. */
  readonly stored: Uint8Array;
  readonly verified: number[] = [];
  readonly failed: { piece: number; contributors: number[] }[] = [];
  /** Keys of the guilty, in the order of conviction. */
  readonly guilty: number[] = [];
  readonly storeErrors: unknown[] = [];
  /** Hashes and stores that ended by themselves. */
  settled = 0;
  /** Thrown by the next `store`, or by the end of the next slow one. */
  storeError: Error | null = null;
  /** Called for each verified piece. */
  readonly listeners = new Set<(piece: number) => void>();
  readonly peers: HandPeer[] = [];
  readonly #storing: NonNullable<WorkshopOptions["storing"]>;
  /** Running stores, oldest first. */
  readonly #stores: { piece: number; bytes: Uint8Array; seen: Uint8Array; end: StoreEnd }[] = [];
  #storeCalls = 0;
  #nextKey = 1;

  /** Default: 8 pieces of 4 blocks, the last one of 1 block and a half. */
  constructor(options: WorkshopOptions = {}) {
    const { length = 7 * 4 * BLOCK + BLOCK * 3 / 2, pieceLength = 4 * BLOCK, seed = 1 } = options;
    this.#storing = options.storing ?? "now";
    this.data = new TorrentData(length, pieceLength, seed);
    this.stored = new Uint8Array(length);
    this.hasher = new HandHasher(options.hashing ?? "running");
    this.manager = new PieceManager(
      this.data.layout,
      this.data.verifier,
      { hasher: this.hasher, random: new HandRandom(seed) },
      {
        budgetBytes: options.budgetBytes ?? 1 << 30,
        piecesPerPeer: options.piecesPerPeer ?? Infinity,
        sequential: options.sequential ?? false,
      },
      {
        store: (piece, bytes) => this.#store(piece, bytes),
        storeFailed: (error) => this.storeErrors.push(error),
        settle: () => this.settled++,
        verified: (piece) => {
          this.verified.push(piece);
          for (const listener of this.listeners) listener(piece);
        },
        failed: (piece, contributors) => this.failed.push({ piece, contributors }),
        guilty: (key) => this.guilty.push(key),
      },
    );
  }

  /** Joins a peer in a free slot, under a new key, that has these pieces. */
  peer(pieces: "all" | Iterable<number> = "all"): HandPeer {
    const used = new Set(this.peers.filter((peer) => peer.connected).map((peer) => peer.slot));
    let slot = 0;
    while (used.has(slot)) slot++;
    const peer = new HandPeer(this.manager, slot, this.#nextKey++, this.data.layout);
    this.peers.push(peer);
    return peer.tells(pieces);
  }

  right(id: BlockId): Uint8Array {
    return this.data.block(id.piece, id.block);
  }

  /** The block with one wrong byte; `how` (1 to 255) selects how it is wrong. */
  wrong(id: BlockId, how: number = 1): Uint8Array {
    const bytes = this.right(id).slice();
    bytes[bytes.length - 1]! ^= how;
    return bytes;
  }

  /** `peer` requests and sends all that it can, with right bytes. */
  downloadAll(peer: HandPeer): void {
    for (;;) {
      const ids = peer.askMany();
      while (peer.asked.length > 0) {
        const id = peer.asked[0]!;
        peer.sends(id, this.right(id));
        this.check();
      }
      if (ids.length === 0 && !this.hasher.finish() && !this.finishStore()) return;
    }
  }

  get connected(): HandPeer[] {
    return this.peers.filter((peer) => peer.connected);
  }

  check(): void {
    this.manager.checkInvariants();
  }

  /** Everything is complete and exactly right. */
  assertComplete(): void {
    assert.equal(this.manager.complete, true);
    assert.equal(this.manager.states.haveBytes, this.data.content.length);
    assert.equal(Buffer.compare(this.stored, this.data.content), 0, "the content is right");
    assert.equal(this.manager.openPieces.size, 0);
  }

  /** Ends the oldest running store; false if there is none. */
  finishStore(): boolean {
    const store = this.#stores.shift();
    if (store === undefined) return false;
    const { piece, bytes, seen, end } = store;
    assert.equal(
      Buffer.compare(bytes, seen),
      0,
      "the bytes stay as they are while they are stored",
    );
    try {
      this.#storeNow(piece, bytes);
    } catch (error) {
      end.failed(error);
      return true;
    }
    end.stored();
    return true;
  }

  #store(piece: number, bytes: Uint8Array): void | Promise<void> {
    const isLater = this.#storing === "mixed"
      ? this.#storeCalls++ % 2 > 0
      : this.#storing === "later";
    if (!isLater) return this.#storeNow(piece, bytes);
    const then = (stored: () => void, failed: (error: unknown) => void) => {
      const next: (() => void)[] = [];
      const done = <T extends unknown[]>(tell: (...args: T) => void) => (...args: T) => {
        tell(...args);
        for (const each of next) each();
      };
      const end = { stored: done(stored), failed: done(failed) };
      this.#stores.push({ piece, bytes, seen: bytes.slice(), end });
      return { then: (each: () => void) => void next.push(each) };
    };
    // Ends when the test says so, not at the end of some turn.
    return { then } as unknown as Promise<void>;
  }

  #storeNow(piece: number, bytes: Uint8Array): void {
    const error = this.storeError;
    this.storeError = null;
    if (error !== null) throw error;
    this.stored.set(bytes, piece * this.data.layout.pieceLength);
  }
}
