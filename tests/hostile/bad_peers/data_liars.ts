/** Bad peers that promise data: what comes is wrong, late, twice, or never. */
import { BLOCK_LENGTH } from "../../../src/metainfo/layout.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import type { Habits, Talk } from "./bad_peer.ts";

const POISON_CHANCE = 0.5;
const DRIP_MS = 1000;
const UNASKED_AT_ONCE = 8;

/** Answers well enough to be asked for more, and every other block is wrong in one bit. */
export const poisoner: Habits = {
  kind: "poisoner",
  provable: true,
  asked(talk, piece, begin, length) {
    const poisoned = talk.dice.chance(POISON_CHANCE);
    sendBlock(talk, piece, begin, length, poisoned);
    if (poisoned) talk.peer.deeds++;
  },
};

/** Claims to have everything and gives nothing: each request is refused. */
export const refuser: Habits = {
  kind: "refuser",
  provable: false,
  asked(talk, piece, begin, length) {
    talk.peer.deeds++;
    talk.speak((out) => out.block(wire.REJECT, piece, begin, length));
  },
};

/** Claims to have everything and never answers. */
export const silent: Habits = {
  kind: "silent",
  provable: false,
  asked(talk) {
    talk.peer.deeds++;
  },
};

/** Slow loris: begins the block that was asked for, and then one byte a second. */
export const slowLoris: Habits = {
  kind: "slow-loris",
  provable: false,
  asked(talk, piece, begin, length) {
    if (lorises.has(talk)) return;
    lorises.add(talk);
    const whole = new wire.WireEncoder();
    whole.piece(piece, begin, length).set(talk.truth(piece, begin, length));
    drip(talk, whole.bytes.slice(), 0);
  },
};

const lorises = new WeakSet<Talk>();

function drip(talk: Talk, bytes: Uint8Array, at: number): void {
  if (at === bytes.length) return;
  talk.say(bytes.subarray(at, at + 1));
  talk.peer.deeds++;
  talk.after(DRIP_MS, () => drip(talk, bytes, at + 1));
}

/** Sends what was asked for three times over, and wrong blocks that nobody asked for beside it. */
export const repeater: Habits = {
  kind: "repeater",
  provable: true,
  asked(talk, piece, begin, length) {
    for (let i = 0; i < 3; i++) sendBlock(talk, piece, begin, length, false);
    for (let i = 0; i < UNASKED_AT_ONCE; i++) {
      const { pieces, pieceLength } = talk.peer.prey;
      const other = talk.dice.below(pieces - 1);
      const block = talk.dice.below(Math.floor(pieceLength / BLOCK_LENGTH));
      sendBlock(talk, other, block * BLOCK_LENGTH, BLOCK_LENGTH, true);
    }
    talk.peer.deeds++;
  },
};

function sendBlock(
  talk: Talk,
  piece: number,
  begin: number,
  length: number,
  wrong: boolean,
): void {
  talk.speak((out) => {
    const bytes = out.piece(piece, begin, length);
    bytes.set(talk.truth(piece, begin, length));
    if (wrong) bytes[talk.dice.below(length)]! ^= 1;
  });
}
