/** Bad peers that break the protocol in a way that no honest one does: the connection must end. */
import * as wire from "../../../src/wire/peer_wire.ts";
import type { Habits, Talk } from "./bad_peer.ts";

/** Messages that announce lengths from just too much to 4 GiB, and bytes behind them. */
export const hugeLengths: Habits = {
  kind: "huge-lengths",
  provable: true,
  greet(talk) {
    const head = new Uint8Array(5 + 1000);
    const lengths = [0xffffffff, 0x7fffffff, 0x80000000, (1 << 20) + 1];
    new DataView(head.buffer).setUint32(0, talk.dice.pick(lengths));
    head[4] = talk.dice.pick([wire.PIECE, wire.BITFIELD, wire.EXTENDED, 99]);
    talk.say(head);
    talk.peer.deeds++;
  },
};

/** Bitfields that are too long or too short, or have bits beyond the last piece. */
export const wrongBitfields: Habits = {
  kind: "wrong-bitfields",
  provable: true,
  greet(talk) {
    const { pieces } = talk.peer.prey, right = Math.ceil(pieces / 8);
    const lengths = [right - 1, right + 1, 2 * right, 0];
    // Only where the last byte has spare bits can one of them be set.
    if (pieces % 8 !== 0) lengths.push(right);
    const bits = new Uint8Array(talk.dice.pick(lengths)).fill(0xff);
    talk.speak((out) => {
      out.bitfield(bits);
      out.bitfield(bits);
      out.signal(wire.UNCHOKE);
    });
    talk.peer.deeds++;
  },
};

const BAD_EXTENSIONS: readonly ((talk: Talk) => [id: number, payload: Uint8Array])[] = [
  () => [0, text("this is not bencode")],
  () => [0, text("le")],
  () => [0, text("d1:m" + "d".repeat(5000))],
  () => [200, text("de")], // a message that was never offered
  () => [2, text("i42e")], // ut_metadata
  (talk) => [0, talk.dice.fill(new Uint8Array(3000))],
  () => [1, text("d5:added7:1234567e")], // peer exchange in which one address is not whole
  () => [7, text("lt_donthave is 4 bytes")],
];

/** Extension messages that are no bencode, were not offered, or have the wrong shape. */
export const wrongExtensions: Habits = {
  kind: "wrong-extensions",
  provable: true,
  greet(talk) {
    const [id, payload] = talk.dice.pick(BAD_EXTENSIONS)(talk);
    talk.speak((out) => {
      out.signal(wire.HAVE_ALL);
      out.extended(id, payload);
    });
    talk.peer.deeds++;
  },
};

function text(ascii: string): Uint8Array {
  return new TextEncoder().encode(ascii);
}
