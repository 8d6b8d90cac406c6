/**
 * What is kept on the disk, on the simulated one: the part file never mixes up two pieces, and
 * after any crash, damage or foreign write no piece is believed that is not there.
 */
import { SimWorld } from "../../../tests/harness/sim/world.ts";
import type { SimNode } from "../../../tests/harness/sim/sim_node.ts";
import { FileAccess } from "../../../src/storage/file_access.ts";
import { HandlePool } from "../../../src/storage/handle_pool.ts";
import { PartFile } from "../../../src/storage/part_file.ts";
import { equalBytes } from "../../../src/util/bytes.ts";
import { INFO_HASH, Life, RECORD } from "../../../tests/storage/resume_life.ts";
import { DIR, TestTorrent } from "../../../tests/storage/storage_harness.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine } from "../target.ts";

const SHAPE = { infoHash: INFO_HASH, pieceLength: 64, pieceCount: 12 };
const STRIDE = 512 + SHAPE.pieceLength, HEAD_FIELDS = 44;

class PartLife {
  readonly #node: SimNode = new SimWorld("parts").node("10.0.0.1");
  #access = this.#openFolder();
  #parts = this.#open();
  /** What was written, by piece; a byte that never was is zero. */
  readonly #model = new Map<number, Uint8Array>();
  #slots: number[] = [];
  readonly #damaged = new Set<number>();
  #path = this.#parts.file.path;

  /** A file without any valid header counts as foreign, and another is made. */
  #follow(): void {
    const { path } = this.#parts.file;
    if (path === this.#path) return;
    check(this.#model.size === 0, "only a file without a piece is given up");
    this.#path = path;
    this.#slots = [];
    this.#damaged.clear();
  }

  #openFolder(): FileAccess {
    const access = new FileAccess(this.#node.files, new HandlePool(this.#node.files, 2), DIR);
    access.paths.makeRoot();
    return access;
  }

  #open(): PartFile {
    this.#access = this.#openFolder();
    const parts = new PartFile(this.#access, SHAPE);
    parts.load();
    return parts;
  }

  step(events: EventReader): void {
    const kind = events.below(8), piece = events.below(SHAPE.pieceCount);
    if (kind < 4) this.#write(piece, events);
    else if (kind === 4) this.#parts = this.#open();
    else if (kind === 5) this.#damage(events);
    else if (kind === 6 && events.below(16) === 0) this.#remove();
    else this.#parts.load();
    this.#check();
  }

  #write(piece: number, events: EventReader): void {
    this.#follow();
    const begin = events.below(SHAPE.pieceLength);
    const length = 1 + events.below(SHAPE.pieceLength - begin);
    const bytes = new Uint8Array(length).fill(events.byte());
    if (!this.#parts.has(piece)) {
      this.#model.set(piece, new Uint8Array(SHAPE.pieceLength));
      this.#slots.push(piece);
    }
    for (const { file, bytes: part, offset } of this.#parts.writes(piece, begin, bytes)) {
      this.#access.write(file, part, offset);
    }
    this.#model.get(piece)!.set(bytes, begin);
  }

