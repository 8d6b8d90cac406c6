/**
 * A random life of a piece manager: peers of all kinds join, lie, stall and leave, and after every
 * step its counts and promises are checked. The seed decides everything.
 */
import assert from "node:assert/strict";
import { HAVE, MISSING, OPEN, SKIPPED } from "../../src/pieces/piece_manager.ts";
import { Prng } from "./prng.ts";
import type { HandPeer } from "./hand_peer.ts";
import { Workshop } from "./workshop.ts";

const BLOCK = 16384;
const MOST_PEERS = 7;

/** Counts of events over all walks: a walk that never lies proves nothing about liars. */
export class Tally {
  readonly #counts = new Map<string, number>();
  add(what: string): void {
    this.#counts.set(what, this.of(what) + 1);
  }
  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }
}

/** The random numbers of a walk; by default a generator that the seed sets. */
export type WalkDice = Pick<Prng, "below" | "chance" | "pick">;

interface Sent {
  key: number;
  wrong: boolean;
}

export class PieceWalk {
  readonly shop: Workshop;
  readonly #dice: WalkDice;
  readonly #tally: Tally;
  readonly #piecesPerPeer: number;
  /** Guilty peers are disconnected, as by a torrent; otherwise they may continue to lie. */
  readonly #bans: boolean;
  /** By peer: how probably it lies about a block. */
  readonly #lies = new Map<HandPeer, number>();
  /** Whether it lies about the block that it is sending. */
  readonly #lying = new Map<HandPeer, boolean>();
  /** The contents of the open pieces, as the walk saw them. */
  readonly #made = new Map<number, Map<number, Sent>>();
  /**
   * Keys of peers that ever sent a wrong block, and of those whose wrong block was in a failed
   * piece.
   */
  readonly #liars = new Set<number>();
  readonly #spoilers = new Set<number>();
  readonly #attempts = new Map<string, number>();
  readonly #verified = new Set<number>();
  #failuresSeen = 0;
  #guiltySeen = 0;
  #verifiedSeen = 0;

  constructor(seed: number, tally: Tally, dice: WalkDice = new Prng(seed)) {
    this.#dice = dice;
    this.#tally = tally;
    const pieceLength = BLOCK * dice.pick([1, 2, 3, 5, 20]);
    const length = pieceLength * (1 + dice.below(9)) - dice.below(pieceLength);
    this.#piecesPerPeer = dice.pick([1, 2, Infinity, Infinity]);
    this.#bans = dice.chance(0.6);
    this.shop = new Workshop({
      seed,
      length,
      pieceLength,
      hashing: dice.pick(["running", "submit"]),
      storing: dice.pick(["now", "later", "mixed"]),
      budgetBytes: pieceLength * dice.pick([0, 2, 3, 100, 100]),
      piecesPerPeer: this.#piecesPerPeer,
      sequential: dice.chance(0.3),
    });
  }

  /** Some steps of every peer, then an honest seed joins and must be able to finish. */
  run(steps: number): void {
    for (let i = 0; i < 3; i++) this.#join();
    for (let i = 0; i < steps; i++) this.#step();
    this.#finish();
    this.shop.assertComplete();
    for (const key of this.#spoilers) {
      assert.ok(this.shop.guilty.includes(key), `${key} spoilt a piece and was never found`);
      this.#tally.add("spoilers found");
    }
  }

