/** Blocks that one peer asked us for and has not got yet: bounded, in order, cancellable. */

/** What we tell as `reqq` (BEP 10); a request beyond it is refused. */
export const MAX_QUEUED_REQUESTS = 500;

export interface UploadRequest {
  piece: number;
  begin: number;
  length: number;
}

export class UploadQueue {
  readonly #requests: UploadRequest[] = [];

  get length(): number {
    return this.#requests.length;
  }

  /** Returns false if the queue is full. */
  push(piece: number, begin: number, length: number): boolean {
    if (this.#requests.length >= MAX_QUEUED_REQUESTS) return false;
    this.#requests.push({ piece, begin, length });
    return true;
  }

  /** Returns false if no such request waits (it was sent already, or never made). */
  cancel(piece: number, begin: number, length: number): boolean {
    const at = this.#requests.findIndex((r) =>
      r.piece === piece && r.begin === begin && r.length === length
    );
    if (at < 0) return false;
    this.#requests.splice(at, 1);
    return true;
  }

  next(): UploadRequest | undefined {
    return this.#requests.shift();
  }

  clear(): UploadRequest[] {
    return this.#requests.splice(0);
  }
}
