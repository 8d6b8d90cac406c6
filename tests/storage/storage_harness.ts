/** A small torrent with known bytes, and a simulated machine to put it on. */
import { createHash } from "node:crypto";
import type { FileHandle, Files } from "../../src/platform/types.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import type { PieceVerifier } from "../../src/metainfo/piece_verifier.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { checkPieces } from "../../src/storage/checker.ts";
import type { StorageEntry, StorageOptions } from "../../src/storage/file_set.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { equalBytes } from "../../src/util/bytes.ts";
import { FileError } from "../../src/util/errors.ts";

/** [path, length], a pad where the path is null. */
export type FileSketch = readonly [path: string | null, length: number];

export class TestTorrent {
  readonly entries: StorageEntry[];
  readonly layout: Layout;
  /** The whole content, pads included (as zeros). */
  readonly bytes: Uint8Array;
  readonly verifier: PieceVerifier = {
    algorithm: "sha1",
    matches: (piece, digest) => equalBytes(digest, this.hash(piece)),
  };

  constructor(pieceLength: number, files: readonly FileSketch[]) {
    this.entries = files.map(([path, length], i) => ({
      path: (path ?? `.pad/${i}`).split("/"),
      length,
      pad: path === null,
    }));
    this.layout = new Layout(pieceLength, this.entries);
    this.bytes = new Uint8Array(this.layout.totalLength);
    // No two pieces alike and no zeros, so that bytes in a wrong place are noticed.
    for (let i = 0; i < this.bytes.length; i++) {
      this.bytes[i] = 1 + ((i * 7 + (i >> 8) * 13 + (i >> 16)) % 255);
    }
    this.entries.forEach(({ pad, length }, file) => {
      const start = this.layout.fileStart(file);
      if (pad) this.bytes.fill(0, start, start + length);
    });
  }

  get pieces(): number[] {
    return Array.from({ length: this.layout.pieceCount }, (_, piece) => piece);
  }

  piece(piece: number): Uint8Array {
    const start = piece * this.layout.pieceLength;
    return this.bytes.subarray(start, start + this.layout.lengthOf(piece));
  }

  hash(piece: number): Uint8Array {
    return new Uint8Array(createHash("sha1").update(this.piece(piece)).digest());
  }

  file(file: number): Uint8Array {
    const start = this.layout.fileStart(file);
    return this.bytes.subarray(start, start + this.entries[file]!.length);
  }
}

/** Files that notes what is done to those below it. */
export class NotingFiles implements Files {
  readonly log: string[] = [];
  readonly list: Files["list"];
  readonly listAsync: Files["listAsync"];
  readonly read: Files["read"];
  readonly writeWhole: Files["writeWhole"];
  readonly rename: Files["rename"];
  readonly remove: Files["remove"];
  readonly copy: Files["copy"];
  readonly diskOf: Files["diskOf"];
  readonly realPath: Files["realPath"];
  readonly absolute: Files["absolute"];
  readonly lock: Files["lock"];
  /** Happens before a question for the free space is answered. */
  beforeFreeSpace = () => {};
  readonly #below: Files;

  constructor(below: Files) {
    this.#below = below;
    this.list = (path) => below.list(path);
    this.listAsync = (path) => below.listAsync(path);
    this.read = (path, maxBytes) => below.read(path, maxBytes);
    this.writeWhole = (path, bytes) => below.writeWhole(path, bytes);
    this.rename = (from, to) => below.rename(from, to);
    this.remove = (path) => below.remove(path);
    this.copy = (from, to) => below.copy(from, to);
    this.diskOf = (path) => below.diskOf(path);
    this.realPath = (path) => below.realPath(path);
    this.absolute = (path) => below.absolute(path);
    this.lock = (path) => below.lock(path);
  }

  count(action: string): number {
    return this.log.filter((line) => line.split(" ")[0] === action).length;
  }

  open(path: string, mode: "read" | "write" | "create"): FileHandle {
    this.log.push(`open ${path} ${mode}`);
    return this.#noting(path, this.#below.open(path, mode));
  }

  async openAsync(path: string, mode: "read" | "write" | "create"): Promise<FileHandle> {
    this.log.push(`openAsync ${path} ${mode}`);
    return this.#noting(path, await this.#below.openAsync(path, mode));
  }

  #noting(path: string, handle: FileHandle): FileHandle {
    return {
      readAt: (into, position) => handle.readAt(into, position),
      readAsync: (into, position) => handle.readAsync(into, position),
      writeAt: (bytes, position) => {
        this.log.push(`writeAt ${path} ${position} ${bytes.length}`);
        handle.writeAt(bytes, position);
      },
      writeAsync: (bytes, position) => {
        this.log.push(`writeAsync ${path} ${position} ${bytes.length}`);
        return handle.writeAsync(bytes, position);
      },
      truncate: (size) => handle.truncate(size),
      stat: () => {
        this.log.push(`fstat ${path}`);
        return handle.stat();
      },
      statAsync: () => handle.statAsync(),
      sync: () => {
        this.log.push(`sync ${path}`);
        return handle.sync();
      },
      close: () => {
        this.log.push(`close ${path}`);
        handle.close();
      },
    };
  }

  syncFolder(path: string): Promise<void> {
    this.log.push(`syncFolder ${path}`);
    return this.#below.syncFolder(path);
  }

  diskReads(): number | null {
    return this.#below.diskReads();
  }

  openLimit(): number | null {
    return this.#below.openLimit();
  }

  freeSpace(path: string): Promise<number> {
    this.beforeFreeSpace();
    return this.#below.freeSpace(path);
  }

  makeDir(path: string): void {
    this.log.push(`makeDir ${path}`);
    this.#below.makeDir(path);
  }

  stat(path: string) {
    this.log.push(`stat ${path}`);
    return this.#below.stat(path);
  }

  statAsync(path: string) {
    this.log.push(`statAsync ${path}`);
    return this.#below.statAsync(path);
  }
}

export const DIR = "/home/downloads";

/** One simulated machine that stores `torrent` below DIR. */
export function simulate(
  torrent: TestTorrent,
  options: StorageOptions & { openFiles?: number; seed?: number } = {},
) {
  const world = new SimWorld(options.seed ?? 1);
  const node = world.node("10.0.0.1");
  const files = new NotingFiles(node.files);
  const pool = new HandlePool(files, options.openFiles ?? 128);
  const open = () => new TorrentStorage(files, pool, DIR, torrent.entries, torrent.layout, options);
  const storage = open();
  return { world, node, disk: node.disk, files, pool, storage, open };
}

export type Machine = ReturnType<typeof simulate>;

/** Lets the machine's clock go on, so that a later change shows in a file's time. */
export async function later(world: SimWorld): Promise<void> {
  await world.runFor(10);
}

/** Which of `pieces` are right on the disk. */
export async function check(
  machine: Machine,
  torrent: TestTorrent,
  pieces: readonly number[] = torrent.pieces,
): Promise<boolean[]> {
  const ok: boolean[] = [];
  await machine.world.wait(
    checkPieces(machine.node.hasher, machine.storage.seen, pieces, torrent.verifier, {
      piece: (piece, good) => ok[piece] = good,
    }),
  );
  return ok;
}

/** For assert.throws and assert.rejects: a FileError with that code, about that path. */
export function fileErrorWith(code: FileError["code"], path: string, words = "") {
  return (error: unknown): boolean => {
    if (!(error instanceof FileError)) throw error;
    if (error.code !== code || error.path !== path) throw error;
    if (!error.message.includes(path) || !error.message.includes(words)) throw error;
    return true;
  };
}
