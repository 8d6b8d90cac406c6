/** Two sessions back to back: each receives what the other sends. */
import { WireDecoder } from "../../src/wire/peer_wire.ts";
import { SessionBench, type SessionOptions } from "./session_bench.ts";
import { type Recorded, WireRecorder } from "./wire_recorder.ts";
import type { Workshop } from "./workshop.ts";

type Cut = (bytes: Uint8Array) => Uint8Array[];
const whole: Cut = (bytes) => [bytes];

export class SessionWire {
  readonly a: SessionBench;
  readonly b: SessionBench;
  /** All messages but the blocks, as `a` and `b` sent them. */
  readonly saidByA: Recorded[] = [];
  readonly saidByB: Recorded[] = [];
  /** Messages that were sent and not received yet. */
  readonly #toA: Uint8Array[] = [];
  readonly #toB: Uint8Array[] = [];
  readonly #cut: Cut;
  // Each side announces every verified piece to the other, as a swarm does.
  readonly #announceA = (piece: number) => this.a.session.taker.announce(piece);
  readonly #announceB = (piece: number) => this.b.session.taker.announce(piece);
  #blocks = 0;

  constructor(a: Workshop, b: Workshop, options: SessionOptions = {}, cut: Cut = whole) {
    this.a = new SessionBench(a, options);
    this.b = new SessionBench(b, options);
    this.#cut = cut;
    a.listeners.add(this.#announceA);
    b.listeners.add(this.#announceB);
    for (const side of [this.a, this.b]) side.session.open({ messages: new Map() });
    this.#say();
  }

  /** Piece messages in both directions. */
  get blocks(): number {
    return this.#blocks;
  }

  /** Both send their messages, and receive at most `most` chunks; false if there were none. */
  step(most: number = Infinity): boolean {
    this.#say();
    const quiet = this.#toA.length + this.#toB.length === 0;
    for (let i = 0; i < most && this.#toA.length + this.#toB.length > 0; i++) {
      const toA = this.#toB.length === 0 || (i % 2 === 0 && this.#toA.length > 0);
      if (toA) this.a.receives(this.#toA.shift()!);
      else this.b.receives(this.#toB.shift()!);
    }
    return !quiet;
  }

  /** Until neither has anything to send. */
  run(): void {
    for (let i = 0; this.step(); i++) {
      if (i > 10_000) throw new Error("they talk without end");
    }
  }

  /** The connection breaks; messages in flight are lost. */
  breaks(): void {
    this.a.shop.listeners.delete(this.#announceA);
    this.b.shop.listeners.delete(this.#announceB);
    this.a.close();
    this.b.close();
  }

  #say(): void {
    const byA = this.a.sends(), byB = this.b.sends();
    this.#note(byA, this.saidByA);
    this.#note(byB, this.saidByB);
    if (byA.length > 0) this.#toB.push(...this.#cut(byA));
    if (byB.length > 0) this.#toA.push(...this.#cut(byB));
  }

  #note(bytes: Uint8Array, log: Recorded[]): void {
    const recorder = new WireRecorder();
    recorder.wantsBlocks = false;
    new WireDecoder(recorder, this.a.session.source.have.bytes.length).push(bytes);
    log.push(...recorder.messages);
    this.#blocks += recorder.blocksEnded;
  }
}
