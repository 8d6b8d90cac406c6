/**
 * A rate limit that many flows share: a token bucket, and a queue of flows that wait for tokens.
 * Reads never take more tokens than there are; a block that is sent may overdraw them, so that the
 * average is still exact. Time comes in as arguments.
 */

/** The most unused tokens, as time at the limit: little, so that the rate stays smooth. */
const BURST_MS = 100;
/** Queued flows get an even part of the tokens each time, but no less than this. */
const LEAST_TURN = 1024;
/** This near the end of an allowance, flows should take small steps. */
const NEAR_END = 1024 * 1024;

/** The weights of a flow: by priority, -1 to 1. */
export const HEAVY = 4, LIGHT = 1 / 4;

/** A flow that waits for tokens. */
export interface Waiter {
  /** Tokens are available again, though other flows may be quicker. */
  proceed(): void;
}

export class Throttle {
  #bytesPerSecond = Infinity;
  #tokens = 0;
  #total = 0;
  /** Nothing passes once `#total` reaches this. */
  #end = Infinity;
  #filledAt = 0;
  /** The flows that share it now, by their weights. */
  flows = 0;
  /** Of these, flows that weigh more than the usual 1. */
  heavy = 0;
  /** Requested bytes that have not passed yet, as the receivers know. */
  promised = 0;
  /** Null until a flow first waits. */
  #line: Set<Waiter> | null = null;
  #serving = false;

  /** Bytes a second; Infinity for no limit, 0 lets nothing pass. Takes effect at once. */
  setLimit(bytesPerSecond: number, now: number): void {
    this.#refill(now);
    this.#bytesPerSecond = bytesPerSecond;
    this.#tokens = Math.min(this.#tokens, this.#burst);
    if (bytesPerSecond === Infinity) {
      this.#tokens = 0;
      this.serve(now);
    }
  }

  /**
   * Lets this many more bytes pass in all; Infinity for no bound. The last chunk may exceed it, so
   * chunks under a throttle that is `limited` should be small.
   */
  setAllowance(bytes: number, now: number): void {
    const wasSpent = this.#isSpent;
    this.#end = this.#total + bytes;
    if (wasSpent) this.serve(now);
  }

  /** Bytes of the allowance that were not requested yet; Infinity without one. */
  get unpromised(): number {
    return this.#end - this.#total - this.promised;
  }

  get limit(): number {
    return this.#bytesPerSecond;
  }

  /** The largest weight of a flow that may be waiting. */
  get heaviest(): number {
    return this.heavy > 0 ? HEAVY : 1;
  }

  /** Bytes a second for a flow of this weight. */
  shareOf(weight: number): number {
    return this.#bytesPerSecond * weight / Math.max(weight, this.flows);
  }

  /** By a rate, or by an allowance that ends soon. */
  get limited(): boolean {
    return this.#isRated || this.#end - this.#total < NEAR_END;
  }

  /** Bytes charged so far. */
  get total(): number {
    return this.#total;
  }

  get waiting(): number {
    return this.#line?.size ?? 0;
  }

  /** Counts passing bytes; may overdraw. */
  charge(bytes: number, now: number): void {
    this.#total += bytes;
    if (!this.#isRated) return;
    this.#refill(now);
    this.#tokens -= bytes;
  }

  /** Whether bytes may pass now: never ahead of the queue. */
  open(now: number): boolean {
    return this.available(now) > 0;
  }

  /** Whole bytes that one flow may take now without overdrawing; its turn goes by its weight. */
  available(now: number, weight = 1): number {
    const left = this.#end - this.#total;
    if (left <= 0) return 0;
    if (!this.#isRated) return left;
    if (!this.#serving && this.waiting > 0) return 0;
    this.#refill(now);
    const share = Math.min(1, weight / this.heaviest);
    const turn = share * Math.max(LEAST_TURN, this.#tokens / (this.waiting + 1));
    return Math.max(0, Math.floor(Math.min(left, this.#tokens, turn)));
  }

  /** Joins the queue; once, however often it is called. */
  wait(waiter: Waiter): void {
    this.#line ??= new Set();
    this.#line.add(waiter);
  }

  leave(waiter: Waiter): void {
    this.#line?.delete(waiter);
  }

  /** Resumes queued flows, in order, while there are tokens. Call it every few ticks. */
  serve(now: number): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      while (this.waiting > 0 && this.open(now)) {
        const [first] = this.#line!;
        this.#line!.delete(first!);
        first!.proceed();
      }
    } finally {
      this.#serving = false;
    }
  }

  get #isRated(): boolean {
    return this.#bytesPerSecond !== Infinity;
  }

  get #isSpent(): boolean {
    return this.#total >= this.#end;
  }

  get #burst(): number {
    return this.#bytesPerSecond * BURST_MS / 1000;
  }

  #refill(now: number): void {
    const elapsed = now - this.#filledAt;
    if (elapsed <= 0) return; // a time read before the last one must not fill the same time twice
    this.#filledAt = now;
    if (!this.#isRated) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + this.#bytesPerSecond * elapsed / 1000);
  }
}

/** The limits of one flow, for instance those of the peer, the torrent and the client. */
export class ThrottleChain {
  /** Its share beside flows of weight 1. */
  weight = 1;
  /** Turns that a lighter flow let pass, by its weight. */
  #credit = 0;

  constructor(public throttles: readonly Throttle[]) {}

  get limited(): boolean {
    return this.throttles.some((throttle) => throttle.limited);
  }

  charge(bytes: number, now: number): void {
    for (const throttle of this.throttles) throttle.charge(bytes, now);
  }

  /**
   * Takes as many of these bytes as all limits let pass now, possibly none. If some have to wait,
   * the flow queues for them.
   */
  take(bytes: number, waiter: Waiter, now: number): number {
    let taken = bytes, tightest: Throttle | null = null;
    for (const throttle of this.throttles) {
      const available = throttle.available(now, this.weight);
      if (available >= taken) continue;
      taken = available;
      tightest = throttle;
    }
    this.charge(taken, now);
    tightest?.wait(waiter);
    return taken;
  }

  /** True if all limits let it pass; otherwise the flow queues at the first that does not. */
  passOrWait(waiter: Waiter, now: number): boolean {
    for (const throttle of this.throttles) {
      if (throttle.open(now)) continue;
      throttle.wait(waiter);
      return false;
    }
    return !this.#letsPass(waiter);
  }

  /** Beside heavier flows that wait, a lighter one takes its turn only now and then. */
  #letsPass(waiter: Waiter): boolean {
    for (const throttle of this.throttles) {
      const { heaviest } = throttle;
      if (this.weight >= heaviest || throttle.waiting === 0) continue;
      this.#credit += this.weight;
      if (this.#credit >= heaviest) break;
      throttle.wait(waiter);
      return true;
    }
    this.#credit = 0;
    return false;
  }

  leave(waiter: Waiter): void {
    for (const throttle of this.throttles) throttle.leave(waiter);
  }
}
