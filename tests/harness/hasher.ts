/** A hasher in either mode whose submitted jobs finish when the test says so. */
import { createHash } from "node:crypto";
import type { HashAlgorithm, Hasher, PieceHash } from "../../src/platform/types.ts";

type Done = Parameters<PieceHash["finish"]>[0];

export function digestOf(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(algorithm).update(bytes).digest());
}

export const sha1 = (bytes: Uint8Array) => digestOf("sha1", bytes);

export class HandHasher implements Hasher {
  readonly concurrency = 1;
  readonly jobs: { bytes: Uint8Array; length: number; done: Done }[] = [];
  /** Running hashes that got any bytes. */
  started = 0;
  readonly digest = digestOf;

  constructor(readonly way: "running" | "submit") {}

  allocate(length: number): Uint8Array {
    return new Uint8Array(length);
  }

  begin(algorithm: HashAlgorithm, buffer: Uint8Array, length: number): PieceHash {
    if (this.way === "submit") {
      return { grew() {}, finish: (done) => this.#submit(buffer, length, done) };
    }
    const hash = createHash(algorithm);
    let hashed = 0;
    return {
      grew: (to) => {
        if (hashed === 0) this.started++;
        hash.update(buffer.subarray(hashed, to));
        hashed = to;
      },
      finish: () => new Uint8Array(hash.update(buffer.subarray(hashed, length)).digest()),
    };
  }

  /** Takes the buffer away as a thread would: later writes to it fail. */
  #submit(bytes: Uint8Array, length: number, done: Done): null {
    const own = new Uint8Array((bytes.buffer as ArrayBuffer).transfer());
    this.jobs.push({ bytes: own, length, done });
    return null;
  }

  /** Finishes the oldest job; false if there is none. */
  finish(): boolean {
    const job = this.jobs.shift();
    job?.done(sha1(job.bytes.subarray(0, job.length)), job.bytes);
    return job !== undefined;
  }

  finishAll(): void {
    while (this.finish());
  }

  /** The oldest job is lost with its thread; false if there is none. */
  lose(): boolean {
    const job = this.jobs.shift();
    job?.done(null, null);
    return job !== undefined;
  }

  calibrate(): Promise<void> {
    return Promise.resolve();
  }

  hashFiles(): Promise<Uint8Array | null> {
    return Promise.resolve(null);
  }

  close(): void {}
}
