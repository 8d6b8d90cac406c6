/** A Transmission RPC on a daemon in the simulator, and what a client sends to it. */
import { createHash } from "node:crypto";
import { encode } from "../../../src/bencode/bencode_encode.ts";
import { Daemon, type DaemonParts } from "../../../src/daemon/daemon.ts";
import { DaemonLog } from "../../../src/daemon/log.ts";
import { rpcPorts } from "../../../src/daemon/rpc/part.ts";
import type { Access } from "../../../src/daemon/http/types.ts";
import { TransmissionRpc } from "../../../src/daemon/rpc/rpc.ts";
import { FileSettings } from "../../../src/daemon/settings.ts";
import type { SimNode } from "../../harness/sim/sim_node.ts";
import { SimWorld } from "../../harness/sim/world.ts";

export interface Reply {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
  readonly text: string;
}

export class RpcSession {
  readonly world: SimWorld;
  readonly node: SimNode;
  readonly daemon: Daemon;
  readonly settings: FileSettings;
  readonly rpc: TransmissionRpc;
  /** How often a client asked the daemon to end. */
  ends = 0;
  id = "";

  private constructor(
    world: SimWorld,
    node: SimNode,
    daemon: Daemon,
    settings: FileSettings,
    parts: DaemonParts,
  ) {
    this.world = world;
    this.node = node;
    this.daemon = daemon;
    this.settings = settings;
    this.rpc = new TransmissionRpc(rpcPorts({ ...parts, end: () => void this.ends++ }));
  }

  static async open(seed = 1, config = {}): Promise<RpcSession> {
    const world = new SimWorld(seed), node = world.node("10.0.0.1");
    const text = JSON.stringify({
      torrents: { dir: "/data" },
      roots: ["/data", "/more"],
      ...config,
    });
    await world.wait(node.files.writeWhole("/config.jsonc", new TextEncoder().encode(text)));
    const settings = await world.wait(FileSettings.open(node.files, "/config.jsonc"));
    const log = new DaemonLog(node, () => settings.present);
    let parts!: DaemonParts;
    const take = (given: DaemonParts) => {
      parts = given;
      return { close: () => Promise.resolve() };
    };
    const opening = { settings, log, stateDir: "/state", modules: [take] };
    const daemon = await world.wait(Daemon.open(node, opening));
    const session = new RpcSession(world, node, daemon, settings, parts);
    session.id = (await session.send("{}", { id: "" })).text.match(/Session-Id: (\w+)/)![1]!;
    return session;
  }

  async send(
    body: string,
    how: { id?: string; method?: string; may?: Access } = {},
  ): Promise<Reply> {
    const { id = this.id, method = "POST", may = "all" } = how;
    const request = new Request("http://127.0.0.1:9091/transmission/rpc", {
      method,
      headers: id === "" ? {} : { "x-transmission-session-id": id },
      ...(method === "POST" ? { body } : {}),
    });
    const response = await this.world.wait(this.rpc.handle(request, { may }));
    const text = await this.world.wait(response.text());
    const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    return { status: response.status, text, body: isJson ? JSON.parse(text) : null };
  }

  /** Of the legacy dialect: the whole answer. */
  // deno-lint-ignore no-explicit-any
  async call(method: string, args?: object): Promise<any> {
    return (await this.send(JSON.stringify({ method, arguments: args }))).body;
  }

  /** The named fields of all torrents. */
  // deno-lint-ignore no-explicit-any
  async get(fields: string[], ids?: unknown): Promise<any[]> {
    const args = ids === undefined ? { fields } : { fields, ids };
    return (await this.call("torrent-get", args)).arguments.torrents;
  }

  async close(): Promise<void> {
    await this.world.wait(this.daemon.close());
  }
}

/** A torrent of one file, or of several, whose bytes are all zero; in base64. */
export function torrentText(name: string, files?: Readonly<Record<string, number>>): string {
  const sizes = Object.values(files ?? { [name]: 40_000 });
  const size = sizes.reduce((sum, each) => sum + each, 0);
  const paths = Object.entries(files ?? {}).map(([path, length]) => {
    return { length, path: path.split("/") };
  });
  const bytes = encode({
    announce: "http://10.99.0.1:6969/announce",
    comment: "a comment",
    "created by": "Transmission/3.00 (bb6b5a062e)",
    "creation date": 1_795_221_163,
    info: {
      name,
      "piece length": PIECE,
      pieces: hashesOfZeros(size),
      ...(files === undefined ? { length: size } : { files: paths }),
    },
  });
  return btoa(String.fromCharCode(...bytes));
}

const PIECE = 32_768;

function hashesOfZeros(size: number): Uint8Array {
  const hashes = new Uint8Array(20 * Math.ceil(size / PIECE));
  for (let start = 0; start < size; start += PIECE) {
    const bytes = new Uint8Array(Math.min(PIECE, size - start));
    hashes.set(createHash("sha1").update(bytes).digest(), 20 * start / PIECE);
  }
  return hashes;
}
