/**
 * The hash threads: started when there is work, given the next jobs when idle, ended when all have
 * been idle for a second. No job waits for a batch: a batch is made of jobs that are waiting
 * anyway.
 */
import type { FileError } from "../../util/errors.ts";
import type { FileSpan, HashAlgorithm } from "../types.ts";
import { fileError, systemError } from "./errno.ts";
import { type HashEngine, type HashJob, type HashReply, hashThreadSource } from "./hash_worker.ts";

interface Pending {
  job: HashJob;
  resolve(reply: { digest: Uint8Array | null; bytes?: Uint8Array }): void;
  reject(error: Error): void;
}

/**
 * The used part of the Web's Worker. It is not node's worker thread, which takes 200 ms on Deno to
 * transfer a buffer of 1 MiB; the Web's takes a tenth of a millisecond.
 */
interface WebWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: { message: string; preventDefault?(): void }) => void) | null;
  terminate(): void;
}

interface Thread {
  worker: WebWorker;
  /** Empty while it is idle. */
  current: Pending[];
}

/** Idle threads are ended after this time. */
const IDLE_MS = 1000;
/** As many jobs as there are lanes; two are no quicker in lanes than one after the other. */
const MOST_IN_LANES = 4;
const LEAST_IN_LANES = 3;
/** Hashed one after the other by one thread, which is asked once and answers once. */
export const MOST_AT_ONCE = 16;
const MOST_BYTES_AT_ONCE = 16 * 1024 * 1024;
/** Hashing so much takes 6 to 20 ms, starting a thread 15 ms of CPU time on Bun and 40 on Deno. */
const WORTH_A_THREAD_BYTES = 8 * 1024 * 1024;

type Work =
  & { algorithm: HashAlgorithm }
  & ({ spans: readonly FileSpan[] } | { bytes: Uint8Array; length: number });

