/** A real daemon with a few torrents, for tests of its page. */
import { createHash, scryptSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { freePort } from "../interop/ports.ts";
import type { Program } from "../interop/program.ts";
import type { Scene } from "../interop/scene.ts";
import { shoalCommand } from "../interop/shoal.ts";
import { until } from "../interop/until.ts";

export const PASSWORD = "correct horse";
const PIECE = 16_384;

export interface TestFile {
  readonly path: string;
  readonly size: number;
}

export interface MadeTorrent {
  readonly name: string;
  readonly infoHash: string;
  readonly bytes: Uint8Array;
  /** Writes its files below `dir`. */
  write(dir: string): void;
}

/** Files of one byte repeated, whose hashes are right. */
export function makeTorrent(
  name: string,
  files: readonly TestFile[],
  trackers: readonly string[] = [],
): MadeTorrent {
  const contents = files.map(({ size }, index) => Buffer.alloc(size, index + 1));
  const all = Buffer.concat(contents), hashes: Buffer[] = [];
  for (let at = 0; at < all.length; at += PIECE) {
    hashes.push(createHash("sha1").update(all.subarray(at, at + PIECE)).digest());
  }
  const info = {
    files: files.map(({ path, size }) => ({ length: size, path: path.split("/") })),
    name,
    "piece length": PIECE,
    pieces: new Uint8Array(Buffer.concat(hashes)),
  };
  const announce = trackers.length > 0 ? { announce: trackers[0] } : {};
  const infoHash = createHash("sha1").update(encode(info)).digest("hex");
  const write = (dir: string) => {
    for (const [index, { path }] of files.entries()) {
      const target = join(dir, name, path);
      mkdirSync(join(target, ".."), { recursive: true });
      writeFileSync(target, contents[index]!);
    }
  };
  return { name, infoHash, bytes: encode({ ...announce, info } as never), write };
}

export class WebDaemon {
  readonly folder: string;
  readonly data: string;
  readonly port: number;
  readonly #scene: Scene;
  #program!: Program;

  private constructor(scene: Scene, port: number) {
    this.#scene = scene;
    this.folder = scene.folder();
    this.data = join(this.folder, "data");
    this.port = port;
  }

  static async start(scene: Scene, { password = false } = {}): Promise<WebDaemon> {
    const daemon = new WebDaemon(scene, await freePort());
    mkdirSync(join(daemon.data, "films"), { recursive: true });
    writeFileSync(join(daemon.folder, "config.jsonc"), JSON.stringify(daemon.#config(password)));
    await daemon.again();
    return daemon;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Starts it, also after `stop`. */
  async again(): Promise<void> {
    const { folder } = this, config = join(folder, "config.jsonc");
    const args = ["daemon", "--config", config, "--state-dir", join(folder, "state")];
    const program = this.#program = this.#scene.start([...shoalCommand(), ...args]);
    await until("the API listens", () => program.stderr.includes("The API listens"));
  }

  async stop(): Promise<void> {
    this.#program.kill("SIGTERM");
    await this.#program.ended;
  }

  async ask(what: string, body?: unknown) {
    const [method = "", path = ""] = what.split(" ");
    const answer = await fetch(`${this.url}api/v1${path}`, {
      method,
      ...(method === "GET" ? {} : { headers: { "content-type": "application/json" } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${what}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  async add(torrent: MadeTorrent, options: object = {}): Promise<void> {
    const base64 = Buffer.from(torrent.bytes).toString("base64");
    await this.ask("POST /torrents", { torrent: base64, options });
  }

  #config(password: boolean) {
    return {
      torrents: { dir: this.data, seedGoal: { kind: "forever" } },
      listen: `127.0.0.1:${this.port}`,
      unix: join(this.folder, "shoal.sock"),
      dht: false,
      lsd: false,
      ...(password ? { password: hashOf(PASSWORD) } : {}),
    };
  }
}

function hashOf(password: string): string {
  const salt = Buffer.alloc(16, 7);
  const key = scryptSync(password, salt, 32, { N: 2 ** 15, r: 8, maxmem: 64 * 2 ** 20 });
  return `scrypt$15$${salt.toString("hex")}$${key.toString("hex")}`;
}
