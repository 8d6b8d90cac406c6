/** Hashes at once, but returns file hashes when a thread of that speed would be done. */
import { createHash } from "node:crypto";
import { FileError } from "../../../src/util/errors.ts";
import { fileError, systemError } from "../../../src/platform/shared/errno.ts";
import {
  digestOf,
  type Done,
  RunningPieceHash,
  submittedHash,
} from "../../../src/platform/shared/piece_hash.ts";
import type {
  FileSpan,
  HashAlgorithm,
  Hasher,
  PieceHash,
  Timer,
} from "../../../src/platform/types.ts";
import type { SimDisk } from "./disk.ts";
import type { SimHost } from "./host.ts";
import { slowRead } from "./sim_file_handle.ts";

const BYTES_PER_MS = 500_000;

/** Whether pieces are hashed as they arrive, or submitted to threads whole. */
export type HashWay = "running" | "submit";

interface Job {
  timer: Timer;
  reject(error: Error): void;
}

export class SimHasher implements Hasher {
  readonly concurrency = 2;
  readonly digest = digestOf;
  readonly #disk: SimDisk;
  readonly #host: SimHost;
  readonly #quickest: HashWay;
  readonly #absolute: (path: string) => string;
  /** When each thread is free again, in virtual milliseconds. */
  readonly #freeAt: number[] = new Array(this.concurrency).fill(0);
  readonly #jobs = new Set<Job>();

  /** `quickest`: the result of a calibration. `absolute`: of the node's Files. */
  constructor(
    disk: SimDisk,
    host: SimHost,
    quickest: HashWay,
    absolute: (path: string) => string,
  ) {
    this.#quickest = quickest;
    this.#disk = disk;
    this.#host = host;
    this.#absolute = absolute;
  }

  allocate(length: number): Uint8Array {
    return new Uint8Array(length);
  }

  begin(algorithm: HashAlgorithm, buffer: Uint8Array, length: number): PieceHash {
    return this.#quickest === "running"
      ? new RunningPieceHash(algorithm, buffer, length)
      : submittedHash((done) => this.#submit(algorithm, buffer, length, done));
  }

  calibrate(): Promise<void> {
    return Promise.resolve();
  }

  hashFiles(algorithm: HashAlgorithm, spans: readonly FileSpan[]): Promise<Uint8Array | null> {
    const length = spans.reduce((sum, span) => sum + span.length, 0);
    const first = this.#freeAt.indexOf(Math.min(...this.#freeAt));
    const start = Math.max(this.#host.now, this.#freeAt[first]!);
    const end = start + length / BYTES_PER_MS + slowRead(this.#disk);
    this.#freeAt[first] = end;
    return new Promise((resolve, reject) => {
      const timer = this.#host.after(end - this.#host.now, () => {
        this.#jobs.delete(job);
        try {
          resolve(this.#hash(algorithm, spans));
        } catch (error) {
          reject(error as Error);
        }
      });
      const job = { timer, reject };
      this.#jobs.add(job);
    });
  }

  close(): void {
    for (const { timer, reject } of this.#jobs) {
      timer.cancel();
      reject(new FileError("io", "", "Cannot read on: the hash threads were ended"));
    }
    this.#jobs.clear();
  }

  /** Takes the buffer away for that time, as a real thread would. */
  #submit(algorithm: HashAlgorithm, bytes: Uint8Array, length: number, done: Done): void {
    const { byteOffset, byteLength } = bytes;
    const own = new Uint8Array((bytes.buffer as ArrayBuffer).transfer(), byteOffset, byteLength);
    const job: Job = {
      timer: this.#host.after(length / BYTES_PER_MS, () => {
        this.#jobs.delete(job);
        done(digestOf(algorithm, own.subarray(0, length)), own);
      }),
      reject: () => done(null, null),
    };
    this.#jobs.add(job);
  }

  #hash(algorithm: HashAlgorithm, spans: readonly FileSpan[]): Uint8Array | null {
    const hash = createHash(algorithm);
    for (const { path, offset, length } of spans) {
      const bytes = new Uint8Array(length);
      if (path !== null && !this.#read(path, offset, bytes)) return null;
      hash.update(bytes);
    }
    return new Uint8Array(hash.digest());
  }

  /** False if the file is missing or too short. */
  #read(path: string, offset: number, into: Uint8Array): boolean {
    try {
      const at = this.#disk.resolve(this.#absolute(path), false);
      this.#disk.check("open", at);
      this.#disk.check("read", at);
      const entry = this.#disk.entry(at);
      if (entry?.kind === "link") throw systemError("ELOOP");
      if (entry?.kind === "directory") throw systemError("EISDIR");
      return entry !== undefined && entry.data.read(into, offset) === into.length;
    } catch (error) {
      const failure = fileError("read", path, error);
      if (failure.code === "not-found" || failure.code === "not-directory") return false;
      throw failure;
    }
  }
}
