/**
 * The outstanding requests to one peer: which blocks, when, and how many may be in flight.
 * A ring of numbers in sending order; peers answer in that order, so the first entry usually
 * matches. The size follows the measured rate: libtorrent's slow start, then the blocks of a fixed
 * time at the present rate.
 */
import { BLOCK_LENGTH } from "../../metainfo/layout.ts";

const START_SIZE = 8;
const MIN_SIZE = 2;
/** Most requests to a fast peer with a short round trip. */
const USUAL_MAX = 512;
/** The time whose worth of blocks, at the present rate, is kept in flight. */
const QUEUE_MS = 2000;
/** After so long without requests the window begins again, as it did at first. */
const IDLE_MS = 2000;
/** The assumed `reqq` until the peer sends its own (libtorrent's default is higher). */
const DEFAULT_REQQ = 250;
/** A peer that sends nothing for this time is snubbed, until its own pace is known. */
const FIRST_TIMEOUT_MS = 15_000;
const MIN_TIMEOUT_MS = 2000;
const MAX_TIMEOUT_MS = 30_000;
/** Answers to requests that no longer count are expected for this long. */
const LATE_MS = 60_000;
/** Requests that are remembered; beyond it those that no longer count are forgotten at once. */
const MAX_HELD = 8192;
/** When the window shrinks, requests up to twice its size plus this are kept. */
const SURPLUS = 8;
/**
 * Answers that may overtake a request, besides twice as many as were outstanding when it was made.
 */
const OVERTAKING = 32;

/** A peer that rejects gets no requests for this time; it doubles with every reject until a block. */
const FIRST_REST_MS = 500;
const MAX_REST_MS = 60_000;
/** After this time without an answer, or so many rejects in a row, a peer counts as unwilling. */
const UNWILLING_MS = 10_000;
const UNWILLING_REJECTS = 5;

const GONE = 0, LIVE = 1, LATE = 2;

/** The requests that a quota allows, over all peers. */
export interface RequestAllowance {
  /** Blocks, the last of which may exceed it. */
  readonly blocks: number;
  promise(bytes: number): void;
}

/** Takes waiting times in milliseconds. */
export interface LatencySink {
  add(ms: number): void;
}

/** What to do with a request that no longer counts. */
type Release = (piece: number, block: number) => void;

export class RequestWindow {
  #piece = new Int32Array(64);
  #block = new Int32Array(64);
  #sentAt = new Float64Array(64);
  /** The number of answers after which this request counts as lost. */
  #dueAt = new Float64Array(64);
  #state = new Uint8Array(64);
  #start = 0;
  #length = 0;
  #live = 0;

  #size = START_SIZE;
  #reqq = DEFAULT_REQQ;
  #limit = Infinity;
  /** Null without a quota. */
  #allowance: RequestAllowance | null = null;
  /** Our rate limits cannot serve more peers: nothing is requested from it. */
  #waits = false;
  /** Blocks that its share of our rate limits allows in `QUEUE_MS`. */
  #fairSize = Infinity;
  /** Upper bound of a useful window on this path. */
  #useful = USUAL_MAX;
  #slowStart = true;
  /** Answers that began, in time or late. */
  #answers = 0;
  #blocks = 0;
  #blocksAtTick = 0;
  #blocksInLastTick = 0;
  /** The shortest recent time from request to answer. */
  #baseRttMs = Infinity;
  #meanGapMs = 0;
  #gapDeviationMs = 0;
  #waitingSince = 0;
  /** The answer to a request that counts has begun. */
  #arriving = false;
  /** It has not answered for too long: until it does, others get its blocks. */
  snubbed = false;
  /** Rejects since the last block: how many, and until when it gets no requests. */
  #refusals = 0;
  #resting = false;
  #restUntil = Infinity;

  /** Requests that still count. */
  get outstanding(): number {
    return this.#live;
  }

  /** Remembered requests: those that count and those whose answers may be late. */
  get held(): number {
    return this.#length;
  }