  /** A byte of a slot's head goes bad: the piece is lost at the next start, and no other. */
  #damage(events: EventReader): void {
    this.#follow();
    if (this.#slots.length === 0) return;
    const slot = events.below(this.#slots.length), at = events.below(HEAD_FIELDS);
    const piece = this.#slots[slot]!, flip = 1 + events.below(255);
    if (this.#damaged.has(slot)) return;
    this.#damaged.add(slot);
    this.#node.disk.corrupt(this.#path, slot * STRIDE + at, flip);
    this.#parts.load();
    check(!this.#parts.has(piece), "a damaged head is noticed");
    this.#model.delete(piece);
  }

  #remove(): void {
    this.#parts.remove();
    this.#model.clear();
    this.#slots = [];
    this.#damaged.clear();
    check(this.#node.disk.bytes(this.#path) === null, "nothing stays behind");
  }

  #check(): void {
    this.#follow();
    const found = [...this.#parts.piecesIn(0, SHAPE.pieceCount - 1)];
    check(found.length === this.#model.size, "the pieces that were written, and no others");
    const all = this.#node.disk.bytes(this.#path) ?? new Uint8Array(0);
    check(all.length <= STRIDE * this.#slots.length, "the file is as long as its slots");
    for (const piece of found) {
      const expected = this.#model.get(piece);
      const offset = this.#parts.span(piece, 0, SHAPE.pieceLength)!.offset;
      const bytes = new Uint8Array(SHAPE.pieceLength);
      bytes.set(all.subarray(offset, offset + SHAPE.pieceLength));
      check(expected !== undefined && equalBytes(bytes, expected), "a piece is what was written");
    }
  }

  get word(): string {
    return `${this.#model.size}/${about(this.#slots.length)}/${about(this.#damaged.size)}`;
  }
}

/** Pieces of 100 bytes over four files and a pad. */
const TORRENT = new TestTorrent(100, [["t/a", 250], ["t/b", 80], [null, 70], ["t/c", 20], [
  "t/d",
  240,
]]);

/** A download in several lives: what `Life.start` believes must be right, or it throws. */
async function lives(events: EventReader): Promise<string> {
  const world = new SimWorld(`resume ${events.byte()}`);
  let wanted = TORRENT.entries.map(() => true), life = new Life(world, TORRENT, undefined, wanted);
  let crashes = 0, trusted = 0, vandalised = 0;
  await life.start();
  while (events.more && crashes < 6) {
    const kind = events.below(10), piece = events.below(TORRENT.layout.pieceCount);
    if (kind < 4) life.store(piece);
    else if (kind === 4) await world.runFor(events.pick([1, 5, 20, 600, 5000]));
    else if (kind === 5) life.keeper.tick(life.node.clock.now());
    else if (kind === 6) await world.wait(life.keeper.save());
    else if (kind === 7) {
      vandalised++;
      vandalise(life, piece, events.byte());
    } else if (kind === 8) {
      wanted = TORRENT.entries.map(() => events.below(4) > 0);
      await world.wait(life.storage.files.setWanted(wanted));
    } else {
      life.node.kill();
      const { disk } = life.node;
      if (events.flag()) disk.crash();
      if (events.below(4) === 0) damageRecord(life, events);
      life = new Life(world, TORRENT, disk, wanted);
      await life.start();
      await world.wait(life.keeper.save());
      await world.wait(life.storage.files.setWanted(wanted));
      for (const each of TORRENT.pieces) {
        check(!life.have.has(each) || life.isRight(each), "a piece counts as here and is wrong");
      }
      trusted += life.trust?.trusted.count ?? 0;
      crashes++;
    }
  }
  return `${crashes}/${about(trusted)}/${about(vandalised)}/${about(life.have.count)}`;
}

/** Another program overwrites bytes of a piece; it shows in the file's time. */
function vandalise(life: Life, piece: number, value: number): void {
  for (const { file, offset, length, pad } of TORRENT.layout.slices(piece)) {
    const path = `${life.dir}/${TORRENT.entries[file]!.path.join("/")}`;
    if (pad || (life.node.disk.bytes(path)?.length ?? 0) < offset + length) continue;
    const mtimeMs = life.node.clock.wallTime() + 11;
    life.node.disk.tamper(path, new Uint8Array(length).fill(value), offset, mtimeMs);
    // Until its next start the client takes what it verified as its own.
    for (const each of TORRENT.pieces) if (!life.isRight(each)) life.have.clear(each);
    return;
  }
}

function damageRecord(life: Life, events: EventReader): void {
  const record = life.node.disk.bytes(RECORD);
  if (record === null) return;
  for (let i = 1 + events.below(4); i > 0; i--) {
    life.node.disk.corrupt(RECORD, events.below(record.length), 1 + events.below(255));
  }
}

export function storageTargets(): FuzzTarget[] {
  return [
    machine("part-file", (bytes) => {
      const events = new EventReader(bytes), life = new PartLife();
      while (events.more) life.step(events);
      return life.word;
    }, 200),
    machine("resume-lives", (bytes) => lives(new EventReader(bytes)), 150),
  ];
}
