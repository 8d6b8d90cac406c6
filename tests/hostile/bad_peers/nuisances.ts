/** Bad peers that take a place, time or memory without breaking a rule that could be shown at once. */
import { BLOCK_LENGTH } from "../../../src/metainfo/layout.ts";
import { EXTENSION_IDS, LT_DONTHAVE } from "../../../src/wire/extension.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import type { Habits, Talk } from "./bad_peer.ts";

const FLOOD_EVERY_MS = 500, FLOOD_REQUESTS = 1000;

/** Shakes hands and says nothing ever after. */
export const staller: Habits = {
  kind: "staller",
  provable: false,
  dials: true,
  greet(talk) {
    talk.peer.deeds++;
  },
};

/** Asks for a thousand blocks twice a second, choked or not, many of which do not exist. */
export const flooder: Habits = {
  kind: "flooder",
  provable: true,
  dials: true,
  greet(talk) {
    talk.speak((out) => {
      out.signal(wire.HAVE_NONE);
      out.signal(wire.INTERESTED);
    });
    flood(talk);
  },
};

function flood(talk: Talk): void {
  const { pieces } = talk.peer.prey;
  talk.speak((out) => {
    for (let i = 0; i < FLOOD_REQUESTS; i++) {
      out.block(wire.REQUEST, talk.dice.below(2 * pieces), 0, BLOCK_LENGTH);
    }
  });
  talk.peer.deeds++;
  talk.after(FLOOD_EVERY_MS, () => flood(talk));
}

/** Comes, lets itself be asked, hangs up at the first request, and comes again. */
export const hangUpper: Habits = {
  kind: "hang-upper",
  provable: false,
  dials: true,
  asked(talk) {
    talk.peer.deeds++;
    talk.hangUp();
  },
};

/** Chokes and unchokes with every request, and answers none. */
export const choker: Habits = {
  kind: "choker",
  provable: false,
  asked(talk) {
    talk.peer.deeds++;
    talk.speak((out) => out.signal(wire.CHOKE));
    talk.after(1000, () => talk.speak((out) => out.signal(wire.UNCHOKE)));
  },
};

const TURNS = 500, TURN_EVERY_MS = 200;

/** Says that it has everything and takes one piece back, thousands of times a second. */
export const turncoat: Habits = {
  kind: "turncoat",
  provable: true,
  dials: true,
  greet: turn,
};

function turn(talk: Talk): void {
  talk.speak((out) => {
    for (let i = 0; i < TURNS; i++) {
      out.signal(wire.HAVE_ALL);
      out.extended(EXTENSION_IDS.get(LT_DONTHAVE)!, new Uint8Array(4)); // piece 0
    }
  });
  talk.peer.deeds++;
  talk.after(TURN_EVERY_MS, () => turn(talk));
}

/** Lets itself be asked and refuses, as often as the line can carry. */
export const flapper: Habits = {
  kind: "flapper",
  provable: true,
  dials: true,
  greet(talk) {
    talk.speak((out) => out.signal(wire.HAVE_ALL));
    flap(talk);
  },
};

function flap(talk: Talk): void {
  talk.speak((out) => {
    for (let i = 0; i < TURNS; i++) {
      out.signal(wire.UNCHOKE);
      out.signal(wire.INTERESTED);
      out.signal(wire.CHOKE);
      out.signal(wire.NOT_INTERESTED);
    }
  });
  talk.peer.deeds++;
  talk.after(TURN_EVERY_MS, () => flap(talk));
}
