/** Libtorrent sessions that find peers by the DHT, by peer exchange, near by, or by being told. */

import { join } from "node:path";
import { scripts } from "./keep.ts";
import { demand, python } from "./needs.ts";
import type { Program } from "./program.ts";
import type { Scene } from "./scene.ts";
import { until } from "./until.ts";

export interface LibtorrentOptions {
  /** A .torrent's path or a magnet link; without it, it is a DHT node only. */
  source?: string;
  /** Where its files are or shall be. Default: a new folder. */
  dir?: string;
  dht?: boolean;
  lsd?: boolean;
  pex?: boolean;
  /** Bytes a second that it gives at most. Default: no limit. */
  rate?: number;
  /** Where it listens. Default 127.0.0.1. */
  address?: string;
  /** Put before the command: runs it in a namespace. */
  enter?: readonly string[];
}

export interface Libtorrent {
  program: Program;
  dir: string;
  /** "address:port", of TCP and of its DHT node. */
  at: string;
  /** Tells it of somebody: a peer, or a node of the DHT. */
  tell(what: "peer" | "node", at: string): void;
  /** Ends of connections that stood, "address:port". */
  peers(): string[];
  /** Resolves once everything is in its files. */
  done(): Promise<void>;
  /** Payload bytes that it has given. */
  uploaded(): Promise<number>;
  /** Waits until its DHT node knows so many others. */
  knowsNodes(count: number): Promise<void>;
}

export async function startLibtorrent(
  scene: Scene,
  options: LibtorrentOptions,
): Promise<Libtorrent> {
  demand("libtorrent");
  const { enter = [], address = "127.0.0.1", dir = scene.folder(), ...rest } = options;
  const wanted = JSON.stringify({ ...rest, address, dir });
  const script = join(scripts, "lt_peer.py");
  const program = scene.start([...enter, python, "-B", script, wanted]);
  const port = await program.waitFor("ready line", after("ready"));
  const ask = async (word: string) => {
    const before = program.lines.filter((line) => line.startsWith(`${word} `)).length;
    program.tell(word);
    let seen = 0;
    return Number(
      await program.waitFor(word, (line) => {
        return line.startsWith(`${word} `) && ++seen > before ? after(word)(line) : null;
      }),
    );
  };
  return {
    program,
    dir,
    at: `${address}:${port}`,
    tell: (what, at) => program.tell(`${what} ${at.replace(":", " ")}`),
    peers: () => program.lines.map(after("peer")).flatMap((at) => at?.replace(" ", ":") ?? []),
    done: async () => void await program.waitFor("done line", (line) => line === "done" || null),
    uploaded: () => ask("uploaded"),
    knowsNodes: (count) => until(`${count} DHT nodes`, async () => await ask("nodes") >= count),
  };
}

function after(word: string): (line: string) => string | null {
  return (line) => line.startsWith(`${word} `) ? line.slice(word.length + 1) : null;
}
