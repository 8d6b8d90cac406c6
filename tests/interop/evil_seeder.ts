/**
 * A seeder that lies: it shakes hands, says it has everything, and gives corrupt bytes for some of
 * the blocks it is asked for. Written on a bare socket, with nothing of src in it.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { relativePath } from "../../scripts/lib/make_torrent.ts";
import type { Payload, Scene } from "./scene.ts";

export interface EvilSeeder {
  /** "127.0.0.1:PORT". */
  peer: string;
  /** Blocks sent with the right and with wrong bytes. */
  honest: number;
  corrupt: number;
}

const handshakeLength = 68;
const unchoke = 1;
const interested = 2;
const bitfield = 5;
const request = 6;
const piece = 7;

/**
 * Every `lieEvery`-th block that it sends is corrupt: 1 means all of them. The torrent must have a
 * single file.
 */
export async function startEvilSeeder(
  scene: Scene,
  payload: Payload,
  lieEvery: number,
): Promise<EvilSeeder> {
  const [file] = payload.spec.files;
  const fd = openSync(join(payload.dir, relativePath(payload.spec, file!)), "r");
  const pieces = Math.ceil(payload.size / payload.spec.pieceLength);
  const evil: EvilSeeder = { peer: "", honest: 0, corrupt: 0 };

  const readBlock = (index: number, begin: number, length: number) => {
    const bytes = Buffer.alloc(length);
    readSync(fd, bytes, 0, length, index * payload.spec.pieceLength + begin);
    if ((evil.honest + evil.corrupt + 1) % lieEvery === 0) {
      bytes[length >> 1]! ^= 0x55;
      evil.corrupt++;
    } else evil.honest++;
    return bytes;
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    serve(socket, payload.infoHash, pieces, readBlock);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  scene.onClose(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    closeSync(fd);
  });
  evil.peer = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return evil;
}

type ReadBlock = (index: number, begin: number, length: number) => Uint8Array;

/** One connection: handshake, bitfield, unchoke, then a piece message for each request. */
function serve(socket: Socket, infoHash: string, pieces: number, readBlock: ReadBlock): void {
  let waiting = Buffer.alloc(0);
  let greeted = false;
  socket.on("data", (chunk: Uint8Array) => {
    waiting = Buffer.concat([waiting, chunk]);
    if (!greeted) {
      if (waiting.length < handshakeLength) return;
      greeted = true;
      waiting = waiting.subarray(handshakeLength);
      socket.write(greeting(infoHash, pieces));
    }
    while (waiting.length >= 4) {
      const length = waiting.readUInt32BE(0);
      if (waiting.length < 4 + length) return;
      answer(socket, waiting.subarray(4, 4 + length), readBlock);
      waiting = waiting.subarray(4 + length);
    }
  });
}

function greeting(infoHash: string, pieces: number): Uint8Array {
  const all = Buffer.alloc(Math.ceil(pieces / 8), 0xff);
  if (pieces % 8 !== 0) all[all.length - 1] = (0xff << (8 - (pieces % 8))) & 0xff;
  return Buffer.concat([
    Buffer.from([19]),
    Buffer.from("BitTorrent protocol"),
    Buffer.alloc(8),
    Buffer.from(infoHash, "hex"),
    Buffer.from("-EV0001-nobodynobody"),
    message(bitfield, all),
  ]);
}

function answer(socket: Socket, body: Buffer, readBlock: ReadBlock): void {
  if (body[0] === interested) socket.write(message(unchoke));
  if (body[0] !== request) return;
  const [index, begin, length] = [1, 5, 9].map((at) => body.readUInt32BE(at));
  const block = readBlock(index!, begin!, length!);
  socket.write(message(piece, Buffer.concat([body.subarray(1, 9), block])));
}

function message(id: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + body.length, 0);
  head[4] = id;
  return Buffer.concat([head, body]);
}
