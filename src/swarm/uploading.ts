/**
 * Which peers we upload to, and which pieces: the choker, the spread of the first copies and
 * super-seeding, applied to the sessions of a swarm.
 */
import type { Random } from "../platform/types.ts";
import { Choker } from "./choker.ts";
import type { BlockTaker } from "./peer/block_taker.ts";
import type { PeerSession } from "./peer/session.ts";
import type { RateLimits } from "./rate_limits.ts";
import { Spread } from "./spread.ts";
import { SuperSeed } from "./super_seed.ts";
import type { SwarmContent, SwarmOptions } from "./swarm_types.ts";

/** A super-seed walks this many pieces per millisecond of rest before the next time. */
const SHOWN_PIECES_A_MS = 20_000;
/**
 * A super-seed unchokes this many times as many peers: each has one piece to request, and spends most
 * of its turn on its way to and from us.
 */
const SUPER_SEED_SLOTS = 2;

export interface UploadingPorts {
  readonly random: Random;
  readonly limits: RateLimits;
  readonly sessions: { keys(): Iterable<PeerSession> };
  /** Null while the torrent is unknown or not at work. */
  content(): SwarmContent | null;
  /** This session must be settled in this turn. */
  changed(session: PeerSession): void;
}

export class Uploading {
  readonly #ports: UploadingPorts;
  readonly #choker: Choker<BlockTaker>;
  #slots: number;
  #superSeeds: boolean;
  #superSeed: SuperSeed<BlockTaker> | null = null;
  #spread: Spread<BlockTaker> | null = null;
  #slotsChanged = false;
  /** When a super-seed next decides which pieces to show. */
  #showsAt = 0;

  constructor(ports: UploadingPorts, options: SwarmOptions) {
    this.#ports = ports;
    this.#superSeeds = options.superSeed;
    this.#slots = options.uploadSlots;
    this.#choker = new Choker(ports.random, options.uploadSlots);
  }

  *#takers(): Iterable<BlockTaker> {
    for (const { taker } of this.#ports.sessions.keys()) yield taker;
  }

  /** Those that have announced their pieces. */
  get #told(): BlockTaker[] {
    return [...this.#takers()].filter(({ session }) => session.toldPieces);
  }

  get #complete(): boolean {
    return this.#ports.content()?.pieces.complete ?? false;
  }

  /** The pieces are available, for the first time or again. */
  attach({ layout }: SwarmContent): void {
    this.#superSeed = this.#superSeeds ? new SuperSeed(layout.pieceCount) : null;
    this.#spread = null;
    this.#slotsChanged = true;
  }

  /** Peers that are unchoked at once, besides the random one; from the next tick on. */
  set slots(slots: number) {
    this.#slots = slots;
  }

  /** A peer left or changed its interest: a slot may be free. */
  slotsChanged(): void {
    this.#slotsChanged = true;
  }

  /** Whether our pieces are announced one by one. */
  get hides(): boolean {
    return this.#superSeed?.over === false && this.#complete;
  }

  /** Turning it on affects later peers; connected ones know all our pieces. */
  setSuperSeed(on: boolean): void {
    this.#superSeeds = on;
    const content = this.#ports.content();
    if (on) {
      if (content !== null) this.#superSeed ??= new SuperSeed(content.layout.pieceCount);
      return;
    }
    if (this.hides) {
      const told = this.#told;
      this.#superSeed!.end(told);
      for (const { session } of told) this.#ports.changed(session);
    }
    this.#superSeed = null;
  }

  /** A few times a second, while there are pieces. */
  tick(now: number): void {
    let wanting = 0;
    for (const session of this.#ports.sessions.keys()) if (session.taker.peerInterested) wanting++;
    this.#choker.slots = this.hides ? SUPER_SEED_SLOTS * this.#slots : this.#slots;
    this.#choker.carried = this.#ports.limits.carriedUp(wanting);
    this.#choker.tick(this.#takers(), this.#complete, now);
  }

  /** Before the sessions of a turn are settled. */
  settle(now: number): void {
    if (this.#slotsChanged && this.#ports.content() !== null) {
      this.#choker.useFreeSlots(this.#takers(), this.#complete, now);
    }
    this.#slotsChanged = false;
    if (this.hides && now >= this.#showsAt) this.#showPieces(now);
  }

  /** It walks all pieces, so in a torrent of many not in every turn. */
  #showPieces(now: number): void {
    const { layout, pieces } = this.#ports.content()!, told = this.#told;
    this.#showsAt = now + layout.pieceCount / SHOWN_PIECES_A_MS;
    this.#superSeed!.update(told, (piece) => pieces.holders.availabilityOf(piece), now);
    for (const { session, out } of told) if (out.length > 0) this.#ports.changed(session);
  }

  /** As a seed: suggests pieces that nobody has; a peer that got some gives way to a waiting one. */
  feed(taker: BlockTaker, now: number): void {
    if (!this.#complete || this.hides) return;
    const { layout, pieces } = this.#ports.content()!;
    this.#spread ??= new Spread(
      layout,
      this.#ports.random,
      (piece) => pieces.holders.availabilityOf(piece),
    );
    if (this.#spread.feed(taker, now)) this.#choker.passOn(taker, this.#takers(), now);
  }

  /** The spread of the first copies, for the reports of sessions; null before it begins. */
  get spread(): Spread<BlockTaker> | null {
    return this.#spread;
  }

  forget(taker: BlockTaker): void {
    this.#choker.forget(taker);
    this.#spread?.forget(taker);
    this.#slotsChanged = true;
  }
}
