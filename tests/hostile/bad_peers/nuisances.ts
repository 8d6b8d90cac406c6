/** Bad peers that take a place, time or memory without breaking a rule that could be shown at once. */
import { BLOCK_LENGTH } from "../../../src/protocol/layout.ts";
import * as wire from "../../../src/protocol/peer_wire.ts";
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