export class HashPool {
  readonly size: number;
  engine: HashEngine = "node";
  #threads: Thread[] = [];
  /** Jobs that wait for a thread, oldest first. */
  #queue: Pending[] = [];
  #nextId = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(size: number) {
    this.size = size;
  }

  async hashFiles(
    algorithm: HashAlgorithm,
    spans: readonly FileSpan[],
  ): Promise<Uint8Array | null> {
    return (await this.#run({ algorithm, spans })).digest;
  }

  /** Of the first `length` bytes of `bytes`, which is transferred (unless shared) and returned. */
  async hashBytes(
    algorithm: HashAlgorithm,
    bytes: Uint8Array,
    length: number,
  ): Promise<{ digest: Uint8Array; bytes: Uint8Array }> {
    const reply = await this.#run({ algorithm, bytes, length });
    return { digest: reply.digest!, bytes: reply.bytes! };
  }

  #run(work: Work): Promise<{ digest: Uint8Array | null; bytes?: Uint8Array }> {
    return new Promise((resolve, reject) => {
      clearTimeout(this.#idleTimer);
      const length = "bytes" in work ? work.length : lengthOf(work.spans);
      const job: HashJob = { id: this.#nextId++, ...work, length };
      this.#queue.push({ job, resolve, reject });
      const idle = this.#threads.find((thread) => thread.current.length === 0);
      if (idle !== undefined) this.#next(idle);
      else if (this.#wantsThread(work)) this.#next(this.#start());
    });
  }

  /** For little work, one thread is done sooner than a second one has started. */
  #wantsThread(work: Work): boolean {
    const running = this.#threads.length;
    if (running === 0 || "bytes" in work) return running < this.#mostFor(work);
    const waiting = () => this.#queue.reduce((sum, { job }) => sum + job.length, 0);
    return running < this.size && waiting() >= WORTH_A_THREAD_BYTES;
  }

  /** A download's hashing leaves one processor to the download itself. */
  #mostFor(work: Work): number {
    return "bytes" in work ? Math.max(1, this.size - 1) : this.size;
  }

  /** Ends the threads; the next job starts new ones. Running jobs reject. */
  close(): void {
    clearTimeout(this.#idleTimer);
    const pending = [...this.#queue, ...this.#threads.flatMap((thread) => thread.current)];
    for (const { worker } of this.#threads) worker.terminate();
    this.#threads = [];
    this.#queue = [];
    for (const each of pending) each.reject(hashingStopped(pathOf(each.job)));
  }

  #start(): Thread {
    const worker = startThread(this.engine);
    const thread: Thread = { worker, current: [] };
    worker.onmessage = (event) => this.#settle(thread, event.data as HashReply[]);
    worker.onerror = (event) => {
      event.preventDefault?.();
      this.#lose(thread, event.message);
    };
    this.#threads.push(thread);
    return thread;
  }

  /** On Deno an idle Worker keeps the process alive, and each costs 13 MB. */
  #closeSoon(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.close(), IDLE_MS);
  }

  #next(thread: Thread): void {
    const batch = this.#queue.splice(0, this.#batch());
    if (batch.length === 0) {
      if (this.#threads.every((each) => each.current.length === 0)) this.#closeSoon();
      return;
    }
    thread.current = batch;
    const jobs = batch.map((pending) => pending.job);
    const give = jobs.flatMap((job) => {
      return "bytes" in job && job.bytes.buffer instanceof ArrayBuffer ? [job.bytes.buffer] : [];
    });
    thread.worker.postMessage({ engine: this.engine, jobs }, give);
  }

  /** The number of waiting jobs that go to a thread at once. */
  #batch(): number {
    return this.engine === "lanes" ? this.#alike() : this.#together();
  }

  /**
   * Pieces of files are handed over together, since each way there and back wakes two threads. No
   * thread takes more than its share of what waits, so that all end at about the same time.
   */
  #together(): number {
    const most = Math.min(MOST_AT_ONCE, Math.ceil(this.#queue.length / this.size));
    let count = 0, bytes = 0;
    while (count < most) {
      const job = this.#queue[count]?.job;
      if (job === undefined || "bytes" in job) break;
      bytes += job.length;
      if (bytes > MOST_BYTES_AT_ONCE) break;
      count++;
    }
    return Math.max(1, count);
  }

  /** For lanes. */
  #alike(): number {
    const first = this.#queue[0]?.job;
    if (first?.algorithm !== "sha1") return 1;
    let count = 1;
    while (count < MOST_IN_LANES) {
      const job = this.#queue[count]?.job;
      if (job?.algorithm !== first.algorithm || job.length !== first.length) break;
      if (("bytes" in job) !== ("bytes" in first)) break;
      count++;
    }
    return count < LEAST_IN_LANES ? 1 : count;
  }

  #settle(thread: Thread, replies: readonly HashReply[]): void {
    const settled: [Pending, HashReply][] = [];
    for (const reply of replies) {
      const at = thread.current.findIndex((pending) => pending.job.id === reply.id);
      if (at >= 0) settled.push([thread.current.splice(at, 1)[0]!, reply]);
    }
    // Before the callers are told, so that the thread is not idle meanwhile.
    if (thread.current.length === 0) this.#next(thread);
    for (const [pending, reply] of settled) settle(pending, reply);
  }

  /** A dead thread fails its jobs; the next job starts a new one. */
  #lose(thread: Thread, reason: string): void {
    const at = this.#threads.indexOf(thread);
    if (at < 0) return;
    this.#threads.splice(at, 1);
    for (const { job, reject } of thread.current) {
      reject(fileError("read", pathOf(job), new Error(reason)));
    }
    if (this.#threads.length === 0 && this.#queue.length > 0) this.#next(this.#start());
  }
}

function settle(pending: Pending, reply: HashReply): void {
  if ("digest" in reply) return pending.resolve(reply);
  const cause = reply.errno === "" ? new Error(reply.message) : systemError(reply.errno);
  pending.reject(fileError("read", reply.path, cause));
}

/** For jobs that `close()` cancels. */
function hashingStopped(path: string): FileError {
  return fileError("read", path, new Error("the hash threads were ended"));
}

function pathOf(job: HashJob): string {
  const spans = "spans" in job ? job.spans : [];
  return spans.find((span) => span.path !== null)?.path ?? "";
}

function lengthOf(spans: readonly FileSpan[]): number {
  return spans.reduce((sum, span) => sum + span.length, 0);
}

/** One for all threads of a kind: each blob URL lives as long as the process. */
const threadUrls: Partial<Record<HashEngine, string>> = {};

function startThread(engine: HashEngine): WebWorker {
  const url = threadUrls[engine] ??= URL.createObjectURL(
    new Blob([hashThreadSource(engine)], { type: "text/javascript" }),
  );
  const { Worker } = globalThis as unknown as {
    Worker: new (url: string, options: { type: "module" }) => WebWorker;
  };
  return new Worker(url, { type: "module" });
}
