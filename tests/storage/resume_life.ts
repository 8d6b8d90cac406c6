/** A torrent that is downloaded in several lives of one machine, each ended by a crash. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { SimDisk } from "../harness/sim/disk.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import type { SimWorld } from "../harness/sim/world.ts";
import type { ResumeData } from "../../src/state/resume_data.ts";
import { checkPieces } from "../../src/storage/checker.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { readResume } from "../../src/state/resume_file.ts";
import { ResumeKeeper } from "../../src/state/resume_keeper.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { type Trust, trustworthy } from "../../src/state/trust.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { equalBytes } from "../../src/util/bytes.ts";
import type { TestTorrent } from "./storage_harness.ts";

export const RECORD = "/home/record.resume";
export const INFO_HASH = new Uint8Array(20).fill(9);
export const sha1 = (bytes: Uint8Array) =>
  new Uint8Array(createHash("sha1").update(bytes).digest());

export function blankRecord(have: Bitfield): ResumeData {
  return {
    infoHash: INFO_HASH,
    name: "t",
    dir: "/home/downloads",
    disk: "",
    renamed: new Map(),
    moving: null,
    have,
    partial: [],
    totals: { uploaded: 0, downloaded: 0, seedingSeconds: 0, activeSeconds: 0 },
    completedAt: 0,
    identity: null,
    goodPeers: [],
    bannedPeers: [],
    stamps: [],
    owned: new Map(),
    partsStamp: undefined,
    savedAtMs: 0,
  };
}

export class Life {
  readonly node: SimNode;
  readonly storage: TorrentStorage;
  readonly keeper: ResumeKeeper;
  readonly have: Bitfield;
  readonly warnings: unknown[] = [];
  trust: Trust | null = null;
  /** Pieces that are being written. */
  readonly storing = new Set<number>();
  /** Pieces that were hashed at the start. */
  hashed = 0;

  constructor(
    readonly world: SimWorld,
    readonly torrent: TestTorrent,
    disk: SimDisk | undefined,
    wanted: readonly boolean[],
    readonly dir = "/home/downloads",
  ) {
    this.node = world.node("10.0.0.1", disk ? { disk } : {});
    const { files, clock } = this.node;
    this.storage = new TorrentStorage(
      files,
      new HandlePool(files, 4),
      dir,
      torrent.entries,
      torrent.layout,
      { infoHash: INFO_HASH, wanted },
    );
    this.have = new Bitfield(torrent.layout.pieceCount);
    this.keeper = new ResumeKeeper({
      files,
      path: RECORD,
      sha1,
      collect: () => this.record(),
      owned: () => this.storage.files.owned(),
      syncData: () => this.storage.data.sync(),
      now: () => clock.now(),
      sleep: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
      warn: (error) => this.warnings.push(error),
    });
  }

  record(): ResumeData {
    const have = new Bitfield(this.have.length);
    have.replace(this.have);
    return {
      ...blankRecord(have),
      stamps: this.storage.seen.stamps(),
      partsStamp: this.storage.seen.partsStamp(),
      savedAtMs: this.node.clock.wallTime(),
    };
  }

  /** Comes to know what is there, as a client would, and asserts that no belief is wrong. */
  async start(): Promise<void> {
    const { storage, torrent, node } = this;
    storage.files.prepare();
    const record = await this.world.wait(readResume(node.files, RECORD, sha1, INFO_HASH));
    if (record !== null) {
      this.trust = trustworthy(record, torrent.layout, storage.seen);
      for (const piece of torrent.pieces) {
        if (!this.trust.trusted.has(piece)) continue;
        assert.ok(this.isRight(piece), `piece ${piece} was believed and is wrong`);
        this.have.set(piece);
      }
    }
    const { suspect, unclaimed } = this.trust ?? { suspect: torrent.pieces, unclaimed: [] };
    this.hashed = suspect.length + unclaimed.length;
    const pieces = [...suspect, ...unclaimed];
    await this.world.wait(
      checkPieces(node.hasher, storage.seen, pieces, torrent.verifier, {
        piece: (piece, ok) => ok && this.have.set(piece),
      }),
    );
    if (this.trust) storage.seen.adopt(this.trust);
  }

  /** Tells when it is stored, which may be later. */
  store(piece: number, tell: () => void = () => {}): void {
    const stored = () => {
      this.storing.delete(piece);
      this.have.set(piece);
      this.keeper.changed(this.node.clock.now());
      tell();
    };
    this.storing.add(piece);
    const storing = this.storage.data.writePiece(piece, this.torrent.piece(piece));
    if (storing) void storing.then(stored);
    else stored();
  }

  isRight(piece: number): boolean {
    const bytes = new Uint8Array(this.torrent.layout.lengthOf(piece));
    try {
      this.storage.data.readInto(piece, 0, bytes);
    } catch {
      return false;
    }
    return equalBytes(bytes, this.torrent.piece(piece));
  }
}
