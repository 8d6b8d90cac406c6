/**
 * The hash threads: started when there is work, each given the next job when it has none, ended
 * when all have been idle for a second.
 */
import type { FileError } from "../../util/errors.ts";
import type { FileSpan } from "../types.ts";
import { fileError, systemError } from "./errno.ts";
import {
  HASH_THREAD_SOURCE,
  type HashEngine,
  type HashJob,
  type HashReply,
} from "./hash_worker.ts";

interface Pending {
  job: HashJob;
  resolve(reply: { digest: Uint8Array | null; bytes?: Uint8Array }): void;
  reject(error: Error): void;
}

/**
 * What is used of the Web's Worker. It is not node's worker thread, which takes 200 ms on Deno to
 * hand over a buffer of 1 MiB; the Web's takes a tenth of one.
 */
interface WebWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: { message: string; preventDefault?(): void }) => void) | null;
  terminate(): void;
}

interface Thread {
  worker: WebWorker;
  /** Null while it is idle. */
  current: Pending | null;
}

/** Threads without work are ended after this time. */
const IDLE_MS = 1000;

type Work = { spans: readonly FileSpan[] } | { bytes: Uint8Array; length: number };

export class HashPool {
  readonly size: number;
  engine: HashEngine = "node";
  #threads: Thread[] = [];
  /** Jobs that wait for a thread, oldest first from `#head`. */
  #queue: Pending[] = [];
  #head = 0;
  #nextId = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(size: number) {
    this.size = size;
  }

  async hashFiles(spans: readonly FileSpan[]): Promise<Uint8Array | null> {
    return (await this.#run({ spans })).digest;
  }

  /** Of the first `length` bytes of `bytes`, whose buffer is given away and comes back. */
  async hashBytes(
    bytes: Uint8Array,
    length: number,
  ): Promise<{ digest: Uint8Array; bytes: Uint8Array }> {
    const reply = await this.#run({ bytes, length });
    return { digest: reply.digest!, bytes: reply.bytes! };
  }

  #run(work: Work): Promise<{ digest: Uint8Array | null; bytes?: Uint8Array }> {
    return new Promise((resolve, reject) => {
      clearTimeout(this.#idleTimer);
      const job: HashJob = { id: this.#nextId++, engine: this.engine, ...work };
      this.#queue.push({ job, resolve, reject });
      const idle = this.#threads.find((thread) => thread.current === null);
      if (idle !== undefined) this.#next(idle);
      else if (this.#threads.length < this.#mostFor(work)) this.#next(this.#start());
    });
  }

  /** Pieces of a download leave one processor to the download itself. */
  #mostFor(work: Work): number {
    return "bytes" in work ? Math.max(1, this.size - 1) : this.size;
  }

  /** Ends the threads; the next job starts new ones. Jobs that are under way reject. */
  close(): void {
    clearTimeout(this.#idleTimer);
    const pending = this.#queue.slice(this.#head);
    for (const { worker, current } of this.#threads) {
      if (current !== null) pending.push(current);
      worker.terminate();
    }
    this.#threads = [];
    this.#queue = [];
    this.#head = 0;
    for (const each of pending) each.reject(hashingStopped(pathOf(each.job)));
  }

  #start(): Thread {
    const worker = startThread();
    const thread: Thread = { worker, current: null };
    worker.onmessage = (event) => this.#settle(thread, event.data as HashReply);
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
    const pending = this.#queue[this.#head];
    if (pending === undefined) {
      this.#queue = [];
      this.#head = 0;
      if (this.#threads.every((each) => each.current === null)) this.#closeSoon();
      return;
    }
    this.#head++;
    thread.current = pending;
    const { job } = pending;
    thread.worker.postMessage(job, "bytes" in job ? [job.bytes.buffer as ArrayBuffer] : []);
  }

  #settle(thread: Thread, reply: HashReply): void {
    const pending = thread.current;
    if (pending === null || pending.job.id !== reply.id) return;
    thread.current = null;
    this.#next(thread); // before the caller hears of it, so that the thread is not idle meanwhile
    if ("digest" in reply) pending.resolve(reply);
    else {
      const cause = reply.errno === "" ? new Error(reply.message) : systemError(reply.errno);
      pending.reject(fileError("read", reply.path, cause));
    }
  }

  /** A dead thread costs its job; the next job starts a new one. */
  #lose(thread: Thread, reason: string): void {
    const at = this.#threads.indexOf(thread);
    if (at < 0) return;
    this.#threads.splice(at, 1);
    const pending = thread.current;
    pending?.reject(fileError("read", pathOf(pending.job), new Error(reason)));
    if (this.#threads.length === 0 && this.#head < this.#queue.length) this.#next(this.#start());
  }
}

/** For jobs that `close()` takes away. */
function hashingStopped(path: string): FileError {
  return fileError("read", path, new Error("the hash threads were ended"));
}

function pathOf(job: HashJob): string {
  const spans = "spans" in job ? job.spans : [];
  return spans.find((span) => span.path !== null)?.path ?? "";
}

/** One for all threads: each blob URL lives as long as the process. */
let threadUrl: string | null = null;

function startThread(): WebWorker {
  threadUrl ??= URL.createObjectURL(new Blob([HASH_THREAD_SOURCE], { type: "text/javascript" }));
  const { Worker } = globalThis as unknown as {
    Worker: new (url: string, options: { type: "module" }) => WebWorker;
  };
  return new Worker(threadUrl, { type: "module" });
}
