/** A world of one machine that shoal shares with others, from its beginning to its end. */
import assert from "node:assert/strict";
import type { Copy } from "./copy.ts";
import { type HomeEvent, killed, plugIn } from "./events.ts";
import { plantForeign } from "./foreign.ts";
import { Home, type HomeOptions } from "./home.ts";

const MAX_EVENTS = 8;
/** Between two of them, in virtual milliseconds. */
const MAX_QUIET_MS = 8000;
/** After the last of them everything has so much virtual time to come to an end. */
const LIMIT_MS = 30 * 60_000;
/** A torrent that is seeding is left to serve for so long before the end. */
const SERVE_MS = 20_000;

export interface HomeScenario extends HomeOptions {
  /** For each file of a torrent: that something is under its path already. */
  foreign: number;
  events: readonly HomeEvent[];
}

export class HomePlay {
  readonly home: Home;
  /** Bytes of whole torrents that were compared at the end. */
  compared = 0;
  readonly #scenario: HomeScenario;

  constructor(seed: string, scenario: HomeScenario) {
    this.home = new Home(seed, scenario);
    this.#scenario = scenario;
  }

  async act(): Promise<void> {
    const { home } = this, { dice } = home, { events, foreign } = this.#scenario;
    await home.setUp();
    plantForeign(home, foreign);
    for (const process of home.processes) {
      await process.start();
      await home.pass(dice.below(2000));
    }
    const count = events.length === 0 ? 0 : 1 + dice.below(MAX_EVENTS);
    for (let i = 0; i < count; i++) {
      await home.pass(dice.below(MAX_QUIET_MS));
      await dice.pick(events)(home);
    }
    if (dice.chance(0.3)) await killed(home);
  }

  /** Everything mended: each torrent is whole, or says in words for a person why it is not. */
  async finish(): Promise<void> {
    const { home } = this;
    plugIn(home);
    for (const process of home.processes) await process.start();
    for (const { snapshot, torrent } of home.copies) {
      if (snapshot?.state === "paused") torrent!.start();
    }
    await home.run(() => home.copies.every((copy) => this.#isSettled(copy)), LIMIT_MS);
    await home.pass(SERVE_MS);
    this.#assertEnds();
    // The ones that waited for another process take over when it ends.
    for (const process of [...home.processes].reverse()) await process.shutDown();
    home.check();
  }

  #isSettled(copy: Copy): boolean {
    if (copy.isDone || copy.refusal !== null) return true;
    const state = copy.snapshot?.state;
    if (state === undefined || state === "failed" || state === "stopped") return true;
    return this.#waitsForOther(copy);
  }

  /** Another process has the torrent, or one that wants the same files, and does not wait itself. */
  #waitsForOther({ process, title, snapshot }: Copy): boolean {
    if (snapshot?.state !== "waiting" || snapshot.error?.code !== "in-use") return false;
    const theirs = this.home.processes
      .flatMap((other) => other === process || !other.alive ? [] : other.client!.torrents());
    const same = theirs.filter(({ infoHash }) => infoHash === title.hex);
    const holders = same.length > 0 ? same : theirs;
    return holders.some((torrent) => torrent.snapshot().state !== "waiting");
  }

  #assertEnds(): void {
    for (const copy of this.home.copies) {
      const { title, about, snapshot } = copy;
      const error = copy.refusal ?? snapshot?.error ?? null;
      assert.notEqual(error?.code, "internal", `${about}: ${error?.message}`);
      this.home.world.log(`home end ${about} ${snapshot?.state} ${error?.code}`);
      if (title.clear && !this.#waitsForOther(copy)) {
        assert.ok(copy.isDone, `${about}: ${snapshot?.state}: ${error?.message}`);
      }
      const isWhole = copy.isDone && snapshot!.piecesHave === snapshot!.pieces;
      if (!isWhole || title.edits.length > 0) continue;
      copy.assertRight();
      this.compared += title.torrent.content.length;
    }
  }
}
