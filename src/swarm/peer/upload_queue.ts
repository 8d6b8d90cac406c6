/** Blocks that one peer requested and has not been sent yet: bounded, in order, cancellable. */

/** Our `reqq` (BEP 10); a request beyond it is refused. */
export const MAX_QUEUED_REQUESTS = 500;

export interface UploadRequest {
  piece: number;
  begin: number;
  length: number;
}

export class UploadQueue {
  /** The piece of the request that was answered last; -1 for none. */
  answered = -1;
  /** Pieces that the peer was advised to request, less those that it did or has (BEP 6). */
  readonly suggested = new Set<number>();
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

  /** Returns false if no such request is queued (it was sent already, or never made). */
  cancel(piece: number, begin: number, length: number): boolean {
    const at = this.#requests.findIndex((r) =>
      r.piece === piece && r.begin === begin && r.length === length
    );
    if (at < 0) return false;
    this.#requests.splice(at, 1);
    return true;
  }

  /** The request after `index` others; undefined if there are not so many. */
  at(index: number): UploadRequest | undefined {
    return this.#requests[index];
  }

  next(): UploadRequest | undefined {
    return this.#requests.shift();
  }

  // hot
  /** Lengths of the oldest adjacent requests, `most` at most. */
  run(most: number): number[] {
    const lengths: number[] = [];
    let piece = -1, end = 0;
    for (const request of this.#requests) {
      if (lengths.length === most) break;
      if (lengths.length > 0 && (request.piece !== piece || request.begin !== end)) break;
      lengths.push(request.length);
      piece = request.piece;
      end = request.begin + request.length;
    }
    return lengths;
  }

  /** Removes the oldest `count`. */
  skip(count: number): void {
    this.answered = this.#requests[count - 1]?.piece ?? this.answered;
    this.#requests.splice(0, count);
  }

  /** Removes those for which `which` is true. */
  drop(which: (request: UploadRequest) => boolean): UploadRequest[] {
    const dropped = this.#requests.filter(which);
    if (dropped.length > 0) {
      const kept = this.#requests.filter((request) => !dropped.includes(request));
      this.#requests.splice(0, Infinity, ...kept);
    }
    return dropped;
  }

  clear(): UploadRequest[] {
    return this.#requests.splice(0);
  }
}
