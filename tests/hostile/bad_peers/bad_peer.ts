/**
 * A hostile peer of the simulator: listens, announces itself as a seed, dials whom it is set upon,
 * and does with each connection what its habits say. Counts its deeds, so that a test can show that
 * its fault happened. Keeps within its own rules: at most one write a connection is under way.
 */
import type { SimNode } from "../../harness/sim/sim_node.ts";
import type { Socket, SocketInfo } from "../../../src/platform/types.ts";
import { encodeHandshake } from "../../../src/wire/handshake.ts";
import * as wire from "../../../src/wire/peer_wire.ts";

const PORT = 6881;
const HANDSHAKE_LENGTH = 68;
/** A victim that hangs up is dialled again so soon, whatever it thinks of that. */
const REDIAL_MS = 5000;

/** What waits to be sent on one connection at most; more is not said. */
const MAX_QUEUED = 1 << 18;

/** The torrent that it does harm to. */
export interface Prey {
  infoHash: Uint8Array;
  announce: string;
  pieceLength: number;
  pieces: number;
  /** All bytes: a good lie needs some truth. */
  content: Uint8Array;
}

/** What one kind of bad peer does. The defaults are those of a seed that serves nothing. */
export interface Habits {
  readonly kind: string;
  /** Whether what it does cannot be an honest peer's mistake, so that it must be banned or dropped. */
  readonly provable: boolean;
  /** Dials its victims instead of waiting for them. */
  readonly dials?: boolean;
  /** Right after the handshakes. Default: HAVE ALL and UNCHOKE. */
  greet?(talk: Talk): void;
  /** The victim asks for a block. */
  asked?(talk: Talk, piece: number, begin: number, length: number): void;
}

export class BadPeer {
  /** Times that it did what it is for. */
  deeds = 0;
  /** Connections whose handshakes were done. */
  connections = 0;
  /** Requests for blocks that came. */
  requests = 0;
  readonly habits: Habits;
  readonly node: SimNode;
  readonly prey: Prey;
  readonly peerId: Uint8Array;

  constructor(node: SimNode, prey: Prey, habits: Habits) {
    this.node = node;
    this.prey = prey;
    this.habits = habits;
    this.peerId = node.random.fill(new Uint8Array(20));
  }

  get kind(): string {
    return this.habits.kind;
  }

  /** Listens and lets the tracker know; resolves when it does. */
  async start(): Promise<void> {
    await this.node.net.listen({ port: PORT }, (socket) => void new Talk(this, socket, false));
    const escape = (bytes: Uint8Array) =>
      [...bytes].map((byte) => "%" + byte.toString(16).padStart(2, "0")).join("");
    const query = `info_hash=${escape(this.prey.infoHash)}&peer_id=${escape(this.peerId)}` +
      `&port=${PORT}&uploaded=0&downloaded=0&left=0&event=started&compact=1`;
    const url = `${this.prey.announce}?${query}`;
    await this.node.http.request({ url, timeoutMs: 10_000, maxBytes: 100_000 });
  }

  /** Dials a victim, again and again, if that is among its habits. */
  setUpon(address: string): void {
    if (!this.habits.dials) return;
    const to: SocketInfo = {
      remoteAddress: address,
      remotePort: PORT,
      localAddress: this.node.address,
      localPort: 0,
    };
    const socket = this.node.net.connect({ address, port: PORT, timeoutMs: REDIAL_MS });
    new Talk(this, socket, true, () => {
      this.node.clock.after(REDIAL_MS, () => this.setUpon(to.remoteAddress));
    });
  }
}

/** One connection of a bad peer. */
export class Talk {
  readonly peer: BadPeer;
  readonly #socket: Socket;
  readonly #out = new wire.WireEncoder();
  readonly #decoder: wire.WireDecoder;
  #greeting = HANDSHAKE_LENGTH;
  #sending = false;
  #over = false;

  constructor(peer: BadPeer, socket: Socket, dialled: boolean, ended = () => {}) {
    this.peer = peer;
    this.#socket = socket;
    this.#decoder = new wire.WireDecoder(this.#sink(), null);
    socket.opened.catch(() => {});
    socket.closed.catch(() => {});
    socket.attach({
      onData: (chunk) => this.#receive(chunk, dialled),
      onEnd: () => {
        this.#over = true;
        ended();
      },
    });
    if (dialled) this.#shakeHands();
  }

  get over(): boolean {
    return this.#over;
  }

  get dice() {
    return this.peer.node.host.dice;
  }

  /** Puts messages together and sends them, right or wrong. */
  speak(words: (out: wire.WireEncoder) => void): void {
    if (this.#out.length > MAX_QUEUED) return;
    words(this.#out);
    this.#flush();
  }

  say(bytes: Uint8Array): void {
    this.speak((out) => out.append(bytes));
  }

  after(ms: number, fn: () => void): void {
    this.peer.node.clock.after(ms, () => {
      if (!this.#over) fn();
    });
  }

  hangUp(): void {
    this.#over = true;
    this.#socket.close();
  }

  /** Announces all pieces and lets the victim ask. */
  pretendToSeed(): void {
    this.speak((out) => {
      out.signal(wire.HAVE_ALL);
      out.signal(wire.UNCHOKE);
    });
  }

  /** The bytes that a right answer would have. */
  truth(piece: number, begin: number, length: number): Uint8Array {
    const { content, pieceLength } = this.peer.prey;
    const at = piece * pieceLength + begin;
    return content.subarray(at, at + length);
  }

  #shakeHands(): void {
    const { prey: { infoHash }, peerId } = this.peer;
    this.say(encodeHandshake({ infoHash, peerId, extensions: true, fast: true, dht: false }));
  }

  #receive(chunk: Uint8Array, dialled: boolean): void {
    const skipped = Math.min(this.#greeting, chunk.length);
    this.#greeting -= skipped;
    if (skipped > 0 && this.#greeting === 0) {
      this.peer.connections++;
      if (!dialled) this.#shakeHands();
      if (this.peer.habits.greet) this.peer.habits.greet(this);
      else this.pretendToSeed();
    }
    if (chunk.length > skipped && !this.#over) this.#decoder.push(chunk.subarray(skipped));
  }

  #sink(): wire.WireSink {
    return {
      onSignal() {},
      onNumber() {},
      onBitfield() {},
      onExtended() {},
      onKeepAlive() {},
      blockStart: () => null,
      blockAt: 0,
      blockEnd() {},
      onBlockMessage: (id, piece, begin, length) => {
        if (id !== wire.REQUEST || this.#over) return;
        this.peer.requests++;
        this.peer.habits.asked?.(this, piece, begin, length);
      },
    };
  }

  #flush(): void {
    if (this.#sending || this.#over || this.#out.length === 0) return;
    this.#sending = true;
    const bytes = this.#out.bytes.slice();
    this.#out.clear();
    this.#socket.send(bytes, () => {
      this.#sending = false;
      this.#flush();
    });
  }
}
