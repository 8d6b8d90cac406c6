import { Rests } from "../../src/util/rests.ts";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Layout } from "../../src/metainfo/layout.ts";
import { BlockReader, type PieceSource } from "../../src/storage/block_reader.ts";
import { ReadCache, WINDOW_BYTES } from "../../src/storage/read_cache.ts";
import { HandClock } from "../harness/clock.ts";
import { PROOF } from "../../src/storage/warmth.ts";
import { FileError } from "../../src/util/errors.ts";

const KIB = 1024, BLOCK = 16 * KIB;

interface Read {
  piece: number;
  begin: number;
  into: Uint8Array;
  done(): void;
  fail(error: Error): void;
}

/** A disk that answers when the test says so. Byte i of the torrent is a function of i. */
class HandDisk implements PieceSource {
  readonly rests = new Rests();
  readonly layout: Layout;
  readonly reads: Read[] = [];
  readsAtOnce = 0;
  /** What a read at once fails with. */
  error: Error | null = null;
  /** What is on the disk changes with it. */
  salt = 0;
  /** Somebody changes the file, so long as it is true. */
  touched = false;

  /** `files` of equal length. */
  constructor(pieceLength: number, total: number, files: number) {
    const file = { length: total / files, pad: false };
    this.layout = new Layout(pieceLength, Array.from({ length: files }, () => file));
  }

  /** A look takes until it is answered. */
  looks: (() => void)[] | null = null;

  isTouched(): boolean | Promise<boolean> {
    if (this.looks === null) return this.touched;
    return new Promise((resolve) => this.looks!.push(() => resolve(this.touched)));
  }

  byteAt(piece: number, begin: number): number {
    return (piece * 31 + (begin >> 8) * 7 + begin + this.salt) & 255;
  }

  readInto(piece: number, begin: number, into: Uint8Array): void {
    if (this.error !== null) throw this.error;
    this.readsAtOnce++;
    for (let i = 0; i < into.length; i++) into[i] = this.byteAt(piece, begin + i);
  }

