/** Leeches on bare sockets against a real seeder: one that is honest, and connections that are not. */

import { connect, type Socket } from "node:net";
import { until } from "../interop/until.ts";

const HANDSHAKE = 68, BLOCK = 16384, UNDER_WAY = 64;
export const UNCHOKE = 1;
const INTERESTED = 2, REQUEST = 6, PIECE = 7, HAVE_NONE = 15, REJECT = 16;

export interface Victim {
  port: number;
  /** 40 hexadecimal digits. */
  infoHash: string;
  pieceLength: number;
  /** Whole ones. */
  pieces: number;
}

let names = 0;

/** The handshake, with the fast extension (BEP 6) and a peer id of its own. */
export function handshakeFor({ infoHash }: Victim): Uint8Array {
  return Buffer.concat([
    Buffer.from([19]),
    Buffer.from("BitTorrent protocol"),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 4]),
    Buffer.from(infoHash, "hex"),
    Buffer.from(`-RW0001-${String(names++).padStart(12, "0")}`),
  ]);
}

export function message(id: number, ...numbers: number[]): Uint8Array {
  const bytes = Buffer.alloc(5 + 4 * numbers.length);
  bytes.writeUInt32BE(bytes.length - 4, 0);
  bytes[4] = id;
  numbers.forEach((number, i) => bytes.writeUInt32BE(number, 5 + 4 * i));
  return bytes;
}

/** The `count` blocks from block `first` on, over and over the torrent. */
export function requests({ pieceLength, pieces }: Victim, first: number, count: number) {
  const perPiece = pieceLength / BLOCK;
  return Buffer.concat(Array.from({ length: count }, (_, i) => {
    const block = (first + i) % (perPiece * pieces);
    return message(REQUEST, Math.floor(block / perPiece), (block % perPiece) * BLOCK, BLOCK);
  }));
}

/** A connection from `from`, one of this machine's addresses; errors end it, no more. */
export function open({ port }: Victim, from = "127.0.0.1"): Socket {
  return connect({ host: "127.0.0.1", port, localAddress: from }).on("error", () => {});
}

/** Shakes hands and says that it has nothing and, if so, wants something. */
export function greet(socket: Socket, victim: Victim, interested: boolean): void {
  socket.write(handshakeFor(victim));
  socket.write(message(HAVE_NONE));
  if (interested) socket.write(message(INTERESTED));
}

/** Asks for blocks, always as many at a time, and throws them away. */
export class HonestLeech {
  /** Bytes of blocks. */
  got = 0;
  rejected = 0;
  readonly #victim: Victim;
  readonly #socket: Socket;
  #asked = 0;
  #answered = 0;
  #waiting = Buffer.alloc(0);
  #skip = HANDSHAKE;

  constructor(victim: Victim) {
    this.#victim = victim;
    this.#socket = open(victim);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    greet(this.#socket, victim, true);
  }

  get ended(): boolean {
    return this.#socket.destroyed;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    this.#read(chunk);
    if (this.#answered < UNDER_WAY / 4) return;
    this.#ask(this.#answered);
    this.#answered = 0;
  }

  /** Of each message only the head, the rest is skipped. */
  #read(chunk: Uint8Array): void {
    let at = Math.min(this.#skip, chunk.length);
    this.#skip -= at;
    while (at < chunk.length) {
      const need = 5 - this.#waiting.length;
      this.#waiting = Buffer.concat([this.#waiting, chunk.subarray(at, at + need)]);
      at += Math.min(need, chunk.length - at);
      if (this.#waiting.length < 5) break;
      const length = this.#waiting.readUInt32BE(0), id = this.#waiting[4]!;
      // A keep-alive is no more than its length; nobody sends one in so short a time.
      this.#skip = length - 1;
      this.#waiting = Buffer.alloc(0);
      this.#take(id, length);
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
    }
  }

  #take(id: number, length: number): void {
    if (id === UNCHOKE) this.#ask(UNDER_WAY);
    if (id === PIECE) this.got += length - 9;
    if (id === REJECT) this.rejected++;
    if (id === PIECE || id === REJECT) this.#answered++;
  }

  #ask(count: number): void {
    this.#socket.write(requests(this.#victim, this.#asked, count));
    this.#asked += count;
  }
}

/** As others do, it tries again when it is sent away. */
export async function newcomerIsServed(victim: Victim, limitMs = 12_000): Promise<void> {
  let leech = new HonestLeech(victim), triedAt = performance.now();
  await until("a newcomer is served, too", () => {
    const tried = performance.now() - triedAt;
    // The kernel repeats a lost SYN after 1, 3, 7, 15, 31 s: a new attempt is quicker.
    if (leech.got === 0 && tried > 8000) leech.close();
    if ((leech.ended && tried > 1000) || (leech.got === 0 && tried > 8000)) {
      leech = new HonestLeech(victim);
      triedAt = performance.now();
    }
    return leech.got > 1024 * 1024;
  }, limitMs);
  leech.close();
}
