/** The session of a peer under a damaged stream; afterwards the books must add up. */
import { encode } from "../../../src/bencode/bencode_encode.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { SessionBench } from "../../../tests/harness/session_bench.ts";
import { Workshop } from "../../../tests/harness/workshop.ts";
import { check, type FuzzTarget, target } from "../target.ts";

export function sessionTargets(): FuzzTarget[] {
  return [{ ...target("session", conversations(), (bytes) => converse(bytes)) }];
}

/** What an honest peer may say, as one stream. */
function conversations(): Uint8Array[] {
  const say = (speak: (voice: wire.WireEncoder) => void) => {
    const voice = new wire.WireEncoder();
    speak(voice);
    return voice.bytes.slice();
  };
  const extension = encode({ m: { lt_donthave: 3 }, reqq: 100 });
  return [
    say((voice) => {
      voice.signal(wire.HAVE_ALL);
      voice.extended(0, extension);
      voice.signal(wire.UNCHOKE);
      voice.signal(wire.INTERESTED);
      for (let piece = 0; piece < 4; piece++) voice.block(wire.REQUEST, piece, 0, 16384);
      voice.block(wire.CANCEL, 0, 0, 16384);
    }),
    say((voice) => {
      voice.bitfield(new Uint8Array([0xff]));
      voice.number(wire.HAVE, 3);
      voice.number(wire.SUGGEST, 2);
      voice.number(wire.ALLOWED_FAST, 1);
      voice.signal(wire.UNCHOKE);
      voice.piece(0, 0, 16384).fill(1);
      voice.block(wire.REJECT, 1, 0, 16384);
      voice.keepAlive();
      voice.port(6881);
    }),
  ];
}

/** The stream in chunks whose borders depend on its bytes; afterwards the books must add up. */
function converse(bytes: Uint8Array): string {
  const shop = new Workshop({ length: 8 * 16384, pieceLength: 16384 }),
    bench = new SessionBench(shop);
  let said = "";
  try {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + (bytes[at]! * 131) % 5000);
      bench.receives(bytes.subarray(at, end).slice());
      bench.session.settle(bench.now);
      at = end;
    }
    said = `${bench.session.source.have.count}/${bench.session.taker.upload.length}`;
  } finally {
    check(bench.session.isInOrder, "nothing is asked or queued while choked");
    check(bench.session.taker.upload.length <= 2000, "the upload queue is bounded");
    check(bench.session.out.length <= 4 * 1024 * 1024, "what waits to be sent is bounded");
    bench.session.close();
    shop.manager.peerLeft(bench.session.source);
    shop.manager.checkInvariants();
  }
  return said;
}