  /** The time of its last block, or of the first request since; null if it owes no block. */
  get waitingSince(): number | null {
    return this.#live > 0 || this.#arriving ? this.#waitingSince : null;
  }

  /** The number of requests allowed now: one for a snubbed peer, once it owes no answer. */
  get size(): number {
    if (this.#resting || this.#waits) return 0;
    if (this.snubbed) return this.#length === 0 ? 1 : 0;
    const size = Math.min(this.#size, this.#useful, this.#reqq, this.#limit);
    // At a low limit the next block is requested when this one is complete.
    if (size <= 1 && this.paced && this.#arriving) return 0;
    const wanted = Math.max(1, size);
    return Math.min(wanted, this.#live + (this.#allowance?.blocks ?? Infinity));
  }

  /** Time to request more: a good part of the window is free, so that requests go out in bulk. */
  get wantsMore(): boolean {
    const size = this.size;
    return this.#live <= size - Math.max(1, size >> 2);
  }

  /** Our rate limits carry one block at a time. */
  get paced(): boolean {
    return this.#fairSize === 1;
  }

  /**
   * Its share of our rate limits, in bytes a second: no more is requested, and nothing while it
   * `waits` for others. `allowance`: the rest of a quota, null without one. `limit`:
   * most requests, from the memory that all peers share.
   */
  setShare(
    rate: number,
    waits = false,
    allowance: RequestAllowance | null = null,
    limit = Infinity,
  ): void {
    this.#limit = limit;
    this.#waits = waits;
    this.#allowance = allowance;
    this.#fairSize = Math.max(1, this.#blocksAt(rate));
    if (this.#slowStart) this.#size = Math.min(this.#size, this.#fairSize);
  }

  /** The length of the peer's queue, as it announced it (BEP 10 `reqq`). */
  setReqq(reqq: number): void {
    this.#reqq = Math.max(1, Math.min(reqq, 4096));
  }

  // hot
  push(piece: number, block: number, now: number): void {
    if (this.#length >= MAX_HELD) this.#pack(Infinity);
    if (this.#length === this.#piece.length) this.#grow();
    const at = (this.#start + this.#length++) & (this.#piece.length - 1);
    this.#piece[at] = piece;
    this.#block[at] = block;
    this.#sentAt[at] = now;
    this.#dueAt[at] = this.#answers + 2 * this.#live + OVERTAKING;
    this.#state[at] = LIVE;
    if (this.#live++ === 0) this.#begin(now);
    this.#allowance?.promise(BLOCK_LENGTH);
  }

  // hot
  /**
   * The peer begins to answer this request: it leaves the window, and its waiting time goes to
   * `latency`. Returns true if it still counted, false if it was given up before, null if it was
   * never made.
   */
  take(piece: number, block: number, now: number, latency?: LatencySink): boolean | null {
    const at = this.#find(piece, block, false);
    if (at < 0) return null;
    const live = this.#state[at] === LIVE;
    const waitedMs = now - this.#sentAt[at]!;
    latency?.add(waitedMs);
    this.#answers++;
    this.#remove(at);
    this.#arriving = live;
    if (live) this.#baseRttMs = Math.min(this.#baseRttMs, waitedMs);
    return live;
  }

  /** Whether this block was requested and still counts. */
  has(piece: number, block: number): boolean {
    return this.#find(piece, block, true) >= 0;
  }

  /** The request no longer counts, but its answer may still come. */
  giveUp(piece: number, block: number): void {
    const at = this.#find(piece, block, true);
    if (at < 0) return;
    this.#state[at] = LATE;
    this.#live--;
  }

  /**
   * The peer refused this request. Returns true if it still counted: then nothing is requested from
   * it for a while, or a peer that refuses everything would get requests with each round trip.
   */
  rejected(piece: number, block: number): boolean {
    const at = this.#find(piece, block, false);
    if (at < 0) return false;
    const live = this.#state[at] === LIVE;
    this.#remove(at);
    if (live) this.#resting = true;
    return live;
  }

  /**
   * Calls `release` for each request that counts, except those in pieces to `keep`; their answers
   * may still be late.
   */
  releaseAll(
    release: Release,
    keep?: (piece: number) => boolean,
  ): void {
    for (let i = 0; i < this.#length; i++) {
      const at = (this.#start + i) & (this.#piece.length - 1);
      if (this.#state[at] !== LIVE || keep?.(this.#piece[at]!)) continue;
      this.#release(at, release);
    }
    this.#arriving = false;
  }

  /**
   * Calls `release` for requests that were overtaken by so many answers that they must be lost, as a
   * peer may silently drop requests that are too many for it, and `withdraw` for those that our rate
   * limit, when it was lowered, left no room for.
   */
  trim(release: Release, withdraw: Release): void {
    for (let i = 0; i < this.#length; i++) {
      const at = (this.#start + i) & (this.#piece.length - 1);
      if (this.#state[at] === LIVE && this.#answers >= this.#dueAt[at]!) this.#release(at, release);
    }
    this.#withdrawSurplus(withdraw);
  }

  /**
   * The newest requests, if far more are outstanding than a lowered limit of ours lets arrive:
   * otherwise the peer would wait too long to send them, and leave.
   */
  #withdrawSurplus(withdraw: Release): void {
    if (this.#fairSize === Infinity || this.#live <= 2 * this.size + SURPLUS) return;
    const mask = this.#piece.length - 1;
    for (let i = this.#length - 1; i >= 0 && this.#live > Math.max(1, this.size); i--) {
      const at = (this.#start + i) & mask;
      if (this.#state[at] === LIVE) this.#release(at, withdraw);
    }
  }

  /**
   * A block is complete. If its request still counted (`inTime`), its pace sets the time-out, and in
   * slow start the window grows.
   */
  blockCame(now: number, inTime: boolean): void {
    this.snubbed = this.#arriving = false;
    if (inTime) this.#measure(now);
    this.#waitingSince = now;
  }

  #measure(now: number): void {
    this.#blocks++;
    this.#resting = false;
    this.#refusals = 0;
    this.#restUntil = Infinity;
    if (this.#slowStart && this.#size < this.#fairSize) this.#size++;
    const gap = now - this.#waitingSince;
    const off = Math.abs(gap - this.#meanGapMs);
    this.#meanGapMs += (gap - this.#meanGapMs) / 16;
    this.#gapDeviationMs += (off - this.#gapDeviationMs) / 16;
  }

  /** We did not read from the peer until now: its waiting time restarts. */
  excuse(now: number): void {
    this.#waitingSince = now;
  }

  /** Once a second or so; `rate` in bytes a second. Returns true when the peer became snubbed. */
  tick(now: number, rate: number): boolean {
    this.#resize(rate);
    this.#pack(now);
    if (this.#resting) this.#rest(now);
    if (this.snubbed || this.waitingSince === null) return false;
    this.snubbed = now - this.#waitingSince > this.#timeoutMs;
    return this.snubbed;
  }

  /** It lets us request and has sent no block for long; bytes of one do not count. */
  isUnwilling(now: number): boolean {
    if (this.#refusals >= UNWILLING_REJECTS) return true;
    return this.snubbed && now - this.#waitingSince >= UNWILLING_MS;
  }

  /** All rejects during one pause count as one. */
  #rest(now: number): void {
    if (this.#restUntil === Infinity) {
      this.#restUntil = now + Math.min(MAX_REST_MS, FIRST_REST_MS * 2 ** this.#refusals++);
    } else if (now >= this.#restUntil) {
      this.#resting = false;
      this.#restUntil = Infinity;
    }
  }

  get #timeoutMs(): number {
    if (this.#blocks === 0) return FIRST_TIMEOUT_MS;
    const usual = this.#meanGapMs + 4 * this.#gapDeviationMs;
    return Math.max(MIN_TIMEOUT_MS, Math.min(MAX_TIMEOUT_MS, usual));
  }

  /** After a pause, as in a choke, the rate tells how long that was, and not how quick the peer is. */
  #begin(now: number): void {
    const paused = now - this.#waitingSince > IDLE_MS;
    this.#waitingSince = now;
    if (!paused) return;
    this.#slowStart = true;
    this.#size = Math.max(this.#size, Math.min(START_SIZE, this.#fairSize));
    this.#blocksAtTick = this.#blocks;
    this.#blocksInLastTick = 0;
  }

  #resize(rate: number): void {
    const came = this.#blocks - this.#blocksAtTick, before = this.#blocksInLastTick;
    this.#blocksInLastTick = came;
    this.#blocksAtTick = this.#blocks;
    const perSecond = rate / BLOCK_LENGTH;
    if (Number.isFinite(this.#baseRttMs)) {
      this.#useful = Math.max(USUAL_MAX, Math.ceil(perSecond * 2 * this.#baseRttMs / 1000));
    }
    if (this.#slowStart) this.#slowStart = before === 0 || came > before + 1;
    else this.#size = Math.max(Math.min(MIN_SIZE, this.#fairSize), this.#blocksAt(rate));
  }

  #blocksAt(rate: number): number {
    return Math.ceil(rate * QUEUE_MS / 1000 / BLOCK_LENGTH);
  }

  #find(piece: number, block: number, liveOnly: boolean): number {
    const mask = this.#piece.length - 1;
    for (let i = 0; i < this.#length; i++) {
      const at = (this.#start + i) & mask;
      if (this.#piece[at] !== piece || this.#block[at] !== block) continue;
      const state = this.#state[at];
      if (state === LIVE || (state === LATE && !liveOnly)) return at;
    }
    return -1;
  }

  #remove(at: number): void {
    if (this.#state[at] === LIVE) this.#live--;
    this.#state[at] = GONE;
    this.#trim();
  }

  #trim(): void {
    const mask = this.#piece.length - 1;
    while (this.#length > 0 && this.#state[this.#start] === GONE) {
      this.#start = (this.#start + 1) & mask;
      this.#length--;
    }
  }

  #release(at: number, release: Release): void {
    this.#state[at] = LATE;
    this.#live--;
    release(this.#piece[at]!, this.#block[at]!);
  }

  /**
   * Forgets requests that are answered or too old: an unanswered one must not accumulate others.
   */
  #pack(now: number): void {
    const mask = this.#piece.length - 1;
    let kept = 0;
    for (let i = 0; i < this.#length; i++) {
      const at = (this.#start + i) & mask, state = this.#state[at]!;
      const keep = state === LIVE || (state === LATE && now - this.#sentAt[at]! <= LATE_MS);
      if (keep) this.#move(at, (this.#start + kept++) & mask);
    }
    this.#length = kept;
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    this.#piece[to] = this.#piece[from]!;
    this.#block[to] = this.#block[from]!;
    this.#sentAt[to] = this.#sentAt[from]!;
    this.#dueAt[to] = this.#dueAt[from]!;
    this.#state[to] = this.#state[from]!;
  }

  #grow(): void {
    const old = this.#piece.length;
    const order = Array.from({ length: this.#length }, (_, i) => (this.#start + i) & (old - 1));
    const copy = <T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T => {
      order.forEach((at, i) => to[i] = from[at]!);
      return to;
    };
    this.#piece = copy(this.#piece, new Int32Array(2 * old));
    this.#block = copy(this.#block, new Int32Array(2 * old));
    this.#sentAt = copy(this.#sentAt, new Float64Array(2 * old));
    this.#dueAt = copy(this.#dueAt, new Float64Array(2 * old));
    this.#state = copy(this.#state, new Uint8Array(2 * old));
    this.#start = 0;
  }
}
