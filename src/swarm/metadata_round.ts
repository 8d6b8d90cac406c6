/**
 * One try at the info dictionary: its size as claimed by some peers, the pieces that arrived, and
 * the requests to each of these peers. Memory is taken by received bytes, never by the claim.
 */
import { concatBytes } from "../util/bytes.ts";
import { metadataPieceCount } from "../wire/ut_metadata.ts";

/** Outstanding requests per peer. */
const WINDOW = 4;
/**
 * The number of peers that a piece may be requested from doubles in this time, so that many silent
 * peers hold up an honest one for a few seconds only.
 */
const DOUBLING_MS = 1000;
/** After this time without an answer a peer counts as stalled, and is left alone for a while. */
const STALL_MS = 5000;
/** Doubles with every consecutive refusal or stall. */
const FIRST_PAUSE_MS = 2000;
const MAX_PAUSE_MS = 60_000;
/** Doubles with every turn, so that a slow one eventually has enough time. */
const FIRST_TURN_MS = 20_000;

export type Failure = "stalled" | "refused";

class RoundMember {
  /** When each outstanding request was sent. */
  readonly asked = new Map<number, number>();
  /** Pieces that were given up and may still arrive. */
  readonly late = new Set<number>();
  pausedUntil = -Infinity;
  failure: Failure | null = null;
  #failures = 0;

  giveUp(): void {
    for (const index of this.asked.keys()) this.late.add(index);
    this.asked.clear();
  }

  /** Several refusals at once count as one. */
  pause(now: number, failure: Failure): void {
    this.failure = failure;
    if (now < this.pausedUntil) return;
    this.pausedUntil = now + Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
  }

  /** It is useful after all. */
  forgive(): void {
    this.#failures = 0;
    this.failure = null;
    this.pausedUntil = -Infinity;
  }
}

/** The requests for one piece. */
interface Asking {
  /** When the first one was sent. */
  readonly since: number;
  /** Requests that were neither refused nor given up. */
  count: number;
}

export class MetadataRound<P> {
  /** Whether it is in progress; only then it holds memory. */
  active = false;
  /** How often it had to yield to others. */
  turns = 0;
  #startedAt = 0;
  readonly #members = new Map<P, RoundMember>();
  #pieces: (Uint8Array | undefined)[] = [];
  #sources: P[] = [];
  #asking: (Asking | undefined)[] = [];
  #missing = 0;

  /** `size`: bytes as its members claim; `solo`: only its first member may take part. */
  constructor(readonly size: number, readonly solo: boolean) {}

  get members(): IterableIterator<P> {
    return this.#members.keys();
  }

  get memberCount(): number {
    return this.#members.size;
  }

  get #pieceCount(): number {
    return metadataPieceCount(this.size);
  }

  get received(): number {
    return this.active ? this.#pieceCount - this.#missing : 0;
  }

  /** The sender of each piece; only of a complete round. */
  get sources(): readonly P[] {
    return this.#sources;
  }

  start(now: number): void {
    this.active = true;
    this.#startedAt = now;
    this.reset();
  }

  /** Yields to others; its pieces are dropped. */
  stop(): void {
    this.active = false;
    this.turns++;
    this.reset();
  }

  /** Begins again from nothing. */
  reset(): void {
    const count = this.active ? this.#pieceCount : 0;
    this.#pieces = new Array(count);
    this.#sources = new Array(count);
    this.#asking = new Array(count);
    this.#missing = count;
    for (const member of this.#members.values()) member.giveUp();
  }

  turnIsOver(now: number): boolean {
    return now - this.#startedAt > FIRST_TURN_MS * 2 ** this.turns;
  }

  add(peer: P): void {
    this.#members.set(peer, new RoundMember());
  }

  remove(peer: P): void {
    const member = this.#members.get(peer);
    if (member !== undefined) this.#takeBack(member);
    this.#members.delete(peer);
  }

  /** How its last request ended, if it has sent nothing since. */
  failure(peer: P): Failure | null {
    return this.#members.get(peer)?.failure ?? null;
  }

  /** Sends requests, one to each member in turn, so that all of them share the work. */
  ask(now: number, request: (peer: P, index: number) => void): void {
    if (!this.active) return;
    let ready = [...this.#members].filter(([, { pausedUntil }]) => now >= pausedUntil);
    while (ready.length > 0) {
      ready = ready.filter(([peer, member]) => {
        const index = member.asked.size < WINDOW ? this.#choose(member, now) : -1;
        if (index < 0) return false;
        member.asked.set(index, now);
        const asking = this.#asking[index] ??= { since: now, count: 0 };
        asking.count++;
        request(peer, index);
        return true;
      });
    }
  }

  /**
   * A piece of the right length, borrowed. Returns false if it was never requested from this peer;
   * it is then ignored.
   */
  take(peer: P, index: number, bytes: Uint8Array): boolean {
    const member = this.#members.get(peer);
    if (member === undefined) return false;
    const asked = member.asked.delete(index) || member.late.delete(index);
    if (!asked) return false;
    member.forgive();
    if (this.active && this.#pieces[index] === undefined) {
      this.#pieces[index] = bytes.slice();
      this.#sources[index] = peer;
      this.#missing--;
    }
    return true;
  }

  refuse(peer: P, index: number, now: number): void {
    const member = this.#members.get(peer);
    if (member === undefined || !member.asked.delete(index)) return;
    this.#forget(index);
    member.pause(now, "refused");
  }

  /** Cancels the requests of peers that take too long. */
  expire(now: number): void {
    for (const member of this.#members.values()) {
      const stalled = [...member.asked].some(([, at]) => now - at > STALL_MS);
      if (!stalled) continue;
      this.#takeBack(member);
      member.pause(now, "stalled");
    }
  }

  #takeBack(member: RoundMember): void {
    for (const index of member.asked.keys()) this.#forget(index);
    member.giveUp();
  }

  #forget(index: number): void {
    const asking = this.#asking[index];
    if (asking !== undefined) asking.count--;
  }

  get complete(): boolean {
    return this.active && this.#missing === 0;
  }

  /** The whole of a complete round. */
  join(): Uint8Array {
    return concatBytes(...this.#pieces as Uint8Array[]);
  }

  pieceAt(index: number): Uint8Array {
    return this.#pieces[index]!;
  }

  /** The missing piece with the fewest requests; -1 if each has as many as it may have now. */
  #choose(member: RoundMember, now: number): number {
    let best = -1, fewest = Infinity;
    for (let index = 0; index < this.#pieces.length && fewest > 0; index++) {
      if (this.#pieces[index] !== undefined || member.asked.has(index)) continue;
      const { since, count } = this.#asking[index] ?? { since: now, count: 0 };
      if (count >= fewest || count >= 2 ** Math.floor((now - since) / DOUBLING_MS)) continue;
      best = index;
      fewest = count;
    }
    return best;
  }
}
