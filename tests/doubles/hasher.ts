/** A hasher in either mode whose submitted work is done when the test says so. */
import { createHash } from "node:crypto";
import type { Hasher, RunningHash } from "../../src/platform/types.ts";

type Done = (digest: Uint8Array | null, bytes: Uint8Array | null) => void;

export const sha1 = (bytes: Uint8Array) =>
  new Uint8Array(createHash("sha1").update(bytes).digest());

export class HandHasher implements Hasher {
  readonly concurrency = 1;
  readonly jobs: { bytes: Uint8Array; length: number; done: Done }[] = [];
  /** Running hashes that were begun. */
  started = 0;

  constructor(readonly quickest: "running" | "submit") {}

  sha1(bytes: Uint8Array): Uint8Array {
    return sha1(bytes);
  }

  sha256(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(createHash("sha256").update(bytes).digest());
  }

  running(): RunningHash {
    this.started++;
    const hash = createHash("sha1");
    return {
      update: (bytes) => void hash.update(bytes),
      digest: () => new Uint8Array(hash.digest()),
    };
  }

  allocate(length: number): Uint8Array {
    return new Uint8Array(length);
  }

  /** Takes the buffer away as a thread would: who still writes into it fails. */
  submit(bytes: Uint8Array, length: number, done: Done): void {
    const own = new Uint8Array((bytes.buffer as ArrayBuffer).transfer());
    this.jobs.push({ bytes: own, length, done });
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
