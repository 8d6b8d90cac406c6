/**
 * A peer that takes nothing and believes nobody: connected to a machine, it looks up on that
 * machine's disk each piece that the machine says it has. Throws at the first that is not there.
 */
import type { SimNode } from "../../src/platform/sim/sim_node.ts";
import { encodeHandshake } from "../../src/protocol/handshake.ts";
import * as wire from "../../src/protocol/peer_wire.ts";

const PORT = 6881;
const HANDSHAKE_LENGTH = 68;
const REDIAL_MS = 2000;

export interface AuditedMachine {
  readonly node: SimNode;
  /** Throws unless all wanted bytes of the piece are on the disk, and right. */
  assertOnDisk(piece: number): void;
}

export class Auditor {
  /** Claims that were looked up. */
  checked = 0;
  /** The first lie; checked by who runs the world. */
  failure: Error | null = null;
  readonly #node: SimNode;
  readonly #infoHash: Uint8Array;
  readonly #pieces: number;

  constructor(node: SimNode, infoHash: Uint8Array, pieces: number) {
    this.#node = node;
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
    const decoder = new wire.WireDecoder(this.#sink(machine, node), null);
    socket.opened.catch(() => {});
    socket.closed.catch(() => {});
    socket.attach({
      onData: (chunk) => {
        const skipped = Math.min(greeting, chunk.length);
        greeting -= skipped;
        if (chunk.length > skipped) decoder.push(chunk.subarray(skipped));
      },
      onEnd: again,
    });
    const out = new wire.WireEncoder();
    const peerId = this.#node.random.fill(new Uint8Array(20));
    const about = { infoHash: this.#infoHash, peerId, extensions: false, fast: true, dht: false };
    out.append(encodeHandshake(about));
    out.signal(wire.HAVE_NONE);
    socket.send(out.bytes.slice(), () => {});
    this.#keepAlive(node, (bytes) => socket.send(bytes, () => {}));
  }

  /** Whoever says nothing for two minutes is hung up on. */
  #keepAlive(node: SimNode, send: (bytes: Uint8Array) => void): void {
    this.#node.clock.after(60_000, () => {
      if (!node.alive) return;
      send(new Uint8Array(4));
      this.#keepAlive(node, send);
    });
  }

  #sink(machine: AuditedMachine, node: SimNode): wire.WireSink {
    // What a dead process said is no longer true: its disk may have lost it.
    const claim = (piece: number) => {
      if (node === machine.node && node.alive) this.#lookUp(machine, piece);
    };
    return {
      onSignal: (id) => {
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
      blockStart: () => null,
      blockAt: 0,
      blockEnd() {},
      onBlockMessage() {},
    };
  }

  #lookUp(machine: AuditedMachine, piece: number): void {
    this.checked++;
    try {
      machine.assertOnDisk(piece);
    } catch (error) {
      this.failure ??= error as Error;
    }
  }

  assertHonest(): void {
    if (this.failure !== null) throw this.failure;
  }
}
