/** One torrent in one process: the place of its files, and whether its reports are true. */
import assert from "node:assert/strict";
import type { SimNode } from "../../../tests/harness/sim/sim_node.ts";
import type { Torrent } from "../../../src/torrent/torrent.ts";
import type { AddOptions, TorrentEvent, TorrentSnapshot } from "../../../src/client/types.ts";
import { equalBytes } from "../../../src/util/bytes.ts";
import type { Home } from "./home.ts";
import type { OwnProcess } from "./process.ts";
import type { Segment, Title } from "./titles.ts";

/** The time in which another program's change may go unnoticed. */
const NOTICE_MS = 5000;
/** After so long a finished torrent is recorded as one. */
const RECORDED_MS = 10_000;

export class Copy {
  torrent: Torrent | null = null;
  /** Why it was not taken, or what ended it. */
  refusal: { code: string; message: string } | null = null;
  /** Since when all of it is here, in virtual milliseconds. */
  doneSinceMs: number | null = null;
  /** Since when this run has anything. */
  begunMs: number | null = null;
  /** Its files may have other names or be in another folder. */
  wandered = false;
  readonly #home: Home;

  constructor(
    home: Home,
    readonly process: OwnProcess,
    readonly title: Title,
    readonly options: AddOptions,
  ) {
    this.#home = home;
  }

  get node(): SimNode {
    return this.process.node;
  }

  get about(): string {
    const { title, process } = this;
    return `"${title.torrent.name}" (${title.hex.slice(0, 6)}) of ${process.name}`;
  }

  get snapshot(): TorrentSnapshot | null {
    return this.torrent?.snapshot() ?? null;
  }

  get isDone(): boolean {
    const state = this.process.alive ? this.snapshot?.state : null;
    return state === "seeding" || state === "done";
  }

  /** It was whole long enough ago that this was written down. */
  get wasDone(): boolean {
    return this.doneSinceMs !== null && this.#home.now - this.doneSinceMs > RECORDED_MS;
  }

  /** The final folder holds part of the torrent from this run, and the record says so. */
  get hasBegun(): boolean {
    const { disk, stateDir, now } = this.#home;
    const isRecorded = disk.entry(`${stateDir}/${this.title.hex}.resume`) !== undefined;
    return isRecorded && !this.wandered && this.begunMs !== null &&
      now - this.begunMs > RECORDED_MS;
  }

  /** The places of its files as the torrent spells them. */
  get paths(): string[] {
    return this.title.torrent.files.map(({ path }) => this.pathOf(path));
  }

  /** The place of a file as the torrent spells it. */
  pathOf(path: readonly string[]): string {
    return [this.options.dir, ...path].join("/");
  }

  heard(event: TorrentEvent): void {
    if (event.type === "piece") {
      this.begunMs ??= this.#home.now;
      this.assertOnDisk(event.piece);
    }
    if (event.type === "checked" && event.have > 0) this.begunMs ??= this.#home.now;
    if (event.type === "done") this.#assertDone();
    if (event.type === "state" && event.state === "seeding") this.#assertDone();
    if (event.type === "state" && event.state === "downloading") this.doneSinceMs = null;
    if (event.type === "failed") this.refusal = event;
  }

  #assertDone(): void {
    this.doneSinceMs ??= this.#home.now;
    for (let piece = 0; piece < this.title.pieceCount; piece++) {
      this.#demand(piece, this.#home.now - NOTICE_MS, "says that it is whole");
    }
  }

  /** What is claimed to a peer: changes by others since the start need not be known. */
  assertOnDisk(piece: number): void {
    this.#demand(piece, this.process.startedMs, `claims piece ${piece}`);
  }

  /** The bytes that a peer was sent. */
  judge(piece: number, bytes: Uint8Array): void {
    if (equalBytes(bytes, this.title.piece(piece).subarray(0, bytes.length))) return;
    for (const segment of this.title.segments(piece)) {
      if (this.#wasChanged(segment, this.#home.now - NOTICE_MS)) return;
    }
    assert.fail(`${this.about} sent wrong bytes of piece ${piece}`);
  }

  /** Everything is there and right, byte for byte. */
  assertRight(): void {
    for (let piece = 0; piece < this.title.pieceCount; piece++) {
      this.#demand(piece, this.#home.now, "is whole in the end");
    }
  }

  #demand(piece: number, changedAfterMs: number, saying: string): void {
    for (const segment of this.title.segments(piece)) {
      if (this.#holds(segment) || this.#wasChanged(segment, changedAfterMs)) continue;
      assert.fail(
        `${this.about} ${saying}, and ${segment.file.path.join("/")} does not hold the bytes ` +
          `from ${segment.from} to ${segment.from + segment.bytes.length}`,
      );
    }
  }

  #holds(segment: Segment): boolean {
    return this.#candidates(segment).some((path) => {
      const { bytes, from } = segment, entry = this.#home.disk.entry(path);
      if (entry?.kind !== "file") return false;
      const now = new Uint8Array(bytes.length);
      return entry.data.read(now, from) === now.length && equalBytes(now, bytes);
    });
  }

  /** The files that may be it: the one of that name, or any where names are not kept. */
  #candidates({ file }: Segment): string[] {
    const { dir, incompleteDir = dir } = this.options;
    if (this.title.plain && !this.wandered) {
      return [dir, incompleteDir].map((folder) => [folder, ...file.path].join("/"));
    }
    return this.#home.disk.filesIn("/");
  }

  /** Another program changed it, or its disk was removed, after that moment. */
  #wasChanged({ file, from, bytes }: Segment, afterMs: number): boolean {
    if (this.#home.isAway(this.options.dir)) return true;
    const path = this.pathOf(file.path);
    return this.title.edits.some((edit) =>
      edit.atMs >= afterMs && edit.path === path && edit.from < from + bytes.length &&
      edit.to > from
    );
  }
}
