/** The torrents of the bench `daemon`: many small ones that seed, and larger ones for traffic. */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { Client } from "../../src/client/client.ts";
import { FOREVER, OFFLINE, platform, turn, untilSeeding } from "./daemon_common.ts";

const SIZE = 16_384;
/** Pieces of those with traffic, whose content is a hole in a file: nothing but zeros. */
const PIECE = 262_144;
const ACTIVE_BYTES = 64 * PIECE;
const announce = "http://127.0.0.1:9/announce";

/** `active` of the `count` torrents are of 16 MiB. Their .torrent files are in `dir`. */
export async function makeTorrents(
  stateDir: string,
  dir: string,
  count: number,
  active: number,
): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const client = await Client.open(platform, { ...OFFLINE, stateDir });
  for (let at = 0; at < count; at++) {
    const name = `A name of a usual length ${at}`;
    const bytes = at < active ? makeHole(dir, name, ACTIVE_BYTES) : makeSmall(dir, name, at);
    client.add(bytes, { dir, labels: ["bench"], ...FOREVER });
    if (at % 500 === 499) await untilSeeding(client);
  }
  await untilSeeding(client);
  await client.close();
}

function makeSmall(dir: string, name: string, at: number): Uint8Array {
  const content = new Uint8Array(SIZE);
  new DataView(content.buffer).setUint32(0, at);
  writeFileSync(join(dir, name), content);
  const pieces = new Uint8Array(createHash("sha1").update(content).digest());
  return encode({ announce, info: { name, length: SIZE, "piece length": SIZE, pieces } });
}

/** A file of zeros that takes no space, and its .torrent file beside it. */
export function makeHole(dir: string, name: string, length: number): Uint8Array {
  closeSync(openSync(join(dir, name), "w"));
  truncateSync(join(dir, name), length);
  const hash = createHash("sha1").update(new Uint8Array(PIECE)).digest();
  const pieces = new Uint8Array(Buffer.concat(new Array(length / PIECE).fill(hash)));
  const bytes = encode({ announce, info: { name, length, "piece length": PIECE, pieces } });
  writeFileSync(join(dir, `${name}.torrent`), bytes);
  return bytes;
}

export function torrentFiles(dir: string): Uint8Array[] {
  const names = readdirSync(dir).filter((name) => name.endsWith(".torrent"));
  return names.map((name) => new Uint8Array(readFileSync(join(dir, name))));
}

/** Downloads all of `from` slowly from the client at `port`; says when, and goes on until killed. */
export async function leechSlowly(from: string, dir: string, port: number): Promise<void> {
  const client = await Client.open(platform, OFFLINE), peers = [`127.0.0.1:${port}`];
  for (const bytes of torrentFiles(from)) {
    client.add(bytes, { dir, peers, limits: { down: 32_768 }, ...FOREVER });
  }
  for (const torrent of client.torrents()) while (torrent.status().have === 0) await turn(50);
  console.log("downloading");
  await turn(3_600_000);
}

/** Seeds all of `dir`; prints its port, and goes on until killed. */
export async function seed(dir: string): Promise<void> {
  const client = await Client.open(platform, OFFLINE);
  for (const bytes of torrentFiles(dir)) client.add(bytes, { dir, ...FOREVER });
  await untilSeeding(client);
  console.log(client.port);
  await turn(3_600_000);
}