  readAsync(piece: number, begin: number, into: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const fill = () => {
        for (let i = 0; i < into.length; i++) into[i] = this.byteAt(piece, begin + i);
        resolve();
      };
      this.reads.push({ piece, begin, into, done: fill, fail: reject });
    });
  }

  /** Answers all reads under way; those that this starts are left. */
  async answer(): Promise<void> {
    for (const read of this.reads.splice(0)) read.done();
    await settled();
  }

  async refuse(error: Error): Promise<void> {
    for (const read of this.reads.splice(0)) read.fail(error);
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function bench(pieceLength: number, total: number, maxBytes = 32 * KIB * KIB, fileCount = 1) {
  const disk = new HandDisk(pieceLength, total, fileCount);
  const system = { diskReads: 0 };
  const files = { diskReads: () => system.diskReads };
  const clock = new HandClock();
  const cache = new ReadCache(maxBytes, { clock, files });
  const broken: unknown[] = [], changed: number[] = [];
  const reader = new BlockReader(disk, cache, {
    broke: (error) => broken.push(error),
    changed: (file) => changed.push(file),
  });
  return { disk, system, clock, cache, broken, changed, reader };
}

/** Lets enough windows be read to show that they are in the system's memory. */
async function warmUp(disk: HandDisk, reader: BlockReader): Promise<void> {
  for (let piece = 0; piece <= PROOF; piece++) {
    reader.prepare(piece, 0, BLOCK, null);
    await disk.answer();
  }
}

class Waiter {
  loads = 0;
  failures = 0;
  loaded = () => this.loads++;
  failed = () => this.failures++;
}

function assertRight(disk: HandDisk, reader: BlockReader, piece: number, begin: number, n = BLOCK) {
  assert.equal(reader.prepare(piece, begin, n, null), true);
  const into = new Uint8Array(n);
  reader.copy(piece, begin, into);
  assert.ok(into.every((byte, i) => byte === disk.byteAt(piece, begin + i)), `${piece}:${begin}`);
}

const gone = new FileError("not-found", "/x", "/x is gone");
const ioError = new FileError("io", "/x", "Cannot read /x");

describe("BlockReader", () => {
  it("serves all blocks of a window and all peers from one read", async () => {
    const { disk, cache, reader } = bench(512 * KIB, 1024 * KIB);
    const one = new Waiter(), other = new Waiter();
    assert.equal(reader.prepare(0, 0, BLOCK, one), false);
    assert.equal(reader.prepare(0, 3 * BLOCK, BLOCK, other), false);
    assert.equal(reader.prepare(0, 3 * BLOCK, BLOCK, other), false);
    assert.equal(disk.reads.length, 1);
    assert.equal(disk.reads[0]!.into.length, WINDOW_BYTES);
    await disk.answer();
    assert.deepEqual([one.loads, other.loads], [1, 1]);
    for (let begin = 0; begin < WINDOW_BYTES; begin += BLOCK) assertRight(disk, reader, 0, begin);
    assert.equal(cache.reads, 1);
  });

  it("reads only the piece, and joins a request that spans two windows", async () => {
    const { disk, reader } = bench(300 * KIB, 500 * KIB);
    reader.prepare(1, 0, BLOCK, null);
    assert.equal(disk.reads[0]!.into.length, 200 * KIB);
    reader.prepare(0, 299 * KIB, KIB, null);
    assert.equal(disk.reads[1]!.into.length, 44 * KIB);
    await disk.answer();
    assert.equal(reader.prepare(0, 250 * KIB, BLOCK, null), false);
    await disk.answer();
    assertRight(disk, reader, 0, 250 * KIB);
  });

  it("stays within its memory and drops the least recently used", async () => {
    const windows = 12;
    const { disk, cache, reader } = bench(WINDOW_BYTES, 40 * WINDOW_BYTES, windows * WINDOW_BYTES);
    for (let piece = 0; piece < 40; piece++) {
      reader.prepare(piece, 0, BLOCK, null);
      await disk.answer();
      assertRight(disk, reader, 0, 0); // piece 0 stays in use
      assertRight(disk, reader, piece, 0);
      assert.ok(cache.bytes <= cache.maxBytes, `${cache.bytes}`);
    }
    assert.equal(cache.bytes, windows * WINDOW_BYTES);
    assert.equal(reader.prepare(39 - windows, 0, BLOCK, null), false, "long not used");
    assert.equal(reader.prepare(31, 0, BLOCK, null), true, "used lately");
  });

  it("has at most eight reads in progress, within the memory, and continues in order", async () => {
    const { disk, cache, reader } = bench(WINDOW_BYTES, 30 * WINDOW_BYTES, 0);
    const waiters = Array.from({ length: 30 }, () => new Waiter());
    waiters.forEach((waiter, piece) => reader.prepare(piece, 0, BLOCK, waiter));
    assert.equal(disk.reads.length, 8);
    for (let i = 0; i < 6; i++) {
      assert.ok(disk.reads.length <= 8 && cache.bytes <= cache.maxBytes);
      await disk.answer();
    }
    assert.ok(waiters.every(({ loads }) => loads === 1));
  });

  it("a failed read only fails its waiting requests, the torrent continues", async () => {
    const { disk, broken, reader } = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    const unlucky = new Waiter();
    reader.prepare(0, 0, BLOCK, unlucky);
    await disk.refuse(ioError);
    assert.deepEqual([unlucky.loads, unlucky.failures, broken.length], [0, 1, 0]);
    reader.prepare(0, 0, BLOCK, unlucky);
    await disk.answer();
    assert.equal(unlucky.loads, 1);
    reader.prepare(1, 0, BLOCK, unlucky);
    await disk.refuse(ioError);
    assert.equal(broken.length, 0, "it had worked in between");
  });

  it("reports repeated read errors to the torrent, and a missing file at once", async () => {
    const first = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    for (const piece of [0, 1]) {
      first.reader.prepare(piece, 0, BLOCK, null);
      await first.disk.refuse(ioError);
    }
    assert.deepEqual(first.broken, [ioError]);
    const second = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    second.reader.prepare(0, 0, BLOCK, null);
    await second.disk.refuse(gone);
    assert.deepEqual(second.broken, [gone]);
  });

  it("never serves data read before the piece was found bad, or during that", async () => {
    const { disk, reader } = bench(2 * WINDOW_BYTES, 4 * WINDOW_BYTES);
    const waiter = new Waiter();
    reader.prepare(1, 0, BLOCK, null);
    await disk.answer();
    assertRight(disk, reader, 1, 0);
    reader.prepare(1, WINDOW_BYTES, BLOCK, waiter);
    const old = disk.reads.splice(0);
    reader.forget(1);
    assert.equal(reader.prepare(1, 0, BLOCK, null), false);
    assert.equal(reader.prepare(1, WINDOW_BYTES, BLOCK, null), false);
    for (const read of old) read.done();
    await settled();
    assert.deepEqual([waiter.loads, waiter.failures], [0, 1]);
    assert.equal(reader.prepare(1, WINDOW_BYTES, BLOCK, null), false, "the old read is not served");
    disk.salt = 99; // the piece as it was downloaded again
    await disk.answer();
    assertRight(disk, reader, 1, 0);
    assertRight(disk, reader, 1, WINDOW_BYTES);
  });

  it("releases its memory when its torrent ends, also of running reads", async () => {
    const { disk, cache, reader } = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    reader.prepare(0, 0, BLOCK, null);
    await disk.answer();
    reader.prepare(1, 0, BLOCK, null);
    reader.close();
    await disk.answer();
    assert.equal(cache.bytes, 0);
    assert.equal(reader.prepare(0, 0, BLOCK, null), false);
    assert.equal(disk.reads.length, 0);
  });

  it("reads synchronously, for any length, after windows came from the system's memory", async () => {
    const { disk, reader, system, cache } = bench(64 * KIB, 64 * 64 * KIB);
    const into = new Uint8Array(40 * KIB);
    assert.equal(reader.readNow(3, 5, into), false, "nothing is known yet");
    await warmUp(disk, reader);
    const { reads } = cache;
    assert.equal(reader.readNow(60, 5, into), true);
    assert.ok(into.every((byte, i) => byte === disk.byteAt(60, 5 + i)));
    assert.equal(cache.reads, reads, "nothing went through the cache");
    for (let i = 0; i < 40 && disk.readsAtOnce < 40; i++) {
      system.diskReads++;
      if (!reader.readNow(i, 0, into)) break;
    }
    assert.equal(disk.readsAtOnce, 32, "until it was seen that the disk was needed");
  });

  it("opens no thousand tiny files at once, nor reads ahead over them", async () => {
    const total = 64 * 64 * KIB, fileCount = total / 4;
    const { disk, reader } = bench(64 * KIB, total, undefined, fileCount);
    for (let piece = 0; piece <= PROOF; piece++) {
      reader.prepare(piece, 0, BLOCK, null);
      assert.deepEqual(disk.reads.map(({ into }) => into.length), [BLOCK]);
      await disk.answer();
    }
    assert.equal(reader.readNow(60, 0, new Uint8Array(100)), true, "that is 25 files");
    assert.equal(reader.readNow(60, 0, new Uint8Array(BLOCK)), false, "and that 4,096");
  });

  it("leaves an error of a synchronous read to the read ahead, which handles it", async () => {
    const { disk, reader, broken } = bench(64 * KIB, 64 * 64 * KIB);
    await warmUp(disk, reader);
    const into = new Uint8Array(BLOCK), waiter = new Waiter();
    disk.error = gone;
    assert.equal(reader.readNow(60, 0, into), false);
    assert.deepEqual(broken, []);
    assert.equal(reader.prepare(60, 0, BLOCK, waiter), false);
    await disk.refuse(gone);
    assert.deepEqual([waiter.failures, broken], [1, [gone]]);
    disk.error = null;
    assert.equal(reader.readNow(60, 0, into), false, "proof is needed again");
  });

  it("a closed reader reads nothing at once", async () => {
    const { disk, reader } = bench(64 * KIB, 64 * 64 * KIB);
    await warmUp(disk, reader);
    reader.close();
    assert.equal(reader.readNow(0, 0, new Uint8Array(BLOCK)), false);
  });
});

describe("BlockReader and files that other programs change", () => {
  it("serves nothing of a file from a second after its change until it was checked", async () => {
    const { disk, reader, clock, changed, cache } = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    reader.prepare(0, 0, BLOCK, null);
    await disk.answer();
    assertRight(disk, reader, 0, 0);
    disk.touched = true;
    assert.equal(reader.prepare(0, BLOCK, BLOCK, null), true, "looked at less than a second ago");
    clock.pass(1000);
    const waiter = new Waiter();
    assert.equal(reader.prepare(0, BLOCK, BLOCK, waiter), false);
    assert.equal(reader.prepare(1, 0, BLOCK, waiter), false);
    assert.deepEqual([changed, cache.bytes, disk.reads.length], [[0], 0, 0]);
    clock.pass(5000);
    assert.equal(reader.prepare(0, BLOCK, BLOCK, waiter), false);
    assert.deepEqual([changed, waiter.loads], [[0], 0], "told once");
    disk.touched = false;
    disk.salt = 9;
    reader.release([0], false);
    assert.equal(waiter.loads, 1);
    reader.prepare(0, BLOCK, BLOCK, waiter);
    await disk.answer();
    assertRight(disk, reader, 0, BLOCK);
  });

  it("serves nothing that was being read when the change was seen", async () => {
    const { disk, reader, clock } = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    const waiter = new Waiter();
    reader.prepare(0, 0, BLOCK, waiter);
    disk.touched = true;
    clock.pass(1000);
    reader.prepare(1, 0, BLOCK, null);
    await disk.answer();
    assert.deepEqual([waiter.loads, waiter.failures], [0, 1]);
    disk.touched = false;
    reader.release([0], false);
    assert.equal(reader.prepare(0, 0, BLOCK, null), false, "read again");
  });

  it("looks before it reads at once", async () => {
    const { disk, reader, clock, changed } = bench(WINDOW_BYTES, 64 * WINDOW_BYTES);
    await warmUp(disk, reader);
    const into = new Uint8Array(BLOCK);
    assert.equal(reader.readNow(0, 0, into), true);
    disk.touched = true;
    clock.pass(1000);
    assert.equal(reader.readNow(0, 0, into), false);
    assert.deepEqual(changed, [0]);
  });

  it("waits for a look at a slow disk, however long that takes", async () => {
    const { disk, reader, clock, changed } = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    const looks: (() => void)[] = disk.looks = [], waiter = new Waiter();
    assert.equal(reader.prepare(0, 0, BLOCK, waiter), false);
    assert.equal(reader.prepare(0, BLOCK, BLOCK, waiter), false);
    assert.deepEqual([looks.length, disk.reads.length], [1, 0]);
    clock.pass(5000);
    looks.shift()!();
    await settled();
    assert.equal(waiter.loads, 1);
    reader.prepare(0, 0, BLOCK, waiter);
    await disk.answer();
    assertRight(disk, reader, 0, 0);
    disk.touched = true;
    clock.pass(1000);
    assert.equal(reader.prepare(0, 0, BLOCK, waiter), false);
    looks.shift()!();
    await settled();
    assert.deepEqual(changed, [0]);
    assert.equal(reader.prepare(0, 0, BLOCK, waiter), false);
  });

  it("looks less and less often where changes turn out to be none", () => {
    const { disk, reader, clock, changed } = bench(WINDOW_BYTES, 4 * WINDOW_BYTES);
    const looksIn = (ms: number) => {
      changed.length = 0;
      let found = 0;
      for (let at = 0; at < ms; at += 500) {
        reader.prepare(0, 0, BLOCK, null);
        found += changed.length;
        if (changed.splice(0).length > 0) reader.release([0], true);
        clock.pass(500);
      }
      return found;
    };
    disk.touched = true;
    assert.equal(looksIn(64_000), 7, "its time moves with every look");
    disk.touched = false;
    looksIn(61_000);
    disk.touched = true;
    clock.pass(1000);
    assert.equal(reader.prepare(0, 0, BLOCK, null), false, "as often as ever after a quiet look");
  });
});
