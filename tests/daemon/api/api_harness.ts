/** A daemon with its API in a simulated world, asked over its port or its Unix socket. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encode } from "../../../src/bencode/bencode_encode.ts";
import type { Client } from "../../../src/client/client.ts";
// The API loads it when it is asked for, which takes real time; the simulated clock would not wait.
import "../../../src/daemon/api/openapi.ts";
import { Daemon } from "../../../src/daemon/daemon.ts";
import { startHttp } from "../../../src/daemon/http/server.ts";
import { DaemonLog } from "../../../src/daemon/log.ts";
import { FileSettings } from "../../../src/daemon/settings.ts";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import type { HttpRequest, HttpStream } from "../../../src/platform/types.ts";
import type { SimNode } from "../../harness/sim/sim_node.ts";
import { SimWorld } from "../../harness/sim/world.ts";

export const UNIX = "/state/shoal.sock";
const UTF8 = new TextEncoder();

/** The bytes of a .torrent with two files and one piece each. */
export function torrentBytes(name: string): Uint8Array {
  const files = ["a.bin", "b.bin"].map((path) => ({ length: 16384, path: [path] }));
  return encode({ info: { name, files, "piece length": 16384, pieces: new Uint8Array(40) } });
}

/** As the setting "tokens" has it. */
export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

export interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
  readonly headers: Record<string, string>;
}

export class ApiWorld {
  readonly world = new SimWorld("api");
  readonly node: SimNode = this.world.node("10.0.0.1", { env: { HOME: "/home" } });
  daemon!: Daemon;
  settings!: FileSettings;

  static async open(config: object = {}): Promise<ApiWorld> {
    await createCrc32c(); // compiled in real time, so before the virtual clock runs
    const made = new ApiWorld(), { node, world } = made;
    node.disk.makeFolders("/home/Downloads");
    const text = UTF8.encode(JSON.stringify(config));
    await world.wait(node.files.writeWhole("/home/config.jsonc", text));
    made.settings = await world.wait(FileSettings.open(node.files, "/home/config.jsonc"));
    const log = new DaemonLog(node, () => made.settings.present);
    const opening = { settings: made.settings, log, stateDir: "/state", modules: [startHttp] };
    made.daemon = await world.wait(Daemon.open(node, opening));
    return made;
  }

  get client(): Client {
    return this.daemon.client;
  }

  /** "POST /torrents"; as the owner by the Unix socket, unless `changes` name no `unix`. */
  async ask(what: string, body?: unknown, changes: Partial<HttpRequest> = {}): Promise<Answer> {
    const [method, path] = what.split(" ") as ["GET", string];
    const bytes = body instanceof Uint8Array ? body : UTF8.encode(JSON.stringify(body ?? {}));
    const type = { "content-type": "application/json" };
    const answer = await this.world.wait(this.node.http.request({
      method,
      url: `http://127.0.0.1:9091/api/v1${path}`,
      unix: UNIX,
      timeoutMs: 10_000,
      maxBytes: 10_000_000,
      ...(method === "GET" ? {} : { body: bytes }),
      ...changes,
      headers: { ...type, ...changes.headers },
    }));
    const text = new TextDecoder().decode(answer.body);
    const isJson = answer.headers["content-type"] === "application/json";
    return { ...answer, body: isJson ? JSON.parse(text) : text };
  }

  /** By the port, from this machine, with a token. */
  withToken(token: string): Partial<HttpRequest> {
    return { unix: undefined as unknown as string, headers: { authorization: `Bearer ${token}` } };
  }

  async add(name: string): Promise<string> {
    const { status, body } = await this.ask("POST /torrents", torrentBytes(name), {
      headers: { "content-type": "application/x-bittorrent" },
    });
    assert.equal(status, 201, JSON.stringify(body));
    return body.infoHash;
  }

  async events(lastId?: string): Promise<EventReader> {
    const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
    const url = "http://127.0.0.1:9091/api/v1/events";
    const request = { url, unix: UNIX, timeoutMs: 60_000, headers };
    return new EventReader(this.world, await this.world.wait(this.node.http.stream(request)));
  }

  async close(): Promise<void> {
    await this.world.wait(this.daemon.close());
  }
}

export interface LiveEvent {
  readonly id: string;
  readonly event: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

export class EventReader {
  #text = "";

  constructor(readonly world: SimWorld, readonly stream: HttpStream) {}

  async next(): Promise<LiveEvent> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const frame = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        if (!frame.startsWith(":")) return parsedEvent(frame);
        continue;
      }
      const part = await this.world.wait(this.stream.read());
      assert.notEqual(part, null, "the stream goes on");
      this.#text += new TextDecoder().decode(part!);
    }
  }
}

function parsedEvent(frame: string): LiveEvent {
  const fields = Object.fromEntries(frame.split("\n").map((line) => line.split(/: (.*)/s)));
  return { id: fields["id"], event: fields["event"], data: JSON.parse(fields["data"]) };
}
