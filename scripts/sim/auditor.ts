/**
 * A peer that believes nobody: connected to a machine, it looks up on that machine's disk each piece
 * that the machine says it has. It can also ask for blocks, one a second, and have them judged.
 */
import type { SimNode } from "../../tests/harness/sim/sim_node.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import * as wire from "../../src/wire/peer_wire.ts";

const PORT = 6881;
const HANDSHAKE_LENGTH = 68;
const REDIAL_MS = 2000;
const TASTE_EVERY_MS = 1000;

export interface AuditedMachine {
  readonly node: SimNode;
  /** Throws unless all wanted bytes of the piece are on the disk, and right. */
  assertOnDisk(piece: number): void;
}

/** Requested blocks, and the judge of the answers. */
export interface Tasting {
  /** Bytes of a block of that piece, from its beginning on. */
  lengthOf(piece: number): number;
  /** Throws when the bytes may not have been sent. */
  judge(machine: AuditedMachine, piece: number, bytes: Uint8Array): void;
}

export class Auditor {
  /** Claims that were looked up. */
  checked = 0;
  /** Blocks that came and were judged. */
  tasted = 0;
  /** The first lie; the world's runner checks it. */
  failure: Error | null = null;
  readonly #node: SimNode;
  readonly #infoHash: Uint8Array;
  readonly #pieces: number;
  readonly #tasting: Tasting | null;

  constructor(node: SimNode, infoHash: Uint8Array, pieces: number, tasting?: Tasting) {
    this.#node = node;
    this.#tasting = tasting ?? null;
    this.#infoHash = infoHash;
    this.#pieces = pieces;
  }

  /** Listens to a machine, over all its restarts. */
  watch(machine: AuditedMachine): void {
    const { node } = machine;
    const again = () => void this.#node.clock.after(REDIAL_MS, () => this.watch(machine));
    if (!node.alive) return again();
    const to = { address: node.address, port: PORT, timeoutMs: REDIAL_MS };
    const socket = this.#node.net.connect(to);
    let greeting = HANDSHAKE_LENGTH;
    const visit = new Visit();
    const sink = this.#sink(machine, node, visit);
    const decoder = new wire.WireDecoder(sink, Math.ceil(this.#pieces / 8));
    socket.opened.catch(() => {});
    socket.closed.catch(() => {});
    socket.attach({
      onData: (chunk) => {
        const skipped = Math.min(greeting, chunk.length);
        greeting -= skipped;
        if (chunk.length > skipped) decoder.push(chunk.subarray(skipped));
      },
      onEnd: () => {
        visit.ended = true;
        again();
      },
    });
    const out = new wire.WireEncoder();
    const peerId = this.#node.random.fill(new Uint8Array(20));
    const about = { infoHash: this.#infoHash, peerId, extensions: false, fast: true, dht: false };
    out.append(encodeHandshake(about));
    out.signal(wire.HAVE_NONE);
    if (this.#tasting !== null) out.signal(wire.INTERESTED);
    const send = (bytes: Uint8Array) => void socket.send(bytes, () => {});
    send(out.bytes.slice());
    this.#keepAlive(node, send);
    if (this.#tasting !== null) this.#askOn(this.#tasting, node, visit, send);
  }

  /** For one block a second of what is claimed, as long as the connection lasts. */
  #askOn(
    tasting: Tasting,
    node: SimNode,
    visit: Visit,
    send: (bytes: Uint8Array) => void,
  ): void {
    this.#node.clock.after(TASTE_EVERY_MS, () => {
      if (!node.alive || visit.ended) return;
      if (!visit.choked && visit.claimed.length > 0) {
        const piece = visit.claimed[this.#node.random.uint32() % visit.claimed.length]!;
        const out = new wire.WireEncoder();
        out.block(wire.REQUEST, piece, 0, tasting.lengthOf(piece));
        send(out.bytes.slice());
      }
      this.#askOn(tasting, node, visit, send);
    });
  }

  /** A peer that is silent for two minutes is disconnected. */
  #keepAlive(node: SimNode, send: (bytes: Uint8Array) => void): void {
    this.#node.clock.after(60_000, () => {
      if (!node.alive) return;
      send(new Uint8Array(4));
      this.#keepAlive(node, send);
    });
  }

  #sink(machine: AuditedMachine, node: SimNode, visit: Visit): wire.WireSink {
    // What a dead process said is no longer true: its disk may have lost it.
    const isTrue = () => node === machine.node && node.alive;
    const claim = (piece: number) => {
      if (!isTrue()) return;
      visit.claimed.push(piece);
      this.#lookUp(machine, piece);
    };
    return {
      onSignal: (id) => {
        if (id === wire.CHOKE) visit.choked = true;
        if (id === wire.UNCHOKE) visit.choked = false;
        if (id === wire.HAVE_ALL) { for (let i = 0; i < this.#pieces; i++) claim(i); }
      },
      onNumber: (id, piece) => {
        if (id === wire.HAVE) claim(piece);
      },
      onBitfield: (bits) => {
        for (let i = 0; i < this.#pieces; i++) if (bits[i >> 3]! & (0x80 >> (i & 7))) claim(i);
      },
      onExtended() {},
      onKeepAlive() {},
      blockStart: (piece, _begin, length) => {
        visit.piece = piece;
        return visit.block = new Uint8Array(length);
      },
      blockAt: 0,
      blockEnd: () => {
        if (!isTrue()) return;
        this.tasted++;
        this.#note(() => this.#tasting?.judge(machine, visit.piece, visit.block));
      },
      onBlockMessage() {},
    };
  }

  #lookUp(machine: AuditedMachine, piece: number): void {
    this.checked++;
    this.#note(() => machine.assertOnDisk(piece));
  }

  #note(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.failure ??= error as Error;
    }
  }

  assertHonest(): void {
    if (this.failure !== null) throw this.failure;
  }
}

/** One connection to a machine. */
class Visit {
  choked = true;
  ended = false;
  /** Pieces that it says it has. */
  readonly claimed: number[] = [];
  /** The block that is coming. */
  piece = 0;
  block = new Uint8Array(0);
}
