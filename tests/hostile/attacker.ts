/** A peer of the simulator that says what the test wants, well-formed or not, and counts what comes. */
import type { Socket } from "../../src/platform/types.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { decodeExtensionHandshake, type ExtensionHandshake } from "../../src/wire/extension.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import * as wire from "../../src/wire/peer_wire.ts";
import type { Participant } from "../harness/sim_swarm.ts";

const HANDSHAKE_LENGTH = 68;

export class Attacker {
  /** The victim closed the connection. */
  ended = false;
  /** The victim's handshake came whole. */
  greeted = false;
  choked = true;
  blocks = 0;
  rejects = 0;
  /** The victim's extension handshakes. */
  readonly introductions: ExtensionHandshake[] = [];
  readonly #socket: Socket;
  readonly #decoder: wire.WireDecoder;
  #greeting = HANDSHAKE_LENGTH;

  /** `pieces`: of the victim's torrent. */
  constructor(node: SimNode, victim: Participant, pieces: number) {
    this.#decoder = new wire.WireDecoder(this.#sink(), Math.ceil(pieces / 8));
    const to = { address: victim.node.address, port: 6881, timeoutMs: 5000 };
    this.#socket = node.net.connect(to);
    this.#socket.opened.catch(() => {});
    this.#socket.closed.catch(() => {});
    this.#socket.attach({
      onData: (chunk) => this.#receive(chunk),
      onEnd: () => this.ended = true,
    });
  }

  say(bytes: Uint8Array): void {
    if (!this.ended) this.#socket.send(bytes.slice(), () => {});
  }

  speak(words: (out: wire.WireEncoder) => void): void {
    const out = new wire.WireEncoder();
    words(out);
    this.say(out.bytes);
  }

  stopReading(): void {
    this.#socket.pause();
  }

  #receive(chunk: Uint8Array): void {
    const skipped = Math.min(this.#greeting, chunk.length);
    this.#greeting -= skipped;
    this.greeted = this.#greeting === 0;
    if (chunk.length > skipped) this.#decoder.push(chunk.subarray(skipped));
  }

  #sink(): wire.WireSink {
    const target = new Uint8Array(BLOCK_LENGTH);
    return {
      onSignal: (id) => {
        if (id === wire.CHOKE || id === wire.UNCHOKE) this.choked = id === wire.CHOKE;
      },
      onNumber() {},
      onBitfield() {},
      onExtended: (id, payload) => {
        if (id === 0) this.introductions.push(decodeExtensionHandshake(payload));
      },
      onKeepAlive() {},
      blockStart: () => target,
      blockAt: 0,
      blockEnd: () => this.blocks++,
      onBlockMessage: (id) => {
        if (id === wire.REJECT) this.rejects++;
      },
    };
  }
}

/** The handshake for the victim's torrent, with the fast extension, under a name of `id`. */
export function handshakeFor(
  victim: Participant,
  id: Uint8Array,
  extensions = false,
): Uint8Array {
  const hex = victim.torrent.infoHash.match(/../g)!;
  const infoHash = Uint8Array.from(hex, (byte) => parseInt(byte, 16));
  return encodeHandshake({ infoHash, peerId: id, extensions, fast: true, dht: false });
}
