/**
 * The code of a hash thread. It is turned into source text and started from that, so that a bundle,
 * a compiled program and a page's `import` all work without a second file. So each part must stand
 * alone: do not use names from this module or its imports inside (types are fine).
 */
import type { FileSpan, HashAlgorithm } from "../types.ts";
import { Sha1Lanes } from "./sha1_lanes.ts";
import { sha1LanesModule } from "./sha1_lanes_code.ts";
import { type OpenFile, openSpans, type SpanReader } from "./span_reader.ts";

/**
 * The code that the thread uses, the faster one on this machine (see hasher.ts). With "lanes" a
 * batch, always of SHA-1, is hashed in lanes; single jobs go to Web Crypto.
 */
export type HashEngine = "node" | "webcrypto" | "lanes";

/** Its name in Web Crypto. */
export function webName(algorithm: HashAlgorithm): string {
  return algorithm === "sha1" ? "SHA-1" : "SHA-256";
}

/** `length` bytes to hash, from files. */
export interface FilesJob {
  id: number;
  algorithm: HashAlgorithm;
  length: number;
  spans: readonly FileSpan[];
}

/** The first `length` bytes of a buffer that is transferred, unless it is shared, and returned. */
export interface BytesJob {
  id: number;
  algorithm: HashAlgorithm;
  length: number;
  bytes: Uint8Array;
}

export type HashJob = FilesJob | BytesJob;

/** One job, or a few of one kind, for lanes also of one length. They are answered together. */
export interface HashBatch {
  engine: HashEngine;
  jobs: readonly HashJob[];
}

export type HashReply =
  /** `digest` null: a file is missing or too short. */
  | { id: number; digest: Uint8Array | null; bytes?: Uint8Array }
  | { id: number; path: string; errno: string; message: string };

function hashThread(
  open: typeof openSpans,
  nameOf: typeof webName,
  Lanes: typeof Sha1Lanes,
  lanesModule: Uint8Array<ArrayBuffer> | null,
): void {
  const scope = globalThis as unknown as {
    onmessage: (event: { data: HashBatch }) => void;
    postMessage(message: readonly HashReply[], transfer: ArrayBuffer[]): void;
  };
  const { createHash } = process.getBuiltinModule("node:crypto");
  const fs = process.getBuiltinModule("node:fs");
  const buffer = new Uint8Array(512 * 1024);
  /** For Web Crypto, which takes a whole piece at once. */
  let whole = new Uint8Array(0);

  /**
   * Bytes copied into each lane at a time: few enough to be still in the cache when they are
   * hashed.
   */
  const COPY_STEP = 32 * 1024;
  // Without WebAssembly or its vectors, every job is hashed alone.
  const usable = lanesModule !== null && globalThis.WebAssembly?.validate(lanesModule);
  const lanes = usable ? new Lanes(lanesModule) : null;

  /** Room for `length` bytes that belong to this thread alone. */
  function ownBytes(length: number): Uint8Array<ArrayBuffer> {
    if (whole.length < length) whole = new Uint8Array(length);
    return whole.subarray(0, length);
  }

  async function digestOf(
    algorithm: HashAlgorithm,
    bytes: Uint8Array,
    engine: HashEngine,
  ): Promise<Uint8Array> {
    if (engine === "node") return new Uint8Array(createHash(algorithm).update(bytes).digest());
    // Web Crypto accepts no shared memory.
    let own = bytes as Uint8Array<ArrayBuffer>;
    if (!(bytes.buffer instanceof ArrayBuffer)) (own = ownBytes(bytes.length)).set(bytes);
    return new Uint8Array(await crypto.subtle.digest(nameOf(algorithm), own));
  }

  async function hashSpans(
    { algorithm, spans, length }: FilesJob,
    engine: HashEngine,
    file: OpenFile,
  ): Promise<Uint8Array | null> {
    const reader = open(fs, spans, file);
    if (engine !== "node") {
      const piece = ownBytes(length);
      return reader.read(piece) ? await digestOf(algorithm, piece, engine) : null;
    }
    const hash = createHash(algorithm);
    for (let left = length; left > 0; left -= buffer.length) {
      const part = buffer.subarray(0, Math.min(left, buffer.length));
      if (!reader.read(part)) return null;
      hash.update(part);
    }
    return new Uint8Array(hash.digest());
  }

  function found(job: HashJob, digest: Uint8Array): HashReply {
    const { id } = job;
    return "bytes" in job ? { id, digest, bytes: job.bytes } : { id, digest };
  }

  function failure(id: number, error: unknown): HashReply {
    const { code, message, path } = error as { code?: string; message: string; path?: string };
    return { id, path: path ?? "", errno: code ?? "", message };
  }

  async function hashAlone(job: HashJob, engine: HashEngine, file: OpenFile): Promise<HashReply> {
    try {
      const digest = "bytes" in job
        ? await digestOf(job.algorithm, job.bytes.subarray(0, job.length), engine)
        : await hashSpans(job, engine, file);
      return digest === null ? { id: job.id, digest } : found(job, digest);
    } catch (error) {
      return failure(job.id, error);
    }
  }

  function readerOf(job: HashJob): SpanReader {
    if ("spans" in job) return open(fs, job.spans);
    let at = 0;
    return {
      read(part) {
        part.set(job.bytes.subarray(at, at + part.length));
        at += part.length;
        return true;
      },
      close() {},
    };
  }

  function hashInLanes(jobs: readonly HashJob[], lanes: Sha1Lanes): HashReply[] {
    const { length } = jobs[0]!;
    const readers = jobs.map(readerOf);
    const step = "bytes" in jobs[0]! ? COPY_STEP : Lanes.PART;
    /** The lanes whose files could not be read to the end; the others continue. */
    const lost: HashReply[] = [];
    const digests = lanes.hash(jobs.length, length, step, (lane, part) => {
      if (lost[lane] !== undefined) return;
      const { id } = jobs[lane]!;
      try {
        if (!readers[lane]!.read(part)) lost[lane] = { id, digest: null };
      } catch (error) {
        lost[lane] = failure(id, error);
      }
    });
    for (const reader of readers) reader.close();
    return jobs.map((job, lane) => lost[lane] ?? found(job, digests[lane]!));
  }

  /** One after the other; a file with several consecutive jobs is opened once. */
  async function hashInTurn(jobs: readonly HashJob[], engine: HashEngine): Promise<HashReply[]> {
    const file: OpenFile = { path: "", fd: -1 }, replies: HashReply[] = [];
    try {
      for (const job of jobs) replies.push(await hashAlone(job, engine, file));
    } finally {
      if (file.fd >= 0) fs.closeSync(file.fd);
    }
    return replies;
  }

  function send(replies: readonly HashReply[]): void {
    const give = replies.flatMap((reply) => {
      return "bytes" in reply && reply.bytes!.buffer instanceof ArrayBuffer
        ? [reply.bytes!.buffer]
        : [];
    });
    scope.postMessage(replies, give);
  }

  scope.onmessage = async ({ data: { engine, jobs } }) => {
    const inLanes = lanes !== null && engine === "lanes" && jobs.length > 1;
    send(inLanes ? hashInLanes(jobs, lanes) : await hashInTurn(jobs, engine));
  };
}

/** The source of a thread. Only threads that use lanes get their module. */
export function hashThreadSource(engine: HashEngine): string {
  const lanesModule = engine === "lanes" ? `new Uint8Array([${sha1LanesModule()}])` : "null";
  return `(${hashThread})(${openSpans}, ${webName}, ${Sha1Lanes}, ${lanesModule});`;
}
