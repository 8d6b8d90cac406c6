/**
 * All commands, in the order of the help. Each is loaded when it is needed: reading all of them would take
 * longer than most of them run.
 */
import type { Command } from "./command.ts";

export interface CommandEntry {
  readonly name: string;
  load(): Promise<Command>;
}

function entry<K extends string>(
  name: string,
  module: () => Promise<Readonly<Record<K, Command>>>,
  key: K,
): CommandEntry {
  return { name, load: async () => (await module())[key] };
}

export const COMMANDS: readonly CommandEntry[] = [
  entry("download", () => import("./commands/download.ts"), "downloadCommand"),
  entry("stream", () => import("./commands/stream.ts"), "streamCommand"),
  entry("show", () => import("./commands/show.ts"), "showCommand"),
  entry("verify", () => import("./commands/verify.ts"), "verifyCommand"),
  entry("create", () => import("./commands/create.ts"), "createCommand"),
  entry("seed", () => import("./commands/seed.ts"), "seedCommand"),
  entry("dht", () => import("./commands/dht.ts"), "dhtCommand"),
  entry("demo", () => import("./commands/demo.ts"), "demoCommand"),
  entry("daemon", () => import("./commands/daemon.ts"), "daemonCommand"),
  entry("config", () => import("./commands/config.ts"), "configCommand"),
  entry("add", () => import("./commands/add.ts"), "addCommand"),
  entry("list", () => import("./commands/list.ts"), "listCommand"),
  entry("info", () => import("./commands/info.ts"), "infoCommand"),
  entry("start", () => import("./commands/start.ts"), "startCommand"),
  entry("stop", () => import("./commands/stop.ts"), "stopCommand"),
  entry("remove", () => import("./commands/remove.ts"), "removeCommand"),
  entry("move", () => import("./commands/move.ts"), "moveCommand"),
  entry("files", () => import("./commands/files.ts"), "filesCommand"),
  entry("peers", () => import("./commands/peers.ts"), "peersCommand"),
  entry("trackers", () => import("./commands/trackers.ts"), "trackersCommand"),
  entry("limits", () => import("./commands/limits.ts"), "limitsCommand"),
  entry("label", () => import("./commands/label.ts"), "labelCommand"),
  entry("queue", () => import("./commands/queue.ts"), "queueCommand"),
  entry("top", () => import("./commands/top.ts"), "topCommand"),
  entry("stats", () => import("./commands/stats.ts"), "statsCommand"),
  entry("token", () => import("./commands/token.ts"), "tokenCommand"),
];

/** For the help. */
export function allCommands(): Promise<Command[]> {
  return Promise.all(COMMANDS.map(({ load }) => load()));
}