  #step(): void {
    const { shop } = this, dice = this.#dice;
    const peer = shop.connected.length > 0 ? dice.pick(shop.connected) : null;
    const action = dice.below(100);
    if (peer === null || action < 4) this.#join();
    else if (action < 6) this.#leave(peer);
    else if (action < 36) this.#ask(peer, 1 + dice.below(10));
    else if (action < 41) this.#askDuplicate(peer);
    else if (action < 56) this.#begin(peer);
    else if (action < 60) peer.incoming !== null && peer.sendsHalf();
    else if (action < 75) this.#end(peer);
    else if (action < 88) this.#sendMany(peer);
    else if (action < 90) this.#reject(peer);
    else if (action < 92) this.#choke(peer);
    else if (action < 94) peer.becomesSnubbed();
    else if (action < 95) peer.snubbed = false;
    else if (action < 97) peer.gains(dice.below(shop.data.layout.pieceCount));
    else if (action < 98) this.#lose(peer);
    else if (dice.chance(0.7)) this.#mishap();
    else this.#choose();
    if (dice.chance(0.2)) shop.hasher.finish();
    if (dice.chance(0.2) && shop.finishStore()) this.#tally.add("stored later");
    this.#check();
  }

  #join(): void {
    if (this.shop.connected.length >= MOST_PEERS) return;
    const dice = this.#dice, { pieceCount } = this.shop.data.layout;
    const some = Array.from({ length: pieceCount }, (_, piece) => piece)
      .filter(() => dice.chance(0.6));
    const peer = this.shop.peer(dice.chance(0.5) ? "all" : some);
    this.#lies.set(peer, dice.pick([0, 0, 0, 0.2, 1]));
  }

  #leave(peer: HandPeer): void {
    if (peer.incoming !== null) this.#tally.add("left in mid-block");
    peer.leaves();
  }

  #ask(peer: HandPeer, most: number): void {
    if (peer.snubbed) return;
    for (let i = 0; i < most; i++) {
      const { wastedBytes } = this.shop.manager.ledger;
      const id = peer.ask();
      if (id === null) return;
      if (this.shop.manager.ledger.wastedBytes !== wastedBytes) {
        this.#tally.add("started over");
        this.#made.delete(id.piece);
      }
      assert.ok(peer.have.has(id.piece) && !this.shop.manager.have.has(id.piece));
      assert.equal(this.shop.manager.states.of(id.piece), OPEN);
      for (const other of this.shop.connected) {
        assert.ok(other === peer || !other.hasAsked(id.piece, id.block), "asked for twice");
      }
      assert.ok((this.#attempts.get(`${id.piece}/${peer.key}`) ?? 0) < 3, "it failed three times");
    }
  }

  #askDuplicate(peer: HandPeer): void {
    const { inEndGame } = this.shop.manager.blocks;
    const id = peer.snubbed ? null : peer.askDuplicate();
    if (id === null) return;
    assert.equal(inEndGame, true);
    const asked = this.shop.connected.filter((one) => one.hasAsked(id.piece, id.block)).length;
    assert.ok(asked >= 2 && asked <= 3, `${asked} were asked`);
    this.#tally.add("duplicates");
  }

  /** Mostly the oldest request, sometimes another or one that was given up. */
  #begin(peer: HandPeer): void {
    if (peer.incoming !== null) return;
    const dice = this.#dice;
    const late = peer.late.length > 0 && dice.chance(peer.asked.length > 0 ? 0.2 : 1);
    const from = late ? peer.late : peer.asked;
    if (from.length === 0) return;
    const id = dice.chance(0.8) ? from[0]! : dice.pick(from);
    const lies = dice.chance(this.#lies.get(peer)!);
    if (lies) this.#liars.add(peer.key);
    const how = dice.chance(0.5) ? 1 : 1 + dice.below(255);
    peer.begins(id, lies ? this.shop.wrong(id, how) : this.shop.right(id));
    this.#lying.set(peer, lies);
    if (peer.incoming!.target === peer.scratch) this.#tally.add("beside another");
  }

  #end(peer: HandPeer): void {
    const { incoming } = peer;
    if (incoming === null) return;
    const { piece, block, asked, target } = incoming, wrong = this.#lying.get(peer)!;
    const made = this.#made.get(piece) ?? new Map<number, Sent>();
    const before = made.get(block);
    this.#made.set(piece, made.set(block, { key: peer.key, wrong }));
    if (peer.ends()) {
      if (!asked) this.#tally.add("late and of use");
      assert.equal(before, undefined, "a block that was here came again");
      assert.notEqual(target, null);
    } else if (before !== undefined) made.set(block, before);
    else made.delete(block);
    this.#noteFailures();
    this.#forgetClosed();
  }

  #forgetClosed(): void {
    for (const piece of this.#made.keys()) {
      const state = this.shop.manager.states.of(piece);
      if (state === HAVE || state === MISSING || state === SKIPPED) this.#made.delete(piece);
    }
  }

  #sendMany(peer: HandPeer): void {
    if (peer.incoming !== null) this.#end(peer);
    for (let i = this.#dice.below(12); i >= 0 && peer.connected; i--) {
      this.#begin(peer);
      this.#end(peer);
      this.#ask(peer, 2);
    }
  }

  #reject(peer: HandPeer): void {
    const from = peer.asked.length > 0 ? peer.asked : peer.late;
    if (from.length > 0) peer.rejects(this.#dice.pick(from));
  }

  /** It arrives in the stream, so never in the middle of a block. */
  #choke(peer: HandPeer): void {
    if (peer.incoming === null) peer.dropsRequests();
  }

  #lose(peer: HandPeer): void {
    peer.loses(this.#dice.below(this.shop.data.layout.pieceCount));
  }

  /** An internal failure. */
  #mishap(): void {
    const { shop } = this, dice = this.#dice;
    if (dice.chance(0.3)) {
      if (shop.hasher.lose()) this.#tally.add("hashes lost");
    } else if (dice.chance(0.5)) shop.storeError = new Error("disk full");
    else {
      const { layout } = shop.data, piece = dice.below(layout.pieceCount);
      if (shop.manager.states.of(piece) !== HAVE) return;
      shop.manager.states.markMissing(piece);
      this.#verified.delete(piece);
      const at = piece * layout.pieceLength;
      shop.stored.fill(0, at, at + layout.lengthOf(piece));
      this.#tally.add("lost on the disk");
    }
  }

  #check(): void {
    this.#noteFailures();
    this.#forgetClosed();
    this.shop.check();
    for (const peer of this.shop.connected) {
      assert.ok(peer.piecesWorkedOn.size <= this.#piecesPerPeer, "pieces per peer");
    }
    this.#noteGuilty();
    for (; this.#verifiedSeen < this.shop.verified.length; this.#verifiedSeen++) {
      const piece = this.shop.verified[this.#verifiedSeen]!;
      assert.equal(this.#verified.has(piece), false, "a piece is verified once");
      this.#verified.add(piece);
      for (const peer of this.shop.peers) this.#attempts.delete(`${piece}/${peer.key}`);
    }
    if (this.shop.storeErrors.length > 0) this.#tally.add("writes failed");
    this.shop.storeErrors.length = 0;
  }

  /** The user wants other pieces, or in another order. */
  #choose(): void {
    const dice = this.#dice, { manager, data } = this.shop;
    const levels = Array.from({ length: 1 + dice.below(3) }, () => {
      return { sequential: dice.chance(0.3) };
    });
    const { pieceCount } = data.layout;
    const choice = Array.from({ length: pieceCount }, () => dice.below(levels.length + 1) - 1);
    manager.states.setLevels(levels, (piece) => choice[piece]!);
    for (let piece = 0; piece < pieceCount; piece++) {
      const state = manager.states.of(piece);
      assert.ok(state !== MISSING || choice[piece]! >= 0, "what is not wanted is not missed");
      assert.ok(state !== SKIPPED || choice[piece]! < 0, "what is wanted is not skipped");
    }
    this.#tally.add("chosen anew");
    if (!manager.have.full && manager.complete) this.#tally.add("all that is wanted");
  }

  #noteFailures(): void {
    const { failed } = this.shop;
    for (; this.#failuresSeen < failed.length; this.#failuresSeen++) {
      const { piece, contributors } = failed[this.#failuresSeen]!;
      const made = [...this.#made.get(piece)!.values()];
      this.#made.delete(piece);
      assert.deepEqual(new Set(contributors), new Set(made.map(({ key }) => key)));
      assert.ok(made.some(({ wrong }) => wrong), "a piece of right blocks does not fail");
      for (const { key, wrong } of made) if (wrong) this.#spoilers.add(key);
      for (const key of contributors) {
        const attempts = (this.#attempts.get(`${piece}/${key}`) ?? 0) + 1;
        assert.ok(attempts <= 3, `${key} failed piece ${piece} ${attempts} times`);
        this.#attempts.set(`${piece}/${key}`, attempts);
      }
      this.#tally.add(contributors.length > 1 ? "failures of several" : "failures of one");
    }
  }

  #noteGuilty(): void {
    const { guilty } = this.shop;
    for (; this.#guiltySeen < guilty.length; this.#guiltySeen++) {
      const key = guilty[this.#guiltySeen]!;
      assert.ok(this.#liars.has(key), `${key} is innocent`);
      if (!this.#bans) continue;
      const peer = this.shop.connected.find((one) => one.key === key);
      if (peer !== undefined) this.#leave(peer);
    }
  }

  /** In any state, one new honest seed must be enough. */
  #finish(): void {
    const { shop } = this, dice = this.#dice;
    const roomy = shop.manager.budgetBlocks >= 100 && this.#piecesPerPeer === Infinity;
    const rest = roomy ? dice.below(3) : dice.below(2);
    this.#tally.add(["all left", "all snubbed", "two slow ones stayed"][rest]!);
    // Slow ones keep their requests; with more than two, one block could be requested from three.
    for (const peer of shop.connected.slice(rest === 2 ? 2 : 0)) {
      if (rest === 0 || rest === 2) this.#leave(peer);
      else peer.becomesSnubbed();
      this.#check();
    }
    shop.storeError = null;
    shop.manager.states.setLevels([{ sequential: dice.chance(0.5) }], () => 0);
    const seed = shop.peer();
    this.#lies.set(seed, 0);
    for (let round = 0; !shop.manager.complete; round++) {
      assert.ok(round < 2000, "it does not get on");
      this.#ask(seed, 50);
      while (seed.askDuplicate() !== null && seed.asked.length < 50);
      while (seed.asked.length > 0) {
        this.#begin(seed);
        this.#end(seed);
        this.#check();
      }
      shop.hasher.finishAll();
      while (shop.finishStore());
      this.#check();
    }
  }
}
